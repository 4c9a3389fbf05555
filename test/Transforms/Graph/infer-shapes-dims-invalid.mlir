// What `dims` may not say.
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch=0}))" 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch=many}))" 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch}))" 2>&1 | FileCheck %s --check-prefix=BARE
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch=5..7%%8}))" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=side=9..}))" 2>&1 | FileCheck %s --check-prefix=APART
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=n=3}))" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=batch=3,batch=3}))" 2>&1 | FileCheck %s --check-prefix=TWICE

// VALUE: error: 'batch=0' does not say what a dim is; write NAME=SIZE with a whole number of 1 to 1099511627776, or a range with sizes in it, such as NAME=8..512%8 [dims-bad-value]
// WORD: error: 'batch=many' does not say what a dim is; {{.*}} [dims-bad-value]
// BARE: error: 'batch' does not say what a dim is; {{.*}} [dims-bad-value]
// NONE: error: 'batch=5..7%8' does not say what a dim is; {{.*}} [dims-bad-value]
// APART: error: 'side=9..' leaves dim 'side' no size up to 1099511627776: the model says 2..8%2 [dims-no-size]
// NAME: error: the model has no free dim "n" [dims-unknown-name]
// NAME: note: its free dims with names: batch, side
// TWICE: error: dim 'batch' is fixed twice; leave one out [dims-twice]

#x = #graph.dims<()[s0, s1] -> (s0, s1)>

func.func @main(%x: tensor<?x?xf32, #x>) -> tensor<?x?xf32, #x>
    attributes {graph.symbols = [#graph.symbol<"batch">, #graph.symbol<"side", range = <least = 2, most = 8, divisor = 2>>]} {
  return %x : tensor<?x?xf32, #x>
}
