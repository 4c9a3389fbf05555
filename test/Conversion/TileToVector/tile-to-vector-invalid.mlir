// What convert-tile-to-vector cannot take, it names.
// RUN: lathe-opt %s --convert-tile-to-vector --verify-diagnostics --split-input-file

func.func @tensors(%a: tensor<4x8xf32>, %b: tensor<8x5xf32>, %c: tensor<4x5xf32>) -> tensor<4x5xf32> {
  // expected-error @+1 {{is on tensors; bufferize it first [tile-tensor]}}
  %0 = tile.contract ins(%a, %b : tensor<4x8xf32>, tensor<8x5xf32>) outs(%c : tensor<4x5xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps [] -> tensor<4x5xf32>
  return %0 : tensor<4x5xf32>
}

// -----

func.func @inner_stride(%a: memref<4x8xf32>, %b: memref<8x5xf32, strided<[1, 8]>>, %c: memref<4x5xf32>) {
  // expected-error @+1 {{operand of type 'memref<8x5xf32, strided<[1, 8]>>' needs an innermost stride of 1; copy it to a buffer without a layout [tile-inner-stride]}}
  tile.contract ins(%a, %b : memref<4x8xf32>, memref<8x5xf32, strided<[1, 8]>>) outs(%c : memref<4x5xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}
