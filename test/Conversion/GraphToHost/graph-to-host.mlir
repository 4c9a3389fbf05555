// The function that calls kernels becomes two programs: one that plans, one that runs.
// RUN: lathe-opt %s --convert-graph-to-host --mlir-print-local-scope --split-input-file | FileCheck %s

// The words of checks that kernels make come after those of the model.
// CHECK: host.signature "main" {checks = ["m", "the sizes of this call need more memory than there can be{{.*}} [call-size-overflow]", "index"]
// CHECK-SAME: inputs = [#host.value<"x", type = tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>>, #host.value<"input1", type = tensor<2xi32>>]
// CHECK-SAME: outputs = [#host.value<"y", type = tensor<?xf32, #graph.dims<()[s0] -> (s0 * 4)>>>, #host.value<"output1",
// CHECK-SAME: symbols = ["n", "", ""]
// A constant that is only packed is written in packed order alone.
// CHECK-DAG: host.constant @[[PACKED:.*]] dense<1.000000e+00> : tensor<4x20xf32> tiled = 1 order = [0] tile = 16
// CHECK-DAG: host.constant @[[PLAIN:.*]] dense<2.000000e+00> : tensor<4xf32>
// CHECK: host.program plan of "main" {
// CHECK: %[[N:.*]] = host.dim 0, 0
// CHECK: %[[E:.*]] = host.element 1, 1 : i32
// CHECK: %[[MIN:.*]] = arith.minsi %[[N]], %{{.*}}
// CHECK: %[[MINUS:.*]] = host.mul %[[E]], %{{.*}}
// CHECK: %[[D:.*]] = host.add %[[MIN]], %[[MINUS]]
// CHECK: host.check ge %[[N]], %[[D]] id = 0
// CHECK: %[[FOUR:.*]] = arith.constant 4 : index
// CHECK: %[[N4:.*]] = host.mul %[[N]], %[[FOUR]]
// CHECK: host.set_dim 0, 0 = %[[N4]]
// CHECK: host.set_dim 1, 0 = %[[N]]
// CHECK: host.set_dim 1, 1 = %[[FOUR]]
// Sizes are rounded up to 64 bytes: 16 n bytes are ceil(n / 4) lines.
// CHECK: %[[UP:.*]] = arith.subi %{{.*}}, %[[N]]
// CHECK: arith.divsi %[[UP]], %[[FOUR]]
// CHECK: %[[LINES:.*]] = host.mul %{{.*}}, %{{.*}}
// CHECK: %[[BYTES:.*]] = host.add %{{.*}}, %[[LINES]]
// A size that overflows is an error.
// CHECK: host.check ge %{{.*}}, %[[BYTES]] id = 1
// CHECK: host.set_workspace %[[BYTES]]
// CHECK: host.program run of "main" {
// CHECK: %[[SIZE:.*]] = host.dim 0, 0
// CHECK-DAG: %[[IN:.*]] = host.input 0
// CHECK-DAG: %[[P:.*]] = host.address_of @[[PACKED]]
// CHECK-DAG: %[[W:.*]] = host.address_of @[[PLAIN]]
// CHECK: %[[TMP:.*]] = host.workspace
// CHECK: host.launch @a[%[[SIZE]]] (%[[IN]], %[[P]], %[[W]], %[[TMP]])
// The last kernel writes the output itself, through the reshape.
// CHECK: %[[OUT:.*]] = host.output 0
// CHECK: host.launch @b[%[[SIZE]]] (%{{.*}}, %[[OUT]]) checks = 2
// An input that is returned is copied.
// CHECK: %[[TO:.*]] = host.output 1
// CHECK: %[[FROM:.*]] = host.input 0
// CHECK: %[[BYTES:.*]] = host.mul %[[SIZE]], %{{.*}}
// CHECK: host.copy %[[FROM]] to %[[TO]], %[[BYTES]]

