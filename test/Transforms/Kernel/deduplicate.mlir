// Equal kernels are compiled once, whatever the model's sizes are where they are called.
// RUN: lathe-opt %s --kernel-deduplicate --mlir-print-local-scope | FileCheck %s

#n = #graph.dims<()[s0] -> (s0)>
#m = #graph.dims<()[s0] -> (s0 * 2)>

// CHECK-LABEL: func.func @main(
// CHECK: kernel.call @relu affine_map<()[s0] -> (s0)>
// CHECK: kernel.call @relu affine_map<()[s0] -> (s0 * 2)>
// CHECK: kernel.call @relu_static
// CHECK: kernel.call @relu_pinned affine_map<()[s0] -> (s0)>
func.func @main(%x: tensor<?xf32, #n>, %y: tensor<?xf32, #m>, %z: tensor<4xf32>)
    -> (tensor<?xf32, #n>, tensor<?xf32, #m>, tensor<4xf32>, tensor<?xf32, #n>) {
  %0 = kernel.call @relu affine_map<()[s0] -> (s0)>(%x) : (tensor<?xf32, #n>) -> tensor<?xf32, #n>
  %1 = kernel.call @relu_0 affine_map<()[s0] -> (s0 * 2)>(%y) : (tensor<?xf32, #m>) -> tensor<?xf32, #m>
  %2 = kernel.call @relu_static affine_map<() -> ()>(%z) : (tensor<4xf32>) -> tensor<4xf32>
  %3 = kernel.call @relu_pinned affine_map<()[s0] -> (s0)>(%x) : (tensor<?xf32, #n>) -> tensor<?xf32, #n>
  return %0, %1, %2, %3 : tensor<?xf32, #n>, tensor<?xf32, #m>, tensor<4xf32>, tensor<?xf32, #n>
}

// CHECK: kernel.func @relu(
kernel.func @relu(%n: index, %x: tensor<?xf32, #n>) -> tensor<?xf32, #n> attributes {sizes = 1 : i64} {
  %0 = graph.relu %x : tensor<?xf32, #n> -> tensor<?xf32, #n>
  kernel.return %0 : tensor<?xf32, #n>
}
// CHECK-NOT: @relu_0
kernel.func @relu_0(%n: index, %x: tensor<?xf32, #n>) -> tensor<?xf32, #n> attributes {sizes = 1 : i64} {
  %0 = graph.relu %x : tensor<?xf32, #n> -> tensor<?xf32, #n>
  kernel.return %0 : tensor<?xf32, #n>
}
// CHECK: kernel.func @relu_static(
kernel.func @relu_static(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {
  %0 = graph.relu %x : tensor<4xf32> -> tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}
// A strategy that a test pinned makes a kernel of its own.
// CHECK: kernel.func @relu_pinned(
kernel.func @relu_pinned(%n: index, %x: tensor<?xf32, #n>) -> tensor<?xf32, #n>
    attributes {sizes = 1 : i64, strategy = #kernel.strategy<"cpu.loops">} {
  %0 = graph.relu %x : tensor<?xf32, #n> -> tensor<?xf32, #n>
  kernel.return %0 : tensor<?xf32, #n>
}
