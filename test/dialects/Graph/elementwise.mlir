// Every elementwise op reads back as it was written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @floats(
func.func @floats(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // CHECK: graph.neg %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %0 = graph.neg %x : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.abs %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %1 = graph.abs %0 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.sign %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %2 = graph.sign %1 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.relu %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %3 = graph.relu %2 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.ceil %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %4 = graph.ceil %3 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.floor %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %5 = graph.floor %4 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.round %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %6 = graph.round %5 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.reciprocal %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %7 = graph.reciprocal %6 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.sqrt %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %8 = graph.sqrt %7 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.exp %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %9 = graph.exp %8 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.log %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %10 = graph.log %9 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.sin %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %11 = graph.sin %10 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.cos %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %12 = graph.cos %11 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.tan %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %13 = graph.tan %12 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.asin %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %14 = graph.asin %13 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.acos %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %15 = graph.acos %14 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.atan %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %16 = graph.atan %15 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.sinh %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %17 = graph.sinh %16 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.cosh %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %18 = graph.cosh %17 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.tanh %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %19 = graph.tanh %18 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.asinh %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %20 = graph.asinh %19 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.acosh %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %21 = graph.acosh %20 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.atanh %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %22 = graph.atanh %21 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.erf %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %23 = graph.erf %22 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.sigmoid %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %24 = graph.sigmoid %23 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.softplus %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %25 = graph.softplus %24 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.softsign %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %26 = graph.softsign %25 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.mish %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %27 = graph.mish %26 : tensor<2x3xf32> -> tensor<2x3xf32>
  return %27 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @parameters(
func.func @parameters(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // CHECK: graph.leaky_relu %{{.*}} alpha = 1.000000e-02 : tensor<2x3xf32> -> tensor<2x3xf32>
  %0 = graph.leaky_relu %x alpha = 1.000000e-02 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.elu %{{.*}} alpha = 1.000000e+00 : tensor<2x3xf32> -> tensor<2x3xf32>
  %1 = graph.elu %0 alpha = 1.000000e+00 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.celu %{{.*}} alpha = 2.000000e+00 : tensor<2x3xf32> -> tensor<2x3xf32>
  %2 = graph.celu %1 alpha = 2.000000e+00 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.thresholded_relu %{{.*}} alpha = 5.000000e-01 : tensor<2x3xf32> -> tensor<2x3xf32>
  %3 = graph.thresholded_relu %2 alpha = 5.000000e-01 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.swish %{{.*}} alpha = 1.702000e+00 : tensor<2x3xf32> -> tensor<2x3xf32>
  %4 = graph.swish %3 alpha = 1.702000e+00 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.hard_sigmoid %{{.*}} alpha = 5.000000e-01 beta = 2.500000e-01 : tensor<2x3xf32> -> tensor<2x3xf32>
  %5 = graph.hard_sigmoid %4 alpha = 5.000000e-01 beta = 2.500000e-01 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.selu %{{.*}} alpha = 5.000000e-01 beta = 2.500000e-01 : tensor<2x3xf32> -> tensor<2x3xf32>
  %6 = graph.selu %5 alpha = 5.000000e-01 beta = 2.500000e-01 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.shrink %{{.*}} alpha = 5.000000e-01 beta = 2.500000e-01 : tensor<2x3xf32> -> tensor<2x3xf32>
  %7 = graph.shrink %6 alpha = 5.000000e-01 beta = 2.500000e-01 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.gelu %{{.*}} : tensor<2x3xf32> -> tensor<2x3xf32>
  %8 = graph.gelu %7 : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK: graph.gelu %{{.*}} approximate_tanh : tensor<2x3xf32> -> tensor<2x3xf32>
  %9 = graph.gelu %8 approximate_tanh : tensor<2x3xf32> -> tensor<2x3xf32>
  return %9 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @integers(
func.func @integers(%x: tensor<2x3xi32>) -> tensor<2x3xi32> {
  // CHECK: graph.neg %{{.*}} : tensor<2x3xi32> -> tensor<2x3xi32>
  %0 = graph.neg %x : tensor<2x3xi32> -> tensor<2x3xi32>
  // CHECK: graph.abs %{{.*}} : tensor<2x3xi32> -> tensor<2x3xi32>
  %1 = graph.abs %0 : tensor<2x3xi32> -> tensor<2x3xi32>
  // CHECK: graph.sign %{{.*}} : tensor<2x3xi32> -> tensor<2x3xi32>
  %2 = graph.sign %1 : tensor<2x3xi32> -> tensor<2x3xi32>
  // CHECK: graph.relu %{{.*}} : tensor<2x3xi32> -> tensor<2x3xi32>
  %3 = graph.relu %2 : tensor<2x3xi32> -> tensor<2x3xi32>
  // CHECK: graph.bitwise_not %{{.*}} : tensor<2x3xi32> -> tensor<2x3xi32>
  %4 = graph.bitwise_not %3 : tensor<2x3xi32> -> tensor<2x3xi32>
  return %4 : tensor<2x3xi32>
}

// CHECK-LABEL: func.func @truth(
func.func @truth(%x: tensor<2x3xf32>, %s: tensor<f32>) -> tensor<2x3xf32> {
  // CHECK: graph.is_nan %{{.*}} : tensor<2x3xf32> -> tensor<2x3xi1>
  %0 = graph.is_nan %x : tensor<2x3xf32> -> tensor<2x3xi1>
  // CHECK: graph.is_inf %{{.*}} {detect_negative = true, detect_positive = false} : tensor<2x3xf32> -> tensor<2x3xi1>
  %1 = graph.is_inf %x {detect_negative = true, detect_positive = false} : tensor<2x3xf32> -> tensor<2x3xi1>
  // CHECK: graph.not %{{.*}} : tensor<2x3xi1> -> tensor<2x3xi1>
  %2 = graph.not %0 : tensor<2x3xi1> -> tensor<2x3xi1>
  // CHECK: graph.and %{{.*}}, %{{.*}} : (tensor<2x3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>
  %3 = graph.and %2, %1 : (tensor<2x3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>
  // CHECK: graph.or %{{.*}}, %{{.*}} : (tensor<2x3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>
  %4 = graph.or %3, %1 : (tensor<2x3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>
  // CHECK: graph.xor %{{.*}}, %{{.*}} : (tensor<2x3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>
  %5 = graph.xor %4, %1 : (tensor<2x3xi1>, tensor<2x3xi1>) -> tensor<2x3xi1>
  // CHECK: graph.equal %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  %6 = graph.equal %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  // CHECK: graph.less %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  %7 = graph.less %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  // CHECK: graph.less_equal %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  %8 = graph.less_equal %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  // CHECK: graph.greater %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  %9 = graph.greater %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  // CHECK: graph.greater_equal %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  %10 = graph.greater_equal %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  // CHECK: graph.select %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x3xi1>, tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %11 = graph.select %10, %x, %s : (tensor<2x3xi1>, tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  return %11 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @broadcast(
func.func @broadcast(%x: tensor<2x3xf32>, %r: tensor<3xf32>, %e: tensor<i64>) -> tensor<2x3xf32> {
  // CHECK: graph.add %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %0 = graph.add %x, %r : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: graph.sub %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %1 = graph.sub %0, %r : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: graph.mul %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = graph.mul %1, %r : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: graph.div %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %3 = graph.div %2, %r : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: graph.min %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %4 = graph.min %3, %r : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: graph.max %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %5 = graph.max %4, %r : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: graph.mod %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %6 = graph.mod %5, %r : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: graph.fmod %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %7 = graph.fmod %6, %r : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: graph.prelu %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %8 = graph.prelu %7, %r : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  // CHECK: graph.pow %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<i64>) -> tensor<2x3xf32>
  %9 = graph.pow %8, %e : (tensor<2x3xf32>, tensor<i64>) -> tensor<2x3xf32>
  return %9 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @bits(
func.func @bits(%x: tensor<2x3xui8>, %s: tensor<ui8>) -> tensor<2x3xui8> {
  // CHECK: graph.bitwise_and %{{.*}}, %{{.*}} : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  %0 = graph.bitwise_and %x, %s : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  // CHECK: graph.bitwise_or %{{.*}}, %{{.*}} : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  %1 = graph.bitwise_or %0, %s : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  // CHECK: graph.bitwise_xor %{{.*}}, %{{.*}} : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  %2 = graph.bitwise_xor %1, %s : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  // CHECK: graph.shift_left %{{.*}}, %{{.*}} : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  %3 = graph.shift_left %2, %s : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  // CHECK: graph.shift_right %{{.*}}, %{{.*}} : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  %4 = graph.shift_right %3, %s : (tensor<2x3xui8>, tensor<ui8>) -> tensor<2x3xui8>
  return %4 : tensor<2x3xui8>
}

// CHECK-LABEL: func.func @casts(
func.func @casts(%x: tensor<2x3xf32>) -> tensor<2x3xui64> {
  // CHECK: graph.bitcast %{{.*}} : tensor<2x3xf32> -> tensor<2x3xui32>
  %bits = graph.bitcast %x : tensor<2x3xf32> -> tensor<2x3xui32>
  // CHECK: graph.cast %{{.*}} : tensor<2x3xf32> -> tensor<2x3xbf16>
  %0 = graph.cast %x : tensor<2x3xf32> -> tensor<2x3xbf16>
  // CHECK: graph.cast %{{.*}} : tensor<2x3xbf16> -> tensor<2x3xi1>
  %1 = graph.cast %0 : tensor<2x3xbf16> -> tensor<2x3xi1>
  // CHECK: graph.cast %{{.*}} : tensor<2x3xi1> -> tensor<2x3xui64>
  %2 = graph.cast %1 : tensor<2x3xi1> -> tensor<2x3xui64>
  return %2 : tensor<2x3xui64>
}

// CHECK-LABEL: func.func @quantization(
func.func @quantization(%x: tensor<2x3xf32>, %s: tensor<3xf32>, %z: tensor<3xi8>) -> tensor<2x3xf16> {
  // CHECK: graph.quantize %{{.*}} scale %{{.*}} zero %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xi8>) -> tensor<2x3xi8>
  %0 = graph.quantize %x scale %s zero %z : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xi8>) -> tensor<2x3xi8>
  // CHECK: graph.dequantize %{{.*}} scale %{{.*}} : (tensor<2x3xi8>, tensor<3xf32>) -> tensor<2x3xf16>
  %1 = graph.dequantize %0 scale %s : (tensor<2x3xi8>, tensor<3xf32>) -> tensor<2x3xf16>
  return %1 : tensor<2x3xf16>
}
