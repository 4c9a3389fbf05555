// Pooling reads back as it was written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @max(
func.func @max(%x: tensor<1x4x8x8xui8>) -> tensor<1x4x4x4xui8> {
  // CHECK: graph.max_pool %{{.*}} kernel = [3, 2] strides = [2, 2] pads = [1, 0, 1, 0] dilations = [1, 1] : tensor<1x4x8x8xui8> -> tensor<1x4x4x4xui8>
  %0 = graph.max_pool %x kernel = [3, 2] strides = [2, 2] pads = [1, 0, 1, 0] dilations = [1, 1] : tensor<1x4x8x8xui8> -> tensor<1x4x4x4xui8>
  return %0 : tensor<1x4x4x4xui8>
}

// CHECK-LABEL: func.func @average(
func.func @average(%x: tensor<1x8x4xf32>) -> tensor<1x5x4xf32> {
  // CHECK: graph.average_pool %{{.*}} channels_last kernel = [3] strides = [2] pads = [1, 1] dilations = [1] ceil_mode {count_include_pad} : tensor<1x8x4xf32> -> tensor<1x5x4xf32>
  %0 = graph.average_pool %x channels_last kernel = [3] strides = [2] pads = [1, 1] dilations = [1] ceil_mode {count_include_pad} : tensor<1x8x4xf32> -> tensor<1x5x4xf32>
  return %0 : tensor<1x5x4xf32>
}
