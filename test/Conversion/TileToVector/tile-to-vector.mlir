// The shape of the loops: one forall, panels outside of rows, accumulators
// carried in registers, tails without a branch in the inner loop. Whether they
// compute the right numbers, numerics.py checks.
// RUN: lathe-opt %s --convert-tile-to-vector --canonicalize --cse --split-input-file | FileCheck %s

// Thirteen rows in tiles of six leave one, which gets a tile of its own.

// CHECK-LABEL: func.func @static_tails(
// CHECK:         scf.forall (%[[PANEL:.*]], %[[TASK:.*]]) in (2, 3) {
// CHECK:           scf.for %[[ROW:.*]] =
// CHECK:             %[[ACC:.*]]:6 = scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
// CHECK:               vector.load %{{.*}} : memref<2x64x16xf32>, vector<16xf32>
// CHECK-COUNT-6:       vector.fma
// CHECK:               scf.yield
// CHECK:             arith.maximumf {{.*}} : vector<16xf32>
// CHECK:             vector.maskedstore %{{.*}} : memref<13x20xf32>
// CHECK:           scf.if
// CHECK:             scf.for {{.*}} -> (vector<16xf32>) {
// CHECK:               vector.fma
// CHECK:             vector.maskedstore
// CHECK-NOT:       tile.contract
func.func @static_tails(%a: memref<13x64xf32>, %b: memref<2x64x16xf32>, %c: memref<13x20xf32>) {
  tile.contract ins(%a, %b : memref<13x64xf32>, memref<2x64x16xf32>) outs(%c : memref<13x20xf32>) packed
      tiling(<rows = 6, vectors = 1, lanes = 16, task_rows = 6, task_panels = 1>) maps [] {
  ^bb0(%acc: f32):
    %zero = arith.constant 0.0 : f32
    %relu = arith.maximumf %acc, %zero : f32
    tile.yield %relu : f32
  }
  return
}

// -----

// A number of rows that only the run knows: one by one if they are few, else tiles of six, of five, and of four, of
// which the last moves back.

