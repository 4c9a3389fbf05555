// A kernel that a table of choices has is computed by the alternative that it names, which the configuration says; by
// number, each alternative of a kernel can be had. A name that the kernel does not have is a remark and no more.
// RUN: lathe-opt %s --select-strategies="choices=0123456789abcdef0123456789abcdef=gemm.packed/2x32/u4/t0x0,fedcba9876543210fedcba9876543210=gemm.packed/99x1" \
// RUN:     --lower-kernels --apply-strategies 2>&1 | FileCheck %s
// RUN: lathe-opt %s --select-strategies="alternative=1" --lower-kernels --apply-strategies | FileCheck %s --check-prefix=SECOND
// RUN: lathe-opt %s --select-strategies="alternative=99" | FileCheck %s --check-prefix=NONE

// CHECK: remark: kernel 'unknown' has no alternative 'gemm.packed/99x1', so that what was tuned for it is not used [choice-unknown]

// CHECK: kernel.func @known(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.gemm.packed", {{.*}}choice = "gemm.packed/2x32/u4/t0x0", instead_of = "gemm.packed/
// CHECK-SAME: rows = 2
// CHECK-SAME: vectors = 4
// CHECK: tile.contract
// CHECK-SAME: tiling(<rows = 2, vectors = 4
// SECOND: kernel.func @known(
// SECOND-SAME: strategy = #kernel.strategy<"cpu.gemm.packed", {alternatives = [[COUNT:[0-9]+]] : i64, {{.*}}choice = "gemm.packed/
// NONE: kernel.func @known(
// NONE-SAME: strategy = #kernel.strategy<"cpu.gemm.packed", {alternatives = {{[0-9]+}} : i64, block
// NONE-NOT: choice =
kernel.func @known(%x: tensor<8x64xf32>, %w: tensor<64x32xf32> {kernel.constant}) -> tensor<8x32xf32>
    attributes {sizes = 0 : i64, key = "0123456789abcdef0123456789abcdef", target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %x, %w : (tensor<8x64xf32>, tensor<64x32xf32>) -> tensor<8x32xf32>
  kernel.return %0 : tensor<8x32xf32>
}

// CHECK: kernel.func @unknown(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.gemm.packed", {block
// CHECK-NOT: choice =
// CHECK: tile.contract
kernel.func @unknown(%x: tensor<8x64xf32>, %w: tensor<64x48xf32> {kernel.constant}) -> tensor<8x48xf32>
    attributes {sizes = 0 : i64, key = "fedcba9876543210fedcba9876543210", target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %x, %w : (tensor<8x64xf32>, tensor<64x48xf32>) -> tensor<8x48xf32>
  kernel.return %0 : tensor<8x48xf32>
}

// One that is not in the table, and has no root that strategies compute in several ways, is what it was.
// CHECK: kernel.func @other(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.loops">
// SECOND: kernel.func @other(
// SECOND-SAME: strategy = #kernel.strategy<"cpu.loops">
kernel.func @other(%x: tensor<8x64xf32>) -> tensor<8x64xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.exp %x : tensor<8x64xf32> -> tensor<8x64xf32>
  kernel.return %0 : tensor<8x64xf32>
}

// Winograd's filtering and none are alternatives of each other, but not where sums must be those of the definition.
// SECOND: kernel.func @conv(
// SECOND-SAME: choice = "conv.{{(direct|winograd)}}
kernel.func @conv(%x: tensor<1x58x58x64xf32>, %w: tensor<64x64x3x3xf32> {kernel.constant}) -> tensor<1x56x56x64xf32>
    attributes {sizes = 0 : i64, key = "00000000000000000000000000000001", target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
      : (tensor<1x58x58x64xf32>, tensor<64x64x3x3xf32>) -> tensor<1x56x56x64xf32>
  kernel.return %0 : tensor<1x56x56x64xf32>
}
