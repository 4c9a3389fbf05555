// What must not be left at this level.
// RUN: lathe-opt %s --verify-level="level=buffers phase=bufferize" --verify-diagnostics

func.func @main(%x: tensor<4xf32>) {
  // expected-error @+1 {{internal: 'tensor.empty' is left after phase 'bufferize' [level-buffers]}}
  %0 = tensor.empty() : tensor<4xf32>
  return
}
