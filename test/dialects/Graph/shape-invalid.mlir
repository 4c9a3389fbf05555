// One case for each constraint of ops that move elements, and of ops on shapes.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --verify-diagnostics --split-input-file

// shape_c1
func.func @shape_end(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{takes dims 0 to 3, but the operand has rank 2}}
  %y = graph.shape %x 0 to 3 : tensor<4x5xf32> -> tensor<3xi64>
  return
}

// -----

// shape_c1
func.func @shape_order(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{takes dims 2 to 1, but the operand has rank 2}}
  %y = graph.shape %x 2 to 1 : tensor<4x5xf32> -> tensor<1xi64>
  return
}

// -----

// shape_c1
func.func @shape_start(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{takes dims -1 to 1, but the operand has rank 2}}
  %y = graph.shape %x -1 to 1 : tensor<4x5xf32> -> tensor<2xi64>
  return
}

// -----

func.func @dim_values_type() {
  // expected-error @+1 {{has a result of static shape, not 'tensor<?xi64>'}}
  %y = graph.dim_values <()[s0] -> (s0)> : tensor<?xi64>
  return
}

// -----

func.func @dim_values_count() {
  // expected-error @+1 {{has 1 values for 2 elements}}
  %y = graph.dim_values <()[s0] -> (s0)> : tensor<2xi64>
  return
}

// -----

// reshape_c1
func.func @reshape_elements(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{cannot turn 20 elements into 21}}
  %y = graph.reshape %x : (tensor<4x5xf32>) -> tensor<3x7xf32>
  return
}

// -----

// reshape_c1
func.func @reshape_to_elements(%x: tensor<4x5xf32>) {
  %s = graph.constant dense<[3, 7]> : tensor<2xi64>
  // expected-error @+1 {{numbers of elements before and after reshaping must be equal, but are 20 and 21 [graph-shape-mismatch]}}
  %y = graph.reshape %x shape %s : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<4x5xf32>
  return
}

// -----

func.func @reshape_two_rests(%x: tensor<4x5xf32>) {
  %s = graph.constant dense<[-1, -1]> : tensor<2xi64>
  // expected-error @+1 {{'shape' has -1 at 0 and at 1 [graph-shape-mismatch]}}
  %y = graph.reshape %x shape %s : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<4x5xf32>
  return
}

// -----

func.func @reshape_copies(%x: tensor<4x5xf32>) {
  %s = graph.constant dense<[4, 5, 0]> : tensor<3xi64>
  // expected-error @+1 {{'shape' copies dim 2, but the operand has rank 2 [graph-shape-mismatch]}}
  %y = graph.reshape %x shape %s : (tensor<4x5xf32>, tensor<3xi64>) -> tensor<4x5x1xf32>
  return
}

// -----

func.func @reshape_rows(%x: tensor<4x5xf32>) {
  %s = graph.constant dense<[-1, 3]> : tensor<2xi64>
  // expected-error @+1 {{cannot split 20 elements into rows of 3 [graph-shape-mismatch]}}
  %y = graph.reshape %x shape %s : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<4x5xf32>
  return
}

// -----

func.func @reshape_rows_of_none(%x: tensor<4x5xf32>) {
  %s = graph.constant dense<[-1, 0]> : tensor<2xi64>
  // expected-error @+1 {{cannot split 20 elements into rows of 0 [graph-shape-mismatch]}}
  %y = graph.reshape %x shape %s allow_zero : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<4x5xf32>
  return
}

// -----

func.func @reshape_unknown(%x: tensor<4x5xf32>, %s: tensor<?xi64>) {
  // expected-error @+1 {{but a tensor of at most 64 integers, whose number is known, is expected [graph-shape-operand]}}
  %y = graph.reshape %x shape %s : (tensor<4x5xf32>, tensor<?xi64>) -> tensor<4x5xf32>
  return
}

// -----

// transpose_c1
func.func @permutation_twice(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'permutation' is [0, 0], which is none of 0 ... 1}}
  %y = graph.transpose %x [0, 0] : tensor<4x5xf32> -> tensor<4x5xf32>
  return
}

// -----

// transpose_c1
func.func @permutation_short(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'permutation' is [0], which is none of 0 ... 1}}
  %y = graph.transpose %x [0] : tensor<4x5xf32> -> tensor<4x5xf32>
  return
}

// -----

