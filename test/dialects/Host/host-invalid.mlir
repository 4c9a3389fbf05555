// What the ODS and the verifiers of the dialect rule out.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

func.func @within(%n: index) {
  // expected-error @+1 {{symbol's parent must have the SymbolTable trait}}
  host.constant @run dense<1.0> : tensor<1xf32>
  return
}

// -----

// expected-note @+1 {{see existing symbol definition here}}
host.constant @run dense<1.0> : tensor<1xf32>
// expected-error @+1 {{redefinition of symbol named 'run'}}
host.constant @run dense<1.0> : tensor<2xf32>

// -----

host.program run of "main" {
  %in = host.input 0
  // expected-note @-1 {{prior use here}}
  // expected-error @+1 {{use of value '%in' expects different type than prior uses: 'index' vs '!host.buffer'}}
  host.set_workspace %in
}

// -----

// expected-error @+1 {{expects region #0 to have 0 or 1 blocks}}
host.program plan of "main" {
  %n = host.dim 0, 0
^bb1:
  host.set_workspace %n
}

// -----

// signature_c1
// expected-error @+1 {{has 2 numbers for the ranges of 1 symbols, but three for each are expected [host-signature]}}
host.signature "main" {inputs = [], outputs = [], symbols = ["n"], checks = [], ranges = array<i64: 0, 8>}

// -----

// signature_c2
// expected-error @+1 {{has the code of one program, but of both or of none is expected [host-signature]}}
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = [], plan = @p}

// -----

