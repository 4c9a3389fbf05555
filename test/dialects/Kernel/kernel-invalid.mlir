// One case for each constraint of kernels, of calls of them, and of packed constants.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// func_c7
// expected-error @+1 {{has the ranges of 2 sizes, but 1 are expected}}
kernel.func @k(%a: index) attributes {sizes = 1 : i64, ranges = [#graph.range<most = 8>, #graph.range<>]} {
  kernel.return
}

// -----

// func_c1
// expected-error @+1 {{has 3 sizes, but 2 arguments}}
kernel.func @k(%a: index, %b: index) attributes {sizes = 3 : i64} {
  kernel.return
}

// -----

// func_c1
// expected-error @+1 {{has -1 sizes, but 0 arguments}}
kernel.func @k() attributes {sizes = -1 : i64} {
  kernel.return
}

// -----

// func_c1
// expected-error @+1 {{argument 1 has type 'tensor<4xf32>', but just the first 2 arguments are sizes}}
kernel.func @k(%a: index, %x: tensor<4xf32>) attributes {sizes = 2 : i64} {
  kernel.return
}

// -----

// func_c1
// expected-error @+1 {{argument 1 has type 'index', but just the first 1 arguments are sizes}}
kernel.func @k(%a: index, %b: index) attributes {sizes = 1 : i64} {
  kernel.return
}

// -----

// func_c2
// expected-error @+1 {{must end in 'kernel.return' of its result types}}
kernel.func @k(%x: tensor<4xf32>) -> tensor<5xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<4xf32>
}

// -----

// func_c2
// expected-error @+1 {{region #0 ('body') failed to verify constraint: region with 1 blocks}}
kernel.func @k() attributes {sizes = 0 : i64} {
  cf.br ^bb1
^bb1:
  kernel.return
}

// -----

// func_c2
// expected-error @+1 {{must end in 'kernel.return' of its result types}}
kernel.func @k() attributes {sizes = 0 : i64} {
  %i = graph.iota 0 : tensor<2xi64>
}

// -----

// group_c1
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{yields other types than those of its results}}
  %y = kernel.group -> tensor<5xf32> {
    kernel.yield %x : tensor<4xf32>
  }
  return
}

// -----

// call_c1
kernel.func @k(%n: index, %x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<4xf32>
}

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{callee 'none' is not a kernel}}
  %y = kernel.call @none affine_map<() -> (4)>(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// call_c1
kernel.func @k(%n: index, %x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<4xf32>
}

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{callee 'f' is not a kernel}}
  %y = kernel.call @f affine_map<() -> (4)>(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// call_c1
kernel.func @k(%n: index, %x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<4xf32>
}

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{has 0 sizes, but kernel 'k' takes 1}}
  %y = kernel.call @k affine_map<() -> ()>(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// call_c1
kernel.func @k(%n: index, %x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<4xf32>
}

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{does not have the operands and results of kernel 'k'}}
  %y = kernel.call @k affine_map<() -> (4)>() : () -> tensor<4xf32>
  return
}

// -----

// call_c1
kernel.func @k(%n: index, %x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<4xf32>
}

func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{does not have the operands and results of kernel 'k'}}
  kernel.call @k affine_map<() -> (4)>(%x) : (tensor<4xf32>) -> ()
  return
}

// -----

// pack_c1
func.func @f(%w: tensor<3x20xf32>) {
  // expected-error @+1 {{'order' must list every dim but 1 once}}
  %y = kernel.pack %w tiled = 1 order = [1] tile = 16 : tensor<3x20xf32> -> tensor<2x3x16xf32>
  return
}

// -----

// pack_c1
func.func @f(%w: tensor<3x20xf32>) {
  // expected-error @+1 {{'order' must list every dim but 1 once}}
  %y = kernel.pack %w tiled = 1 order = [2] tile = 16 : tensor<3x20xf32> -> tensor<2x3x16xf32>
  return
}

// -----

