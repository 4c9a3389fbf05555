// `dims` gives symbols values; what depended on them is known then.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch=4,side=16}))" | FileCheck %s --check-prefix=BOTH
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=side=16}))" | FileCheck %s --check-prefix=ONE

#x = #graph.dims<()[s0, s1] -> (s0, s1)>

// BOTH-LABEL: func.func @main(
// BOTH-SAME: %{{.*}}: tensor<4x16xf32>) -> (tensor<4x16xf32>, tensor<4x10xf32>)
// BOTH: graph.slice {{.*}} -> tensor<4x10xf32>

// Types of one shape stay equal where one of two symbols is fixed.
// ONE-LABEL: func.func @main(
// ONE-SAME: %{{.*}}: tensor<?x16xf32, #graph.dims<()[s0] -> (s0, 16)>>
// ONE: graph.softmax %{{.*}} axis = 1 : tensor<?x16xf32, #graph.dims<()[s0] -> (s0, 16)>>
// ONE: graph.slice {{.*}} -> tensor<?x10xf32, #graph.dims<()[s0] -> (s0, 10)>>
func.func @main(%x: tensor<?x?xf32, #x>) -> (tensor<?x?xf32, #x>, tensor<f32>)
    attributes {graph.symbols = [#graph.symbol<"batch">, #graph.symbol<"side">]} {
  %0 = graph.softmax %x axis = 1 : tensor<?x?xf32, #x>
  %a = graph.constant dense<0> : tensor<1xi64>
  %b = graph.constant dense<10> : tensor<1xi64>
  %1 = graph.slice %0 from %a to %b axes = [1] steps = [1] : (tensor<?x?xf32, #x>, tensor<1xi64>, tensor<1xi64>) -> tensor<f32>
  return %0, %1 : tensor<?x?xf32, #x>, tensor<f32>
}
