// Every op of the dialect reads back as it was written.
// RUN: lathe-opt %s | lathe-opt --mlir-print-local-scope | FileCheck %s

#x = #graph.dims<()[s0] -> (s0, 8)>
#two = #graph.dims<()[s0] -> (s0 * 2, 8)>

// CHECK-LABEL: kernel.func @softmax(
// CHECK-SAME: %{{.*}}: index, %{{.*}}: tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>, %{{.*}}: tensor<8xf32> {kernel.constant})
// CHECK-SAME: -> tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>
// CHECK-SAME: attributes {sizes = 1 : i64, strategy = #kernel.strategy<"cpu.loops", {unroll = 4 : i64}>, target = #kernel.target<"x86_64:fma,avx2">}
kernel.func @softmax(%n: index, %x: tensor<?x8xf32, #x>, %w: tensor<8xf32> {kernel.constant}) -> tensor<?x8xf32, #x>
    attributes {sizes = 1 : i64, strategy = #kernel.strategy<"cpu.loops", {unroll = 4 : i64}>, target = #kernel.target<"x86_64:fma,avx2">} {
  %y = graph.softmax %x axis = 1 : tensor<?x8xf32, #x>
  // CHECK: kernel.return %{{.*}} : tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>
  kernel.return %y : tensor<?x8xf32, #x>
}

// CHECK-LABEL: kernel.func private @ranges(
// CHECK-SAME: attributes {ranges = [#graph.range<least = 8, most = 512, divisor = 8>, #graph.range<>], sizes = 2 : i64}
kernel.func private @ranges(%n: index, %m: index)
    attributes {sizes = 2 : i64, ranges = [#graph.range<least = 8, most = 512, divisor = 8>, #graph.range<>]} {
  kernel.return
}

// CHECK-LABEL: kernel.func private @two_results()
// CHECK-SAME: -> (tensor<2xi64>, tensor<2xi64>) attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">}
kernel.func private @two_results() -> (tensor<2xi64>, tensor<2xi64>)
    attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">} {
  %y = graph.iota 0 : tensor<2xi64>
  kernel.return %y, %y : tensor<2xi64>, tensor<2xi64>
}

// CHECK-LABEL: kernel.func @on_memory(
// CHECK-SAME: attributes {dims = [affine_map<()[s0] -> (s0)>], memory = @bytes, outputs = 1 : i64, scratch = 1 : i64, shared = 1 : i64, sizes = 1 : i64}
kernel.func @on_memory(%n: index, %y: memref<?xf32>, %all: memref<?xi8>, %own: memref<?xi8>)
    attributes {sizes = 1 : i64, dims = [affine_map<()[s0] -> (s0)>], outputs = 1 : i64, shared = 1 : i64, scratch = 1 : i64, memory = @bytes} {
  kernel.return
}

// CHECK: kernel.entry @compiled {function_type = (index, memref<?xf32>) -> (), memory = @bytes, outputs = 1 : i64,
// CHECK-SAME: phases = [#kernel.phase<tasks = @count, body = @range>, #kernel.phase<tasks = @count, body = @range, loops = true>], sizes = 1 : i64}
kernel.entry @compiled {function_type = (index, memref<?xf32>) -> (), sizes = 1 : i64, outputs = 1 : i64, memory = @bytes,
                        phases = [#kernel.phase<tasks = @count, body = @range>, #kernel.phase<tasks = @count, body = @range, loops = true>]}
func.func private @bytes(index) -> (index, index)
func.func private @count(index) -> index
func.func private @range(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32

// CHECK-LABEL: func.func @calls(
func.func @calls(%x: tensor<?x8xf32, #two>, %w: tensor<8xf32>) -> (tensor<?x8xf32, #two>, tensor<2xi64>) {
  // CHECK: kernel.call @softmax affine_map<()[s0] -> (s0 * 2)>(%{{.*}}, %{{.*}}) : (tensor<?x8xf32, #graph.dims<()[s0] -> (s0 * 2, 8)>>, tensor<8xf32>) -> tensor<?x8xf32, #graph.dims<()[s0] -> (s0 * 2, 8)>>
  %0 = kernel.call @softmax affine_map<()[s0] -> (s0 * 2)>(%x, %w) : (tensor<?x8xf32, #two>, tensor<8xf32>) -> tensor<?x8xf32, #two>
  // CHECK: %{{.*}}:2 = kernel.call @two_results affine_map<() -> ()>() : () -> (tensor<2xi64>, tensor<2xi64>)
  %1:2 = kernel.call @two_results affine_map<() -> ()>() : () -> (tensor<2xi64>, tensor<2xi64>)
  // CHECK: kernel.call @two_results affine_map<() -> ()>() checks ["first", "second"] : () -> (tensor<2xi64>, tensor<2xi64>)
  %2:2 = kernel.call @two_results affine_map<() -> ()>() checks ["first", "second"] : () -> (tensor<2xi64>, tensor<2xi64>)
  return %0, %1#1 : tensor<?x8xf32, #two>, tensor<2xi64>
}

// CHECK-LABEL: func.func @check_index(
func.func @check_index(%i: index, %n: index) -> index {
  // CHECK: kernel.check_index %{{.*}} in %{{.*}} check = 3
  %at = kernel.check_index %i in %n check = 3
  return %at : index
}

// CHECK-LABEL: func.func @group(
func.func @group(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: kernel.group -> tensor<4xf32> {
  // CHECK: kernel.yield %{{.*}} : tensor<4xf32>
  %y = kernel.group -> tensor<4xf32> {
    %0 = graph.exp %x : tensor<4xf32> -> tensor<4xf32>
    kernel.yield %0 : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// The last panel is filled up: 20 columns are two panels of 16.
// CHECK-LABEL: func.func @pack(
func.func @pack(%w: tensor<3x20x5xf32>) -> tensor<2x5x3x16xf32> {
  // CHECK: kernel.pack %{{.*}} tiled = 1 order = [2, 0] tile = 16 : tensor<3x20x5xf32> -> tensor<2x5x3x16xf32>
  %y = kernel.pack %w tiled = 1 order = [2, 0] tile = 16 : tensor<3x20x5xf32> -> tensor<2x5x3x16xf32>
  return %y : tensor<2x5x3x16xf32>
}

// Four neighbours of a run of 3 x 5 lie side by side: 15 are four groups.
// CHECK-LABEL: func.func @pack_steps(
func.func @pack_steps(%w: tensor<3x20x5xi8>) -> tensor<2x4x16x4xi8> {
  // CHECK: kernel.pack %{{.*}} tiled = 1 order = [0, 2] tile = 16 step = 4 run = 2 : tensor<3x20x5xi8> -> tensor<2x4x16x4xi8>
  %y = kernel.pack %w tiled = 1 order = [0, 2] tile = 16 step = 4 run = 2 : tensor<3x20x5xi8> -> tensor<2x4x16x4xi8>
  return %y : tensor<2x4x16x4xi8>
}

// Two codes of 4 bits share a byte: 2 blocks of 3 are three bytes.
// CHECK-LABEL: func.func @pack_bits(
func.func @pack_bits(%w: tensor<20x2x3xi8>) -> tensor<2x3x16xi8> {
  // CHECK: kernel.pack %{{.*}} tiled = 0 order = [1, 2] tile = 16 step = 2 run = 2 bits = 4 : tensor<20x2x3xi8> -> tensor<2x3x16xi8>
  %y = kernel.pack %w tiled = 0 order = [1, 2] tile = 16 step = 2 run = 2 bits = 4 : tensor<20x2x3xi8> -> tensor<2x3x16xi8>
  return %y : tensor<2x3x16xi8>
}

// A filter transformed for 4 outputs a dim has 6 points in each.
// CHECK-LABEL: func.func @pack_transformed(
func.func @pack_transformed(%w: tensor<20x5x3x3xf32>) -> tensor<2x6x6x5x16xf32> {
  // CHECK: kernel.pack %{{.*}} tiled = 0 order = [2, 3, 1] tile = 16 winograd = 4 : tensor<20x5x3x3xf32> -> tensor<2x6x6x5x16xf32>
  %y = kernel.pack %w tiled = 0 order = [2, 3, 1] tile = 16 winograd = 4 : tensor<20x5x3x3xf32> -> tensor<2x6x6x5x16xf32>
  return %y : tensor<2x6x6x5x16xf32>
}

// CHECK-LABEL: func.func @across
func.func @across(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: kernel.copy %{{.*}} to <cuda> : tensor<4xf32>
  %0 = kernel.copy %x to <cuda> : tensor<4xf32>
  %1 = kernel.call @there affine_map<() -> ()>(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK: kernel.func @there({{.*}}) -> tensor<4xf32> attributes {sizes = 0 : i64, space = #host.space<cuda>}
kernel.func @there(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64, space = #host.space<cuda>} {
  %0 = graph.relu %x : tensor<4xf32> -> tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @block_memory(
func.func @block_memory() -> memref<4x8xf32> {
  // CHECK: kernel.block_memory : memref<4x8xf32>
  %m = kernel.block_memory : memref<4x8xf32>
  return %m : memref<4x8xf32>
}
