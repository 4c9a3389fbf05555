// What must not be left at this level.
// RUN: lathe-opt %s --verify-level="level=kernel phase=partition" --verify-diagnostics --split-input-file

func.func @main(%x: tensor<4xf32>) {
  // expected-error @+1 {{internal: 'tensor.empty' is left after phase 'partition' [level-kernel]}}
  %0 = tensor.empty() : tensor<4xf32>
  return
}

// -----

// expected-error @+1 {{internal: 'kernel.func' does not say what it is compiled for after phase 'partition' [level-kernel]}}
kernel.func @k(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {
  %0 = graph.relu %x : tensor<4xf32> -> tensor<4xf32>
  kernel.return %0 : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{internal: 'graph.relu' computes elements outside of a kernel after phase 'partition' [level-kernel]}}
  %0 = graph.relu %x : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

kernel.func @k(%n: index, %x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32>
    attributes {sizes = 1 : i64, target = #kernel.target<"x86_64">} {
  // expected-error @+1 {{internal: 'graph.relu' has a tensor<?xf32>, whose open dims have no expressions after phase 'partition' [level-kernel]}}
  %0 = graph.relu %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>> -> tensor<?xf32>
  kernel.return %0 : tensor<?xf32>
}
