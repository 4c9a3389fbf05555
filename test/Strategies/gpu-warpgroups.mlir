// Products of halves on an sm_90a: four warps for 64 rows, rows of 128 bytes; the rest as on an sm_80.
// RUN: lathe-opt %s --split-input-file --lathe-partition="target=cuda:sm_90a" --lathe-lower --lathe-schedule | FileCheck %s

// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.wgmma", {block = 0 : i64, lanes = 128 : i64, prefetch = 4 : i64, rows = 128 : i64, task_panels = 1 : i64, task_rows = 128 : i64, threads = 256 : i64, unit = "wgmma.f16", unroll = 64 : i64, vectors = 1 : i64}>
// CHECK: tile.contract
func.func @main(%a: tensor<4096x512xf16>, %b: tensor<512x4096xf16>) -> tensor<4096x4096xf16> {
  %p = graph.matmul %a, %b : (tensor<4096x512xf16>, tensor<512x4096xf16>) -> tensor<4096x4096xf16>
  return %p : tensor<4096x4096xf16>
}

// -----

// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.wgmma", {{.*}}lanes = 64 : i64, {{.*}}rows = 64 : i64, {{.*}}threads = 128 : i64, unit = "wgmma.bf16"
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
