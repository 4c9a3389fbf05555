// One case for each numbered constraint of tile.attention.
// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// attention_c1
func.func @f(%q: tensor<1x2x5x4xf32>, %k: memref<1x2x7x4xf32>, %v: memref<1x2x7x3xf32>, %s: memref<1424xf32>, %y: memref<1x2x5x3xf32>) {
  // expected-error @+1 {{mixes tensors and memrefs}}
  tile.attention ins(%q, %k, %v : tensor<1x2x5x4xf32>, memref<1x2x7x4xf32>, memref<1x2x7x3xf32>) scratch(%s : memref<1424xf32>) outs(%y : memref<1x2x5x3xf32>)
      heads_inside [false, false, false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 6, vectors = 2, lanes = 8, block = 16>)
  return
}

// -----

// attention_c2
func.func @f(%q: memref<1x2x5x4xf32>, %k: memref<1x2x7x4xf32>, %v: memref<1x2x7x3xf32>, %s: memref<1424xf32>, %y: memref<1x2x5x3xf32>) {
  // expected-error @+1 {{has 2 entries of 'heads_inside', but 4 are expected}}
  tile.attention ins(%q, %k, %v : memref<1x2x5x4xf32>, memref<1x2x7x4xf32>, memref<1x2x7x3xf32>) scratch(%s : memref<1424xf32>) outs(%y : memref<1x2x5x3xf32>)
      heads_inside [false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 6, vectors = 2, lanes = 8, block = 16>)
  return
}

// -----

// attention_c3
func.func @f(%q: memref<1x2x5x4xf32>, %k: memref<1x2x7x5xf32>, %v: memref<1x2x7x3xf32>, %s: memref<1424xf32>, %y: memref<1x2x5x3xf32>) {
  // expected-error @+1 {{has sizes that do not go together}}
  tile.attention ins(%q, %k, %v : memref<1x2x5x4xf32>, memref<1x2x7x5xf32>, memref<1x2x7x3xf32>) scratch(%s : memref<1424xf32>) outs(%y : memref<1x2x5x3xf32>)
      heads_inside [false, false, false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 6, vectors = 2, lanes = 8, block = 16>)
  return
}

// -----

// attention_c3
func.func @f(%q: memref<1x2x5x4xf32>, %k: memref<1x2x7x4xf32>, %v: memref<1x2x7x?xf32>, %s: memref<1424xf32>, %y: memref<1x2x5x3xf32>) {
  // expected-error @+1 {{has sizes that do not go together, or sizes of heads that are not known}}
  tile.attention ins(%q, %k, %v : memref<1x2x5x4xf32>, memref<1x2x7x4xf32>, memref<1x2x7x?xf32>) scratch(%s : memref<1424xf32>) outs(%y : memref<1x2x5x3xf32>)
      heads_inside [false, false, false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 6, vectors = 2, lanes = 8, block = 16>)
  return
}

// -----

// attention_c3
func.func @f(%q: memref<1x3x5x4xf32>, %k: memref<1x2x7x4xf32>, %v: memref<1x2x7x3xf32>, %s: memref<1424xf32>, %y: memref<1x3x5x3xf32>) {
  // expected-error @+1 {{has sizes that do not go together}}
  tile.attention ins(%q, %k, %v : memref<1x3x5x4xf32>, memref<1x2x7x4xf32>, memref<1x2x7x3xf32>) scratch(%s : memref<1424xf32>) outs(%y : memref<1x3x5x3xf32>)
      heads_inside [false, false, false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 6, vectors = 2, lanes = 8, block = 16>)
  return
}

// -----

// attention_c4
func.func @f(%q: memref<1x2x5x4xf32>, %k: memref<1x2x7x4xf16>, %v: memref<1x2x7x3xf32>, %s: memref<1424xf32>, %y: memref<1x2x5x3xf32>) {
  // expected-error @+1 {{but its unit takes 'f32' one term at a time}}
  tile.attention ins(%q, %k, %v : memref<1x2x5x4xf32>, memref<1x2x7x4xf16>, memref<1x2x7x3xf32>) scratch(%s : memref<1424xf32>) outs(%y : memref<1x2x5x3xf32>)
      heads_inside [false, false, false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 6, vectors = 2, lanes = 8, block = 16>)
  return
}

// -----

// attention_c5
func.func @f(%q: memref<1x2x5x4xf32>, %k: memref<1x2x7x4xf32>, %v: memref<1x2x7x3xf32>, %s: memref<1424xf32>, %y: memref<1x2x5x3xf32>) {
  // expected-error @+1 {{has blocks of 12 keys}}
  tile.attention ins(%q, %k, %v : memref<1x2x5x4xf32>, memref<1x2x7x4xf32>, memref<1x2x7x3xf32>) scratch(%s : memref<1424xf32>) outs(%y : memref<1x2x5x3xf32>)
      heads_inside [false, false, false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 6, vectors = 2, lanes = 8, block = 12>)
  return
}

// -----

// attention_c5
func.func @f(%q: memref<1x2x5x4xf32>, %k: memref<1x2x7x4xf32>, %v: memref<1x2x7x3xf32>, %s: memref<7xf32>, %y: memref<1x2x5x3xf32>) {
  // expected-error @+1 {{has blocks of 16 keys and scratch of 'memref<7xf32>'}}
  tile.attention ins(%q, %k, %v : memref<1x2x5x4xf32>, memref<1x2x7x4xf32>, memref<1x2x7x3xf32>) scratch(%s : memref<7xf32>) outs(%y : memref<1x2x5x3xf32>)
      heads_inside [false, false, false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 6, vectors = 2, lanes = 8, block = 16>)
  return
}

// -----

// attention_c5
func.func @f(%q: memref<1x2x5x4xf32>, %k: memref<1x2x7x4xf32>, %v: memref<1x2x7x3xf32>, %y: memref<1x2x5x3xf32>) {
  // expected-error @+1 {{has blocks of 16 keys and no scratch, which do not go together}}
  tile.attention ins(%q, %k, %v : memref<1x2x5x4xf32>, memref<1x2x7x4xf32>, memref<1x2x7x3xf32>) outs(%y : memref<1x2x5x3xf32>)
      heads_inside [false, false, false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 6, vectors = 2, lanes = 8, block = 16>)
  return
}

// -----

// attention_c5
func.func @f(%q: memref<1x2x5x4xf16>, %k: memref<1x2x7x4xf16>, %v: memref<1x2x7x3xf16>, %s: memref<1424xf32>, %y: memref<1x2x5x3xf16>) {
  // expected-error @+1 {{has blocks of 16 keys and scratch of 'memref<1424xf32>', which do not go together}}
  tile.attention ins(%q, %k, %v : memref<1x2x5x4xf16>, memref<1x2x7x4xf16>, memref<1x2x7x3xf16>) scratch(%s : memref<1424xf32>) outs(%y : memref<1x2x5x3xf16>)
      heads_inside [false, false, false, false] scale 0.5 softcap 0.0 hidden 0.0 tiling(<rows = 16, vectors = 1, lanes = 16, block = 16, unit = "mma.f16">)
  return
}
