// One case for each numbered constraint of tile.contract, its tiling and the
// epilogue rules that all tile ops share.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// contract_c1
func.func @tensor_without_result(%a: tensor<4x8xf32>, %b: tensor<8x5xf32>, %c: tensor<4x5xf32>) {
  // expected-error @+1 {{on tensors needs a result}}
  tile.contract ins(%a, %b : tensor<4x8xf32>, tensor<8x5xf32>) outs(%c : tensor<4x5xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// contract_c1
func.func @mixed(%a: tensor<4x8xf32>, %b: memref<8x5xf32>, %c: memref<4x5xf32>) {
  // expected-error @+1 {{mixes tensors and memrefs}}
  tile.contract ins(%a, %b : tensor<4x8xf32>, memref<8x5xf32>) outs(%c : memref<4x5xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// contract_c2
func.func @rank_of_output(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %c: memref<1x4x5xf32>) {
  // expected-error @+1 {{lhs has rank 2, but the output has rank 3}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) outs(%c : memref<1x4x5xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// contract_c2
func.func @packed_rank(%a: memref<4x8xf32>, %b: memref<8x8xf32>, %c: memref<4x8xf32>) {
  // expected-error @+1 {{has a packed rhs of rank 2, but 3 is expected}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x8xf32>) outs(%c : memref<4x8xf32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// contract_c3
func.func @k(%a: memref<4x8xf32>, %b: memref<7x5xf32>, %c: memref<4x5xf32>) {
  // expected-error @+1 {{dim K of rhs is 7, but 8 is expected}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<7x5xf32>) outs(%c : memref<4x5xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// contract_c3
func.func @rows_of_output(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %c: memref<3x5xf32>) {
  // expected-error @+1 {{dim 0 of the output is 3, but 4 is expected}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) outs(%c : memref<3x5xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// contract_c3
func.func @batch(%a: memref<2x4x8xf32>, %b: memref<3x8x5xf32>, %c: memref<2x4x5xf32>) {
  // expected-error @+1 {{dim 0 of rhs is 3, but 2 is expected}}
  tile.contract ins(%a, %b : memref<2x4x8xf32>, memref<3x8x5xf32>) outs(%c : memref<2x4x5xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// contract_c3
func.func @panels(%a: memref<4x8xf32>, %b: memref<3x8x16xf32>, %c: memref<4x20xf32>) {
  // expected-error @+1 {{the number of panels is 3, but 2 is expected}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<3x8x16xf32>) outs(%c : memref<4x20xf32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 16>) maps []
  return
}

// -----

// contract_c4
func.func @panel_width(%a: memref<4x8xf32>, %b: memref<1x8x16xf32>, %c: memref<4x16xf32>) {
  // expected-error @+1 {{has panels of width 16, but 'vectors' x 'lanes' is 32}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<1x8x16xf32>) outs(%c : memref<4x16xf32>) packed
      tiling(<rows = 4, vectors = 2, lanes = 16>) maps []
  return
}

// -----

// tiling_c1
func.func @rows(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %c: memref<4x5xf32>) {
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) outs(%c : memref<4x5xf32>)
      // expected-error @+1 {{'rows' is 0, but must be at least 1 [tile-tiling]}}
      tiling(<rows = 0, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// tiling_c2
func.func @prefetch(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %c: memref<4x5xf32>) {
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) outs(%c : memref<4x5xf32>)
      // expected-error @+1 {{'prefetch' is -1, but must be at least 0 [tile-tiling]}}
      tiling(<rows = 1, vectors = 1, lanes = 8, prefetch = -1>) maps []
  return
}

// -----

// e1
func.func @one_map_an_extra(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %x: memref<5xf32>, %c: memref<4x5xf32>) {
  // expected-error @+1 {{has 0 maps for 1 extras}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) extras(%x : memref<5xf32>)
      outs(%c : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>) maps [] {
  ^bb0(%acc: f32, %y: f32):
    tile.yield %acc : f32
  }
  return
}

// -----

// e1
func.func @map_dims(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %x: memref<5xf32>, %c: memref<4x5xf32>) {
  // expected-error @+1 {{extra 0: the map has 3 dims and 0 symbols, but 2 dims are expected}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) extras(%x : memref<5xf32>)
      outs(%c : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>)
      maps [affine_map<(b, m, n) -> (n)>] {
  ^bb0(%acc: f32, %y: f32):
    tile.yield %acc : f32
  }
  return
}

// -----

// e2
func.func @transposed(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %x: memref<5x4xf32>, %c: memref<4x5xf32>) {
  // expected-error @+1 {{extra 0: result 0 is the innermost dim of the output, which may only be the last result}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) extras(%x : memref<5x4xf32>)
      outs(%c : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>)
      maps [affine_map<(m, n) -> (n, m)>] {
  ^bb0(%acc: f32, %y: f32):
    tile.yield %acc : f32
  }
  return
}

// -----

// e2
func.func @sum_in_map(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %x: memref<9xf32>, %c: memref<4x5xf32>) {
  // expected-error @+1 {{extra 0: result 0 is neither a dim nor 0}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) extras(%x : memref<9xf32>)
      outs(%c : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>)
      maps [affine_map<(m, n) -> (m + n)>] {
  ^bb0(%acc: f32, %y: f32):
    tile.yield %acc : f32
  }
  return
}

// -----

// e3
func.func @extra_size(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %x: memref<6xf32>, %c: memref<4x5xf32>) {
  // expected-error @+1 {{extra 0: dim 0 is 6, but 5 is expected}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) extras(%x : memref<6xf32>)
      outs(%c : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>)
      maps [affine_map<(m, n) -> (n)>] {
  ^bb0(%acc: f32, %y: f32):
    tile.yield %acc : f32
  }
  return
}

// -----

// e4
func.func @epilogue_arguments(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %c: memref<4x5xf32>) {
  // expected-error @+1 {{has an epilogue with arguments ('f64'), but ('f32') are expected}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>)
      outs(%c : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>) maps [] {
  ^bb0(%acc: f64):
    %y = arith.truncf %acc : f64 to f32
    tile.yield %y : f32
  }
  return
}

// -----

// e4
func.func @yielded_type(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %c: memref<4x5xf32>) {
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>)
      outs(%c : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>) maps [] {
  ^bb0(%acc: f32):
    %y = arith.extf %acc : f32 to f64
    // expected-error @+1 {{yields 'f64', but the output holds 'f32'}}
    tile.yield %y : f64
  }
  return
}

// -----

// e5
func.func @elementwise_only(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %c: memref<4x5xf32>) {
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>)
      outs(%c : memref<4x5xf32>) tiling(<rows = 4, vectors = 1, lanes = 8>) maps [] {
  ^bb0(%acc: f32):
    // expected-error @+1 {{is not elementwise, so it cannot stand in an epilogue}}
    %m = memref.alloca() : memref<4xf32>
    tile.yield %acc : f32
  }
  return
}
