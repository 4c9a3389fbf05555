// Matrix products walk along rows.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// Batches broadcast, sums of half precision are f32.
// matmul_c3
// CHECK-DAG: #[[A:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-DAG: #[[B:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-LABEL: func.func @batched(
// CHECK: %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<2x3x5xf32>
// CHECK: %[[SUM:.*]] = linalg.generic {indexing_maps = [#[[A]], #[[B]], #[[Y]]],
// CHECK-SAME: iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
// CHECK-SAME: outs(%[[ZERO]] : tensor<2x3x5xf32>)
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc,contract> : f32
// CHECK: linalg.generic {{.*}} ins(%[[SUM]] : tensor<2x3x5xf32>)
// CHECK: arith.truncf
func.func @batched(%a: tensor<2x3x4xf16>, %b: tensor<4x5xf16>) -> tensor<2x3x5xf16> {
  %y = graph.matmul %a, %b : (tensor<2x3x4xf16>, tensor<4x5xf16>) -> tensor<2x3x5xf16>
  return %y : tensor<2x3x5xf16>
}

// -----

// With one column the sum is innermost.
// CHECK-LABEL: func.func @column(
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
func.func @column(%a: tensor<3x4xf32>, %b: tensor<4x1xf32>) -> tensor<3x1xf32> {
  %y = graph.matmul %a, %b : (tensor<3x4xf32>, tensor<4x1xf32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}

// -----

// Integers wrap in their own type.
// matmul_c3
// CHECK-LABEL: func.func @integers(
// CHECK: arith.muli %{{.*}}, %{{.*}} : i32
// CHECK: arith.addi %{{.*}}, %{{.*}} : i32
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @integers(%a: tensor<3x4xui32>, %b: tensor<4x5xui32>) -> tensor<3x5xui32> {
  %y = graph.matmul %a, %b : (tensor<3x4xui32>, tensor<4x5xui32>) -> tensor<3x5xui32>
  return %y : tensor<3x5xui32>
}
