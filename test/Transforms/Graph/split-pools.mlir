// The maximum of a large window is that of the maxima of its lines.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(func.func(graph-split-pools))' | FileCheck %s

// CHECK-LABEL: func.func @large
// CHECK: %[[T:.*]] = graph.max_pool %{{.*}} kernel = [13, 1] strides = [1, 1] pads = [6, 0, 6, 0] dilations = [1, 1] : tensor<1x8x20x30xf32> -> tensor<1x8x20x30xf32>
// CHECK: graph.max_pool %[[T]] kernel = [1, 13] strides = [1, 1] pads = [0, 6, 0, 6] dilations = [1, 1] : tensor<1x8x20x30xf32> -> tensor<1x8x20x30xf32>
func.func @large(%x: tensor<1x8x20x30xf32>) -> tensor<1x8x20x30xf32> {
  %y = graph.max_pool %x kernel = [13, 13] strides = [1, 1] pads = [6, 6, 6, 6] dilations = [1, 1] : tensor<1x8x20x30xf32> -> tensor<1x8x20x30xf32>
  return %y : tensor<1x8x20x30xf32>
}

// What shrinks goes first, also with channels last.
// CHECK-LABEL: func.func @strided
// CHECK: graph.max_pool %{{.*}} channels_last kernel = [1, 5] strides = [1, 2] pads = [0, 2, 0, 2] dilations = [1, 1] ceil_mode : tensor<1x20x30x8xi8> -> tensor<1x20x15x8xi8>
// CHECK: graph.max_pool %{{.*}} channels_last kernel = [5, 1] strides = [1, 1] pads = [1, 0, 3, 0] dilations = [1, 1] ceil_mode : tensor<1x20x15x8xi8> -> tensor<1x20x15x8xi8>
func.func @strided(%x: tensor<1x20x30x8xi8>) -> tensor<1x20x15x8xi8> {
  %y = graph.max_pool %x channels_last kernel = [5, 5] strides = [1, 2] pads = [1, 2, 3, 2] dilations = [1, 1] ceil_mode : tensor<1x20x30x8xi8> -> tensor<1x20x15x8xi8>
  return %y : tensor<1x20x15x8xi8>
}

// CHECK-LABEL: func.func @stays
// CHECK-COUNT-3: graph.max_pool
// CHECK-NOT: graph.max_pool
func.func @stays(%x: tensor<1x8x20x30xf32>) -> (tensor<1x8x17x27xf32>, tensor<1x8x1x1xf32>, tensor<1x8x20x14xf32>) {
  %a = graph.max_pool %x kernel = [4, 4] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x8x20x30xf32> -> tensor<1x8x17x27xf32>
  %b = graph.max_pool %x kernel = [20, 30] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x8x20x30xf32> -> tensor<1x8x1x1xf32>
  %c = graph.max_pool %x kernel = [1, 17] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x8x20x30xf32> -> tensor<1x8x20x14xf32>
  return %a, %b, %c : tensor<1x8x17x27xf32>, tensor<1x8x1x1xf32>, tensor<1x8x20x14xf32>
}
