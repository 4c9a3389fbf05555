// What cannot be donated.
// RUN: lathe-opt %s --convert-graph-to-host --verify-diagnostics --split-input-file

// expected-error @below {{result 0 is to have the memory of argument 1, but there are 1 [donation-input]}}
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32> {host.alias = 1 : i64}) attributes {graph.symbols = []} {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{result 0 is to have the memory of argument "x", but there are 1 [donation-input]}}
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32> {host.alias = "x"}) attributes {graph.symbols = []} {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{result 0 is to have the memory of argument 0 : i32, but there are 1 [donation-input]}}
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32> {host.alias = 0 : i32}) attributes {graph.symbols = []} {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{has 'host.alias' on argument 0, but it is of the result that may have its memory [donation-input]}}
func.func @main(%x: tensor<4xf32> {host.alias = 0 : i64}) -> tensor<4xf32> attributes {graph.symbols = []} {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{output 'y' cannot have the memory of input 'x': it is a 'tensor<4xf32>', but the input is a 'tensor<8xf32>'; only one of the same shape and element type can be donated [donation-type]}}
func.func @main(%x: tensor<8xf32> {graph.name = "x"}) -> (tensor<4xf32> {graph.name = "y", host.alias = 0 : i64}) attributes {graph.symbols = []} {
  %c = graph.constant dense<1.0> : tensor<4xf32>
  return %c : tensor<4xf32>
}

// -----

// expected-error @below {{output 'output1' is made of the input at the end of the call [donation-returned]}}
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32> {host.alias = 0 : i64}, tensor<4xf32>) attributes {graph.symbols = []} {
  %c = graph.constant dense<1.0> : tensor<4xf32>
  return %c, %x : tensor<4xf32>, tensor<4xf32>
}

// -----

// expected-error @below {{output 'output0' has it already [donation-twice]}}
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32> {host.alias = 0 : i64}, tensor<4xf32> {host.alias = 0 : i64}) attributes {graph.symbols = []} {
  %c = graph.constant dense<1.0> : tensor<4xf32>
  %d = graph.constant dense<2.0> : tensor<4xf32>
  return %c, %d : tensor<4xf32>, tensor<4xf32>
}
