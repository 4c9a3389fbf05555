// A `main` without a body is none.
// RUN: lathe-opt %s --convert-graph-to-host --verify-diagnostics

// expected-error @below {{the module has no function with a body [graph-no-main]}}
module {
  func.func private @main(tensor<4xf32>)
}
