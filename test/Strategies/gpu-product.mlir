// Products on a GPU: tiles by the size of the output, tensor cores where the types are theirs.
// RUN: lathe-opt %s --split-input-file --lathe-partition="target=cuda:sm_80" --lathe-lower --lathe-schedule | FileCheck %s

// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: #kernel.strategy<"gpu.product.mma", {block = 0 : i64, lanes = 128 : i64, prefetch = 3 : i64, rows = 128 : i64, task_panels = 1 : i64, task_rows = 128 : i64, threads = 256 : i64, unit = "mma.f16", unroll = 32 : i64, vectors = 1 : i64}>
// CHECK: tile.contract ins(%{{.*}}, %{{.*}} : tensor<4096x512xf16>, tensor<512x4096xf16>)
// CHECK-SAME: extras(%{{.*}} : tensor<4096xf16>)
func.func @main(%a: tensor<4096x512xf16>, %b: tensor<512x4096xf16>, %c: tensor<4096xf16>) -> tensor<4096x4096xf16> {
  %p = graph.matmul %a, %b : (tensor<4096x512xf16>, tensor<512x4096xf16>) -> tensor<4096x4096xf16>
  %y = graph.add %p, %c : (tensor<4096x4096xf16>, tensor<4096xf16>) -> tensor<4096x4096xf16>
  return %y : tensor<4096x4096xf16>
}

// -----

// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: "gpu.product.fma", {block = 0 : i64, lanes = 64 : i64, prefetch = 3 : i64, rows = 64 : i64, task_panels = 1 : i64, task_rows = 64 : i64, threads = 256 : i64, unroll = 16 : i64, vectors = 1 : i64}>
// CHECK: tile.contract
func.func @main(%a: tensor<100x512xf32>, %b: tensor<512x70xf32>) -> tensor<100x70xf32> {
  %p = graph.matmul %a, %b : (tensor<100x512xf32>, tensor<512x70xf32>) -> tensor<100x70xf32>
  return %p : tensor<100x70xf32>
}

// -----

// Bytes: 64 terms are as many bytes of a slot as 32 halves.
// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: "gpu.product.mma", {block = 0 : i64, lanes = 64 : i64, prefetch = 3 : i64, rows = 64 : i64, task_panels = 1 : i64, task_rows = 64 : i64, threads = 128 : i64, unit = "mma.u8s8", unroll = 64 : i64, vectors = 1 : i64}>
// CHECK: tile.contract
func.func @main(%a: tensor<100x512xui8>, %b: tensor<512x70xi8>) -> tensor<100x70xi32> {
  %p = graph.matmul %a, %b : (tensor<100x512xui8>, tensor<512x70xi8>) -> tensor<100x70xi32>
  return %p : tensor<100x70xi32>
}

// -----

// What a module allows, its products know.
// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: "gpu.product.mma", {block = 0 : i64, lanes = 64 : i64, prefetch = 3 : i64, rows = 64 : i64, task_panels = 1 : i64, task_rows = 64 : i64, threads = 128 : i64, unit = "mma.tf32", unroll = 16 : i64, vectors = 1 : i64}>
module attributes {kernel.tf32} {
  func.func @main(%a: tensor<100x512xf32>, %b: tensor<512x70xf32>) -> tensor<100x70xf32> {
    %p = graph.matmul %a, %b : (tensor<100x512xf32>, tensor<512x70xf32>) -> tensor<100x70xf32>
    return %p : tensor<100x70xf32>
  }
}

// -----

// Two tiles would leave a GPU idle: each sum is computed in parts of whole slots. With fewer terms it is not worth it.
// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: "gpu.product.mma", {{.*}}parts = 16 : i64, {{.*}}unit = "mma.f16"
// CHECK: tile.contract ins(%{{.*}}, %{{.*}} : tensor<16x4096xf16>, tensor<4096x72xf16>)
func.func @main(%a: tensor<16x4096xf16>) -> tensor<16x72xf16> {
  %b = graph.constant dense<1.0> : tensor<4096x72xf16>
  %p = graph.matmul %a, %b : (tensor<16x4096xf16>, tensor<4096x72xf16>) -> tensor<16x72xf16>
  return %p : tensor<16x72xf16>
}

// -----

// CHECK-LABEL: kernel.func @matmul(
// CHECK-NOT: parts
// CHECK: tile.contract
func.func @main(%a: tensor<16x4095xf16>, %b: tensor<4095x72xf16>) -> tensor<16x72xf16> {
  %p = graph.matmul %a, %b : (tensor<16x4095xf16>, tensor<4095x72xf16>) -> tensor<16x72xf16>
  return %p : tensor<16x72xf16>
}

// -----

// Nor where there are no sums.
// CHECK-LABEL: kernel.func @matmul(
// CHECK-NOT: parts
// CHECK: tile.contract
func.func @main(%a: tensor<0x4096xf16>, %b: tensor<4096x72xf16>) -> tensor<0x72xf16> {
  %p = graph.matmul %a, %b : (tensor<0x4096xf16>, tensor<4096x72xf16>) -> tensor<0x72xf16>
  return %p : tensor<0x72xf16>
}

// -----

// "strict" keeps each sum whole.
// CHECK-LABEL: kernel.func @matmul(
// CHECK-NOT: parts
// CHECK: tile.contract
module attributes {kernel.strict} {
  func.func @main(%a: tensor<16x4096xf16>, %b: tensor<4096x72xf16>) -> tensor<16x72xf16> {
    %p = graph.matmul %a, %b : (tensor<16x4096xf16>, tensor<4096x72xf16>) -> tensor<16x72xf16>
    return %p : tensor<16x72xf16>
  }
}
