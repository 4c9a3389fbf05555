// Each target multiplies each pair of types by its own row of the table, and the weights are packed
// for it; what nobody multiplies is said.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --pack-constants --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// AVX2: four bytes side by side, taken apart to 16 bits. 70 terms are 18 groups.
// CHECK-LABEL: func.func @main(
// CHECK: kernel.pack %{{.*}} tiled = 1 order = [0] tile = [[NR:[0-9]+]] step = 4 : tensor<70x40xi8> -> tensor<[[P:[0-9]+]]x18x[[NR]]x4xi8>
// CHECK: kernel.func @bytes(
// CHECK: tile.contract ins({{.*}} : tensor<13x70xi8>, tensor<[[P]]x18x[[NR]]x4xi8>) outs(%{{.*}} : tensor<13x40xi32>) packed
// CHECK-SAME: lanes = 8, {{.*}}unit = "madd.u8s8">
func.func @main(%x: tensor<13x70xui8>) -> tensor<13x40xi32> {
  %w = graph.constant dense<3> : tensor<70x40xi8>
  %0 = kernel.call @bytes affine_map<() -> ()> (%x, %w) : (tensor<13x70xui8>, tensor<70x40xi8>) -> tensor<13x40xi32>
  return %0 : tensor<13x40xi32>
}
kernel.func @bytes(%a: tensor<13x70xui8>, %b: tensor<70x40xi8> {kernel.constant}) -> tensor<13x40xi32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %a, %b : (tensor<13x70xui8>, tensor<70x40xi8>) -> tensor<13x40xi32>
  kernel.return %0 : tensor<13x40xi32>
}

// -----

// CHECK-LABEL: kernel.func @vnni(
// CHECK: tile.contract {{.*}} lanes = 16, {{.*}}unit = "vnni.s8s8">
kernel.func @vnni(%a: tensor<13x70xi8>, %b: tensor<70x40xi8> {kernel.constant}) -> tensor<13x40xi32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4,avx512vnni">} {
  %0 = graph.matmul %a, %b : (tensor<13x70xi8>, tensor<70x40xi8>) -> tensor<13x40xi32>
  kernel.return %0 : tensor<13x40xi32>
}

// -----

// Few rows would leave most of a matrix unit's tile idle; so would terms that are no whole steps.
// CHECK-LABEL: kernel.func @tiles(
// CHECK: tile.contract {{.*}} tiling(<rows = 32, vectors = 2, lanes = 16{{.*}}unit = "amx.u8s8">
kernel.func @tiles(%a: tensor<48x64xui8>, %b: tensor<64x40xi8> {kernel.constant}) -> tensor<48x40xi32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4,avx512vnni,amx-int8">} {
  %0 = graph.matmul %a, %b : (tensor<48x64xui8>, tensor<64x40xi8>) -> tensor<48x40xi32>
  kernel.return %0 : tensor<48x40xi32>
}
// CHECK-LABEL: kernel.func @few_rows(
// CHECK: tile.contract {{.*}}unit = "vnni.u8s8">
kernel.func @few_rows(%a: tensor<3x64xui8>, %b: tensor<64x40xi8> {kernel.constant}) -> tensor<3x40xi32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4,avx512vnni,amx-int8">} {
  %0 = graph.matmul %a, %b : (tensor<3x64xui8>, tensor<64x40xi8>) -> tensor<3x40xi32>
  kernel.return %0 : tensor<3x40xi32>
}
// CHECK-LABEL: kernel.func @no_whole_steps(
// CHECK: tile.contract {{.*}}unit = "vnni.u8s8">
kernel.func @no_whole_steps(%a: tensor<48x63xui8>, %b: tensor<63x40xi8> {kernel.constant}) -> tensor<48x40xi32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4,avx512vnni,amx-int8">} {
  %0 = graph.matmul %a, %b : (tensor<48x63xui8>, tensor<63x40xi8>) -> tensor<48x40xi32>
  kernel.return %0 : tensor<48x40xi32>
}

// -----

