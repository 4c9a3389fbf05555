// One case for each constraint of reductions and normalizations.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --verify-diagnostics --split-input-file

// reduce_c1
func.func @unsorted(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'axes' must be sorted, distinct and below the rank 2, but axis 0 follows 1}}
  %y = graph.reduce sum %x axes = [1, 0] : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

// reduce_c1
func.func @twice(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'axes' must be sorted, distinct and below the rank 2, but axis 1 follows 1}}
  %y = graph.reduce sum %x axes = [1, 1] : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

// reduce_c1
func.func @beyond(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{but axis 2 follows -1}}
  %y = graph.reduce sum %x axes = [2] : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

// reduce_c1
func.func @negative(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{but axis -1 follows -1}}
  %y = graph.reduce sum %x axes = [-1] : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

// reduce_c3
func.func @sum_of_truth(%x: tensor<2xi1>) {
  // expected-error @+1 {{'sum' does not take elements of type 'i1'}}
  %y = graph.reduce sum %x axes = [0] : tensor<2xi1> -> tensor<i1>
  return
}

// -----

// reduce_c3
func.func @any_of_numbers(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'any' does not take elements of type 'f32'}}
  %y = graph.reduce any %x axes = [0] : tensor<2x3xf32> -> tensor<3xf32>
  return
}

// -----

func.func @result_type(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{failed to verify that all of {x, y} have same element type}}
  %y = graph.reduce sum %x axes = [0] : tensor<2x3xf32> -> tensor<3xf64>
  return
}

// -----

// softmax_c1
func.func @softmax_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'axis' is 2, but the operand has rank 2}}
  %y = graph.softmax %x axis = 2 : tensor<2x3xf32>
  return
}

// -----

// softmax_c1
func.func @softmax_negative_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{attribute 'axis' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  %y = graph.softmax %x axis = -1 : tensor<2x3xf32>
  return
}

// -----

// layer_norm_c1
func.func @layer_norm_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'axis' is 2, but the operand has rank 2}}
  %y = graph.layer_norm %x axis = 2 epsilon = 1.0e-5 : tensor<2x3xf32>
  return
}

// -----

// layer_norm_c1
func.func @layer_norm_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{'axis' is 0, but the operand has rank 0}}
  %y = graph.layer_norm %x axis = 0 epsilon = 1.0e-5 : tensor<f32>
  return
}

// -----

// arg_c1
func.func @arg_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'axis' is 5, but the operand has rank 2}}
  %y = graph.arg max %x axis = 5 : tensor<2x3xf32> -> tensor<2xi64>
  return
}

// -----

// arg_c2
func.func @arg_kind(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{takes 'max' or 'min', not 'sum'}}
  %y = graph.arg sum %x axis = 0 : tensor<2x3xf32> -> tensor<3xi64>
  return
}

// -----

// cumulative_sum_c1
func.func @cumulative_sum_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'axis' is 2, but the operand has rank 2}}
  %y = graph.cumulative_sum %x axis = 2 : tensor<2x3xf32>
  return
}

// -----

// cumulative_product_c1
func.func @cumulative_product_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'axis' is 2, but the operand has rank 2}}
  %y = graph.cumulative_product %x axis = 2 : tensor<2x3xf32>
  return
}

// -----

// top_k_c1
func.func @top_k_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'axis' is 2, but the operand has rank 2}}
  %y = graph.top_k max %x axis = 2 : tensor<2x3xf32> -> tensor<2x3xi64>
  return
}

// -----

// top_k_c1
func.func @top_k_rank(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{has an operand of rank 2, but a result of rank 1}}
  %y = graph.top_k max %x axis = 0 : tensor<2x3xf32> -> tensor<3xi64>
  return
}

// -----

// top_k_c2
func.func @top_k_kind(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{takes 'max' or 'min', not 'mean'}}
  %y = graph.top_k mean %x axis = 0 : tensor<2x3xf32> -> tensor<1x3xi64>
  return
}

// -----

// top_k_c3
func.func @top_k_more(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{takes 4 of the 3 elements along dim 1}}
  %y = graph.top_k max %x axis = 1 : tensor<2x3xf32> -> tensor<2x4xi64>
  return
}

// -----

// sort_rows_c1
func.func @sort_rows_rank(%x: tensor<6xf32>) {
  // expected-error @+1 {{orders the rows of a matrix as a vector, not those of 'tensor<6xf32>' as 'tensor<6xi64>'}}
  %y = graph.sort_rows %x : tensor<6xf32> -> tensor<6xi64>
  return
}
