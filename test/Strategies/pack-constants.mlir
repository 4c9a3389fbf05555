// What a kernel says of an argument is done at each of its calls, once.
// RUN: lathe-opt %s --pack-constants --pack-constants --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: func.func @main(
// CHECK: %[[P:.*]] = kernel.pack %{{.*}} tiled = 1 order = [0] tile = 16 : tensor<3x20xf32> -> tensor<2x3x16xf32>
// CHECK-NEXT: %[[A:.*]] = kernel.call @k affine_map<() -> ()>(%{{.*}}, %[[P]])
// CHECK: %[[Q:.*]] = kernel.pack
// CHECK-NEXT: kernel.call @k affine_map<() -> ()>(%[[A]], %[[Q]])
// CHECK-NEXT: return
func.func @main(%x: tensor<20x3xf32>) -> tensor<20x3xf32> {
  %w = graph.constant dense<1.0> : tensor<3x20xf32>
  %0 = kernel.call @k affine_map<() -> ()>(%x, %w) : (tensor<20x3xf32>, tensor<3x20xf32>) -> tensor<20x3xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%0, %w) : (tensor<20x3xf32>, tensor<3x20xf32>) -> tensor<20x3xf32>
  return %1 : tensor<20x3xf32>
}
kernel.func @k(%x: tensor<20x3xf32>, %w: tensor<2x3x16xf32> {kernel.constant, kernel.packing = {order = array<i64: 0>, tile = 16 : i64, tiled = 1 : i64}})
    -> tensor<20x3xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<20x3xf32>
}
