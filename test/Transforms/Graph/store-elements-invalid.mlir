// What moves only cannot be computed with.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-store-elements))" --verify-diagnostics

func.func @less(%x: tensor<3xf8E5M2>) -> tensor<3xi1> {
  // expected-error @+1 {{computes on 'f8E5M2', which can be moved and cast only; add a Cast before and behind it [type-not-computed]}}
  %0 = graph.less %x, %x : (tensor<3xf8E5M2>, tensor<3xf8E5M2>) -> tensor<3xi1>
  return %0 : tensor<3xi1>
}
