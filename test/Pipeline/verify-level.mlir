// A level that is reached has no op of another one.
// RUN: lathe-opt %s --verify-level="level=graph phase=optimize" | FileCheck %s

// CHECK: graph.relu
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.relu %x : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
