// What `dims` may not say.
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch=0}))" 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch=many}))" 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch}))" 2>&1 | FileCheck %s --check-prefix=BARE
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=n=3}))" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch=3,batch=3}))" 2>&1 | FileCheck %s --check-prefix=TWICE

// VALUE: error: 'batch=0' does not fix a dim; write NAME=SIZE with a whole number of 1 or more [dims-bad-value]
// WORD: error: 'batch=many' does not fix a dim; write NAME=SIZE with a whole number of 1 or more [dims-bad-value]
// BARE: error: 'batch' does not fix a dim; write NAME=SIZE with a whole number of 1 or more [dims-bad-value]
// NAME: error: the model has no free dim "n" [dims-unknown-name]
// NAME: note: its free dims with names: batch, side
// TWICE: error: dim 'batch' is fixed twice; leave one out [dims-twice]

#x = #graph.dims<()[s0, s1] -> (s0, s1)>

func.func @main(%x: tensor<?x?xf32, #x>) -> tensor<?x?xf32, #x>
    attributes {graph.symbols = [#graph.symbol<"batch">, #graph.symbol<"side">]} {
  return %x : tensor<?x?xf32, #x>
}
