// What is computed together, and what is not.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(kernel-form-groups))" --split-input-file | FileCheck %s

// A product takes the elementwise ops after it along; scalars come inside,
// other constants stay out.
// CHECK-LABEL: func.func @epilogue(
// CHECK: graph.constant {{.*}} : tensor<3xf32>
// CHECK: kernel.group -> tensor<2x3xf32> {
// CHECK: graph.matmul {{.*}} {kernel.root}
// CHECK: graph.add
// CHECK: graph.constant dense<5.000000e-01> : tensor<f32>
// CHECK: graph.mul
// CHECK: graph.relu
// CHECK: kernel.yield
// CHECK: return
// CHECK-NOT: kernel.group
func.func @epilogue(%a: tensor<2x4xf32>, %b: tensor<4x3xf32>) -> tensor<2x3xf32> {
  %bias = graph.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %half = graph.constant dense<0.5> : tensor<f32>
  %0 = graph.matmul %a, %b : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  %1 = graph.add %0, %bias : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = graph.mul %1, %half : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %3 = graph.relu %2 : tensor<2x3xf32> -> tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// -----

// Elementwise work goes into the reduction that it feeds, and what follows of
// the reduction's shape goes after it.
// CHECK-LABEL: func.func @chain_into_reduction(
// CHECK: kernel.group -> tensor<2x1xf32> {
// CHECK-NEXT: graph.exp
// CHECK-NEXT: graph.mul
// CHECK-NEXT: graph.reduce
// CHECK-NEXT: graph.sqrt
// CHECK-NEXT: kernel.yield
func.func @chain_into_reduction(%a: tensor<2x4xf32>) -> tensor<2x1xf32> {
  %0 = graph.exp %a : tensor<2x4xf32> -> tensor<2x4xf32>
  %1 = graph.mul %0, %a : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = graph.reduce sum %1 axes = [1] keep_dims : tensor<2x4xf32> -> tensor<2x1xf32>
  %3 = graph.sqrt %2 : tensor<2x1xf32> -> tensor<2x1xf32>
  return %3 : tensor<2x1xf32>
}

// -----

// A group has one root: the second reduction starts a group of its own.
// CHECK-LABEL: func.func @two_reductions(
// CHECK: kernel.group
// CHECK: graph.softmax
// CHECK-NEXT: kernel.yield
// CHECK: kernel.group
// CHECK-NEXT: graph.reduce
func.func @two_reductions(%a: tensor<2x4xf32>) -> tensor<2xf32> {
  %0 = graph.softmax %a axis = 1 : tensor<2x4xf32>
  %1 = graph.reduce max %0 axes = [1] : tensor<2x4xf32> -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// Squeeze and excite: the scale of one element per channel is its own group;
// computing it within the loop over all elements would repeat it.
// CHECK-LABEL: func.func @squeeze_and_excite(
// CHECK: kernel.group -> tensor<1x1x1x4xf32> {
// CHECK-NEXT: graph.reduce
// CHECK-NEXT: kernel.yield
// CHECK: kernel.group -> tensor<1x1x1x4xf32> {
// CHECK-NEXT: graph.conv
// CHECK-NEXT: graph.sigmoid
// CHECK-NEXT: kernel.yield
// CHECK: kernel.group -> tensor<1x8x8x4xf32> {
// CHECK-NEXT: graph.mul
// CHECK-NEXT: kernel.yield
func.func @squeeze_and_excite(%x: tensor<1x8x8x4xf32>, %f: tensor<4x4x1x1xf32>) -> tensor<1x8x8x4xf32> {
  %0 = graph.reduce mean %x axes = [1, 2] keep_dims : tensor<1x8x8x4xf32> -> tensor<1x1x1x4xf32>
  %1 = graph.conv %0, %f channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x1x1x4xf32>, tensor<4x4x1x1xf32>) -> tensor<1x1x1x4xf32>
  %2 = graph.sigmoid %1 : tensor<1x1x1x4xf32> -> tensor<1x1x1x4xf32>
  %3 = graph.mul %x, %2 : (tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x8x8x4xf32>
  return %3 : tensor<1x8x8x4xf32>
}

// -----

// Uses that come together again do not end a group.
// CHECK-LABEL: func.func @diamond(
// CHECK: kernel.group -> tensor<4xf32> {
// CHECK-NEXT: graph.exp
// CHECK-NEXT: graph.sin
// CHECK-NEXT: graph.cos
// CHECK-NEXT: graph.add
// CHECK-NEXT: kernel.yield
// CHECK-NOT: kernel.group
func.func @diamond(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.exp %x : tensor<4xf32> -> tensor<4xf32>
  %1 = graph.sin %0 : tensor<4xf32> -> tensor<4xf32>
  %2 = graph.cos %0 : tensor<4xf32> -> tensor<4xf32>
  %3 = graph.add %1, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// -----

// A value that stays needed ends the group: each group has one result.
// CHECK-LABEL: func.func @multiple_uses(
// CHECK: %[[E:.*]] = kernel.group -> tensor<4xf32> {
// CHECK-NEXT: graph.exp
// CHECK-NEXT: kernel.yield
// CHECK: %[[S:.*]] = kernel.group -> tensor<4xf32> {
// CHECK-NEXT: graph.sin %[[E]]
// CHECK-NEXT: kernel.yield
// CHECK: return %[[E]], %[[S]]
func.func @multiple_uses(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = graph.exp %x : tensor<4xf32> -> tensor<4xf32>
  %1 = graph.sin %0 : tensor<4xf32> -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Equal shapes by their symbols, not by their question marks.
#n = #graph.dims<()[s0] -> (s0)>
#m = #graph.dims<()[s0, s1] -> (s1)>
// CHECK-LABEL: func.func @free_sizes(
// CHECK: kernel.group
// CHECK-NEXT: graph.exp
// CHECK-NEXT: graph.relu
// CHECK-NEXT: kernel.yield
// CHECK: kernel.group
// CHECK-NEXT: graph.broadcast
func.func @free_sizes(%x: tensor<?xf32, #n>) -> tensor<?xf32, #m> {
  %0 = graph.exp %x : tensor<?xf32, #n> -> tensor<?xf32, #n>
  %1 = graph.relu %0 : tensor<?xf32, #n> -> tensor<?xf32, #n>
  %2 = graph.broadcast %1 : (tensor<?xf32, #n>) -> tensor<?xf32, #m>
  return %2 : tensor<?xf32, #m>
}

// -----

// Reshapes and constants compute nothing: they stay outside.
// CHECK-LABEL: func.func @views(
// CHECK-NEXT: graph.reshape
// CHECK-NEXT: graph.constant
// CHECK-NEXT: return
func.func @views(%x: tensor<4xf32>) -> (tensor<2x2xf32>, tensor<2xf32>) {
  %0 = graph.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %1 = graph.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<2xf32>
}

// -----

// A filter whose elements are all equal is still a filter: an argument that can
// be packed, and no part of the code.
// CHECK-LABEL: func.func @box_blur(
// CHECK: %[[F:.*]] = graph.constant dense<1.000000e+00> : tensor<8x4x3x3xf32>
// CHECK: kernel.group
// CHECK-NEXT: graph.conv %{{.*}}, %[[F]]
func.func @box_blur(%x: tensor<1x8x8x4xf32>) -> tensor<1x6x6x8xf32> {
  %f = graph.constant dense<1.0> : tensor<8x4x3x3xf32>
  %0 = graph.conv %x, %f channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x8x8x4xf32>, tensor<8x4x3x3xf32>) -> tensor<1x6x6x8xf32>
  return %0 : tensor<1x6x6x8xf32>
}

// -----

// What the strategy takes joins whatever its type is: here bytes and a mask.
// CHECK-LABEL: func.func @other_types(
// CHECK: kernel.group -> tensor<2x3xui8> {
// CHECK-NEXT: graph.matmul
// CHECK-NEXT: graph.select
// CHECK-NEXT: graph.cast
// CHECK-NEXT: kernel.yield
// CHECK-NOT: kernel.group
func.func @other_types(%a: tensor<2x4xf32>, %b: tensor<4x3xf32>, %m: tensor<2x3xi1>) -> tensor<2x3xui8> {
  %0 = graph.matmul %a, %b : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  %1 = graph.select %m, %0, %0 : (tensor<2x3xi1>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = graph.cast %1 : tensor<2x3xf32> -> tensor<2x3xui8>
  return %2 : tensor<2x3xui8>
}

// -----

// Bytes are widened where they are read.
// CHECK-LABEL: func.func @cast_into_product(
// CHECK-NEXT: kernel.group -> tensor<2x3xf32> {
// CHECK-NEXT: graph.matmul {{.*}} {kernel.root}
// CHECK-NEXT: %[[C:.*]] = graph.cast
// CHECK-NEXT: graph.add %{{.*}}, %[[C]]
// CHECK-NEXT: kernel.yield
// CHECK-NOT: kernel.group
func.func @cast_into_product(%a: tensor<2x4xf32>, %b: tensor<4x3xf32>, %c: tensor<2x3xi8>) -> tensor<2x3xf32> {
  %0 = graph.matmul %a, %b : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  %1 = graph.cast %c : tensor<2x3xi8> -> tensor<2x3xf32>
  %2 = graph.add %0, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

// With several readers, in the group of each.
// CHECK-LABEL: func.func @cast_for_two(
// CHECK-NEXT: kernel.group -> tensor<2x3xf32> {
// CHECK-NEXT: graph.matmul {{.*}} {kernel.root}
// CHECK-NEXT: %[[C:.*]] = graph.cast
// CHECK-NEXT: graph.add %{{.*}}, %[[C]]
// CHECK-NEXT: kernel.yield
// CHECK: kernel.group -> tensor<2x3xf32> {
// CHECK-NEXT: %[[D:.*]] = graph.cast
// CHECK-NEXT: graph.exp %[[D]]
// CHECK-NEXT: kernel.yield
// CHECK-NOT: kernel.group
func.func @cast_for_two(%a: tensor<2x4xf32>, %b: tensor<4x3xf32>, %c: tensor<2x3xi8>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = graph.matmul %a, %b : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  %1 = graph.cast %c : tensor<2x3xi8> -> tensor<2x3xf32>
  %2 = graph.add %0, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = graph.exp %1 : tensor<2x3xf32> -> tensor<2x3xf32>
  return %2, %3 : tensor<2x3xf32>, tensor<2x3xf32>
}
