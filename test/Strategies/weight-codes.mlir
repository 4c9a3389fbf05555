// Weights in codes are packed with what they share; two of 4 bits lie in a byte.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --pack-constants --canonicalize --split-input-file | FileCheck %s

// CHECK: func.func @main(
// CHECK:   kernel.pack %{{.*}} tiled = 0 order = [1, 2] tile = [[W:[0-9]+]] step = 2 run = 2 bits = 4 : tensor<128x2x32xui8> -> tensor<{{[0-9]+}}x32x[[W]]xui8>
// CHECK:   kernel.pack %{{.*}} tiled = 0 order = [1, 2] tile = [[W]] keeps_denormals : tensor<128x2x1xf32> -> tensor<{{[0-9]+}}x2x1x[[W]]xf32>
func.func @main(%x: tensor<1x64xf32>) -> tensor<1x128xf32> {
  %q = graph.constant dense<3> : tensor<128x2x32xui8>
  %s = graph.constant dense<0.5> : tensor<128x2x1xf32>
  %z = graph.constant dense<8> : tensor<128x2x1xui8>
  %0 = kernel.call @matmul affine_map<() -> ()> (%x, %q, %s, %z) : (tensor<1x64xf32>, tensor<128x2x32xui8>, tensor<128x2x1xf32>, tensor<128x2x1xui8>) -> tensor<1x128xf32>
  return %0 : tensor<1x128xf32>
}

// CHECK: kernel.func @matmul(
// CHECK-SAME:    strategy = #kernel.strategy<"cpu.gemm.packed"
// CHECK:   %[[SCRATCH:.*]] = tensor.empty() : tensor<64x{{.*}}xf32>
// CHECK:   tile.contract ins(%{{.*}}, %{{.*}} : tensor<1x64xf32>, {{.*}}xi8>) quantized(%{{.*}}, %{{.*}} : {{.*}}) scratch(%[[SCRATCH]] :
// CHECK-SAME: packed tiling(<rows = 1
// CHECK-SAME: unit = "nibbles.f32u8"
// CHECK-NOT: graph.
kernel.func @matmul(%x: tensor<1x64xf32>, %q: tensor<128x2x32xui8> {kernel.constant}, %s: tensor<128x2x1xf32> {kernel.constant}, %z: tensor<128x2x1xui8> {kernel.constant})
    -> tensor<1x128xf32> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %d = graph.dequantize %q scale %s zero %z {code_bits = 4 : i64} : (tensor<128x2x32xui8>, tensor<128x2x1xf32>, tensor<128x2x1xui8>) -> tensor<128x2x32xf32>
  %r = graph.reshape %d : (tensor<128x2x32xf32>) -> tensor<128x64xf32>
  %w = graph.transpose %r [1, 0] : tensor<128x64xf32> -> tensor<64x128xf32>
  %0 = graph.matmul %x, %w {kernel.root} : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
  kernel.return %0 : tensor<1x128xf32>
}
