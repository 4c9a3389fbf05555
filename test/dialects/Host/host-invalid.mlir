// What the ODS of the dialect rules out.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

func.func @within(%n: index) {
  // expected-error @+1 {{symbol's parent must have the SymbolTable trait}}
  host.program @run {
  }
  return
}

// -----

// expected-note @+1 {{see existing symbol definition here}}
host.program @run {
}
// expected-error @+1 {{redefinition of symbol named 'run'}}
host.constant @run dense<1.0> : tensor<2xf32>

// -----

host.program @run {
  %in = host.input 0
  // expected-note @-1 {{prior use here}}
  // expected-error @+1 {{use of value '%in' expects different type than prior uses: 'index' vs '!host.buffer'}}
  host.set_workspace %in
}

// -----

// expected-error @+1 {{expects region #0 to have 0 or 1 blocks}}
host.program @run {
  %n = host.dim 0, 0
^bb1:
  host.set_workspace %n
}
