// A group has no more ops than `max-ops` allows; functions without a body have none.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(kernel-form-groups{max-ops=2 max-operands=3}))" | FileCheck %s

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

// A concatenation of more operands than `max-operands` allows is a tree.
#sum = #graph.dims<()[s0] -> (s0 + 7, 4)>
#n = #graph.dims<()[s0] -> (s0, 4)>
// CHECK-LABEL: func.func @wide(
// CHECK: %[[A:.*]] = kernel.group
// CHECK-NEXT: graph.concat %{{.*}}, %{{.*}}, %{{.*}} axis = 0 {{.*}} -> tensor<?x4xf32, #graph.dims<()[s0] -> (s0 + 4, 4)>>
// CHECK: %[[B:.*]] = kernel.group
// CHECK-NEXT: graph.concat %{{.*}}, %{{.*}}, %{{.*}} axis = 0 {{.*}} -> tensor<3x4xf32>
// CHECK: %[[C:.*]] = kernel.group
// CHECK-NEXT: graph.concat %[[A]], %[[B]] axis = 0
func.func @wide(%a: tensor<?x4xf32, #n>, %b: tensor<2x4xf32>, %c: tensor<1x4xf32>) -> tensor<?x4xf32, #sum>
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  %0 = graph.concat %a, %b, %b, %c, %c, %c axis = 0 : (tensor<?x4xf32, #n>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32, #sum>
  return %0 : tensor<?x4xf32, #sum>
}
