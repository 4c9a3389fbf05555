// A group has no more ops than `max-ops` allows; functions without a body have none.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(kernel-form-groups{max-ops=2}))" | FileCheck %s

// CHECK: func.func private @declared(tensor<4xf32>)
func.func private @declared(tensor<4xf32>)

// CHECK-LABEL: func.func @chain(
// CHECK: kernel.group
// CHECK-NEXT: graph.exp
// CHECK-NEXT: graph.sin
// CHECK-NEXT: kernel.yield
// CHECK: kernel.group
// CHECK-NEXT: graph.cos
// CHECK-NEXT: kernel.yield
func.func @chain(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.exp %x : tensor<4xf32> -> tensor<4xf32>
  %1 = graph.sin %0 : tensor<4xf32> -> tensor<4xf32>
  %2 = graph.cos %1 : tensor<4xf32> -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
