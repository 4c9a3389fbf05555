// Products with constant matrices are packed, those with computed ones are not;
// the elementwise ops that follow become the epilogue.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --pack-constants --canonicalize --split-input-file | FileCheck %s

// CHECK: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK: func.func @main(
// CHECK-SAME:    %[[X:.*]]: tensor<197x768xf32>
// CHECK:   %[[W:.*]] = graph.constant
// CHECK:   %[[PACKED:.*]] = kernel.pack %[[W]] tiled = 1 order = [0] tile = 64 : tensor<768x768xf32> -> tensor<12x768x64xf32>
// CHECK:   kernel.call @matmul #{{.*}}(%[[X]], %[[PACKED]], %{{.*}})
func.func @main(%x: tensor<197x768xf32>, %bias: tensor<768xf32>) -> tensor<197x768xf32> {
  %w = graph.constant dense<1.0> : tensor<768x768xf32>
  %0 = kernel.call @matmul affine_map<() -> ()> (%x, %w, %bias) : (tensor<197x768xf32>, tensor<768x768xf32>, tensor<768xf32>) -> tensor<197x768xf32>
  return %0 : tensor<197x768xf32>
}

// CHECK: kernel.func @matmul(
// CHECK-SAME:    %[[A:.*]]: tensor<197x768xf32>, %[[B:.*]]: tensor<12x768x64xf32> {kernel.constant, kernel.packing = {order = array<i64: 0>, tile = 64 : i64, tiled = 1 : i64}}, %[[BIAS:.*]]: tensor<768xf32>)
// CHECK-SAME:    strategy = #kernel.strategy<"cpu.gemm.packed"
// CHECK:   %[[INIT:.*]] = tensor.empty() : tensor<197x768xf32>
// CHECK:   %[[Y:.*]] = tile.contract ins(%[[A]], %[[B]] : {{.*}}) extras(%[[BIAS]] : tensor<768xf32>) outs(%[[INIT]] : tensor<197x768xf32>) packed
// CHECK-SAME:    tiling(<rows = 6, vectors = 4, lanes = 16, unroll = 4
// CHECK-SAME:    maps [#[[COLUMN]]] {
// CHECK:   ^bb0(%[[ACC:.*]]: f32, %[[ADD:.*]]: f32):
// CHECK:     arith.addf %[[ACC]], %[[ADD]]
// CHECK:     tile.yield
// CHECK-NOT: linalg.generic
// CHECK:   kernel.return %[[Y]]
kernel.func @matmul(%a: tensor<197x768xf32>, %b: tensor<768x768xf32> {kernel.constant}, %bias: tensor<768xf32>)
    -> tensor<197x768xf32> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b : (tensor<197x768xf32>, tensor<768x768xf32>) -> tensor<197x768xf32>
  %1 = graph.add %0, %bias : (tensor<197x768xf32>, tensor<768xf32>) -> tensor<197x768xf32>
  %2 = graph.relu %1 : tensor<197x768xf32> -> tensor<197x768xf32>
  kernel.return %2 : tensor<197x768xf32>
}

// -----

// A value that the epilogue needs twice (x * sigmoid(x)) stays in registers.

