// A recurrent layer is one product over all steps and a loop over the rest.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(func.func(graph-infer-shapes,graph-decompose-recurrent))' | FileCheck %s
// RUN: lathe-opt %s --pass-pipeline='builtin.module(func.func(graph-infer-shapes,graph-decompose-recurrent{unroll-limit=2}))' | FileCheck %s --check-prefix=UNROLL

// The product with the input is one for all steps; a turn has the one with the state.
// rnn_c4
// CHECK-LABEL: @rnn
// CHECK-NOT: graph.rnn
// CHECK: graph.matmul {{.*}} : (tensor<?x3xf32, #graph.dims<()[s0] -> (s0 * 2, 3)>>, tensor<3x4xf32>)
// CHECK: graph.loop trip_count(%{{.*}} : tensor<i64>) carried(%{{.*}} : tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<?x2x4xf32,
// CHECK-NEXT: ^bb0(%[[I:.*]]: tensor<i64>, %[[H:.*]]: tensor<2x4xf32>):
// CHECK-NEXT: %[[X:.*]] = graph.gather %{{.*}} at %[[I]] axis = 0
// CHECK-NEXT: %[[M:.*]] = graph.matmul %[[H]], %{{.*}} : (tensor<2x4xf32>, tensor<4x4xf32>)
// CHECK-NEXT: %[[S:.*]] = graph.add %[[M]], %[[X]]
// CHECK-NEXT: %[[N:.*]] = graph.tanh %[[S]]
// CHECK-NEXT: graph.yield %[[N]], %[[N]]
func.func @rnn(%x: tensor<?x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) -> tensor<?x1x2x4xf32> {
  %y, %h = graph.rnn forward %x, %w, %r ["tanh"] alphas = [0.0] betas = [0.0]
      : (tensor<?x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<?x1x2x4xf32>, tensor<1x2x4xf32>)
  return %y : tensor<?x1x2x4xf32>
}

// A few steps need no loop, and half precision is computed in f32.
// gru_c4
// UNROLL-LABEL: @gru
// UNROLL-NOT: graph.loop
// UNROLL-COUNT-4: graph.matmul {{.*}}f32>)
// UNROLL: graph.concat {{.*}} axis = 0
// UNROLL: graph.cast {{.*}} -> tensor<2x1x2x4xf16>
func.func @gru(%x: tensor<2x2x3xf16>, %w: tensor<1x12x3xf16>, %r: tensor<1x12x4xf16>) -> tensor<2x1x2x4xf16> {
  %y, %h = graph.gru forward %x, %w, %r ["sigmoid", "tanh"] alphas = [0.0, 0.0] betas = [0.0, 0.0]
      : (tensor<2x2x3xf16>, tensor<1x12x3xf16>, tensor<1x12x4xf16>) -> (tensor<2x1x2x4xf16>, tensor<1x2x4xf16>)
  return %y : tensor<2x1x2x4xf16>
}

// Rows that are over keep their state; the second direction takes the steps backwards.
// lstm_c4
// CHECK-LABEL: @lstm
// CHECK: graph.loop {{.*}} -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<9x2x4xf32>)
// CHECK: graph.select
// CHECK: graph.yield
// CHECK: graph.loop
// CHECK: graph.sub
// CHECK: graph.gather
// CHECK: graph.less
// CHECK: graph.yield
// CHECK: graph.slice {{.*}} steps = [-1]
// CHECK: graph.concat {{.*}} axis = 1
func.func @lstm(%x: tensor<9x2x3xf32>, %w: tensor<2x16x3xf32>, %r: tensor<2x16x4xf32>, %n: tensor<2xi32>) -> tensor<9x2x2x4xf32> {
  %y:3 = graph.lstm bidirectional %x, %w, %r lengths %n ["sigmoid", "tanh", "tanh", "sigmoid", "tanh", "tanh"]
      alphas = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0] betas = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
      : (tensor<9x2x3xf32>, tensor<2x16x3xf32>, tensor<2x16x4xf32>, tensor<2xi32>) -> (tensor<9x2x2x4xf32>, tensor<2x2x4xf32>, tensor<2x2x4xf32>)
  return %y#0 : tensor<9x2x2x4xf32>
}
