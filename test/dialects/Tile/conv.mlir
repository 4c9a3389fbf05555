// The convolutions and the padding before them survive printing and parsing, on tensors and on memrefs.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-DAG: #[[O:.*]] = affine_map<(d0, d1, d2, d3) -> (d3)>

// CHECK-LABEL: func.func @conv(
func.func @conv(%x: tensor<?x58x58x64xf32>, %w: tensor<2x3x3x64x32xf32>,
                %bias: tensor<64xf32>, %y: tensor<?x56x56x64xf32>) -> tensor<?x56x56x64xf32> {
  // CHECK: tile.conv ins(%{{.*}}, %{{.*}} : tensor<?x58x58x64xf32>, tensor<2x3x3x64x32xf32>)
  // CHECK-SAME: extras(%{{.*}} : tensor<64xf32>) outs(%{{.*}} : tensor<?x56x56x64xf32>)
  // CHECK-SAME: strides [1, 1] dilations [1, 1]
  // CHECK-SAME: tiling(<rows = 14, vectors = 2, lanes = 16, unroll = 4, prefetch = 1>)
  // CHECK-SAME: maps [#[[O]]]
  %0 = tile.conv ins(%x, %w : tensor<?x58x58x64xf32>, tensor<2x3x3x64x32xf32>)
      extras(%bias : tensor<64xf32>) outs(%y : tensor<?x56x56x64xf32>)
      strides [1, 1] dilations [1, 1]
      tiling(<rows = 14, vectors = 2, lanes = 16, unroll = 4, prefetch = 1>)
      maps [affine_map<(n, y, x, o) -> (o)>] {
  ^bb0(%acc: f32, %b: f32):
    %s = arith.addf %acc, %b : f32
    tile.yield %s : f32
  } -> tensor<?x56x56x64xf32>
  return %0 : tensor<?x56x56x64xf32>
}

// CHECK-LABEL: func.func @depthwise(
func.func @depthwise(%x: memref<?x?x?x96xf32>, %w: memref<3x3x96xf32>, %y: memref<?x?x?x96xf32>) {
  // CHECK: tile.depthwise_conv ins({{.*}}) outs(%{{.*}} : memref<?x?x?x96xf32>)
  // CHECK-SAME: strides [2, 2] dilations [1, 1] tiling(<rows = 4, vectors = 1, lanes = 16>) maps []{{$}}
  tile.depthwise_conv ins(%x, %w : memref<?x?x?x96xf32>, memref<3x3x96xf32>)
      outs(%y : memref<?x?x?x96xf32>) strides [2, 2] dilations [1, 1]
      tiling(<rows = 4, vectors = 1, lanes = 16>) maps []
  return
}

// CHECK-LABEL: func.func @pad(
func.func @pad(%x: tensor<?x?x?x3xf32>, %y: tensor<?x?x?x3xf32>) -> tensor<?x?x?x3xf32> {
  // CHECK: tile.pad ins(%{{.*}} : tensor<?x?x?x3xf32>) outs(%{{.*}} : tensor<?x?x?x3xf32>)
  // CHECK-SAME: offsets [1, 0] tiling(<rows = 1, vectors = 1, lanes = 16>) -> tensor<?x?x?x3xf32>
  %0 = tile.pad ins(%x : tensor<?x?x?x3xf32>) outs(%y : tensor<?x?x?x3xf32>)
      offsets [1, 0] tiling(<rows = 1, vectors = 1, lanes = 16>) -> tensor<?x?x?x3xf32>
  return %0 : tensor<?x?x?x3xf32>
}

// CHECK-LABEL: func.func @bytes(
func.func @bytes(%x: memref<1x5x5x8xi8>, %w: memref<1x3x6x16x4xi8>, %y: memref<1x3x3x16xi32>) {
  // CHECK: tile.conv {{.*}} dilations [1, 1] kernel_width 3 tiling(<rows = 3, vectors = 2, lanes = 8, unit = "madd.u8s8">)
  tile.conv ins(%x, %w : memref<1x5x5x8xi8>, memref<1x3x6x16x4xi8>)
      outs(%y : memref<1x3x3x16xi32>) strides [1, 1] dilations [1, 1] kernel_width 3
      tiling(<rows = 3, vectors = 2, lanes = 8, unit = "madd.u8s8">) maps []
  return
}

// CHECK-LABEL: func.func @pack(
func.func @pack(%x: tensor<16x8x3x3xi8>, %y: tensor<1x3x6x16x4xi8>) -> tensor<1x3x6x16x4xi8> {
  // CHECK: tile.pack ins(%{{.*}} : tensor<16x8x3x3xi8>) outs(%{{.*}} : tensor<1x3x6x16x4xi8>)
  // CHECK-SAME: tiled = 0 order = [2, 3, 1] tile = 16 step = 4 run = 2 -> tensor<1x3x6x16x4xi8>
  %0 = tile.pack ins(%x : tensor<16x8x3x3xi8>) outs(%y : tensor<1x3x6x16x4xi8>)
      tiled = 0 order = [2, 3, 1] tile = 16 step = 4 run = 2 -> tensor<1x3x6x16x4xi8>
  return %0 : tensor<1x3x6x16x4xi8>
}

// CHECK-LABEL: func.func @pad_value(
func.func @pad_value(%x: memref<1x5x5x8xi8>, %y: memref<1x7x7x8xi8>) {
  // CHECK: tile.pad {{.*}} offsets [1, 1] value 7 : i8 tiling
  tile.pad ins(%x : memref<1x5x5x8xi8>) outs(%y : memref<1x7x7x8xi8>)
      offsets [1, 1] value 7 : i8 tiling(<rows = 1, vectors = 1, lanes = 8>)
  return
}
