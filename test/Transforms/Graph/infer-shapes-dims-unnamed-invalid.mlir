// Dims without a name cannot be fixed.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=n=3}))" --verify-diagnostics

// expected-error @+1 {{the model has no dim called 'n'; it has no named dims [dims-unknown-name]}}
func.func @main(%x: tensor<?xf32>) {
  return
}
