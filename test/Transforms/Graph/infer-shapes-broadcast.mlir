// A size that may be 1 in one call and more in the next is broadcast at run time.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --mlir-print-local-scope --split-input-file | FileCheck %s
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes,graph-infer-shapes))" --mlir-print-local-scope --split-input-file | FileCheck %s

#x = #graph.dims<()[s0] -> (s0, 4)>
#y = #graph.dims<()[s0, s1] -> (s1, 4)>

// The result's size is min(max(n, m), n * m): the other one where one is 1.
// CHECK-LABEL: func.func @free(
// CHECK-SAME: graph.checks = [#graph.check<"broadcast", ()[s0, s1] -> (s0, s1),
// CHECK-SAME: #graph.symbol<"max", max = affine_map<()[s0, s1] -> (s0, s1)>>, #graph.symbol<"min", min = affine_map<()[s0, s1, s2] -> (s2, s0 * s1)>>]
// CHECK: %[[X:.*]] = graph.broadcast %arg0 {{.*}} -> tensor<?x4xf32, #graph.dims<()[s0, s1, s2, s3] -> (s3, 4)>>
// CHECK: %[[Y:.*]] = graph.broadcast %arg1 {{.*}} -> tensor<?x4xf32, #graph.dims<()[s0, s1, s2, s3] -> (s3, 4)>>
// CHECK: %[[Z:.*]] = graph.add %[[X]], %[[Y]]
// A size that is one of the two already is not broadcast with the result again.
// CHECK-NEXT: %[[W:.*]] = graph.broadcast %arg0
// CHECK-NEXT: graph.mul %[[Z]], %[[W]]
func.func @free(%x: tensor<?x4xf32, #x>, %y: tensor<?x4xf32, #y>) -> tensor<f32>
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">]} {
  %0 = graph.add %x, %y : (tensor<?x4xf32, #x>, tensor<?x4xf32, #y>) -> tensor<f32>
  %1 = graph.mul %0, %x : (tensor<f32>, tensor<?x4xf32, #x>) -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

#x = #graph.dims<()[s0, s1] -> (s0, 3, s1)>

// A size beside a fixed one is that one or 1.
// CHECK-LABEL: func.func @fixed(
// CHECK-SAME: #graph.check<"broadcast", ()[s0, s1] -> (s1, 5),
// CHECK: %[[X:.*]] = graph.broadcast %arg0 {{.*}} -> tensor<?x3x5xf32,
// CHECK: graph.add %[[X]], %arg1 {{.*}} -> tensor<?x3x5xf32,
func.func @fixed(%x: tensor<?x3x?xf32, #x>, %y: tensor<5xf32>) -> tensor<f32>
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">]} {
  %0 = graph.add %x, %y : (tensor<?x3x?xf32, #x>, tensor<5xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

#x = #graph.dims<()[s0] -> (s0)>
#y = #graph.dims<()[s0] -> (s0 ceildiv 2)>

// Sizes that follow from one input are meant to be equal, and cost nothing.
// CHECK-LABEL: func.func @related(
// CHECK-SAME: #graph.check<"eq", ()[s0] -> (s0, s0 ceildiv 2),
// CHECK-NOT: graph.broadcast
// CHECK: graph.add
func.func @related(%x: tensor<?xf32, #x>) -> tensor<f32> attributes {graph.symbols = [#graph.symbol<"m">]} {
  %y = graph.slice %x offsets = <() -> (0)> axes = [0] steps = [2] : (tensor<?xf32, #x>) -> tensor<?xf32, #y>
  %0 = graph.add %x, %y : (tensor<?xf32, #x>, tensor<?xf32, #y>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

#a = #graph.dims<()[s0] -> (s0, 2, 3)>
#b = #graph.dims<()[s0, s1] -> (s1, 3, 2)>

// So are the leading dimensions of a product.
// CHECK-LABEL: func.func @batches(
// CHECK: %[[A:.*]] = graph.broadcast %arg0 {{.*}} -> tensor<?x2x3xf32,
// CHECK: %[[B:.*]] = graph.broadcast %arg1 {{.*}} -> tensor<?x3x2xf32,
// CHECK: graph.matmul %[[A]], %[[B]]
func.func @batches(%a: tensor<?x2x3xf32, #a>, %b: tensor<?x3x2xf32, #b>) -> tensor<f32>
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">]} {
  %0 = graph.matmul %a, %b : (tensor<?x2x3xf32, #a>, tensor<?x3x2xf32, #b>) -> tensor<f32>
  return %0 : tensor<f32>
}