// pack_c1
func.func @f(%w: tensor<3x20xf32>) {
  // expected-error @+1 {{cannot tile dim 1 of 'tensor<3x20xf32>' by 0}}
  %y = kernel.pack %w tiled = 1 order = [0] tile = 0 : tensor<3x20xf32> -> tensor<2x3x16xf32>
  return
}

// -----

// pack_c1
func.func @f(%w: tensor<3x20xf32>) {
  // expected-error @+1 {{cannot tile dim 2 of 'tensor<3x20xf32>' by 16}}
  %y = kernel.pack %w tiled = 2 order = [0] tile = 16 : tensor<3x20xf32> -> tensor<2x3x16xf32>
  return
}

// -----

// pack_c1
func.func @f(%w: tensor<3x20xf32>) {
  // expected-error @+1 {{cannot tile dim 1 of 'tensor<3x20xf32>' by 16}}
  %y = kernel.pack %w tiled = 1 order = [] tile = 16 : tensor<3x20xf32> -> tensor<2x3x16xf32>
  return
}

// -----

// pack_c4
func.func @f(%w: tensor<20x5x3x3xf32>) {
  // expected-error @+1 {{cannot transform 'tensor<20x5x3x3xf32>' for 3 outputs}}
  %y = kernel.pack %w tiled = 0 order = [2, 3, 1] tile = 16 winograd = 3 : tensor<20x5x3x3xf32> -> tensor<2x5x5x5x16xf32>
  return
}

// -----

// pack_c4
func.func @f(%w: tensor<20x5x5x5xf32>) {
  // expected-error @+1 {{cannot transform 'tensor<20x5x5x5xf32>' for 2 outputs}}
  %y = kernel.pack %w tiled = 0 order = [2, 3, 1] tile = 16 winograd = 2 : tensor<20x5x5x5xf32> -> tensor<2x4x4x5x16xf32>
  return
}

// -----

// pack_c5
func.func @f(%w: tensor<20x6xi8>) {
  // expected-error @+1 {{cannot put 4 elements of 'tensor<20x6xi8>' of 4 bits into a byte}}
  %y = kernel.pack %w tiled = 0 order = [1] tile = 16 step = 4 bits = 4 : tensor<20x6xi8> -> tensor<2x2x16xi8>
  return
}

// -----

// pack_c2
func.func @f(%w: tensor<3x20xf32>) {
  // expected-error @+1 {{has a result of type 'tensor<3x3x16xf32>', which is not the packed shape of 'tensor<3x20xf32>'}}
  %y = kernel.pack %w tiled = 1 order = [0] tile = 16 : tensor<3x20xf32> -> tensor<3x3x16xf32>
  return
}

// -----

// pack_c2
func.func @f(%w: tensor<3x20xf32>) {
  // expected-error @+1 {{has a result of type 'tensor<2x3x16xf64>', which is not the packed shape}}
  %y = kernel.pack %w tiled = 1 order = [0] tile = 16 : tensor<3x20xf32> -> tensor<2x3x16xf64>
  return
}

// -----

// pack_c2
func.func @f(%w: tensor<3x20xf32>) {
  // expected-error @+1 {{must be statically shaped tensor}}
  %y = kernel.pack %w tiled = 1 order = [0] tile = 16 : tensor<3x20xf32> -> tensor<?x3x16xf32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{'kernel.return' op expects parent op 'kernel.func'}}
  kernel.return
}

// -----

// check_index_c1
func.func @f(%i: index) {
  // expected-error @+1 {{attribute 'check' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  %at = kernel.check_index %i in %i check = -1
  return
}

// -----

// pack_c3
func.func @f(%w: tensor<3x20xi8>) {
  // expected-error @+1 {{cannot put 0 neighbours of a run of 1 dims side by side}}
  %y = kernel.pack %w tiled = 1 order = [0] tile = 16 run = 1 : tensor<3x20xi8> -> tensor<2x1x16x4xi8>
  return
}

