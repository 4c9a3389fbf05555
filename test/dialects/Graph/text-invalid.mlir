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
