// Padding of convolutions and of max pools is an op of its own.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-materialize-padding))" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @conv(
// CHECK-SAME: %[[X:.*]]: tensor<1x8x9x3xf32>
// CHECK-NEXT: %[[P:.*]] = graph.pad constant %[[X]] amounts = <() -> (0, 1, 2, 0, 0, 3, 4, 0)> : (tensor<1x8x9x3xf32>) -> tensor<1x12x15x3xf32>
// CHECK-NEXT: graph.conv %[[P]], %{{.*}} channels_last strides = [1, 1] pads = [0, 0, 0, 0]
func.func @conv(%x: tensor<1x8x9x3xf32>, %f: tensor<4x3x3x3xf32>) -> tensor<1x10x13x4xf32> {
  %y = graph.conv %x, %f channels_last strides = [1, 1] pads = [1, 2, 3, 4] dilations = [1, 1] groups = 1 : (tensor<1x8x9x3xf32>, tensor<4x3x3x3xf32>) -> tensor<1x10x13x4xf32>
  return %y : tensor<1x10x13x4xf32>
}

// -----

#x = #graph.dims<()[s0] -> (1, s0, 3)>
// A maximum of many positions is padded with what never wins it, also where the size is free.
// CHECK-LABEL: func.func @max_pool(
// CHECK: %[[V:.*]] = graph.constant dense<0xFC00> : tensor<f16>
// CHECK: %[[P:.*]] = graph.pad constant %{{.*}} value %[[V]] amounts = <() -> (0, 8, 0, 0, 8, 0)> : {{.*}} -> tensor<1x?x3xf16, #graph.dims<()[s0] -> (1, s0 + 16, 3)>>
// CHECK: graph.max_pool %[[P]] channels_last kernel = [17] strides = [1] pads = [0, 0]
func.func @max_pool(%x: tensor<1x?x3xf16, #x>) -> tensor<1x?x3xf16, #x> attributes {graph.symbols = [#graph.symbol<"n">]} {
  %y = graph.max_pool %x channels_last kernel = [17] strides = [1] pads = [8, 8] dilations = [1] : tensor<1x?x3xf16, #x> -> tensor<1x?x3xf16, #x>
  return %y : tensor<1x?x3xf16, #x>
}

// -----

// Channels first, integers, means, windows that reach beyond the padding or have few
// positions, and no padding at all: all stay.
// CHECK-LABEL: func.func @stays(
// CHECK-NOT: graph.pad
// CHECK: graph.conv %{{.*}} pads = [1, 1]
// CHECK-NEXT: graph.max_pool %{{.*}} pads = [1, 1]
// CHECK-NEXT: graph.average_pool %{{.*}} pads = [1, 1]
// CHECK-NEXT: graph.max_pool %{{.*}} pads = [1, 1]
// CHECK-NEXT: graph.conv %{{.*}} pads = [0, 0]
// CHECK-NEXT: return
func.func @stays(%x: tensor<1x8x3xf32>, %i: tensor<1x8x3xi8>, %f: tensor<4x8x3xf32>, %g: tensor<4x3x1xf32>)
    -> (tensor<1x4x3xf32>, tensor<1x8x3xi8>, tensor<1x8x3xf32>, tensor<1x5x3xf32>, tensor<1x8x4xf32>) {
  %0 = graph.conv %x, %f strides = [1] pads = [1, 1] dilations = [1] groups = 1 : (tensor<1x8x3xf32>, tensor<4x8x3xf32>) -> tensor<1x4x3xf32>
  %1 = graph.max_pool %i channels_last kernel = [3] strides = [1] pads = [1, 1] dilations = [1] : tensor<1x8x3xi8> -> tensor<1x8x3xi8>
  %2 = graph.average_pool %x channels_last kernel = [3] strides = [1] pads = [1, 1] dilations = [1] : tensor<1x8x3xf32> -> tensor<1x8x3xf32>
  %3 = graph.max_pool %x channels_last kernel = [3] strides = [2] pads = [1, 1] dilations = [1] ceil_mode : tensor<1x8x3xf32> -> tensor<1x5x3xf32>
  %4 = graph.conv %x, %g channels_last strides = [1] pads = [0, 0] dilations = [1] groups = 1 : (tensor<1x8x3xf32>, tensor<4x3x1xf32>) -> tensor<1x8x4xf32>
  return %0, %1, %2, %3, %4 : tensor<1x4x3xf32>, tensor<1x8x3xi8>, tensor<1x8x3xf32>, tensor<1x5x3xf32>, tensor<1x8x4xf32>
}
