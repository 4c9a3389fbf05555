// Shapes at the edge: functions without a body, slices of nothing, encodings that name more than they need.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --split-input-file | FileCheck %s

// CHECK: func.func private @declared(tensor<?xf32>)
func.func private @declared(tensor<?xf32>)

// -----

#x = #graph.dims<()[s0] -> (s0)>

// CHECK-LABEL: func.func @reversed(
// CHECK: graph.slice {{.*}} -> tensor<0xf32>
// CHECK: graph.slice {{.*}} -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
func.func @reversed(%x: tensor<0xf32>, %y: tensor<?xf32, #x>) -> (tensor<f32>, tensor<f32>)
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  %s = graph.constant dense<9223372036854775807> : tensor<1xi64>
  %e = graph.constant dense<-9223372036854775807> : tensor<1xi64>
  %0 = graph.slice %x from %s to %e axes = [0] steps = [-1] : (tensor<0xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<f32>
  %1 = graph.slice %y from %s to %e axes = [0] steps = [-1] : (tensor<?xf32, #x>, tensor<1xi64>, tensor<1xi64>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// -----

#x = #graph.dims<()[s0, s1, s2] -> (s0)>

// CHECK-LABEL: func.func @more_symbols(
// CHECK: graph.softmax %{{.*}} axis = 0 : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
func.func @more_symbols(%x: tensor<?xf32, #x>) -> tensor<?xf32, #x>
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">, #graph.symbol<"k">]} {
  %0 = graph.softmax %x axis = 0 : tensor<?xf32, #x>
  return %0 : tensor<?xf32, #x>
}
