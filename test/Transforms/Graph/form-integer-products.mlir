// Products of quantized tensors become products of bytes; a remark says where they do not.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-form-integer-products),canonicalize)" --split-input-file --verify-diagnostics | FileCheck %s

// Without zero points, only the scales are left.
// CHECK-LABEL: func.func @dequantized(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xui8>, %[[W:.*]]: tensor<8x6xi8>, %[[S:.*]]: tensor<f32>, %[[T:.*]]: tensor<6xf32>
// CHECK: %[[SUM:.*]] = graph.matmul %[[X]], %[[W]] : (tensor<4x8xui8>, tensor<8x6xi8>) -> tensor<4x6xi32>
// CHECK: %[[FLOAT:.*]] = graph.cast %[[SUM]]
// CHECK: %[[SCALE:.*]] = graph.mul %[[S]], %[[T]]
// CHECK: %[[Y:.*]] = graph.mul %[[FLOAT]], %[[SCALE]]
// CHECK: return %[[Y]]
func.func @dequantized(%x: tensor<4x8xui8>, %w: tensor<8x6xi8>, %s: tensor<f32>, %t: tensor<6xf32>) -> tensor<4x6xf32> {
  %0 = graph.dequantize %x scale %s : (tensor<4x8xui8>, tensor<f32>) -> tensor<4x8xf32>
  %1 = graph.dequantize %w scale %t : (tensor<8x6xi8>, tensor<6xf32>) -> tensor<8x6xf32>
  %2 = graph.matmul %0, %1 : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  return %2 : tensor<4x6xf32>
}

// -----

// Zero points become sums over columns and rows.
// CHECK-LABEL: func.func @widened(
// CHECK-SAME: %[[A:.*]]: tensor<4x8xui8>, %[[B:.*]]: tensor<8x6xi8>, %[[ZA:.*]]: tensor<i32>, %[[ZB:.*]]: tensor<6xi32>
// CHECK: %[[SUM:.*]] = graph.matmul %[[A]], %[[B]] : (tensor<4x8xui8>, tensor<8x6xi8>) -> tensor<4x6xi32>
// CHECK: %[[COLUMNS:.*]] = graph.reduce sum %{{.*}} axes = [0] keep_dims : tensor<8x6xi32> -> tensor<1x6xi32>
// CHECK: %[[OF_A:.*]] = graph.mul %[[ZA]], %[[COLUMNS]]
// CHECK: %[[LESS:.*]] = graph.sub %[[SUM]], %[[OF_A]]
// CHECK: %[[ROWS:.*]] = graph.reduce sum %{{.*}} axes = [1] keep_dims : tensor<4x8xi32> -> tensor<4x1xi32>
// CHECK: %[[OF_B:.*]] = graph.mul %[[ROWS]], %[[ZB]]
// CHECK: %[[Y:.*]] = graph.sub %[[LESS]], %[[OF_B]]
// CHECK: return %[[Y]]
func.func @widened(%a: tensor<4x8xui8>, %b: tensor<8x6xi8>, %za: tensor<i32>, %zb: tensor<6xi32>) -> tensor<4x6xi32> {
  %0 = graph.cast %a : tensor<4x8xui8> -> tensor<4x8xi32>
  %1 = graph.sub %0, %za : (tensor<4x8xi32>, tensor<i32>) -> tensor<4x8xi32>
  %2 = graph.cast %b : tensor<8x6xi8> -> tensor<8x6xi32>
  %3 = graph.sub %2, %zb : (tensor<8x6xi32>, tensor<6xi32>) -> tensor<8x6xi32>
  %4 = graph.matmul %1, %3 : (tensor<4x8xi32>, tensor<8x6xi32>) -> tensor<4x6xi32>
  return %4 : tensor<4x6xi32>
}

// -----

