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

// contract_c5
func.func @blocks(%a: memref<4x8xf32>, %b: memref<8x5xf32>, %c: memref<4x5xf16>) {
  // expected-error @+1 {{sums in blocks, so its output must be of 'f32', not 'f16'}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32>) outs(%c : memref<4x5xf16>)
      tiling(<rows = 1, vectors = 1, lanes = 8, block = 4>) maps [] {
  ^bb0(%sum: f32):
    %0 = arith.truncf %sum : f32 to f16
    tile.yield %0 : f16
  }
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

// -----

// contract_c4
func.func @step_of_rhs(%a: memref<4x8xi8>, %b: memref<1x2x8x2xi8>, %c: memref<4x5xi32>) {
  // expected-error @+1 {{with a step of 4 needs a static last dim of lhs, and of rhs one of that size}}
  tile.contract ins(%a, %b : memref<4x8xi8>, memref<1x2x8x2xi8>) outs(%c : memref<4x5xi32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 8, unit = "madd.u8s8">) maps []
  return
}

// -----

// contract_c4
func.func @matrix_unit(%a: memref<4x8xi8>, %b: memref<8x5xi8>, %c: memref<4x5xi32>) {
  // expected-error @+1 {{has a matrix unit, which needs packed operands of whole steps}}
  tile.contract ins(%a, %b : memref<4x8xi8>, memref<8x5xi8>) outs(%c : memref<4x5xi32>)
      tiling(<rows = 32, vectors = 2, lanes = 16, unit = "amx.u8s8">) maps []
  return
}

// -----

// contract_c6
func.func @needs_unit(%a: memref<4x8xi8>, %b: memref<8x5xi8>, %c: memref<4x5xi32>) {
  // expected-error @+1 {{multiplies 'i8' and 'i8', so it needs a 'unit' [tile-unit]}}
  tile.contract ins(%a, %b : memref<4x8xi8>, memref<8x5xi8>) outs(%c : memref<4x5xi32>)
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// contract_c6
func.func @types_of_unit(%a: memref<4x8xf32>, %b: memref<8x5xi8>, %c: memref<4x5xi32>) {
  // expected-error @+1 {{multiplies 'f32' and 'i8', but its unit 'widen.s8s8' takes 'i8' and 'i8' [tile-unit]}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xi8>) outs(%c : memref<4x5xi32>)
      tiling(<rows = 4, vectors = 1, lanes = 8, unit = "widen.s8s8">) maps []
  return
}

// -----

// contract_c5
func.func @blocks(%a: memref<4x8xi8>, %b: memref<1x2x8x4xi8>, %c: memref<4x5xi32>) {
  // expected-error @+1 {{sums in blocks of 6 terms, but in steps of 4}}
  tile.contract ins(%a, %b : memref<4x8xi8>, memref<1x2x8x4xi8>) outs(%c : memref<4x5xi32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 8, block = 6, unit = "madd.u8s8">) maps []
  return
}

// -----

// tiling_c3
func.func @unknown_unit(%a: memref<4x8xi8>, %b: memref<8x5xi8>, %c: memref<4x5xi32>) {
  tile.contract ins(%a, %b : memref<4x8xi8>, memref<8x5xi8>) outs(%c : memref<4x5xi32>)
      // expected-error @+1 {{there is no dot unit "abacus" [tile-unit]}}
      tiling(<rows = 4, vectors = 1, lanes = 8, unit = "abacus">) maps []
  return
}

// -----

// contract_c7
func.func @needs_scales(%a: memref<4x64xf32>, %b: memref<1x32x16xi8>, %s: memref<1x2x16xf32>, %z: memref<1x2x16xi8>, %t: memref<64x16xf32>, %c: memref<4x12xf32>) {
  // expected-error @+1 {{multiplies codes, so it needs scales, zeros and scratch}}
  tile.contract ins(%a, %b : memref<4x64xf32>, memref<1x32x16xi8>) outs(%c : memref<4x12xf32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 16, unit = "nibbles.f32u8">) maps []
  return
}

// -----

// contract_c7
func.func @types_of_scales(%a: memref<4x64xf32>, %b: memref<1x32x16xi8>, %s: memref<1x2x16xf32>, %z: memref<1x2x16xf32>, %t: memref<64x16xf32>, %c: memref<4x12xf32>) {
  // expected-error @+1 {{needs scales and scratch of f32 and zeros of bytes}}
  tile.contract ins(%a, %b : memref<4x64xf32>, memref<1x32x16xi8>) quantized(%s, %z : memref<1x2x16xf32>, memref<1x2x16xf32>) scratch(%t : memref<64x16xf32>) outs(%c : memref<4x12xf32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 16, unit = "nibbles.f32u8">) maps []
  return
}

// -----

// contract_c7
func.func @blocks_of_codes(%a: memref<4x64xf32>, %b: memref<1x32x16xi8>, %s: memref<1x3x16xf32>, %z: memref<1x3x16xi8>, %t: memref<64x16xf32>, %c: memref<4x12xf32>) {
  // expected-error @+1 {{which do not fit 64 codes of each column in steps of 2}}
  tile.contract ins(%a, %b : memref<4x64xf32>, memref<1x32x16xi8>) quantized(%s, %z : memref<1x3x16xf32>, memref<1x3x16xi8>) scratch(%t : memref<64x16xf32>) outs(%c : memref<4x12xf32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 16, unit = "nibbles.f32u8">) maps []
  return
}

// -----

// contract_c7
func.func @block_of_tiling(%a: memref<4x64xf32>, %b: memref<1x32x16xi8>, %s: memref<1x2x16xf32>, %z: memref<1x2x16xi8>, %t: memref<16x16xf32>, %c: memref<4x12xf32>) {
  // expected-error @+1 {{sums in blocks of 16 terms, but 32 share a scale}}
  tile.contract ins(%a, %b : memref<4x64xf32>, memref<1x32x16xi8>) quantized(%s, %z : memref<1x2x16xf32>, memref<1x2x16xi8>) scratch(%t : memref<16x16xf32>) outs(%c : memref<4x12xf32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 16, block = 16, unit = "nibbles.f32u8">) maps []
  return
}

// -----

// contract_c7
func.func @scratch(%a: memref<4x64xf32>, %b: memref<1x32x16xi8>, %s: memref<1x2x16xf32>, %z: memref<1x2x16xi8>, %t: memref<32x16xf32>, %c: memref<4x12xf32>) {
  // expected-error @+1 {{for a panel of 64 by 16}}
  tile.contract ins(%a, %b : memref<4x64xf32>, memref<1x32x16xi8>) quantized(%s, %z : memref<1x2x16xf32>, memref<1x2x16xi8>) scratch(%t : memref<32x16xf32>) outs(%c : memref<4x12xf32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 16, unit = "nibbles.f32u8">) maps []
  return
}

// -----

// contract_c8
func.func @scratch_of_packed(%a: memref<4x64xf32>, %b: memref<1x64x16xf32>, %t: memref<64x16xf32>, %c: memref<4x12xf32>) {
  // expected-error @+1 {{copies panels, so it needs a rhs that is not packed and scratch, both of 'f32'}}
  tile.contract ins(%a, %b : memref<4x64xf32>, memref<1x64x16xf32>) scratch(%t : memref<64x16xf32>) outs(%c : memref<4x12xf32>) packed
      tiling(<rows = 4, vectors = 1, lanes = 16>) maps []
  return
}

// -----

// contract_c8
func.func @scratch_of_block(%a: memref<4x64xf32>, %b: memref<64x12xf32>, %t: memref<64x16xf32>, %c: memref<4x12xf32>) {
  // expected-error @+1 {{for a panel of 32 by 16}}
  tile.contract ins(%a, %b : memref<4x64xf32>, memref<64x12xf32>) scratch(%t : memref<64x16xf32>) outs(%c : memref<4x12xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 16, block = 32>) maps []
  return
}

// -----

// contract_c8
func.func @scratch_of_open_size(%a: memref<4x?xf32>, %b: memref<?x12xf32>, %t: memref<64x16xf32>, %c: memref<4x12xf32>) {
  // expected-error @+1 {{for a panel of an open number by 16}}
  tile.contract ins(%a, %b : memref<4x?xf32>, memref<?x12xf32>) scratch(%t : memref<64x16xf32>) outs(%c : memref<4x12xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 16>) maps []
  return
}
