// Every error of the lowering.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file --verify-diagnostics

func.func @open_size(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // expected-error @+1 {{'graph.abs' op has a tensor of type 'tensor<?x3xf32>', which leaves a size open in a kernel of 0 sizes; run graph-infer-shapes first [lower-unresolved-shape]}}
  %y = graph.abs %x : tensor<?x3xf32> -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

#x = #graph.dims<()[s0, s1] -> (s1)>

func.func @missing_size(%n: index, %x: tensor<?xf32, #x>) -> tensor<?xf32, #x> {
  // expected-error @+1 {{which leaves a size open in a kernel of 1 sizes}}
  %y = graph.abs %x : tensor<?xf32, #x> -> tensor<?xf32, #x>
  return %y : tensor<?xf32, #x>
}

// -----

func.func @missing_size_in_attribute(%n: index) -> tensor<i64> {
  // expected-error @+1 {{'dims' is #graph.dims<()[s0, s1] -> (s1)>, but the kernel has 1 sizes [lower-unresolved-shape]}}
  %y = graph.dim_values <()[s0, s1] -> (s1)> : tensor<i64>
  return %y : tensor<i64>
}

// -----

func.func @slice_from_tensors(%x: tensor<4xf32>, %s: tensor<1xi64>, %e: tensor<1xi64>) -> tensor<2xf32> {
  // expected-error @+1 {{has 'starts' and 'ends' of its own; run graph-infer-shapes first [lower-unresolved-shape]}}
  %y = graph.slice %x from %s to %e axes = [0] steps = [1] : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

func.func @pad_from_tensor(%x: tensor<4xf32>, %p: tensor<2xi64>) -> tensor<6xf32> {
  // expected-error @+1 {{has 'pads' of its own; run graph-infer-shapes first [lower-unresolved-shape]}}
  %y = graph.pad constant %x by %p : (tensor<4xf32>, tensor<2xi64>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}

// -----

func.func @resource() -> tensor<2xf32> {
  // expected-error @+1 {{holds its elements outside of the text; a kernel takes them as an argument [lower-resource]}}
  %y = graph.constant dense_resource<weight> : tensor<2xf32>
  return %y : tensor<2xf32>
}

{-#
  dialect_resources: { builtin: { weight: "0x040000000000803F00000040" } }
#-}

// -----

// expected-error @+1 {{has more than one block; a kernel is one list of operations [lower-not-a-kernel]}}
func.func @blocks(%x: tensor<2xf32>) -> tensor<2xf32> {
  cf.br ^end
^end:
  return %x : tensor<2xf32>
}

// -----

#f = #graph.dims<()[s0] -> (4, s0, 3)>
#x = #graph.dims<()[s0] -> (1, s0 * 2, 5)>

func.func @free_groups(%n: index, %x: tensor<1x?x5xf32, #x>, %f: tensor<4x?x3xf32, #f>) -> tensor<1x4x3xf32> {
  // expected-error @+1 {{with groups needs a static number of channels [lower-dynamic-channels]}}
  %y = graph.conv %x, %f strides = [1] pads = [0, 0] dilations = [1] groups = 2
      : (tensor<1x?x5xf32, #x>, tensor<4x?x3xf32, #f>) -> tensor<1x4x3xf32>
  return %y : tensor<1x4x3xf32>
}

// -----

#f = #graph.dims<()[s0] -> (2, s0, 3)>
#y = #graph.dims<()[s0] -> (1, s0, 7)>

func.func @free_outputs(%n: index, %x: tensor<1x2x5xf32>, %f: tensor<2x?x3xf32, #f>) -> tensor<1x?x7xf32, #y> {
  // expected-error @+1 {{needs a static number of output channels [lower-dynamic-channels]}}
  %y = graph.conv_transpose %x, %f strides = [1] pads = [0, 0] dilations = [1] output_padding = [0] groups = 1
      : (tensor<1x2x5xf32>, tensor<2x?x3xf32, #f>) -> tensor<1x?x7xf32, #y>
  return %y : tensor<1x?x7xf32, #y>
}
