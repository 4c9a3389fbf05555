// One case for each constraint of reads and writes at positions, and of resampling.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --verify-diagnostics --split-input-file

// gather_c1
func.func @gather_axis(%x: tensor<4x5xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{'axis' is 2, but the operand has rank 2}}
  %y = graph.gather %x at %i axis = 2 : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<4x5xf32>
  return
}

// -----

// gather_c1
func.func @gather_negative_axis(%x: tensor<4x5xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{attribute 'axis' failed to satisfy constraint}}
  %y = graph.gather %x at %i axis = -1 : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<4x5xf32>
  return
}

// -----

func.func @gather_index_type(%x: tensor<4x5xf32>, %i: tensor<2xi8>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of 32-bit signless integer or 64-bit signless integer values}}
  %y = graph.gather %x at %i axis = 0 : (tensor<4x5xf32>, tensor<2xi8>) -> tensor<4x5xf32>
  return
}

// -----

// gather_elements_c1
func.func @gather_elements_axis(%x: tensor<4x5xf32>, %i: tensor<4x2xi64>) {
  // expected-error @+1 {{'axis' is 2, but the operand has rank 2}}
  %y = graph.gather_elements %x at %i axis = 2 : (tensor<4x5xf32>, tensor<4x2xi64>) -> tensor<4x2xf32>
  return
}

// -----

// gather_elements_c1
func.func @gather_elements_rank(%x: tensor<4x5xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{'x' has rank 2, but 'indices' has rank 1}}
  %y = graph.gather_elements %x at %i axis = 0 : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

// gather_nd_c1
func.func @batch_dims(%x: tensor<4x5xf32>, %i: tensor<4x1xi64>) {
  // expected-error @+1 {{'batch_dims' is 2, but the operands have ranks 2 and 2}}
  %y = graph.gather_nd %x at %i batch_dims = 2 : (tensor<4x5xf32>, tensor<4x1xi64>) -> tensor<4xf32>
  return
}

// -----

// gather_nd_c2
func.func @positions_long(%x: tensor<4x5xf32>, %i: tensor<4x3xi64>) {
  // expected-error @+1 {{the last dimension of 'indices' must be static, at least 1 and at most 2, but the type is 'tensor<4x3xi64>'}}
  %y = graph.gather_nd %x at %i batch_dims = 0 : (tensor<4x5xf32>, tensor<4x3xi64>) -> tensor<4xf32>
  return
}

// -----

// gather_nd_c2
func.func @positions_none(%x: tensor<4x5xf32>, %i: tensor<4x0xi64>) {
  // expected-error @+1 {{must be static, at least 1 and at most 2}}
  %y = graph.gather_nd %x at %i batch_dims = 0 : (tensor<4x5xf32>, tensor<4x0xi64>) -> tensor<4xf32>
  return
}

// -----