// Weights in the other layout; a zero point of 128 gives them a sign.
// CHECK-LABEL: func.func @centred(
// CHECK-DAG: %[[W:.*]] = graph.constant dense<7> : tensor<6x8xui8>
// CHECK-DAG: %[[TOP:.*]] = graph.constant dense<128> : tensor<ui8>
// CHECK: %[[T:.*]] = graph.transpose %[[W]] [1, 0]
// CHECK: %[[FLIPPED:.*]] = graph.bitwise_xor %[[T]], %[[TOP]]
// CHECK: %[[SIGNED:.*]] = graph.bitcast %[[FLIPPED]] : tensor<8x6xui8> -> tensor<8x6xi8>
// CHECK: graph.matmul %{{.*}}, %[[SIGNED]] : (tensor<4x8xui8>, tensor<8x6xi8>) -> tensor<4x6xi32>
// CHECK-NOT: graph.sub
func.func @centred(%x: tensor<4x8xui8>, %s: tensor<f32>) -> tensor<4x6xf32> {
  %w = graph.constant dense<7> : tensor<6x8xui8>
  %z = graph.constant dense<128> : tensor<ui8>
  %0 = graph.dequantize %x scale %s : (tensor<4x8xui8>, tensor<f32>) -> tensor<4x8xf32>
  %1 = graph.dequantize %w scale %s zero %z : (tensor<6x8xui8>, tensor<f32>, tensor<ui8>) -> tensor<6x8xf32>
  %2 = graph.transpose %1 [1, 0] : tensor<6x8xf32> -> tensor<8x6xf32>
  %3 = graph.matmul %0, %2 : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  return %3 : tensor<4x6xf32>
}

// -----

// What surrounds an image stands for zero, so it is the zero point.
// CHECK-LABEL: func.func @conv(
// CHECK: %[[PADDED:.*]] = graph.pad constant %{{.*}} value %{{.*}} amounts = <() -> (0, 0, 1, 1, 0, 0, 1, 1)>
// CHECK: %[[SUM:.*]] = graph.conv %[[PADDED]], %{{.*}} strides = [1, 1] pads = [0, 0, 0, 0] {{.*}} : (tensor<1x3x10x10xui8>, tensor<6x3x3x3xi8>) -> tensor<1x6x8x8xi32>
// CHECK: graph.reduce sum %{{.*}} axes = [1, 2, 3] keep_dims : tensor<6x3x3x3xi32> -> tensor<6x1x1x1xi32>
// CHECK: graph.sub %[[SUM]], %{{.*}}
func.func @conv(%x: tensor<1x3x8x8xui8>, %w: tensor<6x3x3x3xi8>, %s: tensor<f32>, %z: tensor<ui8>, %t: tensor<6x1x1x1xf32>) -> tensor<1x6x8x8xf32> {
  %0 = graph.dequantize %x scale %s zero %z : (tensor<1x3x8x8xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x3x8x8xf32>
  %1 = graph.dequantize %w scale %t : (tensor<6x3x3x3xi8>, tensor<6x1x1x1xf32>) -> tensor<6x3x3x3xf32>
  %2 = graph.conv %0, %1 strides = [1, 1] pads = [1, 1, 1, 1] dilations = [1, 1] groups = 1 : (tensor<1x3x8x8xf32>, tensor<6x3x3x3xf32>) -> tensor<1x6x8x8xf32>
  return %2 : tensor<1x6x8x8xf32>
}

// -----

// CHECK-LABEL: func.func @long(
// CHECK: graph.matmul {{.*}} -> tensor<2x3xf32>
func.func @long(%x: tensor<2x40000xui8>, %w: tensor<40000x3xui8>, %s: tensor<f32>) -> tensor<2x3xf32> {
  %0 = graph.dequantize %x scale %s : (tensor<2x40000xui8>, tensor<f32>) -> tensor<2x40000xf32>
  %1 = graph.dequantize %w scale %s : (tensor<40000x3xui8>, tensor<f32>) -> tensor<40000x3xf32>
  // expected-remark @+1 {{computed in 'f32', not in bytes: the sum may leave the range of i32 [quantized-product]}}
  %2 = graph.matmul %0, %1 : (tensor<2x40000xf32>, tensor<40000x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @scale_of_terms(
// CHECK: graph.matmul {{.*}} -> tensor<2x3xf32>
func.func @scale_of_terms(%x: tensor<2x4xui8>, %w: tensor<4x3xi8>, %s: tensor<4xf32>, %t: tensor<f32>) -> tensor<2x3xf32> {
  %0 = graph.dequantize %x scale %s : (tensor<2x4xui8>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = graph.dequantize %w scale %t : (tensor<4x3xi8>, tensor<f32>) -> tensor<4x3xf32>
  // expected-remark @+1 {{a scale varies within a sum [quantized-product]}}
  %2 = graph.matmul %0, %1 : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}
