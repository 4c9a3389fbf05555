// Convolutions of one and three spatial dims and of groups are computed as those of two.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --canonicalize | FileCheck %s

// A line alone is cut into tasks.
// CHECK-LABEL: kernel.func @line(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.conv.direct"
// CHECK: tile.conv ins(%{{.*}} : tensor<1x16002x32xf32>, tensor<{{.*}}x3x32x{{.*}}xf32>)
// CHECK-SAME: strides [1] dilations [1] tiling(<{{.*}} task_rows = {{[1-9]}}
kernel.func @line(%x: tensor<1x16002x32xf32>, %f: tensor<64x32x3xf32> {kernel.constant}) -> tensor<1x16000x64xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %f channels_last strides = [1] pads = [0, 0] dilations = [1] groups = 1
      : (tensor<1x16002x32xf32>, tensor<64x32x3xf32>) -> tensor<1x16000x64xf32>
  kernel.return %0 : tensor<1x16000x64xf32>
}

// CHECK-LABEL: kernel.func @volume(
// CHECK: tile.conv {{.*}} strides [1, 1, 1] dilations [1, 1, 1]
kernel.func @volume(%x: tensor<1x8x8x8x16xf32>, %f: tensor<32x16x3x3x3xf32> {kernel.constant}) -> tensor<1x6x6x6x32xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %f channels_last strides = [1, 1, 1] pads = [0, 0, 0, 0, 0, 0] dilations = [1, 1, 1] groups = 1
      : (tensor<1x8x8x8x16xf32>, tensor<32x16x3x3x3xf32>) -> tensor<1x6x6x6x32xf32>
  kernel.return %0 : tensor<1x6x6x6x32xf32>
}

// CHECK-LABEL: kernel.func @depthwise_line(
// CHECK: tile.depthwise_conv {{.*}} strides [1] dilations [2]
kernel.func @depthwise_line(%x: tensor<1x104x16xf32>, %f: tensor<16x1x3xf32> {kernel.constant}) -> tensor<1x100x16xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %f channels_last strides = [1] pads = [0, 0] dilations = [2] groups = 16
      : (tensor<1x104x16xf32>, tensor<16x1x3xf32>) -> tensor<1x100x16xf32>
  kernel.return %0 : tensor<1x100x16xf32>
}

// Panels end with groups: 12 outputs are three panels of 4.
// CHECK-LABEL: kernel.func @groups(
// CHECK: tile.conv ins(%{{.*}} : tensor<1x10x10x16xf32>, tensor<12x3x3x4x4xf32>)
// CHECK-SAME: groups 4 tiling(<rows = 8, vectors = 1, lanes = 4
kernel.func @groups(%x: tensor<1x10x10x16xf32>, %f: tensor<48x4x3x3xf32> {kernel.constant}) -> tensor<1x8x8x48xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %f channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 4
      : (tensor<1x10x10x16xf32>, tensor<48x4x3x3xf32>) -> tensor<1x8x8x48xf32>
  kernel.return %0 : tensor<1x8x8x48xf32>
}

// CHECK-LABEL: kernel.func @pad(
// CHECK: tile.pad {{.*}} offsets [2]
kernel.func @pad(%x: tensor<1x100x16xf32>) -> tensor<1x104x16xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.pad constant %x amounts = <() -> (0, 2, 0, 0, 2, 0)> : (tensor<1x100x16xf32>) -> tensor<1x104x16xf32>
  kernel.return %0 : tensor<1x104x16xf32>
}

// A task of rows reads the filters of all groups; where they are larger than the cache, it has whole lines of one panel.
// CHECK-LABEL: kernel.func @large_groups(
// CHECK: tile.conv {{.*}} groups 16 tiling(<{{.*}} task_panels = 1
// CHECK-NOT: task_rows
// CHECK: kernel.return
kernel.func @large_groups(%x: tensor<1x327x768xf32>, %f: tensor<768x48x128xf32> {kernel.constant}) -> tensor<1x200x768xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %f channels_last strides = [1] pads = [0, 0] dilations = [1] groups = 16
      : (tensor<1x327x768xf32>, tensor<768x48x128xf32>) -> tensor<1x200x768xf32>
  kernel.return %0 : tensor<1x200x768xf32>
}
