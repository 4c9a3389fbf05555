// Quantized weights of a product get one form, which constants do not fold over.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-keep-weight-codes),canonicalize)" --split-input-file --verify-diagnostics | FileCheck %s

// A scale for each column; a zero point for all moves up with the codes, which lose their sign.
// CHECK-LABEL: func.func @columns(
// CHECK-DAG: %[[W:.*]] = graph.constant dense<3> : tensor<64x128xi8>
// CHECK-DAG: %[[TOP:.*]] = graph.constant dense<128> : tensor<ui8>
// CHECK-DAG: %[[ZERO:.*]] = graph.constant dense<129> : tensor<128x1x1xui8>
// CHECK-DAG: %[[SCALE:.*]] = graph.constant dense<5.000000e-01> : tensor<128x1x1xf32>
// CHECK: %[[BYTES:.*]] = graph.bitcast %[[W]] : tensor<64x128xi8> -> tensor<64x128xui8>
// CHECK: %[[CODES:.*]] = graph.add %[[BYTES]], %[[TOP]]
// CHECK: %[[TURNED:.*]] = graph.transpose %[[CODES]] [1, 0]
// CHECK: %[[BLOCKS:.*]] = graph.reshape %[[TURNED]] {{.*}} -> tensor<128x1x64xui8>
// CHECK: %[[D:.*]] = graph.dequantize %[[BLOCKS]] scale %[[SCALE]] zero %[[ZERO]] {code_bits = 8 : i64}
// CHECK: %[[ROWS:.*]] = graph.reshape %[[D]] {{.*}} -> tensor<128x64xf32>
// CHECK: %[[B:.*]] = graph.transpose %[[ROWS]] [1, 0]
// CHECK: graph.matmul %{{.*}}, %[[B]]
func.func @columns(%x: tensor<1x64xf32>) -> tensor<1x128xf32> {
  %w = graph.constant dense<3> : tensor<64x128xi8>
  %s = graph.constant dense<0.5> : tensor<128xf32>
  %z = graph.constant dense<1> : tensor<i8>
  %d = graph.dequantize %w scale %s zero %z : (tensor<64x128xi8>, tensor<128xf32>, tensor<i8>) -> tensor<64x128xf32>
  %y = graph.matmul %x, %d : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
  return %y : tensor<1x128xf32>
}

// -----

// Codes of 4 bits in rows, as MatMulNBits has them.
// CHECK-LABEL: func.func @nibbles(
// CHECK: %[[CODES:.*]] = graph.unpack
// CHECK: graph.dequantize %{{.*}} {code_bits = 4 : i64} : (tensor<128x2x32xui8>, tensor<128x2x1xf32>, tensor<128x2x1xui8>) -> tensor<128x2x32xf32>
func.func @nibbles(%x: tensor<1x64xf32>) -> tensor<1x128xf32> {
  %b = graph.constant dense<18> : tensor<4096xui8>
  %s = graph.constant dense<0.5> : tensor<128x2x1xf32>
  %z = graph.constant dense<8> : tensor<ui8>
  %q = graph.unpack %b bits = 4 : tensor<4096xui8> -> tensor<128x2x32xui8>
  %d = graph.dequantize %q scale %s zero %z : (tensor<128x2x32xui8>, tensor<128x2x1xf32>, tensor<ui8>) -> tensor<128x2x32xf32>
  %r = graph.reshape %d : (tensor<128x2x32xf32>) -> tensor<128x64xf32>
  %w = graph.transpose %r [1, 0] : tensor<128x64xf32> -> tensor<64x128xf32>
  %y = graph.matmul %x, %w : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
  return %y : tensor<1x128xf32>
}

// -----

// Weights that are computed, and small ones, stay.
// CHECK-LABEL: func.func @others(
// CHECK-NOT: code_bits
// CHECK: graph.dequantize %{{.*}} scale %{{.*}} : (tensor<64x128xi8>, tensor<f32>) -> tensor<64x128xf32>
// CHECK: graph.dequantize %{{.*}} scale %{{.*}} : (tensor<64x8xi8>, tensor<f32>) -> tensor<64x8xf32>
func.func @others(%x: tensor<1x64xf32>, %w: tensor<64x128xi8>, %s: tensor<f32>) -> (tensor<1x128xf32>, tensor<1x8xf32>) {
  %d = graph.dequantize %w scale %s : (tensor<64x128xi8>, tensor<f32>) -> tensor<64x128xf32>
  %y = graph.matmul %x, %d : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
  %v = graph.constant dense<3> : tensor<64x8xi8>
  %t = graph.constant dense<0.5> : tensor<f32>
  %e = graph.dequantize %v scale %t : (tensor<64x8xi8>, tensor<f32>) -> tensor<64x8xf32>
  %z = graph.matmul %x, %e : (tensor<1x64xf32>, tensor<64x8xf32>) -> tensor<1x8xf32>
  return %y, %z : tensor<1x128xf32>, tensor<1x8xf32>
}

// -----

