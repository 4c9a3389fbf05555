// A root takes the elementwise ops after it along; a second root starts a group of its own.
// RUN: lathe-opt %s --kernel-form-groups | FileCheck %s

// CHECK-LABEL: func.func @main(
// CHECK: %[[A:.*]] = kernel.group
// CHECK-NEXT: %[[P:.*]] = graph.matmul
// CHECK-NEXT: %[[R:.*]] = graph.relu %[[P]]
// CHECK-NEXT: kernel.yield %[[R]]
// CHECK: kernel.group
// CHECK-NEXT: graph.matmul %[[A]]
// CHECK-NEXT: kernel.yield
func.func @main(%a: tensor<8x4xf32>, %b: tensor<4x2xf32>, %c: tensor<2x2xf32>) -> tensor<8x2xf32> {
  %0 = graph.matmul %a, %b : (tensor<8x4xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
  %1 = graph.relu %0 : tensor<8x2xf32> -> tensor<8x2xf32>
  %2 = graph.matmul %1, %c : (tensor<8x2xf32>, tensor<2x2xf32>) -> tensor<8x2xf32>
  return %2 : tensor<8x2xf32>
}

// A value with a second user leaves its group, so it is computed once.
// CHECK-LABEL: func.func @two_users(
// CHECK: %[[A:.*]] = kernel.group
// CHECK-NEXT: %[[P:.*]] = graph.matmul
// CHECK-NEXT: kernel.yield %[[P]]
// CHECK: kernel.group
// CHECK-NEXT: graph.relu %[[A]]
// CHECK: return %[[A]],
func.func @two_users(%a: tensor<8x4xf32>, %b: tensor<4x2xf32>) -> (tensor<8x2xf32>, tensor<8x2xf32>) {
  %0 = graph.matmul %a, %b : (tensor<8x4xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
  %1 = graph.relu %0 : tensor<8x2xf32> -> tensor<8x2xf32>
  return %0, %1 : tensor<8x2xf32>, tensor<8x2xf32>
}

// A constant of one element, and one whose elements are all equal, are part of the group; others are passed.
// CHECK-LABEL: func.func @constants(
// CHECK: %[[C:.*]] = graph.constant dense<[1.000000e+00, 2.000000e+00]>
// CHECK: kernel.group
// CHECK-NEXT: %[[TWO:.*]] = graph.constant dense<2.000000e+00> : tensor<f32>
// CHECK: graph.mul %arg0, %[[TWO]]
// CHECK: graph.add %{{.*}}, %[[C]]
func.func @constants(%x: tensor<8x2xf32>) -> tensor<8x2xf32> {
  %two = graph.constant dense<2.0> : tensor<f32>
  %c = graph.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = graph.mul %x, %two : (tensor<8x2xf32>, tensor<f32>) -> tensor<8x2xf32>
  %1 = graph.add %0, %c : (tensor<8x2xf32>, tensor<2xf32>) -> tensor<8x2xf32>
  return %1 : tensor<8x2xf32>
}
