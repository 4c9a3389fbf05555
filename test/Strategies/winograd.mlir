// Convolutions of 3x3 taps with enough channels go by Winograd's filtering, with what follows as the
// epilogue; the transformed filter is packed where the kernel is called.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --pack-constants --canonicalize --split-input-file | FileCheck %s

// CHECK: func.func @main(
// CHECK: kernel.pack %{{.*}} tiled = 0 order = [2, 3, 1] tile = 16 winograd = 4 : tensor<64x64x3x3xf32> -> tensor<4x6x6x64x16xf32>
func.func @main(%x: tensor<1x58x58x64xf32>, %r: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = graph.constant dense<1.0> : tensor<64x64x3x3xf32>
  %0 = kernel.call @conv affine_map<() -> ()> (%x, %w, %r) : (tensor<1x58x58x64xf32>, tensor<64x64x3x3xf32>, tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  return %0 : tensor<1x56x56x64xf32>
}

// CHECK: kernel.func @conv(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.winograd", {{.*}}outputs = 4
// CHECK: tile.winograd_conv ins(%{{.*}}, %{{.*}} : tensor<1x58x58x64xf32>, tensor<4x6x6x64x16xf32>)
// CHECK-SAME: extras(%{{.*}} : tensor<1x56x56x64xf32>)
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
kernel.func @conv(%x: tensor<1x58x58x64xf32>, %w: tensor<64x64x3x3xf32> {kernel.constant}, %r: tensor<1x56x56x64xf32>)
    -> tensor<1x56x56x64xf32> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
      : (tensor<1x58x58x64xf32>, tensor<64x64x3x3xf32>) -> tensor<1x56x56x64xf32>
  %1 = graph.add %0, %r : (tensor<1x56x56x64xf32>, tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  kernel.return %1 : tensor<1x56x56x64xf32>
}

// -----

// Few squares are several tasks: parts of the panels.
// CHECK: kernel.func @small(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.winograd", {{.*}}task_panels = {{[1-9]}}
kernel.func @small(%x: tensor<1x16x16x256xf32>, %w: tensor<256x256x3x3xf32> {kernel.constant}) -> tensor<1x14x14x256xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
      : (tensor<1x16x16x256xf32>, tensor<256x256x3x3xf32>) -> tensor<1x14x14x256xf32>
  kernel.return %0 : tensor<1x14x14x256xf32>
}

// -----

// Sizes that only the run knows are no obstacle.
// CHECK: kernel.func @open(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.winograd"
kernel.func @open(%n: index, %h: index, %x: tensor<?x?x58x64xf32, #graph.dims<()[s0, s1] -> (s0, s1 + 2, 58, 64)>>,
                  %w: tensor<64x64x3x3xf32> {kernel.constant})
    -> tensor<?x?x56x64xf32, #graph.dims<()[s0, s1] -> (s0, s1, 56, 64)>>
    attributes {sizes = 2 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
      : (tensor<?x?x58x64xf32, #graph.dims<()[s0, s1] -> (s0, s1 + 2, 58, 64)>>, tensor<64x64x3x3xf32>)
      -> tensor<?x?x56x64xf32, #graph.dims<()[s0, s1] -> (s0, s1, 56, 64)>>
  kernel.return %0 : tensor<?x?x56x64xf32, #graph.dims<()[s0, s1] -> (s0, s1, 56, 64)>>
}

// -----

// Where sums must be those of the definition, the filter is not known beforehand, or there are too
// few channels, they are computed term by term.
// CHECK: kernel.func @strict(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.direct"
kernel.func @strict(%x: tensor<1x58x58x64xf32>, %w: tensor<64x64x3x3xf32> {kernel.constant}) -> tensor<1x56x56x64xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 {kernel.strict}
      : (tensor<1x58x58x64xf32>, tensor<64x64x3x3xf32>) -> tensor<1x56x56x64xf32>
  kernel.return %0 : tensor<1x56x56x64xf32>
}
// CHECK: kernel.func @computed(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.direct"
kernel.func @computed(%x: tensor<1x58x58x64xf32>, %w: tensor<64x64x3x3xf32>) -> tensor<1x56x56x64xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
      : (tensor<1x58x58x64xf32>, tensor<64x64x3x3xf32>) -> tensor<1x56x56x64xf32>
  kernel.return %0 : tensor<1x56x56x64xf32>
}
// CHECK: kernel.func @colours(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.direct"
kernel.func @colours(%x: tensor<1x58x58x3xf32>, %w: tensor<64x3x3x3xf32> {kernel.constant}) -> tensor<1x56x56x64xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
      : (tensor<1x58x58x3xf32>, tensor<64x3x3x3xf32>) -> tensor<1x56x56x64xf32>
  kernel.return %0 : tensor<1x56x56x64xf32>
}
