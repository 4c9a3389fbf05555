// One case for each numbered constraint of tile.winograd_conv.
// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// winograd_conv_c1
func.func @mixes(%x: tensor<1x10x10x8xf32>, %f: memref<2x6x6x8x16xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{mixes tensors and memrefs}}
  tile.winograd_conv ins(%x, %f : tensor<1x10x10x8xf32>, memref<2x6x6x8x16xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}

// -----

// winograd_conv_c2
func.func @outputs(%x: memref<1x10x10x8xf32>, %f: memref<2x6x6x8x16xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{has 3 outputs a dimension and 2 offsets, but 2 or 4, and 2, are expected}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x8xf32>, memref<2x6x6x8x16xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 3 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}

// -----

// winograd_conv_c2
func.func @offsets(%x: memref<1x10x10x8xf32>, %f: memref<2x6x6x8x16xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{has 4 outputs a dimension and 1 offsets}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x8xf32>, memref<2x6x6x8x16xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}

// -----

// winograd_conv_c3
func.func @open_channels(%x: memref<1x10x10x?xf32>, %f: memref<2x6x6x8x16xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{needs a static filter and static channels, at least 8 of the input}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x?xf32>, memref<2x6x6x8x16xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}

// -----

// winograd_conv_c3
func.func @few_channels(%x: memref<1x10x10x4xf32>, %f: memref<2x6x6x8x16xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{needs a static filter and static channels, at least 8 of the input}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x4xf32>, memref<2x6x6x8x16xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}

// -----

// winograd_conv_c3
func.func @points(%x: memref<1x10x10x8xf32>, %f: memref<2x4x4x8x16xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{dim 1 of the filter is 4, but 6 is expected}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x8xf32>, memref<2x4x4x8x16xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}

// -----

// winograd_conv_c3
func.func @panels(%x: memref<1x10x10x8xf32>, %f: memref<3x6x6x8x16xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{the number of panels is 3, but 2 is expected}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x8xf32>, memref<3x6x6x8x16xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}

// -----

// winograd_conv_c4
func.func @width(%x: memref<1x10x10x8xf32>, %f: memref<4x6x6x8x8xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{has panels of width 8, but 'vectors' x 'lanes' is 16}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x8xf32>, memref<4x6x6x8x8xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}

// -----

// winograd_conv_c5
func.func @halves(%x: memref<1x10x10x8xf16>, %f: memref<2x6x6x8x16xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{but only f32 can be transformed}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x8xf16>, memref<2x6x6x8x16xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}

// -----

// winograd_conv_c6
func.func @no_rows(%x: memref<1x10x10x8xf32>, %f: memref<2x6x6x8x16xf32>, %s: memref<11520xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{'task_rows' of 0 and 'held' of 1, which do not go together}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x8xf32>, memref<2x6x6x8x16xf32>)
      scratch(%s : memref<11520xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8>) maps []
  return
}

// -----

// winograd_conv_c6
func.func @small(%x: memref<1x10x10x8xf32>, %f: memref<2x6x6x8x16xf32>, %s: memref<11519xf32>, %y: memref<1x8x8x32xf32>) {
  // expected-error @+1 {{has 'memref<11519xf32>' as scratch}}
  tile.winograd_conv ins(%x, %f : memref<1x10x10x8xf32>, memref<2x6x6x8x16xf32>)
      scratch(%s : memref<11519xf32>) outs(%y : memref<1x8x8x32xf32>)
      offsets [0, 0] outputs 4 held 1 tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12>) maps []
  return
}
