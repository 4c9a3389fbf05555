// Attention is one kernel on tensor cores: warps by rows of queries that share keys, and keys in blocks.
// RUN: lathe-opt %s --split-input-file --lathe-partition="target=cuda:sm_80" --lathe-lower --lathe-schedule | FileCheck %s
// RUN: lathe-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(decompose-attention{target=cuda:sm_80}))' --verify-diagnostics

// Two tiles of rows for each of four warps, where these are enough for a GPU.
// CHECK: #kernel.strategy<"gpu.attention", {block = 64 : i64, {{.*}}rows = 128 : i64, {{.*}}threads = 128 : i64, unit = "mma.f16"
// CHECK: tile.attention ins({{.*}}) outs({{.*}}tiling(<rows = 128, vectors = 1, lanes = 16, prefetch = 2, block = 64, unit = "mma.f16">)
func.func @many(%q: tensor<16x16x1000x64xf16>, %k: tensor<16x16x1000x64xf16>, %v: tensor<16x16x1000x64xf16>) -> tensor<16x16x1000x64xf16> {
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<16x16x1000x64xf16>, tensor<16x16x1000x64xf16>, tensor<16x16x1000x64xf16>) -> tensor<16x16x1000x64xf16>
  return %y : tensor<16x16x1000x64xf16>
}

// -----

// Queries of four heads share keys: two warps have all of them. Larger heads have fewer keys in a slot.
// CHECK: #kernel.strategy<"gpu.attention", {block = 32 : i64, {{.*}}rows = 32 : i64, {{.*}}threads = 64 : i64, unit = "mma.bf16"
func.func @shared(%q: tensor<2x8x5x256xbf16>, %k: tensor<2x2x500x256xbf16>, %v: tensor<2x2x500x256xbf16>) -> tensor<2x8x5x256xbf16> {
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<2x8x5x256xbf16>, tensor<2x2x500x256xbf16>, tensor<2x2x500x256xbf16>) -> tensor<2x8x5x256xbf16>
  return %y : tensor<2x8x5x256xbf16>
}

// -----

// f32 where it may be rounded; keys that fill no slot.
// CHECK: #kernel.strategy<"gpu.attention", {block = 48 : i64, {{.*}}unit = "mma.tf32"
module attributes {kernel.tf32} {
  func.func @rounded(%q: tensor<1x2x40x64xf32>, %k: tensor<1x2x40x64xf32>) -> tensor<1x2x40x64xf32> {
    %y = graph.attention %q, %k, %k heads_inside = [false, false, false, false] scale = 0.125
        : (tensor<1x2x40x64xf32>, tensor<1x2x40x64xf32>, tensor<1x2x40x64xf32>) -> tensor<1x2x40x64xf32>
    return %y : tensor<1x2x40x64xf32>
  }
}

// -----

// CHECK-LABEL: @single
// CHECK-NOT: gpu.attention
// CHECK: #kernel.strategy<"gpu.product.fma"
func.func @single(%q: tensor<1x2x40x64xf32>, %k: tensor<1x2x40x64xf32>) -> tensor<1x2x40x64xf32> {
  // expected-remark@+1 {{queries are f32, which tensor cores multiply where the precision is tf32 [strategy-attention]}}
  %y = graph.attention %q, %k, %k heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<1x2x40x64xf32>, tensor<1x2x40x64xf32>, tensor<1x2x40x64xf32>) -> tensor<1x2x40x64xf32>
  return %y : tensor<1x2x40x64xf32>
}

// -----

func.func @wide(%q: tensor<1x2x40x264xf16>, %k: tensor<1x2x40x264xf16>) -> tensor<1x2x40x264xf16> {
  // expected-remark@+1 {{heads of queries have 264 elements, and tensor cores take 1 to 256 [strategy-attention]}}
  %y = graph.attention %q, %k, %k heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<1x2x40x264xf16>, tensor<1x2x40x264xf16>, tensor<1x2x40x264xf16>) -> tensor<1x2x40x264xf16>
  return %y : tensor<1x2x40x264xf16>
}

// -----

// One tile of rows for each warp: with two, queries of 256 elements and the ring are more than an sm_86 has for a block.

// CHECK: #kernel.strategy<"gpu.attention", {{.*}}rows = 64 : i64
func.func @long_queries(%q: tensor<16x16x1000x256xf16>, %v: tensor<16x16x1000x64xf16>) -> tensor<16x16x1000x64xf16> {
  %y = graph.attention %q, %q, %v heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<16x16x1000x256xf16>, tensor<16x16x1000x256xf16>, tensor<16x16x1000x64xf16>) -> tensor<16x16x1000x64xf16>
  return %y : tensor<16x16x1000x64xf16>
}