// CHECK: kernel.func @silu(
// CHECK:   tile.contract ins(%{{.*}}, %{{.*}} : tensor<?x5x64xf32>, tensor<1x64x24xf32>)
// CHECK:   ^bb0(%[[ACC:.*]]: f32):
// CHECK:     math.exp
// CHECK:     arith.mulf %[[ACC]], %{{.*}}
// CHECK:     tile.yield
// CHECK-NOT: linalg.generic
#dyn = #graph.dims<()[s0] -> (s0, 5, 64)>
#out = #graph.dims<()[s0] -> (s0, 5, 20)>
kernel.func @silu(%n: index, %a: tensor<?x5x64xf32, #dyn>, %b: tensor<64x20xf32> {kernel.constant})
    -> tensor<?x5x20xf32, #out> attributes {sizes = 1 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %a, %b : (tensor<?x5x64xf32, #dyn>, tensor<64x20xf32>) -> tensor<?x5x20xf32, #out>
  %1 = graph.sigmoid %0 : tensor<?x5x20xf32, #out> -> tensor<?x5x20xf32, #out>
  %2 = graph.mul %0, %1 : (tensor<?x5x20xf32, #out>, tensor<?x5x20xf32, #out>) -> tensor<?x5x20xf32, #out>
  kernel.return %2 : tensor<?x5x20xf32, #out>
}

// -----

// The scores of attention: two batch dims, a scale and a mask with dims of 1,
// and no constant operand. The sizes of the result come from the kernel's.

// CHECK: #[[MASK:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, 0, 0, d3)>
// CHECK: kernel.func @scores(%[[B:[a-z0-9]+]]: index, %[[S:[a-z0-9]+]]: index,
// CHECK-SAME: strategy = #kernel.strategy<"cpu.gemm.batched"
// CHECK:   %[[INIT:.*]] = tensor.empty(%[[B]], %[[S]], %[[S]]) : tensor<?x12x?x?xf32>
// CHECK:   tile.contract ins({{.*}} : tensor<?x12x?x64xf32>, tensor<?x12x64x?xf32>) scratch(%{{.*}} : tensor<?x64xf32>) extras(%{{.*}} : tensor<?x1x1x?xf32>)
// CHECK-SAME: outs(%[[INIT]] : tensor<?x12x?x?xf32>) tiling(
// CHECK-SAME: maps [#[[MASK]]]
// CHECK-NOT: linalg.generic
#q = #graph.dims<()[s0, s1] -> (s0, 12, s1, 64)>
#k = #graph.dims<()[s0, s1] -> (s0, 12, 64, s1)>
#m = #graph.dims<()[s0, s1] -> (s0, 1, 1, s1)>
#y = #graph.dims<()[s0, s1] -> (s0, 12, s1, s1)>
kernel.func @scores(%b: index, %s: index, %q: tensor<?x12x?x64xf32, #q>, %k: tensor<?x12x64x?xf32, #k>,
                    %mask: tensor<?x1x1x?xf32, #m>)
    -> tensor<?x12x?x?xf32, #y> attributes {sizes = 2 : i64, target = #kernel.target<"x86_64:v4">} {
  %scale = graph.constant dense<0.125> : tensor<f32>
  %0 = graph.matmul %q, %k : (tensor<?x12x?x64xf32, #q>, tensor<?x12x64x?xf32, #k>) -> tensor<?x12x?x?xf32, #y>
  %1 = graph.mul %0, %scale : (tensor<?x12x?x?xf32, #y>, tensor<f32>) -> tensor<?x12x?x?xf32, #y>
  %2 = graph.add %1, %mask : (tensor<?x12x?x?xf32, #y>, tensor<?x1x1x?xf32, #m>) -> tensor<?x12x?x?xf32, #y>
  kernel.return %2 : tensor<?x12x?x?xf32, #y>
}

// -----

// Without an epilogue, and for integers, which are multiplied as they are.

// CHECK: kernel.func @alone(
// CHECK:   %[[INIT:.*]] = tensor.empty() : tensor<4x8xf32>
// CHECK:   %[[Y:.*]] = tile.contract {{.*}} outs(%[[INIT]] : tensor<4x8xf32>) tiling({{.*}}) maps [] -> tensor<4x8xf32>
// CHECK:   kernel.return %[[Y]]
kernel.func @alone(%a: tensor<4x6xf32>, %b: tensor<6x8xf32>) -> tensor<4x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64">} {
  %0 = graph.matmul %a, %b : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  kernel.return %0 : tensor<4x8xf32>
}

// CHECK: kernel.func @integers(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.gemm.batched"
// CHECK: tile.contract {{.*}} unit = "multiply.i32">
kernel.func @integers(%a: tensor<4x6xi32>, %b: tensor<6x8xi32>) -> tensor<4x8xi32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b : (tensor<4x6xi32>, tensor<6x8xi32>) -> tensor<4x8xi32>
  kernel.return %0 : tensor<4x8xi32>
}

// -----

// One row reads a run of a page of each step, and a few steps at a time; of a matrix that is no wider than a panel,
// all steps in a row.

// CHECK: kernel.func @run(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.gemm.batched", {block = 16 : i64, {{.*}}task_panels = 8 : i64
// CHECK: kernel.func @narrow(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.gemm.batched", {block = 0 : i64
kernel.func @run(%a: tensor<1x4096xf32>, %b: tensor<4096x4096xf32>) -> tensor<1x4096xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b : (tensor<1x4096xf32>, tensor<4096x4096xf32>) -> tensor<1x4096xf32>
  kernel.return %0 : tensor<1x4096xf32>
}
kernel.func @narrow(%a: tensor<1x4096xf32>, %b: tensor<4096x64xf32>) -> tensor<1x64xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b : (tensor<1x4096xf32>, tensor<4096x64xf32>) -> tensor<1x64xf32>
  kernel.return %0 : tensor<1x64xf32>
}