// signature_c3
// expected-error @+1 {{has an output "y" in the memory of input 1, but there are 1 inputs [host-signature]}}
host.signature "main" {inputs = [#host.value<"x", type = tensor<4xf32>>], symbols = [], checks = [],
                       outputs = [#host.value<"y", type = tensor<4xf32>, alias = 1>]}

// -----

// expected-error @+1 {{in the memory of #host.value<"x", type = tensor<8xf32>> [host-signature]}}
host.signature "main" {inputs = [#host.value<"x", type = tensor<8xf32>>], symbols = [], checks = [],
                       outputs = [#host.value<"y", type = tensor<4xf32>, alias = 0>]}

// -----

// expected-error @+1 {{expected string or keyword containing one of the following enum values for attribute 'kind' [plan, run]}}
host.program main of "main" {
}

// -----

// program_c1
host.program run of "main" {
  %n = host.dim 0, 0
  // expected-error @+1 {{belongs into program 'plan' [host-program]}}
  host.set_workspace %n
}

// -----

// Within a branch, too.
host.program plan of "main" {
  %n = host.dim 0, 0
  %true = arith.constant true
  scf.if %true {
    // expected-error @+1 {{belongs into program 'run' [host-program]}}
    %0 = host.alloc %n
  }
}

// -----

// load_c1
host.program run of "main" {
  %in = host.input 0
  // expected-error @+1 {{reads an element of type 'f32', but only integers of 1, 8, 16, 32 or 64 bits are sizes [host-element]}}
  %0 = host.load %in[0] : f32
}

// -----

host.program plan of "main" {
  // expected-error @+1 {{belongs into program 'run' [host-program]}}
  %out = host.output 0
}

// -----

host.program plan of "main" {
  // expected-error @+1 {{attribute 'dim' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  %n = host.dim 0, -1
}

// -----

host.program plan of "main" {
  %n = host.dim 0, 0
  // expected-error @+1 {{expected string or keyword containing one of the following enum values for attribute 'relation' [eq, ge, broadcast]}}
  host.check le %n, %n id = 0
}

// -----

// constant_c1
// expected-error @+1 {{has elements of type 'vector<2xf32>', not of a ranked tensor [host-constant]}}
host.constant @a dense<1.0> : vector<2xf32>

// -----

// constant_c2
// expected-error @+1 {{needs 'tiled', 'order' and 'tile' together, or none of them [host-constant]}}
"host.constant"() <{sym_name = "a", value = dense<1.0> : tensor<2xf32>, tile = 4 : i64}> : () -> ()

// -----

// expected-error @+1 {{cannot transform 'tensor<3x20xf32>' for 4 outputs [host-constant]}}
host.constant @a dense<1.0> : tensor<3x20xf32> tiled = 1 order = [0] tile = 16 winograd = 4

// -----

// expected-error @+1 {{cannot put 1 elements of 'tensor<3x20xf32>' of 4 bits into a byte [host-constant]}}
host.constant @a dense<1.0> : tensor<3x20xf32> tiled = 1 order = [0] tile = 16 bits = 4

// -----

// expected-error @+1 {{cannot tile dim 2 of 'tensor<3x20xf32>' by 16 [host-constant]}}
host.constant @a dense<1.0> : tensor<3x20xf32> tiled = 2 order = [0] tile = 16

// -----

// expected-error @+1 {{cannot tile dim 1 of 'tensor<3x20xf32>' by 0 [host-constant]}}
host.constant @a dense<1.0> : tensor<3x20xf32> tiled = 1 order = [0] tile = 0

// -----

// expected-error @+1 {{'order' must list every dim of 'tensor<3x20xf32>' but 1 once [host-constant]}}
host.constant @a dense<1.0> : tensor<3x20xf32> tiled = 1 order = [1] tile = 16

// -----

// element_c1
host.program plan of "main" {
  // expected-error @+1 {{reads an element of type 'f32', but only integers of 1, 8, 16, 32 or 64 bits are sizes [host-element]}}
  %e = host.element 0, 0 : f32
}

// -----

// address_of_c1
host.constant @a dense<1.0> : tensor<2xf32>
host.program run of "main" {
  // expected-error @+1 {{'b' is not a constant of this module [host-address-of]}}
  %w = host.address_of @b
}

// -----

host.program run of "main" {
  // expected-error @+1 {{'run' is not a constant of this module [host-address-of]}}
  %w = host.address_of @run
}

// -----

// text_c1
host.program run of "main" {
  %b = host.null
  %k = arith.constant 1 : index
  // expected-error @+1 {{has 1 buffers, but 2 types, 1 counts, 1 widths and 1 operands}}
  host.text %b(%b) [%k] [%k] [ui64, i64] parameters = 0 operands = 1 message = 0
}

// -----

// text_c1
host.program run of "main" {
  %b = host.null
  %k = arith.constant 1 : index
  // expected-error @+1 {{has 1 buffers, but 1 types, 1 counts, 1 widths and 2 operands}}
  host.text %b(%b) [%k] [%k] [ui64] parameters = 0 operands = 2 message = 0
}

// -----

// What the program reads itself is in the host's memory.
host.program run of "main" {
  %in = host.input 0 in cuda
  // expected-note @-1 {{prior use here}}
  // expected-error @+1 {{use of value '%in' expects different type than prior uses: '!host.buffer' vs '!host.buffer<cuda>'}}
  %0 = host.load %in[0] : i32
}

// -----

host.program run of "main" {
  // expected-error @+1 {{custom op 'host.input' expected one of [host, cuda] for where memory is, got: moon}}
  %in = host.input 0 in moon
}

// -----

host.program run of "main" {
  %n = host.dim 0, 0
  %in = host.input 0 in cuda
  // expected-error @+1 {{failed to verify that all of {base, address} have same type}}
  %0 = "host.offset"(%in, %n) : (!host.buffer<cuda>, index) -> !host.buffer
}

// -----

// Values are made in `run`, where there is memory.
host.program plan of "main" {
  %none = host.null
  %n = host.dim 0, 0
  // expected-error @+1 {{belongs into program 'run' [host-program]}}
  %s = host.make_value none %none, %none[%n, %n] id = 0
}

// -----

// expected-error @+1 {{cannot put 0 elements of the last 1 dims of 'tensor<4x4xi8>' beside each other [host-constant]}}
host.constant @w dense<1> : tensor<4x4xi8> tiled = 1 order = [0] tile = 4 step = 0

// -----

// expected-error @+1 {{cannot put 2 elements of the last 2 dims of 'tensor<4x4xi8>' beside each other [host-constant]}}
host.constant @w dense<1> : tensor<4x4xi8> tiled = 1 order = [0] tile = 4 step = 2 run = 2
