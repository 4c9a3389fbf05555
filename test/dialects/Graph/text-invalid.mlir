// One case for each constraint of functions on strings.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// text_c1
func.func @unknown(%x: tensor<3x!graph.string>) {
  // expected-error @+1 {{calls 'reverse', which is no function on strings}}
  %y = graph.text "reverse"(%x) [] : (tensor<3x!graph.string>) -> tensor<3x!graph.string>
  return
}

// -----

// text_c1
func.func @parameters(%x: tensor<3x!graph.string>) {
  // expected-error @+1 {{calls 'match' with 1 operands, 1 results and 0 parameters, but it has 1, 1 and at least 1}}
  %y = graph.text "match"(%x) [] : (tensor<3x!graph.string>) -> tensor<3xi1>
  return
}

// -----

// text_c1
func.func @types(%sizes: tensor<4xi64>, %x: tensor<3xf32>) {
  // expected-error @+1 {{calls 'custom' with 2 operands, 1 results and 3 parameters, but it has sizes in i64}}
  %y = graph.text "custom"(%sizes, %x) ["a::b", "0", "1"] : (tensor<4xi64>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

// text_c1
func.func @attributes(%sizes: tensor<4xi64>, %x: tensor<3xf32>) {
  // expected-error @+1 {{calls 'custom' with 2 operands}}
  %y = graph.text "custom"(%sizes, %x) ["a::b", "2", "1", "1"] : (tensor<4xi64>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

// text_c1
func.func @sizes(%x: tensor<3xf32>) {
  // expected-error @+1 {{calls 'custom' with 1 operands}}
  %y = graph.text "custom"(%x) ["a::b", "0", "1"] : (tensor<3xf32>) -> tensor<3xf32>
  return
}