// A scale that varies from term to term.
// CHECK-LABEL: func.func @varies(
// CHECK-NOT: code_bits
// CHECK: graph.dequantize %{{.*}} scale %{{.*}} : (tensor<64x128xi8>, tensor<64x1xf32>) -> tensor<64x128xf32>
func.func @varies(%x: tensor<1x64xf32>) -> tensor<1x128xf32> {
  %w = graph.constant dense<3> : tensor<64x128xi8>
  %s = graph.constant dense<0.5> : tensor<64x1xf32>
  %d = graph.dequantize %w scale %s : (tensor<64x128xi8>, tensor<64x1xf32>) -> tensor<64x128xf32>
  // expected-remark @+1 {{the weights of a product are widened when it is compiled, to many times as many bytes}}
  %y = graph.matmul %x, %d : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
  return %y : tensor<1x128xf32>
}

// -----

// Numbers of 4 bits that became others have any bits of a byte.
// CHECK-LABEL: func.func @cast(
// CHECK: graph.dequantize %{{.*}} {code_bits = 8 : i64}
func.func @cast(%x: tensor<1x64xf32>) -> tensor<1x128xf32> {
  %b = graph.constant dense<18> : tensor<4096xui8>
  %s = graph.constant dense<0.5> : tensor<f32>
  %q = graph.unpack %b bits = 4 : tensor<4096xui8> -> tensor<64x128xui8>
  %i = graph.cast %q : tensor<64x128xui8> -> tensor<64x128xi8>
  %d = graph.dequantize %i scale %s : (tensor<64x128xi8>, tensor<f32>) -> tensor<64x128xf32>
  %y = graph.matmul %x, %d : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
  return %y : tensor<1x128xf32>
}

// -----

// A zero point below the numbers of 4 bits would wrap around with them.
// CHECK-LABEL: func.func @low_zero(
// CHECK: graph.constant dense<28> : tensor<128x1x1xui8>
// CHECK: graph.dequantize %{{.*}} {code_bits = 8 : i64}
func.func @low_zero(%x: tensor<1x64xf32>) -> tensor<1x128xf32> {
  %b = graph.constant dense<18> : tensor<4096xui8>
  %s = graph.constant dense<0.5> : tensor<f32>
  %z = graph.constant dense<-100> : tensor<i8>
  %q = graph.unpack %b bits = 4 : tensor<4096xui8> -> tensor<64x128xi8>
  %d = graph.dequantize %q scale %s zero %z : (tensor<64x128xi8>, tensor<f32>, tensor<i8>) -> tensor<64x128xf32>
  %y = graph.matmul %x, %d : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
  return %y : tensor<1x128xf32>
}

// -----

// One zero point that is packed itself.
// CHECK-LABEL: func.func @packed_zero(
// CHECK: %[[ZEROS:.*]] = graph.broadcast %{{.*}} exact : (tensor<1x1x1xui8>) -> tensor<128x1x1xui8>
// CHECK: graph.dequantize %{{.*}} zero %[[ZEROS]] {code_bits = 4 : i64}
func.func @packed_zero(%x: tensor<1x64xf32>) -> tensor<1x128xf32> {
  %b = graph.constant dense<18> : tensor<4096xui8>
  %s = graph.constant dense<0.5> : tensor<f32>
  %p = graph.constant dense<3> : tensor<1xui8>
  %z = graph.unpack %p bits = 4 : tensor<1xui8> -> tensor<1xui8>
  %q = graph.unpack %b bits = 4 : tensor<4096xui8> -> tensor<64x128xui8>
  %d = graph.dequantize %q scale %s zero %z : (tensor<64x128xui8>, tensor<f32>, tensor<1xui8>) -> tensor<64x128xf32>
  %y = graph.matmul %x, %d : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
  return %y : tensor<1x128xf32>
}

// -----

// Bytes that become floats in a way of their own, and of which the last are cut off.
// CHECK-LABEL: func.func @otherwise(
// CHECK-NOT: code_bits
// CHECK: graph.matmul %{{.*}}, %{{.*}} : (tensor<1x60xf32>
// CHECK: graph.matmul %{{.*}}, %{{.*}} : (tensor<1x64xf32>
func.func @otherwise(%x: tensor<1x60xf32>, %z: tensor<1x64xf32>) -> (tensor<1x128xf32>, tensor<1x128xf32>) {
  %w = graph.constant dense<3> : tensor<128x64xui8>
  %s = graph.constant dense<0.5> : tensor<f32>
  %d = graph.dequantize %w scale %s : (tensor<128x64xui8>, tensor<f32>) -> tensor<128x64xf32>
  %c = graph.slice %d offsets = <() -> (0)> axes = [1] steps = [1] : (tensor<128x64xf32>) -> tensor<128x60xf32>
  %t = graph.transpose %c [1, 0] : tensor<128x60xf32> -> tensor<60x128xf32>
  // expected-remark @+1 {{the weights of a product are widened}}
  %0 = graph.matmul %x, %t : (tensor<1x60xf32>, tensor<60x128xf32>) -> tensor<1x128xf32>
  %h = graph.constant dense<1.5> : tensor<f32>
  %f = graph.cast %w : tensor<128x64xui8> -> tensor<128x64xf32>
  %g = graph.sub %f, %h : (tensor<128x64xf32>, tensor<f32>) -> tensor<128x64xf32>
  %u = graph.transpose %g [1, 0] : tensor<128x64xf32> -> tensor<64x128xf32>
  // expected-remark @+1 {{the weights of a product are widened}}
  %1 = graph.matmul %z, %u : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
  return %0, %1 : tensor<1x128xf32>, tensor<1x128xf32>
}
