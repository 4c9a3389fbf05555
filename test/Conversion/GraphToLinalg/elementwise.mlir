// Elementwise ops are one loop nest each.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// Half precision is computed in f32; a dimension of one repeats.
// CHECK-DAG: #[[ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[COL:.*]] = affine_map<(d0, d1) -> (d0, 0)>
// CHECK-LABEL: func.func @half(
// CHECK: linalg.generic {indexing_maps = [#[[ID]], #[[COL]], #[[ID]]], iterator_types = ["parallel", "parallel"]}
// CHECK: ^bb0(%[[A:.*]]: f16, %[[B:.*]]: f16, %{{.*}}: f16):
// CHECK-DAG: %[[WIDE_A:.*]] = arith.extf %[[A]] : f16 to f32
// CHECK-DAG: %[[WIDE_B:.*]] = arith.extf %[[B]] : f16 to f32
// CHECK: %[[Y:.*]] = arith.divf %[[WIDE_A]], %[[WIDE_B]] : f32
// CHECK: %[[NARROW:.*]] = arith.truncf %[[Y]] : f32 to f16
// CHECK: linalg.yield %[[NARROW]] : f16
func.func @half(%a: tensor<2x3xf16>, %b: tensor<2x1xf16>) -> tensor<2x3xf16> {
  %y = graph.div %a, %b : (tensor<2x3xf16>, tensor<2x1xf16>) -> tensor<2x3xf16>
  return %y : tensor<2x3xf16>
}

// -----

// An operand of lower rank is aligned at the last dimension.
// CHECK-DAG: #[[ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[LAST:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[SCALAR:.*]] = affine_map<(d0, d1) -> ()>
// CHECK-LABEL: func.func @select(
// CHECK: linalg.generic {indexing_maps = [#[[SCALAR]], #[[ID]], #[[LAST]], #[[ID]]]
// CHECK: arith.select
func.func @select(%c: tensor<i1>, %a: tensor<2x3xi64>, %b: tensor<3xi64>) -> tensor<2x3xi64> {
  %y = graph.select %c, %a, %b : (tensor<i1>, tensor<2x3xi64>, tensor<3xi64>) -> tensor<2x3xi64>
  return %y : tensor<2x3xi64>
}

// -----

// A constant of one value is a scalar of the body; signs choose the op.
// CHECK-LABEL: func.func @splat(
// CHECK-NOT: dense
// CHECK: linalg.generic {{.*}} ins(%{{[^,]*}} : tensor<4xi8>)
// CHECK: %[[C:.*]] = arith.constant -56 : i8
// CHECK: arith.maxui %{{.*}}, %[[C]] : i8
func.func @splat(%a: tensor<4xui8>) -> tensor<4xui8> {
  %c = graph.constant dense<200> : tensor<1xui8>
  %y = graph.max %a, %c : (tensor<4xui8>, tensor<1xui8>) -> tensor<4xui8>
  return %y : tensor<4xui8>
}

// -----

// A comparison has its own element type.
// CHECK-LABEL: func.func @compare(
// CHECK: %[[INIT:.*]] = tensor.empty() : tensor<3xi1>
// CHECK: arith.cmpi ult, %{{.*}}, %{{.*}} : i16
// CHECK: linalg.yield %{{.*}} : i1
func.func @compare(%a: tensor<3xui16>, %b: tensor<3xui16>) -> tensor<3xi1> {
  %y = graph.less %a, %b : (tensor<3xui16>, tensor<3xui16>) -> tensor<3xi1>
  return %y : tensor<3xi1>
}
