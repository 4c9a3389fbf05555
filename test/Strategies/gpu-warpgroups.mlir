// Products of halves on an sm_90a: by tensor maps where these can be made and tiles are many enough, else four warps for
// 64 rows, rows of 128 bytes; the rest as on an sm_80.
// RUN: lathe-opt %s --split-input-file --lathe-partition="target=cuda:sm_90a" --lathe-lower --lathe-schedule | FileCheck %s

// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.tma", {block = 0 : i64, copiers = 128 : i64, lanes = 256 : i64, prefetch = 4 : i64, rows = 128 : i64, task_panels = 1 : i64, task_rows = 128 : i64, threads = 384 : i64, unit = "wgmma.f16", unroll = 64 : i64, vectors = 1 : i64}>
// CHECK: tile.contract
func.func @main(%a: tensor<4096x512xf16>, %b: tensor<512x4096xf16>) -> tensor<4096x4096xf16> {
  %p = graph.matmul %a, %b : (tensor<4096x512xf16>, tensor<512x4096xf16>) -> tensor<4096x4096xf16>
  return %p : tensor<4096x4096xf16>
}

// -----

// All processors have a tile of 128 columns, and half of them would have one of 256.
// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.tma", {{.*}}lanes = 128 : i64
func.func @main(%a: tensor<1152x512xf16>, %b: tensor<512x1152xf16>) -> tensor<1152x1152xf16> {
  %p = graph.matmul %a, %b : (tensor<1152x512xf16>, tensor<512x1152xf16>) -> tensor<1152x1152xf16>
  return %p : tensor<1152x1152xf16>
}

// -----

// One matrix has few tiles, and 64 of them have many.
// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.tma", {{.*}}lanes = 256 : i64
func.func @main(%a: tensor<64x512x64xf16>, %b: tensor<64x64x512xf16>) -> tensor<64x512x512xf16> {
  %p = graph.matmul %a, %b : (tensor<64x512x64xf16>, tensor<64x64x512xf16>) -> tensor<64x512x512xf16>
  return %p : tensor<64x512x512xf16>
}

// -----

// Many matrices of 32 rows: tiles of four warps are as large as those of one large matrix.
// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.wgmma", {because = "tiles have 128 rows, and the left factor has 32"{{.*}}lanes = 128 : i64, {{.*}}rows = 64 : i64
func.func @main(%a: tensor<64x32x512xf16>, %b: tensor<64x512x1024xf16>) -> tensor<64x32x1024xf16> {
  %p = graph.matmul %a, %b : (tensor<64x32x512xf16>, tensor<64x512x1024xf16>) -> tensor<64x32x1024xf16>
  return %p : tensor<64x32x1024xf16>
}

// -----

// Rows of 4,094 bytes.
// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.wgmma", {because = "a row of the right factor has 4094 bytes, no multiple of 16"{{.*}}threads = 256 : i64
func.func @main(%a: tensor<4096x512xf16>, %b: tensor<512x2047xf16>) -> tensor<4096x2047xf16> {
  %p = graph.matmul %a, %b : (tensor<4096x512xf16>, tensor<512x2047xf16>) -> tensor<4096x2047xf16>
  return %p : tensor<4096x2047xf16>
}

// -----

// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.wgmma", {because = "tiles of 128 rows would be too few for a GPU"{{.*}}lanes = 64 : i64, {{.*}}rows = 64 : i64, {{.*}}threads = 128 : i64, unit = "wgmma.bf16"
func.func @main(%a: tensor<100x512xbf16>, %b: tensor<512x70xbf16>) -> tensor<100x70xbf16> {
  %p = graph.matmul %a, %b : (tensor<100x512xbf16>, tensor<512x70xbf16>) -> tensor<100x70xbf16>
  return %p : tensor<100x70xbf16>
}

// -----

// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.mma", {{.*}}unit = "mma.s8s8"
func.func @main(%a: tensor<100x512xi8>, %b: tensor<512x70xi8>) -> tensor<100x70xi32> {
  %p = graph.matmul %a, %b : (tensor<100x512xi8>, tensor<512x70xi8>) -> tensor<100x70xi32>
  return %p : tensor<100x70xi32>
}