// -----

// Tiles are chosen for as many columns as a kernel of open sizes says.

// CHECK: kernel.func @few(
// CHECK-SAME: vectors = 1 : i64
// CHECK: kernel.func @middling(
// CHECK-SAME: vectors = 4 : i64
#a = #graph.dims<()[s0, s1, s2] -> (s0, s2)>
#b = #graph.dims<()[s0, s1, s2] -> (s2, s1)>
#c = #graph.dims<()[s0, s1, s2] -> (s0, s1)>
kernel.func @few(%m: index, %n: index, %k: index, %a: tensor<?x?xf32, #a>, %b: tensor<?x?xf32, #b>)
    -> tensor<?x?xf32, #c> attributes {sizes = 3 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b {kernel.planned_columns = 16 : i64}
      : (tensor<?x?xf32, #a>, tensor<?x?xf32, #b>) -> tensor<?x?xf32, #c>
  kernel.return %0 : tensor<?x?xf32, #c>
}
kernel.func @middling(%m: index, %n: index, %k: index, %a: tensor<?x?xf32, #a>, %b: tensor<?x?xf32, #b>)
    -> tensor<?x?xf32, #c> attributes {sizes = 3 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b : (tensor<?x?xf32, #a>, tensor<?x?xf32, #b>) -> tensor<?x?xf32, #c>
  kernel.return %0 : tensor<?x?xf32, #c>
}

// -----

// A kernel without a model whose matrix is packed by its caller, of any size.
// CHECK: #[[PANELS:.*]] = affine_map<()[s0, s1, s2] -> (s1 ceildiv 16, s2, 16)>
// CHECK-LABEL: kernel.func @open(
// CHECK-SAME: tensor<?x?x16xf32> {kernel.constant, kernel.packing = {order = array<i64: 0>, tile = 16 : i64, tiled = 1 : i64}}
// CHECK-SAME: dims = [#{{.*}}, #[[PANELS]], #{{.*}}]
// CHECK: tile.contract ins({{.*}} : tensor<?x?xf32>, tensor<?x?x16xf32>) outs({{.*}}) packed
kernel.func @open(%m: index, %n: index, %k: index, %a: tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s0, s2)>>,
    %b: tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s2, s1)>> {kernel.constant})
    -> tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s0, s1)>>
    attributes {sizes = 3 : i64, target = #kernel.target<"x86_64:v3">} {
  %y = graph.matmul %a, %b : (tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s0, s2)>>,
    tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s2, s1)>>) -> tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s0, s1)>>
  kernel.return %y : tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s0, s1)>>
}

// -----