// CHECK-LABEL: func.func @dynamic_rows(
// CHECK:           scf.if
// CHECK:             scf.for {{.*}} -> (vector<8xf32>) {
// CHECK:           } else {
// CHECK:             scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK:             scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK:             arith.minsi
// CHECK:             scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK-NOT:       vector.maskedstore
func.func @dynamic_rows(%a: memref<?x64xf32>, %b: memref<2x64x8xf32>, %c: memref<?x16xf32>) {
  tile.contract ins(%a, %b : memref<?x64xf32>, memref<2x64x8xf32>) outs(%c : memref<?x16xf32>) packed
      tiling(<rows = 6, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// Where a masked store is a branch for each lane, columns that are left over go through the stack: whole vectors are
// computed row by row, and loops move what exists. No bias is read, and no result is written, behind the last column.

// CHECK-LABEL: kernel.func @left_over(
// CHECK-DAG:     memref.alloca() {{.*}}: memref<4x8xf32>
// CHECK-DAG:     %[[LINE:.*]] = memref.alloca() {{.*}}: memref<8xf32>
// CHECK-DAG:     %[[RESULT:.*]] = memref.alloca() {{.*}}: memref<1x8xf32>
// CHECK:         vector.load %{{.*}} : memref<?xf32>, vector<4xf32>
// CHECK-NOT:     vector.maskedstore
// CHECK:         memref.store %{{.*}}, %[[LINE]]
// CHECK:         arith.addf {{.*}} : vector<4xf32>
// CHECK:         vector.store %{{.*}}, %[[RESULT]]
// CHECK:         %[[VALUE:.*]] = memref.load %[[RESULT]]
// CHECK:         memref.store %[[VALUE]], %{{.*}} : memref<8x?xf32>
// CHECK-NOT:     vector.maskedstore
kernel.func @left_over(%a: memref<8x64xf32>, %b: memref<?x64x8xf32>, %bias: memref<?xf32>, %c: memref<8x?xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v2">} {
  tile.contract ins(%a, %b : memref<8x64xf32>, memref<?x64x8xf32>) extras(%bias : memref<?xf32>) outs(%c : memref<8x?xf32>) packed
      tiling(<rows = 4, vectors = 2, lanes = 4>) maps [affine_map<(d0, d1) -> (d1)>] {
  ^bb0(%acc: f32, %add: f32):
    %sum = arith.addf %acc, %add : f32
    tile.yield %sum : f32
  }
  kernel.return
}

// -----

// The taps of a filter row and their channels are one run of 15 steps.

// CHECK-LABEL: func.func @conv(
// CHECK-DAG:     %[[C15:.*]] = arith.constant 15 : index
// CHECK:         memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [1, 5, 30], strides: [150, 30, 1] : memref<1x5x6x5xf32> to memref<1x5x30xf32>
// CHECK:           scf.for %{{.*}} = %c0{{.*}} to %c3
// CHECK:             scf.for %{{.*}} = %c0{{.*}} to %[[C15]]
// CHECK-COUNT-4:       vector.fma
func.func @conv(%x: memref<1x5x6x5xf32>, %w: memref<1x3x3x5x16xf32>, %y: memref<1x3x4x16xf32>) {
  tile.conv ins(%x, %w : memref<1x5x6x5xf32>, memref<1x3x3x5x16xf32>) outs(%y : memref<1x3x4x16xf32>)
      strides [1, 1] dilations [1, 1] tiling(<rows = 4, vectors = 1, lanes = 16>) maps []
  return
}

// -----

// An input column is loaded once for all outputs that read it: six loads for
// four outputs of a filter three wide.

// CHECK-LABEL: func.func @depthwise(
// CHECK-COUNT-6:   vector.load %{{.*}} : memref<1x3x6x16xf32>, vector<16xf32>
// CHECK-NOT:       vector.load %{{.*}} : memref<1x3x6x16xf32>
func.func @depthwise(%x: memref<1x3x6x16xf32>, %w: memref<1x3x16xf32>, %y: memref<1x3x4x16xf32>) {
  tile.depthwise_conv ins(%x, %w : memref<1x3x6x16xf32>, memref<1x3x16xf32>) outs(%y : memref<1x3x4x16xf32>)
      strides [1, 1] dilations [1, 1] tiling(<rows = 4, vectors = 1, lanes = 16>) maps []
  return
}

// -----

// Twenty-four columns are a whole vector and half of one: no lane is idle and
// nothing needs a mask. Where the rest is odd, only the last vector has one.

// CHECK-LABEL: func.func @narrow_columns(
// CHECK-NOT:     mask
// CHECK:         scf.for {{.*}} -> (vector<16xf32>, vector<8xf32>, vector<16xf32>, vector<8xf32>) {
// CHECK:           vector.load %{{.*}} : memref<1x64x32xf32>, vector<16xf32>
// CHECK:           vector.load %{{.*}} : memref<1x64x32xf32>, vector<8xf32>
// CHECK:           vector.fma {{.*}} : vector<16xf32>
// CHECK:           vector.fma {{.*}} : vector<8xf32>
// CHECK-LABEL: func.func @odd_columns(
// CHECK:         vector.store {{.*}} : memref<2x22xf32>, vector<16xf32>
// CHECK:         vector.maskedstore {{.*}} : memref<2x22xf32>, vector<8xi1>, vector<8xf32>
func.func @narrow_columns(%a: memref<2x64xf32>, %b: memref<1x64x32xf32>, %c: memref<2x24xf32>) {
  tile.contract ins(%a, %b : memref<2x64xf32>, memref<1x64x32xf32>) outs(%c : memref<2x24xf32>) packed
      tiling(<rows = 2, vectors = 2, lanes = 16>) maps []
  return
}
func.func @odd_columns(%a: memref<2x64xf32>, %b: memref<1x64x32xf32>, %c: memref<2x22xf32>) {
  tile.contract ins(%a, %b : memref<2x64xf32>, memref<1x64x32xf32>) outs(%c : memref<2x22xf32>) packed
      tiling(<rows = 2, vectors = 2, lanes = 16>) maps []
  return
}

// -----

// An output of another type: what the epilogue yields is stored; booleans are
// bytes in memory, and masks are read as such.
// CHECK-LABEL: func.func @other_types(
// CHECK-SAME: %{{[^:]*}}: memref<4x8xf32>, %{{[^:]*}}: memref<8x8xf32>, %[[MASK:[^:]*]]: memref<4x8xi1>, %[[OUT:[^:]*]]: memref<4x8xi1>)
// CHECK: %[[BYTES:.*]] = builtin.unrealized_conversion_cast %[[MASK]] : memref<4x8xi1> to memref<4x8xi8>
// CHECK: %[[LOADED:.*]] = vector.load %[[BYTES]]{{.*}} : memref<4x8xi8>, vector<8xi8>
// CHECK: %[[BOOLS:.*]] = arith.cmpi ne, %[[LOADED]], %{{.*}} : vector<8xi8>
// CHECK: %[[RESULT:.*]] = arith.andi %{{.*}}, %[[BOOLS]] : vector<8xi1>
// CHECK: %[[TARGET:.*]] = builtin.unrealized_conversion_cast %[[OUT]] : memref<4x8xi1> to memref<4x8xi8>
// CHECK: %[[STORED:.*]] = arith.extui %[[RESULT]] : vector<8xi1> to vector<8xi8>
// CHECK: vector.store %[[STORED]], %[[TARGET]]{{.*}} : memref<4x8xi8>, vector<8xi8>
func.func @other_types(%a: memref<4x8xf32>, %b: memref<8x8xf32>, %m: memref<4x8xi1>, %c: memref<4x8xi1>) {
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x8xf32>) extras(%m : memref<4x8xi1>) outs(%c : memref<4x8xi1>)
      tiling(<rows = 1, vectors = 1, lanes = 8>) maps [affine_map<(r, n) -> (r, n)>] {
  ^bb0(%sum: f32, %mask: i1):
    %zero = arith.constant 0.0 : f32
    %0 = arith.cmpf ogt, %sum, %zero : f32
    %1 = arith.andi %0, %mask : i1
    tile.yield %1 : i1
  }
  return
}
