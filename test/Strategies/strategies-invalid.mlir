// Pinned choices that cannot be obeyed.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --verify-diagnostics --split-input-file

// expected-error @+1 {{there is no strategy "cpu.gemm.paked" for target 'x86_64'; did you mean 'cpu.gemm.packed'? [strategy-unknown]}}
kernel.func @unknown(%a: tensor<4x6xf32>, %b: tensor<6x8xf32>) -> tensor<4x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64">, strategy = #kernel.strategy<"cpu.gemm.paked">} {
  %0 = graph.matmul %a, %b : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  kernel.return %0 : tensor<4x8xf32>
}

// -----

// expected-error @+1 {{strategy "cpu.gemm.packed" cannot compute graph.matmul as it is here; remove the strategy to have one chosen [strategy-unfit]}}
kernel.func @not_constant(%a: tensor<4x6xf32>, %b: tensor<6x8xf32>) -> tensor<4x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64">, strategy = #kernel.strategy<"cpu.gemm.packed", {
      rows = 4 : i64, vectors = 1 : i64, lanes = 4 : i64, unroll = 1 : i64, prefetch = 0 : i64, block = 0 : i64,
      task_rows = 0 : i64, task_panels = 0 : i64}>} {
  %0 = graph.matmul %a, %b : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  kernel.return %0 : tensor<4x8xf32>
}

// -----

// expected-error @+1 {{strategy "cpu.gemm.batched" needs the parameter 'vectors' [strategy-parameter]}}
kernel.func @missing(%a: tensor<4x6xf32>, %b: tensor<6x8xf32>) -> tensor<4x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64">, strategy = #kernel.strategy<"cpu.gemm.batched", {rows = 4 : i64}>} {
  %0 = graph.matmul %a, %b : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  kernel.return %0 : tensor<4x8xf32>
}

// -----

// expected-error @+1 {{strategy "cpu.conv.winograd" needs the parameters 'outputs', 2 or 4, and 'held' and 'task_rows', at least 1 [strategy-parameter]}}
kernel.func @transform(%x: tensor<1x10x10x8xf32>, %w: tensor<8x8x3x3xf32> {kernel.constant}) -> tensor<1x8x8x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">, strategy = #kernel.strategy<"cpu.conv.winograd", {
      rows = 4 : i64, vectors = 1 : i64, lanes = 8 : i64, unroll = 1 : i64, prefetch = 0 : i64, block = 0 : i64,
      task_rows = 4 : i64, task_panels = 0 : i64, outputs = 3 : i64, held = 1 : i64}>} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x10x10x8xf32>, tensor<8x8x3x3xf32>) -> tensor<1x8x8x8xf32>
  kernel.return %0 : tensor<1x8x8x8xf32>
}

// -----

// expected-error @+1 {{strategy "cpu.gemm.batched": 'rows' is 0, but must be at least 1 [tile-tiling]}}
kernel.func @range(%a: tensor<4x6xf32>, %b: tensor<6x8xf32>) -> tensor<4x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64">, strategy = #kernel.strategy<"cpu.gemm.batched", {
      rows = 0 : i64, vectors = 1 : i64, lanes = 4 : i64, unroll = 1 : i64, prefetch = 0 : i64, block = 0 : i64,
      task_rows = 0 : i64, task_panels = 0 : i64}>} {
  %0 = graph.matmul %a, %b : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  kernel.return %0 : tensor<4x8xf32>
}

// -----

// Four warps read rows of 128 bytes: 64 halves.
// expected-error @+1 {{strategy "gpu.product.wgmma" cannot have a tile of 64 rows, 64 columns and 32 terms for 128 threads; remove the strategy to have one chosen [strategy-unfit]}}
kernel.func @terms(%a: tensor<64x64xf16>, %b: tensor<64x64xf16>) -> tensor<64x64xf16>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">, strategy = #kernel.strategy<"gpu.product.wgmma", {
      rows = 64 : i64, vectors = 1 : i64, lanes = 64 : i64, unroll = 32 : i64, prefetch = 3 : i64, block = 0 : i64,
      task_rows = 64 : i64, task_panels = 1 : i64, threads = 128 : i64, unit = "wgmma.f16"}>} {
  %0 = graph.matmul %a, %b : (tensor<64x64xf16>, tensor<64x64xf16>) -> tensor<64x64xf16>
  kernel.return %0 : tensor<64x64xf16>
}

// -----

// What copies by tensor maps copies no windows.
// expected-error @+1 {{strategy "gpu.product.tma" has 128 threads that copy by tensor maps, and none describes the windows of a convolution; remove the strategy to have one chosen [strategy-unfit]}}
kernel.func @windows(%x: tensor<8x34x34x64xf16>, %w: tensor<256x64x3x3xf16> {kernel.constant}) -> tensor<8x32x32x256xf16>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">, strategy = #kernel.strategy<"gpu.product.tma", {
      rows = 128 : i64, vectors = 1 : i64, lanes = 256 : i64, unroll = 64 : i64, prefetch = 4 : i64, block = 0 : i64,
      task_rows = 128 : i64, task_panels = 1 : i64, threads = 384 : i64, copiers = 128 : i64, unit = "wgmma.f16"}>} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<8x34x34x64xf16>, tensor<256x64x3x3xf16>) -> tensor<8x32x32x256xf16>
  kernel.return %0 : tensor<8x32x32x256xf16>
}

// -----