// gather_nd_c2
func.func @positions_free(%x: tensor<4x5xf32>, %i: tensor<4x?xi64>) {
  // expected-error @+1 {{must be static, at least 1 and at most 2}}
  %y = graph.gather_nd %x at %i batch_dims = 0 : (tensor<4x5xf32>, tensor<4x?xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @batches(%x: tensor<4x5xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+1 {{batch dims of 'x' and 'indices' must be equal, but are 4 and 3 [graph-shape-mismatch]}}
  %y = graph.gather_nd %x at %i batch_dims = 1 : (tensor<4x5xf32>, tensor<3x1xi64>) -> tensor<4xf32>
  return
}

// -----

// scatter_elements_c1
func.func @scatter_rank(%x: tensor<4x5xf32>, %i: tensor<2xi64>, %u: tensor<2xf32>) {
  // expected-error @+1 {{operands have ranks 2, 1 and 1, but must have one}}
  %y = graph.scatter_elements none %x at %i with %u axis = 0 : (tensor<4x5xf32>, tensor<2xi64>, tensor<2xf32>) -> tensor<4x5xf32>
  return
}

// -----

// scatter_elements_c1
func.func @scatter_axis(%x: tensor<4x5xf32>, %i: tensor<2x5xi64>, %u: tensor<2x5xf32>) {
  // expected-error @+1 {{'axis' is 3, but the operand has rank 2}}
  %y = graph.scatter_elements none %x at %i with %u axis = 3 : (tensor<4x5xf32>, tensor<2x5xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// scatter_elements_c2
func.func @scatter_updates(%x: tensor<4x5xf32>, %i: tensor<2x5xi64>, %u: tensor<3x5xf32>) {
  // expected-error @+1 {{dims of 'indices' and 'updates' must be equal, but are 2 and 3 [graph-shape-mismatch]}}
  %y = graph.scatter_elements none %x at %i with %u axis = 0 : (tensor<4x5xf32>, tensor<2x5xi64>, tensor<3x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// scatter_nd_c1
func.func @scatter_nd_positions(%x: tensor<4x5xf32>, %i: tensor<2x3xi64>, %u: tensor<2xf32>) {
  // expected-error @+1 {{the last dimension of 'indices' must be static, at least 1 and at most 2, but the type is 'tensor<2x3xi64>'}}
  %y = graph.scatter_nd add %x at %i with %u : (tensor<4x5xf32>, tensor<2x3xi64>, tensor<2xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @scatter_nd_rank(%x: tensor<4x5xf32>, %i: tensor<2x1xi64>, %u: tensor<2xf32>) {
  // expected-error @+1 {{'updates' has rank 1, but 'indices' asks for rank 2 [graph-shape-mismatch]}}
  %y = graph.scatter_nd add %x at %i with %u : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @scatter_nd_updates(%x: tensor<4x5xf32>, %i: tensor<2x1xi64>, %u: tensor<2x4xf32>) {
  // expected-error @+1 {{dims of 'updates' and those that 'indices' asks for must be equal, but are 4 and 5 [graph-shape-mismatch]}}
  %y = graph.scatter_nd add %x at %i with %u : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<4x5xf32>
  return
}

// -----

// resize_c1
func.func @resize_beyond(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'axes' must be distinct and in [0, 2), but has 2}}
  %y = graph.resize nearest %x axes = [2] scales = [] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// resize_c1
func.func @resize_twice(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'axes' must be distinct and in [0, 2), but has 1}}
  %y = graph.resize nearest %x axes = [1, 1] scales = [] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// resize_c2
func.func @resize_both(%x: tensor<4x5xf32>, %s: tensor<1xi64>) {
  // expected-error @+1 {{takes one of 'sizes', 'scales' and 'factors'}}
  %y = graph.resize nearest %x to %s axes = [1] scales = [2.0] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>, tensor<1xi64>) -> tensor<4x5xf32>
  return
}

// -----

// resize_c2
func.func @resize_count(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'scales' has 2 entries for 1 axes}}
  %y = graph.resize nearest %x axes = [1] scales = [2.0, 1.0] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// resize_c2
func.func @resize_zero(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{'scales' has the entry 0.000000e+00, but must be positive}}
  %y = graph.resize nearest %x axes = [1] scales = [0.0] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

// resize_c2
func.func @resize_nan(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{but must be positive}}
  %y = graph.resize nearest %x axes = [1] scales = [0x7FF8000000000000] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @resize_sizes_unknown(%x: tensor<4x5xf32>, %i: tensor<?xi64>) {
  // expected-error @+1 {{needs 'sizes' whose number is known, one per axis [graph-shape-operand]}}
  %y = graph.resize nearest %x to %i axes = [1] scales = [] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>, tensor<?xi64>) -> tensor<4x5xf32>
  return
}

// -----

func.func @resize_far(%x: tensor<4x1000000xf32>) {
  // expected-error @+1 {{the size of dim 1 overflows [graph-size-overflow]}}
  %y = graph.resize nearest %x axes = [1] scales = [1.0e9] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x1000000xf32>) -> tensor<4x1000000xf32>
  return
}

// -----

func.func @resize_free(%x: tensor<4x?xf32>) {
  // expected-error @+1 {{cannot scale the free dim 1 by 1.234500e-30: sizes would overflow; fix the dim with --dim [graph-dynamic-scale]}}
  %y = graph.resize nearest %x axes = [1] scales = [1.2345e-30] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x?xf32>) -> tensor<4x?xf32>
  return
}

// -----

// gather_elements_c2
func.func @gather_elements_rows(%x: tensor<2x3xf32>, %i: tensor<4x3xi64>) {
  // expected-error @+1 {{dim 0 of 'x' must be at least that of 'indices', but 2 is less than 4 [graph-shape-mismatch]}}
  %y = graph.gather_elements %x at %i axis = 1 : (tensor<2x3xf32>, tensor<4x3xi64>) -> tensor<4x3xf32>
  return
}

// -----

// scatter_elements_c3
func.func @scatter_elements_rows(%x: tensor<2x3xf32>, %i: tensor<4x3xi64>, %u: tensor<4x3xf32>) {
  // expected-error @+1 {{dim 0 of 'x' must be at least that of 'indices', but 2 is less than 4 [graph-shape-mismatch]}}
  %y = graph.scatter_elements none %x at %i with %u axis = 1 : (tensor<2x3xf32>, tensor<4x3xi64>, tensor<4x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// resize_c2
func.func @resize_two(%x: tensor<4x5xf32>, %f: tensor<1xf32>) {
  // expected-error @+1 {{takes one of 'sizes', 'scales' and 'factors'}}
  %y = graph.resize nearest %x by %f axes = [1] scales = [2.0] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>, tensor<1xf32>) -> tensor<4x10xf32>
  return
}

// -----

// resize_c3
func.func @resize_factors(%x: tensor<4x5xf32>, %f: tensor<2xf32>) {
  // expected-error @+1 {{needs one entry of 'factors' for each of 1 axes, not 'tensor<2xf32>'}}
  %y = graph.resize nearest %x by %f axes = [1] scales = [] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>, tensor<2xf32>) -> tensor<4x10xf32>
  return
}

// -----

// resize_c3
func.func @resize_fractions(%x: tensor<4x5xf32>, %f: tensor<3x1xf32>) {
  // expected-error @+1 {{needs one entry of 'factors' for each of 1 axes, not 'tensor<3x1xf32>'}}
  %y = graph.resize nearest %x by %f axes = [1] scales = [] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<4x5xf32>, tensor<3x1xf32>) -> tensor<4x10xf32>
  return
}

// -----

// nonzero_c1
func.func @nonzero_rank(%x: tensor<4x5xf32>) {
  // expected-error @+1 {{finds positions in 'tensor<4x5xf32>', which are [rank, number] and not 'tensor<3x7xi64>'}}
  %y = graph.nonzero %x : tensor<4x5xf32> -> tensor<3x7xi64>
  return
}

// -----

// suppress_boxes_c1
func.func @suppress_boxes_shape(%boxes: tensor<2x9x5xf32>, %scores: tensor<2x3x9xf32>, %order: tensor<2x3x9xi64>, %overlap: tensor<f32>) {
  // expected-error @+1 {{takes boxes of [images, boxes, 4]}}
  %0 = graph.suppress_boxes %boxes scores %scores order %order overlap %overlap : (tensor<2x9x5xf32>, tensor<2x3x9xf32>, tensor<2x3x9xi64>, tensor<f32>) -> tensor<2x3x9xi64>
  return
}
