// Zeros around an image are not written first where the convolution's strategy reads it without them.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(kernel-form-groups{target=x86_64:v3}))" --split-input-file | FileCheck %s
// RUN: lathe-opt %s --lathe-partition="target=x86_64:v3" --lathe-lower="target=x86_64:v3" --lathe-schedule="target=x86_64:v3" --split-input-file | FileCheck %s --check-prefix=TILE

// CHECK-LABEL: func.func @padded(
// CHECK: kernel.group
// CHECK-NEXT: graph.pad
// CHECK-NEXT: graph.conv {{.*}}kernel.root
// CHECK-NEXT: graph.relu
// CHECK-NEXT: kernel.yield
// CHECK-NOT: kernel.group

// TILE-NOT: tensor.pad
// TILE: tile.winograd_conv ins(%{{.*}}, %{{.*}} : tensor<1x56x56x64xf32>, tensor<4x6x6x64x16xf32>)
// TILE-SAME: offsets [1, 1]
func.func @padded(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
  %w = graph.constant dense<1.0> : tensor<64x64x3x3xf32>
  %0 = graph.pad constant %x amounts = <() -> (0, 1, 1, 0, 0, 1, 1, 0)> : (tensor<1x56x56x64xf32>) -> tensor<1x58x58x64xf32>
  %1 = graph.conv %0, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
      : (tensor<1x58x58x64xf32>, tensor<64x64x3x3xf32>) -> tensor<1x56x56x64xf32>
  %2 = graph.relu %1 : tensor<1x56x56x64xf32> -> tensor<1x56x56x64xf32>
  return %2 : tensor<1x56x56x64xf32>
}

// -----

// Where sums must be those of the definition, the convolution reads a padded copy.
// CHECK-LABEL: func.func @strict(
// CHECK: kernel.group
// CHECK-NEXT: graph.pad
// CHECK-NEXT: kernel.yield
// CHECK: kernel.group
// CHECK-NEXT: graph.conv {{.*}}kernel.root, kernel.strict
module attributes {kernel.strict} {
  func.func @strict(%x: tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32> {
    %w = graph.constant dense<1.0> : tensor<64x64x3x3xf32>
    %0 = graph.pad constant %x amounts = <() -> (0, 1, 1, 0, 0, 1, 1, 0)> : (tensor<1x56x56x64xf32>) -> tensor<1x58x58x64xf32>
    %1 = graph.conv %0, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
        : (tensor<1x58x58x64xf32>, tensor<64x64x3x3xf32>) -> tensor<1x56x56x64xf32>
    return %1 : tensor<1x56x56x64xf32>
  }
}
