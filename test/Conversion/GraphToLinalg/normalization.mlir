// Mean, variance around it, then shift and scale.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// Half precision is widened first and narrowed last.
// layer_norm_c2
// CHECK-LABEL: func.func @rows(
// CHECK: arith.extf %{{.*}} : bf16 to f32
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc> : f32
// CHECK: arith.divf
// CHECK: %[[D:.*]] = arith.subf %{{.*}}, %{{.*}} : f32
// CHECK: arith.mulf %[[D]], %[[D]] : f32
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc> : f32
// CHECK: arith.constant 9.99999974E-6 : f32
// CHECK: math.sqrt
// CHECK: %[[C:.*]] = arith.subf
// CHECK: %[[Y:.*]] = arith.mulf %[[C]], %{{.*}} : f32
// CHECK: arith.truncf %[[Y]] : f32 to bf16
func.func @rows(%x: tensor<2x3x4xbf16>) -> tensor<2x3x4xbf16> {
  %y = graph.layer_norm %x axis = 1 epsilon = 1.0e-05 : tensor<2x3x4xbf16>
  return %y : tensor<2x3x4xbf16>
}
