// Dims without a name cannot be fixed.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=n=3}))" --verify-diagnostics

// expected-error @+2 {{the model has no free dim "n" [dims-unknown-name]}}
// expected-note @+1 {{its free dims with names: none}}
func.func @main(%x: tensor<?xf32>) {
  return
}
