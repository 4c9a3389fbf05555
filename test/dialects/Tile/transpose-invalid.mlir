// One case for each numbered constraint of tile.transpose.
// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// transpose_c1
func.func @without_result(%x: tensor<8x16xf32>, %y: tensor<16x8xf32>) {
  // expected-error @+1 {{on tensors needs a result}}
  tile.transpose ins(%x : tensor<8x16xf32>) outs(%y : tensor<16x8xf32>) permutation [1, 0]
      tiling(<rows = 1, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// transpose_c2
func.func @last_stays(%x: memref<4x8x16xf32>, %y: memref<8x4x16xf32>) {
  // expected-error @+1 {{has the permutation [1, 0, 2] from rank 3 to rank 3, but all dims are expected, the last elsewhere}}
  tile.transpose ins(%x : memref<4x8x16xf32>) outs(%y : memref<8x4x16xf32>) permutation [1, 0, 2]
      tiling(<rows = 1, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// transpose_c2
func.func @twice(%x: memref<8x8xf32>, %y: memref<8x8xf32>) {
  // expected-error @+1 {{has the permutation [0, 0]}}
  tile.transpose ins(%x : memref<8x8xf32>) outs(%y : memref<8x8xf32>) permutation [0, 0]
      tiling(<rows = 1, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// transpose_c3
func.func @sizes(%x: memref<8x16xf32>, %y: memref<8x16xf32>) {
  // expected-error @+1 {{dim 0 of the output is 8, but 16 is expected}}
  tile.transpose ins(%x : memref<8x16xf32>) outs(%y : memref<8x16xf32>) permutation [1, 0]
      tiling(<rows = 1, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// transpose_c4
func.func @lanes(%x: memref<4x16xf32>, %y: memref<16x4xf32>) {
  // expected-error @+1 {{has squares of 8 lanes, which do not go with an innermost size of 4}}
  tile.transpose ins(%x : memref<4x16xf32>) outs(%y : memref<16x4xf32>) permutation [1, 0]
      tiling(<rows = 1, vectors = 1, lanes = 8>) maps []
  return
}
