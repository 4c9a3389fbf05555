// What must not be there at this level.
// RUN: lathe-opt %s --verify-level="level=graph phase=optimize" --verify-diagnostics --split-input-file

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{internal: 'graph.relu' says what it is compiled for in 'target' after phase 'optimize' [level-graph]}}
  %0 = graph.relu %x {target = #kernel.target<"x86_64">} : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{internal: 'func.func' has a tensor<?xf32>, whose open dims have no expressions after phase 'optimize' [level-graph]}}
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}

// -----

// expected-error @+1 {{internal: 'func.func' has a tensor<*xf32>, which is no ranked tensor after phase 'optimize' [level-graph]}}
func.func @main(%x: tensor<*xf32>) -> tensor<*xf32> {
  return %x : tensor<*xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{internal: 'graph.call' is not written out after phase 'optimize' [level-graph]}}
  %0 = graph.call @other(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
