// Every form of tile.contract survives printing and parsing.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-DAG: #[[N:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[B0N:.*]] = affine_map<(d0, d1, d2) -> (d0, 0, d2)>

// CHECK-LABEL: func.func @packed_with_bias(
func.func @packed_with_bias(%a: tensor<?x768xf32>, %b: tensor<12x768x64xf32>,
                            %bias: tensor<768xf32>, %c: tensor<?x768xf32>)
    -> tensor<?x768xf32> {
  // CHECK: tile.contract ins(%{{.*}}, %{{.*}} : tensor<?x768xf32>, tensor<12x768x64xf32>)
  // CHECK-SAME: extras(%{{.*}} : tensor<768xf32>) outs(%{{.*}} : tensor<?x768xf32>) packed
  // CHECK-SAME: tiling(<rows = 6, vectors = 4, lanes = 16, unroll = 4, task_rows = 48, task_panels = 1>)
  // CHECK-SAME: maps [#[[N]]] {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: f32):
  // CHECK-NEXT:   %[[SUM:.*]] = arith.addf %[[ACC]], %[[BIAS]] : f32
  // CHECK-NEXT:   tile.yield %[[SUM]] : f32
  // CHECK-NEXT: } -> tensor<?x768xf32>
  %0 = tile.contract ins(%a, %b : tensor<?x768xf32>, tensor<12x768x64xf32>)
      extras(%bias : tensor<768xf32>) outs(%c : tensor<?x768xf32>) packed
      tiling(<rows = 6, vectors = 4, lanes = 16, unroll = 4, task_rows = 48, task_panels = 1>)
      maps [affine_map<(m, n) -> (n)>] {
  ^bb0(%acc: f32, %x: f32):
    %s = arith.addf %acc, %x : f32
    tile.yield %s : f32
  } -> tensor<?x768xf32>
  return %0 : tensor<?x768xf32>
}

// CHECK-LABEL: func.func @batched_memrefs(
func.func @batched_memrefs(%a: memref<?x?x64xf32, strided<[?, ?, 1]>>,
                           %b: memref<?x64x?xf32>, %mask: memref<?x1x?xf32>,
                           %c: memref<?x?x?xf32>) {
  // CHECK: tile.contract ins({{.*}}) extras({{.*}}) outs(%{{.*}} : memref<?x?x?xf32>) tiling
  // CHECK-SAME: maps [#[[B0N]]]
  tile.contract ins(%a, %b : memref<?x?x64xf32, strided<[?, ?, 1]>>, memref<?x64x?xf32>)
      extras(%mask : memref<?x1x?xf32>) outs(%c : memref<?x?x?xf32>)
      tiling(<rows = 6, vectors = 2, lanes = 8>)
      maps [affine_map<(b, m, n) -> (b, 0, n)>] {
  ^bb0(%acc: f32, %x: f32):
    %half = arith.constant 5.0e-01 : f32
    %s = arith.mulf %acc, %half : f32
    %t = arith.addf %s, %x : f32
    tile.yield %t : f32
  }
  return
}

// CHECK-LABEL: func.func @two_batch_dims(
func.func @two_batch_dims(%a: memref<2x12x?x64xf32>, %b: memref<1x12x64x?xf32>, %c: memref<2x12x?x?xf32>) {
  // CHECK: tile.contract ins(%{{.*}}, %{{.*}} : memref<2x12x?x64xf32>, memref<1x12x64x?xf32>)
  tile.contract ins(%a, %b : memref<2x12x?x64xf32>, memref<1x12x64x?xf32>)
      outs(%c : memref<2x12x?x?xf32>) tiling(<rows = 6, vectors = 4, lanes = 16>) maps []
  return
}

// CHECK-LABEL: func.func @no_epilogue(
func.func @no_epilogue(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %c: memref<4x5xf32>) {
  // CHECK: tile.contract ins({{.*}}) outs(%{{.*}} : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>) maps []{{$}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>)
      outs(%c : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// Codes of 4 bits, two in a byte, with a scale and a zero for each block of 32.
// CHECK-LABEL: func.func @codes(
func.func @codes(%a: memref<?x64xf32>, %b: memref<2x32x64xi8>, %s: memref<2x2x64xf32>, %z: memref<2x2x64xi8>,
                 %t: memref<64x64xf32>, %c: memref<?x100xf32>) {
  // CHECK: tile.contract ins(%{{.*}}, %{{.*}} : memref<?x64xf32>, memref<2x32x64xi8>)
  // CHECK-SAME: quantized(%{{.*}}, %{{.*}} : memref<2x2x64xf32>, memref<2x2x64xi8>) scratch(%{{.*}} : memref<64x64xf32>)
  // CHECK-SAME: outs(%{{.*}} : memref<?x100xf32>) packed tiling(<rows = 6, vectors = 4, lanes = 16, unit = "nibbles.f32u8">)
  tile.contract ins(%a, %b : memref<?x64xf32>, memref<2x32x64xi8>)
      quantized(%s, %z : memref<2x2x64xf32>, memref<2x2x64xi8>) scratch(%t : memref<64x64xf32>) outs(%c : memref<?x100xf32>) packed
      tiling(<rows = 6, vectors = 4, lanes = 16, unit = "nibbles.f32u8">) maps []
  return
}

// A panel of a right-hand side that is not packed goes through scratch memory, in blocks of terms.
// CHECK-LABEL: func.func @copied(
func.func @copied(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %t: memref<512x16xf32>, %c: memref<?x?xf32>) {
  // CHECK: tile.contract ins(%{{.*}}, %{{.*}} : memref<?x?xf32>, memref<?x?xf32>) scratch(%{{.*}} : memref<512x16xf32>)
  // CHECK-SAME: outs(%{{.*}} : memref<?x?xf32>) tiling(<rows = 6, vectors = 2, lanes = 8, block = 512>)
  tile.contract ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) scratch(%t : memref<512x16xf32>)
      outs(%c : memref<?x?xf32>) tiling(<rows = 6, vectors = 2, lanes = 8, block = 512>) maps []
  return
}
