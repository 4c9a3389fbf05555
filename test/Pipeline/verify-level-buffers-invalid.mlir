// What must not be left at this level.
// RUN: lathe-opt %s --verify-level="level=buffers phase=bufferize" --verify-diagnostics --split-input-file

func.func @main() {
  // expected-error @+1 {{internal: 'tensor.empty' is left after phase 'bufferize' [level-buffers]}}
  %0 = tensor.empty() : tensor<4xf32>
  return
}

// -----

// expected-error @+1 {{internal: 'func.func' has a tensor<4xf32>, which is no memory after phase 'bufferize' [level-buffers]}}
func.func @main(%x: tensor<4xf32>) {
  return
}

// -----

func.func @main() {
  // expected-error @+1 {{internal: 'memref.alloc' allocates outside of the workspace after phase 'bufferize' [level-buffers]}}
  %0 = memref.alloc() : memref<4xf32>
  return
}

// -----

host.program run of "main" {
  // expected-error @+1 {{internal: 'host.launch' launches 'k', which is no kernel after phase 'bufferize' [level-buffers]}}
  host.launch @k[]()
}

// -----

host.program run of "main" {
  %x = host.input 0
  // expected-error @+1 {{internal: 'host.launch' passes 0 sizes and 1 buffers, but 'k' takes 0 and 2 after phase 'bufferize' [level-buffers]}}
  host.launch @k[](%x)
}
kernel.func @k(%x: memref<4xf32>, %y: memref<4xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64} {
  kernel.return
}

// -----

host.program run of "main" {
  %x = host.input 0
  %y = host.output 0 in cuda
  // expected-error @+1 {{internal: 'host.launch' passes memory in 'host', but 'k' works in 'cuda' after phase 'bufferize' [level-buffers]}}
  host.launch @k[](%y in cuda, %x)
}
kernel.func @k(%x: memref<4xf32>, %y: memref<4xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64, space = #host.space<cuda>} {
  kernel.return
}

// -----

host.program plan of "main" {
  %bytes = arith.constant 128 : index
  host.set_workspace %bytes
}
host.program run of "main" {
  %offset = arith.constant 192 : index
  // expected-error @+1 {{internal: 'host.workspace' starts at byte 192 of a workspace of 128 after phase 'bufferize' [level-buffers]}}
  %0 = host.workspace %offset
}

// -----

host.program plan of "main" {
  %bytes = arith.constant 128 : index
  host.set_workspace %bytes
}
host.program run of "main" {
  %offset = arith.constant 64 : index
  // expected-error @+1 {{internal: 'host.workspace' is a slice of a workspace that 'plan' does not ask for after phase 'bufferize' [level-buffers]}}
  %0 = host.workspace %offset in cuda
}

// -----

// expected-error @below {{internal: 'builtin.module' has two signatures of 'main' after phase 'bufferize' [level-buffers]}}
module {
  host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
  host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
}

// -----

// expected-error @below {{internal: 'builtin.module' lacks a program of 'main' after phase 'bufferize' [level-buffers]}}
module {
  host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
  host.program plan of "main" {
  }
}

// -----

// expected-error @below {{internal: 'builtin.module' has a program 'run' of 'other', which has no signature after phase 'bufferize' [level-buffers]}}
module {
  host.program run of "other" {
  }
}

// -----

// expected-error @+1 {{internal: 'host.kernel' describes 'k', which is no kernel after phase 'bufferize' [level-buffers]}}
host.kernel "k" {key = "", strategy = "", nodes = [], calls = 1 : i64, sizes = 0 : i64, operands = [], results = []}
