// Equal kernels become one; a kernel that differs in one op stays.
// RUN: lathe-opt %s --kernel-deduplicate --kernel-assign-targets=target=x86_64:v3 | FileCheck %s

// CHECK-LABEL: func.func @main(
// CHECK: kernel.call @first
// CHECK: kernel.call @first
// CHECK: kernel.call @other
// CHECK: kernel.func @first(
// CHECK-SAME: target = #target
// CHECK-NOT: kernel.func @second
// CHECK: kernel.func @other(
// CHECK-SAME: target = #target
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = kernel.call @first affine_map<() -> ()> (%x) : (tensor<8xf32>) -> tensor<8xf32>
  %1 = kernel.call @second affine_map<() -> ()> (%0) : (tensor<8xf32>) -> tensor<8xf32>
  %2 = kernel.call @other affine_map<() -> ()> (%1) : (tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}
kernel.func @first(%x: tensor<8xf32>) -> tensor<8xf32> attributes {sizes = 0 : i64} {
  %0 = graph.relu %x : tensor<8xf32> -> tensor<8xf32>
  kernel.return %0 : tensor<8xf32>
}
kernel.func @second(%y: tensor<8xf32>) -> tensor<8xf32> attributes {sizes = 0 : i64} {
  %0 = graph.relu %y : tensor<8xf32> -> tensor<8xf32>
  kernel.return %0 : tensor<8xf32>
}
kernel.func @other(%x: tensor<8xf32>) -> tensor<8xf32> attributes {sizes = 0 : i64} {
  %0 = graph.exp %x : tensor<8xf32> -> tensor<8xf32>
  kernel.return %0 : tensor<8xf32>
}