// Rows of which the kernel says that they are a multiple of 8 get tiles that leave none over, if these are about as
// good; without, and with a divisor that only small tiles have, the tile is the best of all.
// CHECK-LABEL: kernel.func @multiple(
// CHECK: tiling(<rows = 4, vectors = 6, lanes = 16
kernel.func @multiple(%n: index, %a: tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>, %b: tensor<768x768xf32> {kernel.constant})
    -> tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>
    attributes {sizes = 1 : i64, ranges = [#graph.range<divisor = 8>], target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b : (tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>, tensor<768x768xf32>) -> tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>
  kernel.return %0 : tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>
}

// CHECK-LABEL: kernel.func @even(
// CHECK: tiling(<rows = 6, vectors = 4, lanes = 16
kernel.func @even(%n: index, %a: tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>, %b: tensor<768x768xf32> {kernel.constant})
    -> tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>
    attributes {sizes = 1 : i64, ranges = [#graph.range<divisor = 2>], target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b : (tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>, tensor<768x768xf32>) -> tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>
  kernel.return %0 : tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>
}

// CHECK-LABEL: kernel.func @any(
// CHECK: tiling(<rows = 6, vectors = 4, lanes = 16
kernel.func @any(%n: index, %a: tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>, %b: tensor<768x768xf32> {kernel.constant})
    -> tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>
    attributes {sizes = 1 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b : (tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>, tensor<768x768xf32>) -> tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>
  kernel.return %0 : tensor<?x768xf32, #graph.dims<()[s0] -> (s0, 768)>>
}

// -----

// Many rows pass a copy of each panel, a block of the sum at a time; the scratch memory is a quarter of the cache.

// CHECK: kernel.func @copied(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.gemm.batched"
// CHECK-DAG: %[[NONE:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[BLOCK:.*]] = arith.constant 1024 : index
// CHECK-DAG: %[[FEW:.*]] = arith.constant 12 : index
// CHECK:   %[[IS_FEW:.*]] = arith.cmpi sle, %{{.*}}, %[[FEW]]
// CHECK:   %[[SIZE:.*]] = arith.select %[[IS_FEW]], %[[NONE]], %[[BLOCK]]
// CHECK:   %[[SCRATCH:.*]] = tensor.empty(%[[SIZE]]) : tensor<?x16xf32>
// CHECK:   tile.contract ins({{.*}}) scratch(%[[SCRATCH]] : tensor<?x16xf32>) {{.*}} tiling(<rows = 6, vectors = 2, lanes = 8, {{.*}}block = 1024
#a = #graph.dims<()[s0, s1] -> (s0, s1)>
#b = #graph.dims<()[s0, s1] -> (s1, 512)>
#c = #graph.dims<()[s0, s1] -> (s0, 512)>
kernel.func @copied(%m: index, %k: index, %a: tensor<?x?xf32, #a>, %b: tensor<?x512xf32, #b>) -> tensor<?x512xf32, #c>
    attributes {sizes = 2 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %a, %b : (tensor<?x?xf32, #a>, tensor<?x512xf32, #b>) -> tensor<?x512xf32, #c>
  kernel.return %0 : tensor<?x512xf32, #c>
}

// -----

// What is short is one block; what the nearest cache holds, and few rows, need no copy.

// CHECK: kernel.func @short(
// CHECK:   tile.contract ins({{.*}}) scratch(%{{.*}} : tensor<300x16xf32>)
// CHECK-NOT: block =
kernel.func @short(%a: tensor<49x300xf32>, %b: tensor<300x512xf32>) -> tensor<49x512xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %a, %b : (tensor<49x300xf32>, tensor<300x512xf32>) -> tensor<49x512xf32>
  kernel.return %0 : tensor<49x512xf32>
}

// There is no panel where there is nothing to add.

// CHECK: kernel.func @nothing(
// CHECK-NOT: scratch(
// CHECK: tile.contract
kernel.func @nothing(%m: index, %n: index, %a: tensor<?x0xf32, #graph.dims<()[s0] -> (s0, 0)>>,
                     %b: tensor<0x?xf32, #graph.dims<()[s0, s1] -> (0, s1)>>)
    -> tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>
    attributes {sizes = 2 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.matmul %a, %b : (tensor<?x0xf32, #graph.dims<()[s0] -> (s0, 0)>>, tensor<0x?xf32, #graph.dims<()[s0, s1] -> (0, s1)>>)
    -> tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>
  kernel.return %0 : tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>
}

// CHECK: kernel.func @near(
// CHECK-NOT: scratch(
kernel.func @near(%a: tensor<49x64xf32>, %b: tensor<64x64xf32>) -> tensor<49x64xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %a, %b : (tensor<49x64xf32>, tensor<64x64xf32>) -> tensor<49x64xf32>
  kernel.return %0 : tensor<49x64xf32>
}

// CHECK: kernel.func @few(
// CHECK-NOT: scratch(
kernel.func @few(%a: tensor<9x300xf32>, %b: tensor<300x512xf32>) -> tensor<9x512xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.matmul %a, %b : (tensor<9x300xf32>, tensor<300x512xf32>) -> tensor<9x512xf32>
  kernel.return %0 : tensor<9x512xf32>
}
