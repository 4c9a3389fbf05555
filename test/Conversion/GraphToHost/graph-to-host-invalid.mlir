// What a function that becomes a launch program must not hold.
// RUN: lathe-opt %s --convert-graph-to-host --verify-diagnostics --split-input-file

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'graph.relu' op is left in the host function [host-unexpected-op]}}
  %0 = graph.relu %x : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4x20xf32>) -> tensor<2x4x16xf32> {
  // expected-error @+1 {{'kernel.pack' op packs a value that is not a constant [host-pack]}}
  %0 = kernel.pack %x tiled = 1 order = [0] tile = 16 : tensor<4x20xf32> -> tensor<2x4x16xf32>
  return %0 : tensor<2x4x16xf32>
}

// -----

// expected-error @below {{the module has no function with a body [graph-no-main]}}
module {
}