// transpose_c1
func.func @permutation_beyond(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'permutation' is [0, 2], which is none of 0 ... 1}}
  %y = graph.transpose %x [0, 2] : tensor<4x5xf32> -> tensor<4x5xf32>
  return
}

// -----

// broadcast_c1
func.func @broadcast_sizes(%x: tensor<4x5xf32>) {
  %s = graph.constant dense<[3, 5]> : tensor<2xi64>
  // expected-error @+1 {{operand dims 0 of the broadcast shape must be equal, but are 4 and 3 [graph-shape-mismatch]}}
  %y = graph.broadcast %x shape %s : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<4x5xf32>
  return
}

// -----

func.func @broadcast_unknown(%x: tensor<4x5xf32>, %s: tensor<?xi64>) {
  // expected-error @+1 {{but a tensor of at most 64 integers, whose number is known, is expected [graph-shape-operand]}}
  %y = graph.broadcast %x shape %s : (tensor<4x5xf32>, tensor<?xi64>) -> tensor<4x5xf32>
  return
}

// -----

// concat_c1
func.func @concat_nothing() {
  // expected-error @+1 {{takes at least one operand}}
  %y = "graph.concat"() <{axis = 0 : i64}> : () -> tensor<4x5xf32>
  return
}

// -----

// concat_c1
func.func @concat_ranks(%x: tensor<4x5xf32>, %z: tensor<4xf32>) {
  // expected-error @+1 {{operands have ranks 2 and 1, but must have one}}
  %y = graph.concat %x, %z axis = 0 : (tensor<4x5xf32>, tensor<4xf32>) -> tensor<4x5xf32>
  return
}

// -----

// concat_c1
func.func @concat_sizes(%x: tensor<4x5xf32>, %z: tensor<4x6xf32>) {
  // expected-error @+1 {{operands' dims 1 must be equal, but are 5 and 6 [graph-shape-mismatch]}}
  %y = graph.concat %x, %z axis = 0 : (tensor<4x5xf32>, tensor<4x6xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @concat_types(%x: tensor<4x5xf32>, %z: tensor<4x5xf64>) {
  // expected-error @+1 {{operands must have the element type of the result}}
  %y = graph.concat %x, %z axis = 0 : (tensor<4x5xf32>, tensor<4x5xf64>) -> tensor<4x5xf32>
  return
}

// -----

// concat_c2
func.func @concat_axis(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'axis' is 2, but the operands have rank 2}}
  %y = graph.concat %x axis = 2 : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// slice_c1
func.func @slice_axis(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'axes' must be distinct and in [0, 2), but has 2}}
  %y = graph.slice %x offsets = <() -> (0)> axes = [2] steps = [1] : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// slice_c1
func.func @slice_axis_twice(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'axes' must be distinct and in [0, 2), but has 1}}
  %y = graph.slice %x offsets = <() -> (0, 0)> axes = [1, 1] steps = [1, 1] : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// slice_c1
func.func @slice_steps(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'steps' has 2 entries for 1 axes}}
  %y = graph.slice %x offsets = <() -> (0)> axes = [1] steps = [1, 1] : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// slice_c1
func.func @slice_step_zero(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'steps' must not be 0}}
  %y = graph.slice %x offsets = <() -> (0)> axes = [1] steps = [0] : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// slice_c2
func.func @slice_both(%x: tensor<4x5xf32>, %p: tensor<1xi64>) {
  // expected-error @+1 {{takes either 'starts' and 'ends', or 'offsets'}}
  %y = graph.slice %x from %p to %p offsets = <() -> (0)> axes = [1] steps = [1] : (tensor<4x5xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<4x5xf32>
  return
}

// -----

// slice_c2
func.func @slice_neither(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{takes either 'starts' and 'ends', or 'offsets'}}
  %y = graph.slice %x axes = [1] steps = [1] : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @slice_offsets(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'offsets' has 2 entries for 1 axes}}
  %y = graph.slice %x offsets = <() -> (0, 0)> axes = [1] steps = [1] : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @slice_starts(%x: tensor<4x5xf32>) {
  %p = graph.constant dense<0> : tensor<2xi64>
  // expected-error @+1 {{'starts' has 2 entries and 'ends' 2 for 1 axes [graph-shape-mismatch]}}
  %y = graph.slice %x from %p to %p axes = [1] steps = [1] : (tensor<4x5xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<4x5xf32>
  return
}

// -----

func.func @slice_unknown(%x: tensor<4x5xf32>, %e: tensor<?xi64>) {
  %p = graph.constant dense<0> : tensor<1xi64>
  // expected-error @+1 {{but a tensor of at most 64 integers, whose number is known, is expected [graph-shape-operand]}}
  %y = graph.slice %x from %p to %e axes = [1] steps = [1] : (tensor<4x5xf32>, tensor<1xi64>, tensor<?xi64>) -> tensor<4x5xf32>
  return
}

// -----

// pad_c1
func.func @pad_amounts(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'amounts' has 2 entries, but 4 are expected}}
  %y = graph.pad constant %x amounts = <() -> (1, 1)> : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// pad_c1
