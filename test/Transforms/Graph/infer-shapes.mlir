// Dimensions become expressions of symbols; what cannot be known yet becomes a check.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --mlir-print-local-scope --split-input-file | FileCheck %s

// Every free dimension of an input has a symbol of its own, and types name no
// symbol beyond those that they need.
// CHECK-LABEL: func.func @free(
// CHECK-SAME: tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>>
// CHECK-SAME: tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s1, s2)>>
// CHECK-SAME: graph.symbols = [#graph.symbol<"">, #graph.symbol<"">, #graph.symbol<"">]
// CHECK: graph.relu {{.*}} -> tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>>
// CHECK: graph.transpose {{.*}} -> tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s2, s1)>>
func.func @free(%x: tensor<?x3xf32>, %y: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>) {
  %0 = graph.relu %x : tensor<?x3xf32> -> tensor<f32>
  %1 = graph.transpose %y [1, 0] : tensor<?x?xf32> -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// -----

#x = #graph.dims<()[s0] -> (s0, 4)>
#y = #graph.dims<()[s0, s1] -> (s1, 4)>

// One check for both ops.
// CHECK-LABEL: func.func @checks(
// CHECK-SAME: graph.checks = [#graph.check<"broadcast", ()[s0, s1] -> (s0, s1), "operand dims 0 of the broadcast shape must be equal, or one of them 1, but are %lld and %lld
// CHECK-NOT: #graph.check
// CHECK-SAME: graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">,
func.func @checks(%x: tensor<?x4xf32, #x>, %y: tensor<?x4xf32, #y>) -> (tensor<f32>, tensor<f32>)
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">]} {
  %0 = graph.add %x, %y : (tensor<?x4xf32, #x>, tensor<?x4xf32, #y>) -> tensor<f32>
  %1 = graph.mul %x, %y : (tensor<?x4xf32, #x>, tensor<?x4xf32, #y>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// -----

#x = #graph.dims<()[s0] -> (1, 3, s0, s0)>

// CHECK-LABEL: func.func @conv(
// CHECK: graph.conv {{.*}} -> tensor<1x8x?x?xf32, #graph.dims<()[s0] -> (1, 8, (s0 - 1) floordiv 2 + 1, (s0 - 1) floordiv 2 + 1)>>
func.func @conv(%x: tensor<1x3x?x?xf32, #x>, %f: tensor<8x3x3x3xf32>) -> tensor<f32>
    attributes {graph.symbols = [#graph.symbol<"side">]} {
  %0 = graph.conv %x, %f strides = [2, 2] pads = [1, 1, 1, 1] dilations = [1, 1] groups = 1 : (tensor<1x3x?x?xf32, #x>, tensor<8x3x3x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

#x = #graph.dims<()[s0] -> (1, 3, s0)>

// Rounded up, but no window starts in the padding behind the input: 3 windows
// of 3 with stride 3 over 6 elements and a padding of 1 at each side.
// CHECK-LABEL: func.func @ceil(
// CHECK: graph.max_pool {{.*}} -> tensor<1x3x3xf32>
// CHECK: graph.max_pool {{.*}} -> tensor<1x3x2xf32>
func.func @ceil(%x: tensor<1x3x6xf32>, %y: tensor<1x3x5xf32>) -> (tensor<f32>, tensor<f32>) {
  %0 = graph.max_pool %x kernel = [3] strides = [3] pads = [1, 1] dilations = [1] ceil_mode : tensor<1x3x6xf32> -> tensor<f32>
  %1 = graph.max_pool %y kernel = [3] strides = [3] pads = [1, 1] dilations = [1] ceil_mode : tensor<1x3x5xf32> -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// -----

#x = #graph.dims<()[s0] -> (s0, 4)>

// Arithmetic on sizes is followed; what is left of it is a constant or dim_values.
// CHECK-LABEL: func.func @arithmetic(
// CHECK-NOT: graph.shape
// CHECK-DAG: %[[Y:.*]] = graph.reshape %{{.*}} -> tensor<?x2xf32, #graph.dims<()[s0] -> (s0 * 2, 2)>>
// CHECK-DAG: %[[FOUR:.*]] = graph.constant dense<4> : tensor<1xi64>
// CHECK-DAG: %[[N:.*]] = graph.dim_values <()[s0] -> (s0 * 2)> : tensor<i64>
// CHECK: return %[[Y]], %[[FOUR]], %[[N]]
func.func @arithmetic(%x: tensor<?x4xf32, #x>) -> (tensor<f32>, tensor<1xi64>, tensor<i64>)
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  %n = graph.shape %x 0 to 1 : tensor<?x4xf32, #x> -> tensor<1xi64>
  %two = graph.constant dense<2> : tensor<1xi64>
  %0 = graph.mul %n, %two : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %1 = graph.concat %0, %two axis = 0 : (tensor<1xi64>, tensor<1xi64>) -> tensor<i64>
  %2 = graph.reshape %x shape %1 : (tensor<?x4xf32, #x>, tensor<i64>) -> tensor<f32>
  %3 = graph.shape %x 1 to 2 : tensor<?x4xf32, #x> -> tensor<1xi64>
  %4 = graph.reduce prod %0 axes = [0] : tensor<1xi64> -> tensor<i64>
  return %2, %3, %4 : tensor<f32>, tensor<1xi64>, tensor<i64>
}

// -----

#x = #graph.dims<()[s0] -> (s0)>

// Positions that are clamped are minima and maxima of sizes: symbols too.
// CHECK-LABEL: func.func @clamp(
// CHECK-SAME: #graph.symbol<"n">
// CHECK-SAME: #graph.symbol<"min", min = affine_map<()[s0] -> (512, s0)>>
// CHECK-SAME: #graph.symbol<"max", max = affine_map<()[s0, s1] -> (0, s0 - 2)>>
// CHECK: graph.slice %{{.*}} offsets = <{{.*}} -> (0)> {{.*}} -> tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>
// CHECK: graph.slice %{{.*}} offsets = <{{.*}} -> (s2)>
func.func @clamp(%x: tensor<?xf32, #x>) -> (tensor<f32>, tensor<f32>)
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  %a = graph.constant dense<0> : tensor<1xi64>
  %b = graph.constant dense<512> : tensor<1xi64>
  %0 = graph.slice %x from %a to %b axes = [0] steps = [1] : (tensor<?xf32, #x>, tensor<1xi64>, tensor<1xi64>) -> tensor<f32>
  %c = graph.constant dense<-2> : tensor<1xi64>
  %d = graph.constant dense<9223372036854775807> : tensor<1xi64>
  %1 = graph.slice %x from %c to %d axes = [0] steps = [1] : (tensor<?xf32, #x>, tensor<1xi64>, tensor<1xi64>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// -----

// CHECK-LABEL: func.func @slices(
// CHECK: graph.slice %{{.*}} offsets = <() -> (1, 3)> {{.*}} -> tensor<2x2xf32>
// CHECK: graph.slice %{{.*}} offsets = <() -> (4)> {{.*}} -> tensor<5x4xf32>
func.func @slices(%x: tensor<5x4xf32>) -> (tensor<f32>, tensor<f32>) {
  %a = graph.constant dense<[1, -1]> : tensor<2xi64>
  %b = graph.constant dense<[4, -9]> : tensor<2xi64>
  %0 = graph.slice %x from %a to %b axes = [0, 1] steps = [2, -2] : (tensor<5x4xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<f32>
  %c = graph.constant dense<9223372036854775807> : tensor<1xi64>
  %d = graph.constant dense<-9223372036854775808> : tensor<1xi64>
  %1 = graph.slice %x from %c to %d axes = [0] steps = [-1] : (tensor<5x4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}

// -----

// The elements of an integer input are symbols. Which of them are -1 or 0 only
// the run knows: sizes are computed from them, and pass checks.
// CHECK-LABEL: func.func @input_contents(
// CHECK-SAME: #graph.check<"ge", ()[s0] -> (s0, -1), "an entry of 'shape' must be at least -1, but %lld is less than %lld
// CHECK-SAME: #graph.check<"ge", ()[s0, s1] -> (s1, -1)
// CHECK-SAME: #graph.check<"eq", {{.*}} -> (6, {{.*}}), "numbers of elements before and after reshaping must be equal, but are %lld and %lld
// CHECK-SAME: graph.symbols = [#graph.symbol<"shape[0]", input = 1, element = 0>, #graph.symbol<"shape[1]", input = 1, element = 1>, #graph.symbol<"max", max = affine_map<()[s0, s1] -> (0, -s0)>>
func.func @input_contents(%x: tensor<6xf32>, %s: tensor<2xi64> {graph.name = "shape"}) -> tensor<f32> {
  %0 = graph.reshape %x shape %s : (tensor<6xf32>, tensor<2xi64>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// CHECK-LABEL: func.func @ranges(
// CHECK-SAME: #graph.symbol<"max", max = affine_map<()[s0] -> (0, s0 - 1)>>
// CHECK: graph.range {{.*}} -> tensor<?xi64, #graph.dims<()[s0, s1] -> (s1 ceildiv 3)>>
// CHECK: graph.range {{.*}} -> tensor<4xf32>
func.func @ranges(%n: tensor<i64>) -> (tensor<i64>, tensor<f32>) {
  %a = graph.constant dense<1> : tensor<i64>
  %b = graph.constant dense<3> : tensor<i64>
  %0 = graph.range %a to %n by %b : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<i64>
  %s = graph.constant dense<0.0> : tensor<f32>
  %l = graph.constant dense<1.0> : tensor<f32>
  %d = graph.constant dense<0.3> : tensor<f32>
  %1 = graph.range %s to %l by %d : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %1 : tensor<i64>, tensor<f32>
}

// -----

#x = #graph.dims<()[s0] -> (s0)>

// CHECK-LABEL: func.func @rows(
// CHECK-SAME: #graph.check<"eq", ()[s0] -> (s0, (s0 floordiv 3) * 3)
// CHECK: graph.reshape {{.*}} -> tensor<?x3xf32, #graph.dims<()[s0] -> (s0 floordiv 3, 3)>>
func.func @rows(%x: tensor<?xf32, #x>) -> tensor<f32> attributes {graph.symbols = [#graph.symbol<"n">]} {
  %s = graph.constant dense<[-1, 3]> : tensor<2xi64>
  %0 = graph.reshape %x shape %s : (tensor<?xf32, #x>, tensor<2xi64>) -> tensor<f32>
  return %0 : tensor<f32>
}