// Half precision is summed in f32 and rounded once.
// CHECK-LABEL: kernel.func @half(
// CHECK: tile.contract {{.*}} outs(%{{.*}} : tensor<13x40xbf16>) {{.*}}unit = "pairs.bf16">
// CHECK: ^bb0(%[[SUM:.*]]: f32):
// CHECK: arith.truncf %[[SUM]] : f32 to bf16
kernel.func @half(%a: tensor<13x70xbf16>, %b: tensor<70x40xbf16>) -> tensor<13x40xbf16>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %a, %b : (tensor<13x70xbf16>, tensor<70x40xbf16>) -> tensor<13x40xbf16>
  kernel.return %0 : tensor<13x40xbf16>
}
// CHECK-LABEL: kernel.func @double(
// CHECK: tile.contract {{.*}} lanes = 4,
kernel.func @double(%a: tensor<13x70xf64>, %b: tensor<70x40xf64>) -> tensor<13x40xf64>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %a, %b : (tensor<13x70xf64>, tensor<70x40xf64>) -> tensor<13x40xf64>
  kernel.return %0 : tensor<13x40xf64>
}

// -----

// A filter that is an argument is packed at run time; taps and channels of a row are one run.
// CHECK-LABEL: kernel.func @conv(
// CHECK: %[[W:.*]] = tile.pack ins(%{{.*}} : tensor<40x5x3x3xi8>) {{.*}} tiled = 0 order = [2, 3, 1] tile = {{[0-9]+}} step = 4 run = 2
// CHECK: tile.conv ins(%{{.*}}, %[[W]] : {{.*}}) {{.*}} kernel_width 3 {{.*}}unit = "dotprod.s8s8">
// CHECK: arith.sitofp
// CHECK: tile.yield %{{.*}} : i8
kernel.func @conv(%x: tensor<1x9x9x5xi8>, %w: tensor<40x5x3x3xi8>, %s: tensor<40xf32>, %t: tensor<f32>) -> tensor<1x7x7x40xi8>
    attributes {sizes = 0 : i64, target = #kernel.target<"aarch64:dotprod">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x9x9x5xi8>, tensor<40x5x3x3xi8>) -> tensor<1x7x7x40xi32>
  %1 = graph.cast %0 : tensor<1x7x7x40xi32> -> tensor<1x7x7x40xf32>
  %2 = graph.mul %1, %s : (tensor<1x7x7x40xf32>, tensor<40xf32>) -> tensor<1x7x7x40xf32>
  %3 = graph.quantize %2 scale %t : (tensor<1x7x7x40xf32>, tensor<f32>) -> tensor<1x7x7x40xi8>
  kernel.return %3 : tensor<1x7x7x40xi8>
}

// -----

// CHECK-LABEL: kernel.func @unknown(
// CHECK-SAME: #kernel.strategy<"cpu.loops"
kernel.func @unknown(%a: tensor<13x70xi8>, %b: tensor<70x40xi8>) -> tensor<13x40xi8>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  // expected-remark @+1 {{nothing multiplies i8 by i8 to i8 there [strategy-loops]}}
  %0 = graph.matmul %a, %b : (tensor<13x70xi8>, tensor<70x40xi8>) -> tensor<13x40xi8>
  kernel.return %0 : tensor<13x40xi8>
}
// Vectors have several groups that are narrower than they are.
// CHECK-LABEL: kernel.func @groups(
// CHECK-SAME: #kernel.strategy<"cpu.conv.depthwise", {{.*}}lanes = 8
// CHECK: tile.depthwise_conv {{.*}} group_inputs 4 group_outputs 4
kernel.func @groups(%x: tensor<1x9x9x8xf32>, %w: tensor<8x4x3x3xf32> {kernel.constant}) -> tensor<1x7x7x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 2 : (tensor<1x9x9x8xf32>, tensor<8x4x3x3xf32>) -> tensor<1x7x7x8xf32>
  kernel.return %0 : tensor<1x7x7x8xf32>
}
// Where they do not fill one, vectors are as wide as the outputs of a group allow.
// CHECK-LABEL: kernel.func @odd_groups(
// CHECK-SAME: #kernel.strategy<"cpu.conv.direct", {{.*}}lanes = 4
kernel.func @odd_groups(%x: tensor<1x9x9x12xf32>, %w: tensor<12x4x3x3xf32> {kernel.constant}) -> tensor<1x7x7x12xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 3 : (tensor<1x9x9x12xf32>, tensor<12x4x3x3xf32>) -> tensor<1x7x7x12xf32>
  kernel.return %0 : tensor<1x7x7x12xf32>
}
