// One case for each constraint of matrix products.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --verify-diagnostics --split-input-file

// matmul_c1
func.func @vector(%a: tensor<3xf32>, %b: tensor<3x4xf32>) {
  // expected-error @+1 {{takes matrices, but an operand has rank 1}}
  %y = graph.matmul %a, %b : (tensor<3xf32>, tensor<3x4xf32>) -> tensor<4xf32>
  return
}

// -----

// matmul_c2
func.func @inner(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+1 {{the last dim of 'a' and the last but one of 'b' must be equal, but are 3 and 4 [graph-shape-mismatch]}}
  %y = graph.matmul %a, %b : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @batches(%a: tensor<2x3x4xf32>, %b: tensor<5x4x6xf32>) {
  // expected-error @+1 {{operand dims 0 of the broadcast shape must be equal, but are 2 and 5 [graph-shape-mismatch]}}
  %y = graph.matmul %a, %b : (tensor<2x3x4xf32>, tensor<5x4x6xf32>) -> tensor<2x3x6xf32>
  return
}

// -----

// matmul_c3
func.func @element_types(%a: tensor<2x3xf32>, %b: tensor<3x4xf16>) {
  // expected-error @+1 {{cannot multiply 'f32' by 'f16' to 'f32'}}
  %y = graph.matmul %a, %b : (tensor<2x3xf32>, tensor<3x4xf16>) -> tensor<2x4xf32>
  return
}

// -----

// matmul_c3
func.func @bytes_to_float(%a: tensor<2x3xi8>, %b: tensor<3x4xui8>) {
  // expected-error @+1 {{cannot multiply 'i8' by 'ui8' to 'f32'}}
  %y = graph.matmul %a, %b : (tensor<2x3xi8>, tensor<3x4xui8>) -> tensor<2x4xf32>
  return
}
