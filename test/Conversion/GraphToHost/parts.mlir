// Operands of a concatenation are computed in their parts of the result, and slices are read where they lie.
// RUN: lathe-opt %s --convert-graph-to-host --canonicalize --cse --mlir-print-local-scope --split-input-file | FileCheck %s

// Two kernels write an output of 12 elements, the input is copied behind; nothing is in the workspace, and the kernel
// that would have joined them is gone.
// CHECK: host.program plan of "main" {
// CHECK: %[[NONE:.*]] = arith.constant 0 : index
// CHECK: host.set_workspace %[[NONE]]
// CHECK: host.program run of "main" {
// CHECK-DAG: %[[SIXTEEN:.*]] = arith.constant 16 : index
// CHECK-DAG: %[[BEHIND:.*]] = arith.constant 32 : index
// CHECK-DAG: %[[X:.*]] = host.input 0
// CHECK-DAG: %[[OUT:.*]] = host.output 0
// CHECK: host.launch @k[] (%[[X]], %[[OUT]])
// CHECK: %[[SECOND:.*]] = host.offset %[[OUT]], %[[SIXTEEN]]
// CHECK: host.launch @k[] (%[[X]], %[[SECOND]])
// CHECK: %[[THIRD:.*]] = host.offset %[[OUT]], %[[BEHIND]]
// CHECK: host.copy %[[X]] to %[[THIRD]], %[[SIXTEEN]]
// CHECK-NOT: @join
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x12xf32> attributes {graph.symbols = []} {
  %0 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = kernel.call @join affine_map<() -> ()>(%0, %1, %x) {kernel.concat = 1 : i64}
     : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x12xf32>
  return %2 : tensor<1x12xf32>
}
kernel.func private @k(%x: tensor<1x4xf32>) -> tensor<1x4xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<1x4xf32>
}
kernel.func private @join(%x: tensor<1x4xf32>, %y: tensor<1x4xf32>, %z: tensor<1x4xf32>) -> tensor<1x12xf32> attributes {sizes = 0 : i64} {
  %0 = tensor.empty() : tensor<1x12xf32>
  kernel.return %0 : tensor<1x12xf32>
}

// -----

