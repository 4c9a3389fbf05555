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
