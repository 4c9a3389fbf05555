// Convolutions in NHWC: over all channels, over one, and as a plain product.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --pack-constants --canonicalize --split-input-file | FileCheck %s

// The filter is packed, the residual is added in registers.

// CHECK: func.func @main(
// CHECK:   kernel.pack %{{.*}} tiled = 0 order = [2, 3, 1] tile = [[WIDTH:[0-9]+]] : tensor<64x64x3x3xf32> -> tensor<[[PANELS:[0-9]+]]x3x3x64x[[WIDTH]]xf32>
func.func @main(%x: tensor<1x58x58x64xf32>, %r: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = graph.constant dense<1.0> : tensor<64x64x3x3xf32>
  %b = graph.constant dense<1.0> : tensor<64xf32>
  %0 = kernel.call @conv affine_map<() -> ()> (%x, %w, %b, %r) : (tensor<1x58x58x64xf32>, tensor<64x64x3x3xf32>, tensor<64xf32>, tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  return %0 : tensor<1x56x56x64xf32>
}

// CHECK: kernel.func @conv(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.direct"
// CHECK:   tile.conv ins(%{{.*}}, %{{.*}} : tensor<1x58x58x64xf32>, tensor<[[PANELS]]x3x3x64x[[WIDTH]]xf32>)
// CHECK-SAME: extras(%{{.*}}, %{{.*}} : tensor<64xf32>, tensor<1x56x56x64xf32>)
// CHECK-SAME: strides [1, 1] dilations [1, 1]
// CHECK-NOT: linalg.generic
kernel.func @conv(%x: tensor<1x58x58x64xf32>, %w: tensor<64x64x3x3xf32> {kernel.constant},
                  %bias: tensor<64xf32> {kernel.constant}, %r: tensor<1x56x56x64xf32>)
    -> tensor<1x56x56x64xf32> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 {kernel.strict}
      : (tensor<1x58x58x64xf32>, tensor<64x64x3x3xf32>) -> tensor<1x56x56x64xf32>
  %1 = graph.add %0, %bias : (tensor<1x56x56x64xf32>, tensor<64xf32>) -> tensor<1x56x56x64xf32>
  %2 = graph.add %1, %r : (tensor<1x56x56x64xf32>, tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  %3 = graph.relu %2 : tensor<1x56x56x64xf32> -> tensor<1x56x56x64xf32>
  kernel.return %3 : tensor<1x56x56x64xf32>
}

// -----

// A 1x1 convolution is a product with every pixel as a row.

// CHECK: kernel.func @pointwise(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.gemm.packed"
// CHECK:   %[[W:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2, 3], [4]] : tensor<{{[0-9]+}}x1x1x24x{{[0-9]+}}xf32>
// CHECK:   tile.contract ins(%{{.*}}, %[[W]] : tensor<1x?x?x24xf32>, {{.*}}) outs(%{{.*}} : tensor<1x?x?x144xf32>) packed
#in = #graph.dims<()[s0, s1] -> (1, s0, s1, 24)>
#out = #graph.dims<()[s0, s1] -> (1, s0, s1, 144)>
kernel.func @pointwise(%h: index, %w: index, %x: tensor<1x?x?x24xf32, #in>, %f: tensor<144x24x1x1xf32> {kernel.constant})
    -> tensor<1x?x?x144xf32, #out> attributes {sizes = 2 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.conv %x, %f channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
      : (tensor<1x?x?x24xf32, #in>, tensor<144x24x1x1xf32>) -> tensor<1x?x?x144xf32, #out>
  kernel.return %0 : tensor<1x?x?x144xf32, #out>
}

// -----

// CHECK: func.func @main(
// CHECK:   kernel.pack %{{.*}} tiled = 0 order = [2, 3, 1] tile = 96 : tensor<96x1x3x3xf32> -> tensor<1x3x3x1x96xf32>
func.func @main(%x: tensor<1x113x113x96xf32>) -> tensor<1x56x56x96xf32> {
  %w = graph.constant dense<1.0> : tensor<96x1x3x3xf32>
  %0 = kernel.call @depthwise affine_map<() -> ()> (%x, %w) : (tensor<1x113x113x96xf32>, tensor<96x1x3x3xf32>) -> tensor<1x56x56x96xf32>
  return %0 : tensor<1x56x56x96xf32>
}

// CHECK: kernel.func @depthwise(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.depthwise"
// CHECK:   tile.depthwise_conv ins(%{{.*}}, %{{.*}} : tensor<1x113x113x96xf32>, tensor<3x3x96xf32>)
// CHECK-SAME: strides [2, 2]
kernel.func @depthwise(%x: tensor<1x113x113x96xf32>, %w: tensor<96x1x3x3xf32> {kernel.constant})
    -> tensor<1x56x56x96xf32> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.conv %x, %w channels_last strides = [2, 2] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 96
      : (tensor<1x113x113x96xf32>, tensor<96x1x3x3xf32>) -> tensor<1x56x56x96xf32>
  %low = graph.constant dense<0.0> : tensor<f32>
  %1 = graph.max %0, %low : (tensor<1x56x56x96xf32>, tensor<f32>) -> tensor<1x56x56x96xf32>
  kernel.return %1 : tensor<1x56x56x96xf32>
}

// -----

// CHECK: kernel.func @pad(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.pad"
// CHECK:   tile.pad ins(%{{.*}} : tensor<1x56x56x64xf32>) outs(%{{.*}} : tensor<1x58x58x64xf32>) offsets [1, 1]
kernel.func @pad(%x: tensor<1x56x56x64xf32>) -> tensor<1x58x58x64xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.pad constant %x amounts = <() -> (0, 1, 1, 0, 0, 1, 1, 0)> : (tensor<1x56x56x64xf32>) -> tensor<1x58x58x64xf32>
  kernel.return %0 : tensor<1x58x58x64xf32>
}

// -----

// A group is a run of panels, as wide as its outputs allow.

// CHECK: kernel.func @grouped(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.direct"
// CHECK:   tile.conv ins(%{{.*}}, %{{.*}} : tensor<1x9x9x8xf32>, tensor<2x3x3x4x4xf32>) {{.*}} groups 2
kernel.func @grouped(%x: tensor<1x9x9x8xf32>, %w: tensor<8x4x3x3xf32> {kernel.constant})
    -> tensor<1x7x7x8xf32> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 2
      : (tensor<1x9x9x8xf32>, tensor<8x4x3x3xf32>) -> tensor<1x7x7x8xf32>
  kernel.return %0 : tensor<1x7x7x8xf32>
}