// Five slots of 48 KiB are more than a block has; four fit (gpu-warpgroups.mlir).
// expected-error @+1 {{strategy "gpu.product.tma" cannot have 5 slots of 49168 bytes, as a block has 199680 for them; remove the strategy to have one chosen [strategy-unfit]}}
kernel.func @slots(%a: tensor<1024x512xf16>, %b: tensor<512x1024xf16>) -> tensor<1024x1024xf16>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">, strategy = #kernel.strategy<"gpu.product.tma", {
      rows = 128 : i64, vectors = 1 : i64, lanes = 256 : i64, unroll = 64 : i64, prefetch = 5 : i64, block = 0 : i64,
      task_rows = 128 : i64, task_panels = 1 : i64, threads = 384 : i64, copiers = 128 : i64, unit = "wgmma.f16"}>} {
  %0 = graph.matmul %a, %b : (tensor<1024x512xf16>, tensor<512x1024xf16>) -> tensor<1024x1024xf16>
  kernel.return %0 : tensor<1024x1024xf16>
}

// -----

// Those who multiply count slots in words, which wrap.
// expected-error @+1 {{strategy "gpu.product.tma" cannot have 3 slots, as their number has to be a power of two; remove the strategy to have one chosen [strategy-unfit]}}
kernel.func @odd_slots(%a: tensor<1024x512xf16>, %b: tensor<512x1024xf16>) -> tensor<1024x1024xf16>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">, strategy = #kernel.strategy<"gpu.product.tma", {
      rows = 128 : i64, vectors = 1 : i64, lanes = 256 : i64, unroll = 64 : i64, prefetch = 3 : i64, block = 0 : i64,
      task_rows = 128 : i64, task_panels = 1 : i64, threads = 384 : i64, copiers = 128 : i64, unit = "wgmma.f16"}>} {
  %0 = graph.matmul %a, %b : (tensor<1024x512xf16>, tensor<512x1024xf16>) -> tensor<1024x1024xf16>
  kernel.return %0 : tensor<1024x1024xf16>
}

// -----

// Bytes are multiplied by four warps where they are packed and come by tensor maps.
// expected-error @+1 {{strategy "gpu.product.wgmma" cannot have unit 'wgmma.s8s8' with threads that copy for themselves, as it takes packed weights by tensor maps; remove the strategy to have one chosen [strategy-unfit]}}
kernel.func @bytes_by_all(%a: tensor<1024x512xi8>, %b: tensor<512x1024xi8> {kernel.constant}) -> tensor<1024x1024xi32>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">, strategy = #kernel.strategy<"gpu.product.wgmma", {
      rows = 128 : i64, vectors = 1 : i64, lanes = 256 : i64, unroll = 128 : i64, prefetch = 4 : i64, block = 0 : i64,
      task_rows = 128 : i64, task_panels = 1 : i64, threads = 256 : i64, unit = "wgmma.s8s8"}>} {
  %0 = graph.matmul %a, %b : (tensor<1024x512xi8>, tensor<512x1024xi8>) -> tensor<1024x1024xi32>
  kernel.return %0 : tensor<1024x1024xi32>
}

// -----

// Bytes are multiplied by four warps where they are packed and come by tensor maps.
// expected-error @+1 {{strategy "gpu.product.tma" cannot have unit 'wgmma.s8s8' with a right factor that is not packed, as it takes packed weights by tensor maps; remove the strategy to have one chosen [strategy-unfit]}}
kernel.func @bytes_as_they_are(%a: tensor<1024x512xi8>, %b: tensor<512x1024xi8>) -> tensor<1024x1024xi32>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">, strategy = #kernel.strategy<"gpu.product.tma", {
      rows = 128 : i64, vectors = 1 : i64, lanes = 256 : i64, unroll = 128 : i64, prefetch = 4 : i64, block = 0 : i64,
      task_rows = 128 : i64, task_panels = 1 : i64, threads = 384 : i64, copiers = 128 : i64, unit = "wgmma.s8s8"}>} {
  %0 = graph.matmul %a, %b : (tensor<1024x512xi8>, tensor<512x1024xi8>) -> tensor<1024x1024xi32>
  kernel.return %0 : tensor<1024x1024xi32>
}

// -----

// Slots of 4096 keys are more than the memory of a block.
// expected-error @+1 {{strategy "gpu.attention" computes attention by warps that have 16 or 32 rows each, with a unit of tensor cores, 16 keys or a multiple up to 64 in a block and up to 2 slots, but has 64 rows, blocks of 4096 keys and 2 slots for 128 threads; remove the strategy to have one chosen [strategy-unfit]}}
kernel.func @many_keys(%q: tensor<1x2x64x64xf16>, %k: tensor<1x2x4096x64xf16>) -> tensor<1x2x64x64xf16>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">, strategy = #kernel.strategy<"gpu.attention", {
      rows = 64 : i64, vectors = 1 : i64, lanes = 16 : i64, unroll = 1 : i64, prefetch = 2 : i64, block = 4096 : i64,
      task_rows = 0 : i64, task_panels = 0 : i64, threads = 128 : i64, unit = "mma.f16"}>} {
  %y = graph.attention %q, %k, %k heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<1x2x64x64xf16>, tensor<1x2x4096x64xf16>, tensor<1x2x4096x64xf16>) -> tensor<1x2x64x64xf16>
  kernel.return %y : tensor<1x2x64x64xf16>
}

// -----

// A scalar has no innermost dim.
// expected-error @+1 {{strategy "gpu.transpose" needs a transpose that moves the innermost dim; remove the strategy to have one chosen [strategy-unfit]}}
kernel.func @scalar(%x: tensor<f32>) -> tensor<f32>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">, strategy = #kernel.strategy<"gpu.transpose", {
      rows = 1 : i64, vectors = 1 : i64, lanes = 32 : i64, unroll = 1 : i64, prefetch = 0 : i64, block = 0 : i64,
      task_rows = 1 : i64, task_panels = 1 : i64, threads = 256 : i64}>} {
  %0 = graph.transpose %x [] : tensor<f32> -> tensor<f32>
  kernel.return %0 : tensor<f32>
}
