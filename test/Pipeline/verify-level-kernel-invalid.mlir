// What must not be left at this level.
// RUN: lathe-opt %s --verify-level="level=kernel phase=partition" --verify-diagnostics

func.func @main(%x: tensor<4xf32>) {
  // expected-error @+1 {{internal: 'tensor.empty' is left after phase 'partition' [level-kernel]}}
  %0 = tensor.empty() : tensor<4xf32>
  return
}