#x = #graph.dims<()[s0] -> (s0, 4)>
#y = #graph.dims<()[s0] -> (s0 * 4)>
func.func @main(%x: tensor<?x4xf32, #x> {graph.name = "x"}, %i: tensor<2xi32>) -> (tensor<?xf32, #y> {graph.name = "y"}, tensor<?x4xf32, #x>)
    attributes {graph.symbols = [#graph.symbol<"n">,
                                 #graph.symbol<"i[1]", input = 1, element = 1>, #graph.symbol<"min", min = affine_map<()[s0] -> (s0, 8)>>],
                graph.checks = [#graph.check<"ge", ()[s0, s1, s2] -> (s0, s2 - s1), "m">]} {
  %w = graph.constant dense<1.0> : tensor<4x20xf32>
  %b = graph.constant dense<2.0> : tensor<4xf32>
  %p = kernel.pack %w tiled = 1 order = [0] tile = 16 : tensor<4x20xf32> -> tensor<2x4x16xf32>
  %0 = kernel.call @a affine_map<()[s0] -> (s0)>(%x, %p, %b) : (tensor<?x4xf32, #x>, tensor<2x4x16xf32>, tensor<4xf32>) -> tensor<?x4xf32, #x>
  %1 = kernel.call @b affine_map<()[s0] -> (s0)>(%0) checks ["index"] : (tensor<?x4xf32, #x>) -> tensor<?x4xf32, #x>
  %2 = graph.reshape %1 : (tensor<?x4xf32, #x>) -> tensor<?xf32, #y>
  return %2, %x : tensor<?xf32, #y>, tensor<?x4xf32, #x>
}
kernel.func private @a(%n: index, %x: tensor<?x4xf32, #x>, %p: tensor<2x4x16xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32, #x> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<?x4xf32, #x>
}
kernel.func private @b(%n: index, %x: tensor<?x4xf32, #x>) -> tensor<?x4xf32, #x> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<?x4xf32, #x>
}

// -----

// Temporaries share memory where their lives do not overlap: of three in a
// chain, the first and the third are at the same place.
// CHECK: host.program plan of "main" {
// CHECK: %[[BYTES:.*]] = arith.constant 512 : index
// CHECK: host.set_workspace %[[BYTES]]
// CHECK: host.program run of "main" {
// CHECK: %[[IN:.*]] = host.input 0
// CHECK: %[[LOW:.*]] = arith.constant 0 : index
// CHECK: %[[A:.*]] = host.workspace %[[LOW]]
// CHECK: host.launch @k[] (%[[IN]], %[[A]])
// CHECK: %[[A2:.*]] = host.workspace %[[LOW]]
// CHECK: %[[HIGH:.*]] = arith.constant 256 : index
// CHECK: %[[B:.*]] = host.workspace %[[HIGH]]
// CHECK: host.launch @k[] (%[[A2]], %[[B]])
// CHECK: %[[B2:.*]] = host.workspace %[[HIGH]]
// CHECK: %[[C:.*]] = host.workspace %[[LOW]]
// CHECK: host.launch @k[] (%[[B2]], %[[C]])
// CHECK: %[[OUT:.*]] = host.output 0
// CHECK-NEXT: host.launch @k[] (%{{.*}}, %[[OUT]])
// The second output is the same value: a copy of the first.
// CHECK: %[[TO:.*]] = host.output 1
// CHECK: %[[FROM:.*]] = host.output 0
// CHECK: host.copy %[[FROM]] to %[[TO]]
func.func @main(%x: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %0 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%0) : (tensor<64xf32>) -> tensor<64xf32>
  %2 = kernel.call @k affine_map<() -> ()>(%1) : (tensor<64xf32>) -> tensor<64xf32>
  %3 = kernel.call @k affine_map<() -> ()>(%2) : (tensor<64xf32>) -> tensor<64xf32>
  return %3, %3 : tensor<64xf32>, tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}
