// What must not be left at this level.
// RUN: lathe-opt %s --verify-level="level=scheduled phase=schedule" --verify-diagnostics --split-input-file

kernel.func @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {
  // expected-error @+1 {{internal: 'graph.relu' is not scheduled after phase 'schedule' [level-scheduled]}}
  %0 = graph.relu %x : tensor<4xf32> -> tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{internal: 'graph.relu' computes elements outside of a kernel after phase 'schedule' [level-scheduled]}}
  %0 = graph.relu %x : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
