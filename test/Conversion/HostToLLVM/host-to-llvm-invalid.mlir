// A module without both programs has nothing to convert.
// RUN: lathe-opt %s --convert-host-to-llvm --verify-diagnostics --split-input-file

// expected-error @below {{internal: no launch program to convert [host-no-program]}}
module {
  host.program plan of "main" {
  }
}

// -----

// expected-error @+1 {{internal: no launch program to convert [host-no-program]}}
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
}

// -----

host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
}
host.program run of "main" {
  // expected-error @+1 {{internal: kernel 'k' was not split into its functions [host-no-kernel]}}
  host.launch @k[]()
}

// -----

host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
  %n = host.dim 0, 0
  // expected-error @+1 {{internal: kernel 'k' was not split into its functions [host-no-kernel]}}
  %t = host.temporaries @k[%n]
  host.set_workspace %t
}
host.program run of "main" {
}

// -----

host.weights 64
// expected-error @+1 {{has no 'offset', but there is a place for the weights [codegen-weights]}}
host.constant @w dense<1.0> : tensor<4xf32>
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