// Runs of 4 and 2 elements in lines of 6: what also stores elsewhere is there twice.
// CHECK: host.program run of "main" {
// CHECK: %[[OUT:.*]] = host.output 0
// CHECK: host.launch @k.part[%{{.*}}] (%{{.*}}, %[[OUT]])
// CHECK: %[[SECOND:.*]] = host.offset %[[OUT]], %{{.*}}
// CHECK: host.launch @l[%{{.*}}] (%{{.*}}, %[[SECOND]])
// CHECK: host.launch @k[%{{.*}}]
// CHECK: kernel.func private @k(%{{.*}}: tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
// CHECK: kernel.func private @k.part(%{{.*}}) -> (tensor<?x5x4xf32> {kernel.strides = affine_map<()[s0] -> (30, 6, 1)>})
// CHECK: kernel.func private @l(%{{.*}}) -> (tensor<?x5x2xf32> {kernel.strides = affine_map<()[s0] -> (30, 6, 1)>})
#n4 = #graph.dims<()[s0] -> (s0, 5, 4)>
#n2 = #graph.dims<()[s0] -> (s0, 5, 2)>
#n6 = #graph.dims<()[s0] -> (s0, 5, 6)>
func.func @main(%x: tensor<?x5x4xf32, #n4>, %y: tensor<?x5x2xf32, #n2>) -> (tensor<?x5x6xf32, #n6>, tensor<?x5x4xf32, #n4>)
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  %0 = kernel.call @k affine_map<()[s0] -> (s0)>(%x) : (tensor<?x5x4xf32, #n4>) -> tensor<?x5x4xf32, #n4>
  %1 = kernel.call @l affine_map<()[s0] -> (s0)>(%y) : (tensor<?x5x2xf32, #n2>) -> tensor<?x5x2xf32, #n2>
  %2 = kernel.call @join affine_map<()[s0] -> (s0)>(%0, %1) {kernel.concat = 2 : i64}
     : (tensor<?x5x4xf32, #n4>, tensor<?x5x2xf32, #n2>) -> tensor<?x5x6xf32, #n6>
  %3 = kernel.call @k affine_map<()[s0] -> (s0)>(%x) : (tensor<?x5x4xf32, #n4>) -> tensor<?x5x4xf32, #n4>
  return %2, %3 : tensor<?x5x6xf32, #n6>, tensor<?x5x4xf32, #n4>
}
kernel.func private @k(%n: index, %x: tensor<?x5x4xf32>) -> tensor<?x5x4xf32> attributes {sizes = 1 : i64} {
  %0 = math.exp %x : tensor<?x5x4xf32>
  kernel.return %0 : tensor<?x5x4xf32>
}
kernel.func private @l(%n: index, %x: tensor<?x5x2xf32>) -> tensor<?x5x2xf32> attributes {sizes = 1 : i64} {
  %0 = math.exp %x : tensor<?x5x2xf32>
  kernel.return %0 : tensor<?x5x2xf32>
}
kernel.func private @join(%n: index, %x: tensor<?x5x4xf32>, %y: tensor<?x5x2xf32>) -> tensor<?x5x6xf32> attributes {sizes = 1 : i64} {
  %0 = tensor.empty(%n) : tensor<?x5x6xf32>
  kernel.return %0 : tensor<?x5x6xf32>
}

// -----

// What something else reads stays whole, and the kernel joins.
// CHECK: host.program run of "main" {
// CHECK: host.launch @k[]
// CHECK: host.launch @k[]
// CHECK: host.launch @join[]
func.func @main(%x: tensor<5x4xf32>) -> (tensor<5x8xf32>, tensor<5x4xf32>) attributes {graph.symbols = []} {
  %0 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<5x4xf32>) -> tensor<5x4xf32>
  %2 = kernel.call @join affine_map<() -> ()>(%0, %1) {kernel.concat = 1 : i64} : (tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<5x8xf32>
  return %2, %1 : tensor<5x8xf32>, tensor<5x4xf32>
}
kernel.func private @k(%x: tensor<5x4xf32>) -> tensor<5x4xf32> attributes {sizes = 0 : i64} {
  %0 = math.exp %x : tensor<5x4xf32>
  kernel.return %0 : tensor<5x4xf32>
}
kernel.func private @join(%x: tensor<5x4xf32>, %y: tensor<5x4xf32>) -> tensor<5x8xf32> attributes {sizes = 0 : i64} {
  %0 = tensor.empty() : tensor<5x8xf32>
  kernel.return %0 : tensor<5x8xf32>
}

// -----

// A view starts some elements behind; an output that is one is copied.
// CHECK: host.program run of "main" {
// CHECK-DAG: %[[SIXTY:.*]] = arith.constant 64 : index
// CHECK-DAG: %[[X:.*]] = host.input 0
// CHECK: %[[Y:.*]] = host.offset %[[X]], %[[SIXTY]]
// CHECK: host.launch @k[] (%[[Y]], %{{.*}})
// CHECK: host.copy %[[Y]] to %{{.*}}
// CHECK-NOT: @cut
func.func @main(%x: tensor<8x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) attributes {graph.symbols = []} {
  %0 = kernel.call @cut affine_map<() -> ()>(%x) {kernel.view = affine_map<() -> (16)>} : (tensor<8x4xf32>) -> tensor<4x4xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%0) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1, %0 : tensor<4x4xf32>, tensor<4x4xf32>
}
kernel.func private @k(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<4x4xf32>
}
kernel.func private @cut(%x: tensor<8x4xf32>) -> tensor<4x4xf32> attributes {sizes = 0 : i64} {
  %0 = tensor.empty() : tensor<4x4xf32>
  kernel.return %0 : tensor<4x4xf32>
}