func.func @pad_pads(%x: tensor<4x5xf32>) {
  %p = graph.constant dense<0> : tensor<2xi64>
  // expected-error @+1 {{'pads' has 2 entries, but 4 are expected [graph-shape-mismatch]}}
  %y = graph.pad constant %x by %p : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<4x5xf32>
  return
}

// -----

// pad_c2
func.func @pad_neither(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{takes either 'pads' or 'amounts'}}
  %y = graph.pad constant %x : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @pad_too_much(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{has a result dimension of -2; the operands are too small for its attributes [graph-shape-mismatch]}}
  %y = graph.pad constant %x amounts = <() -> (-3, 0, -3, 0)> : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// range_c1
func.func @range_ranks(%a: tensor<1xi64>, %b: tensor<i64>) {
  // expected-error @+1 {{takes scalars, but an operand has rank 1}}
  %y = graph.range %a to %b by %b : (tensor<1xi64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return
}

// -----

func.func @range_delta_zero() {
  %a = graph.constant dense<0> : tensor<i64>
  // expected-error @+1 {{needs a 'delta' other than 0 [graph-shape-mismatch]}}
  %y = graph.range %a to %a by %a : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return
}

// -----

func.func @range_float_unknown(%a: tensor<f32>) {
  // expected-error @+1 {{'start' is a float that is no whole number; read the number of elements from an integer instead [graph-shape-operand]}}
  %y = graph.range %a to %a by %a : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<?xf32>
  return
}

// -----

func.func @range_too_many() {
  %a = graph.constant dense<0.0> : tensor<f32>
  %b = graph.constant dense<1.0e30> : tensor<f32>
  %c = graph.constant dense<1.0> : tensor<f32>
  // expected-error @+1 {{has too many elements [graph-size-overflow]}}
  %y = graph.range %a to %b by %c : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<?xf32>
  return
}

// -----

// iota_c1
func.func @iota_axis() {
  // expected-error @+1 {{'axis' is 1, but the result has rank 1}}
  %y = graph.iota 1 : tensor<3xi64>
  return
}

// -----

func.func @rank_limit(%x: tensor<1xf32>) {
  %s = graph.constant dense<1> : tensor<9xi64>
  // expected-error @+1 {{has a result of rank 9, but at most 8 are supported [graph-rank-limit]}}
  %y = graph.reshape %x shape %s : (tensor<1xf32>, tensor<9xi64>) -> tensor<1xf32>
  return
}

// -----

func.func @size_limit(%x: tensor<1048577x1xi8>, %z: tensor<1048577xi8>) {
  // expected-error @+1 {{has a result of 1099513724929 elements, but at most 1099511627776 are supported [graph-size-overflow]}}
  %y = graph.add %x, %z : (tensor<1048577x1xi8>, tensor<1048577xi8>) -> tensor<1xi8>
  return
}

// -----

func.func @size_overflow(%x: tensor<4294967296x1x1xi8>, %z: tensor<4294967296x1xi8>, %t: tensor<i1>) {
  // expected-error @+1 {{has a result whose number of elements overflows 64 bits [graph-size-overflow]}}
  %y = graph.select %t, %x, %z : (tensor<i1>, tensor<4294967296x1x1xi8>, tensor<4294967296x1xi8>) -> tensor<1xi8>
  return
}

// -----

// dims_c1
func.func @map_with_dims() {
  // expected-error @+1 {{expressions of dimensions use symbols only, but the map has 1 dimensions}}
  %y = graph.dim_values <(d0) -> (d0)> : tensor<1xi64>
  return
}
