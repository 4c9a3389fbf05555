// What the pass does around the ops: sizes, types, what stays and what goes.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg{keep=graph.matmul}))" --split-input-file | FileCheck %s

#nm = #graph.dims<()[s0, s1] -> (s0, s1 floordiv 2)>

// Sizes are the leading arguments, and types become plain.
// CHECK: #[[HALF:.*]] = affine_map<()[s0, s1] -> (s1 floordiv 2)>
// CHECK-LABEL: kernel.func @sizes(
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: index, %[[X:.*]]: tensor<?x?xi8>
// CHECK-SAME: -> tensor<?x?xi8>
// CHECK: %[[HALF_M:.*]] = affine.apply #[[HALF]]()[%[[N]], %[[M]]]
// CHECK: %[[INIT:.*]] = tensor.empty(%[[N]], %[[HALF_M]]) : tensor<?x?xi8>
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[X]] : tensor<?x?xi8>) outs(%[[INIT]] : tensor<?x?xi8>)
// CHECK: kernel.return %[[Y]] : tensor<?x?xi8>
kernel.func @sizes(%n: index, %m: index, %x: tensor<?x?xui8, #nm>) -> tensor<?x?xui8, #nm> attributes {sizes = 2 : i64} {
  %y = graph.bitwise_not %x : tensor<?x?xui8, #nm> -> tensor<?x?xui8, #nm>
  kernel.return %y : tensor<?x?xui8, #nm>
}

// -----

#n4 = #graph.dims<()[s0] -> (s0, 4)>
#n5 = #graph.dims<()[s0] -> (s0, 5)>

// An op that is kept works on plain tensors.
// CHECK-LABEL: func.func @kept(
// CHECK: %[[Y:.*]] = graph.matmul %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<4x5xf32>) -> tensor<?x5xf32>
// CHECK: %[[Z:.*]] = linalg.generic {{.*}} ins(%[[Y]] : tensor<?x5xf32>)
// CHECK: return %[[Z]] : tensor<?x5xf32>
func.func @kept(%n: index, %a: tensor<?x4xf32, #n4>, %b: tensor<4x5xf32>) -> tensor<?x5xf32, #n5> {
  %y = graph.matmul %a, %b : (tensor<?x4xf32, #n4>, tensor<4x5xf32>) -> tensor<?x5xf32, #n5>
  %z = graph.relu %y : tensor<?x5xf32, #n5> -> tensor<?x5xf32, #n5>
  return %z : tensor<?x5xf32, #n5>
}

// -----

// Nothing is left of what only said a shape or became part of a body.
// CHECK-LABEL: func.func @dead(
// CHECK-NOT: tensor<i32>
// CHECK-NOT: tensor.empty
// CHECK: return %{{.*}} : tensor<2xi32>
func.func @dead(%x: tensor<2xi32>) -> tensor<2xi32> {
  %0 = graph.constant dense<1> : tensor<i32>
  %1 = graph.add %x, %0 : (tensor<2xi32>, tensor<i32>) -> tensor<2xi32>
  return %x : tensor<2xi32>
}

// -----

#n = #graph.dims<()[s0] -> (s0, 4)>
#m = #graph.dims<()[s0, s1] -> (s1, 4)>

// A dimension that may be 1 at run time is read at 0 then: positions along it
// are multiplied by 0 or 1. Others are read as they are.
// CHECK-LABEL: kernel.func @broadcast_at_run_time(
// CHECK-SAME: %[[N:.*]]: index, %{{.*}}: index, %[[X:.*]]: tensor<?x4xf32>
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: %[[IS_ONE:.*]] = arith.cmpi eq, %[[N]], %[[ONE]] : index
// CHECK: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK: %[[STEP:.*]] = arith.select %[[IS_ONE]], %[[ZERO]], %[[ONE]] : index
// CHECK: linalg.generic
// CHECK: %[[I:.*]] = linalg.index 0 : index
// CHECK: %[[AT:.*]] = arith.muli %[[I]], %[[STEP]] : index
// CHECK: %[[J:.*]] = linalg.index 1 : index
// CHECK: tensor.extract %[[X]][%[[AT]], %[[J]]] : tensor<?x4xf32>
kernel.func @broadcast_at_run_time(%n: index, %m: index, %x: tensor<?x4xf32, #n>) -> tensor<?x4xf32, #m> attributes {sizes = 2 : i64} {
  %y = graph.broadcast %x : (tensor<?x4xf32, #n>) -> tensor<?x4xf32, #m>
  kernel.return %y : tensor<?x4xf32, #m>
}