// -----

// expected-error @+1 {{unknown CPU feature 'avx3'; did you mean 'avx'? [target-unknown-feature]}}
func.func private @f() attributes {target = #kernel.target<"x86_64:avx3">}

// -----

// func_c3
// expected-error @+1 {{has the dims of 1 tensors, but 2 are expected}}
kernel.func @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64, dims = [affine_map<() -> (4)>]} {
  kernel.return %x : tensor<4xf32>
}

// -----

// func_c3
// expected-error @+1 {{has the dims affine_map<() -> (4, 4)> for 'tensor<4xf32>'}}
kernel.func @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64, dims = [affine_map<() -> (4, 4)>, affine_map<() -> (4)>]} {
  kernel.return %x : tensor<4xf32>
}

// -----

// func_c4
// expected-error @+1 {{has 1 arguments, which cannot be 0 sizes, 0 outputs and 1 temporaries of the bytes that 'memory' says}}
kernel.func @f(%m: memref<?xi8>) attributes {sizes = 0 : i64, scratch = 1 : i64} {
  kernel.return
}

// -----

// func_c4
// expected-error @+1 {{has 1 arguments, which cannot be 0 sizes, 2 outputs and 0 temporaries}}
kernel.func @f(%m: memref<4xf32>) attributes {sizes = 0 : i64, outputs = 2 : i64} {
  kernel.return
}

// -----

// entry_c1
// expected-error @+1 {{has no phase}}
kernel.entry @f {function_type = () -> (), sizes = 0 : i64, phases = []}

// -----

// entry_c1
func.func private @tasks() -> index
// expected-error @+1 {{names the function @body, which does not exist}}
kernel.entry @f {function_type = () -> (), sizes = 0 : i64, phases = [#kernel.phase<tasks = @tasks, body = @body>]}

// -----
// pack_c3
func.func @f(%w: tensor<3x20xi8>) {
  // expected-error @+1 {{cannot put 4 neighbours of a run of 2 dims side by side}}
  %y = kernel.pack %w tiled = 1 order = [0] tile = 16 step = 4 run = 2 : tensor<3x20xi8> -> tensor<2x1x16x4xi8>
  return
}

// -----

// func_c5
// expected-error @+1 {{cannot compute its first result in the memory of operand 1, of 2; that must have the result's type}}
kernel.func @f(%x: tensor<4xf32>, %y: tensor<2xf32>) -> tensor<4xf32> attributes {inplace = 1 : i64, sizes = 0 : i64} {
  kernel.return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{cannot compute its first result in the memory of operand 2, of 2; that must have the result's type}}
kernel.func @f(%x: tensor<4xf32>, %y: tensor<2xf32>) -> tensor<4xf32> attributes {inplace = 2 : i64, sizes = 0 : i64} {
  kernel.return %x : tensor<4xf32>
}

// -----

// block_memory_c1
func.func @f() {
  // expected-error @+1 {{needs a memref of static sizes without a layout, but has 'memref<4xf32, strided<[2]>>'}}
  %m = kernel.block_memory : memref<4xf32, strided<[2]>>
  return
}

// -----

// func_c6
// expected-error @+1 {{argument 1 has the strides affine_map<()[s0] -> (s0)>, but for a 'tensor<?x4xf32>' one of the sizes or a number is expected for each dim, and 1 for the last}}
kernel.func @k(%n: index, %x: tensor<?x4xf32> {kernel.strides = affine_map<()[s0] -> (s0)>}) attributes {sizes = 1 : i64} {
  kernel.return
}

// -----

// func_c6
// expected-error @+1 {{result 0 has the strides affine_map<()[s0] -> (s0, 2)>, but for a 'tensor<?x4xf32>'}}
kernel.func @k(%n: index, %x: tensor<?x4xf32>) -> (tensor<?x4xf32> {kernel.strides = affine_map<()[s0] -> (s0, 2)>}) attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<?x4xf32>
}
