// A group becomes a kernel that knows only its own sizes.
// RUN: lathe-opt %s --kernel-outline --mlir-print-local-scope --split-input-file | FileCheck %s

#x = #graph.dims<()[s0, s1] -> (s1 * 2, s0)>
#y = #graph.dims<()[s0, s1] -> (s1 * 2, 3)>

// Each distinct expression of the model's symbols is one size, in order of use.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: tensor<?x?xf32, {{.*}}>, %[[B:.*]]: tensor<?x3xf32
// CHECK: %[[W:.*]] = graph.constant
// CHECK: kernel.call @matmul affine_map<()[s0, s1] -> (s1 * 2, s0)>(%[[X]], %[[W]], %[[B]])
// CHECK-LABEL: kernel.func @matmul(
// CHECK-SAME: %{{.*}}: index, %{{.*}}: index, %{{.*}}: tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>,
// CHECK-SAME: %{{.*}}: tensor<4x3xf32> {kernel.constant}
// CHECK-SAME: -> tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>>
// CHECK-SAME: sizes = 2 : i64
// CHECK: graph.add {{.*}} -> tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>>
// CHECK: kernel.return
func.func @main(%x: tensor<?x?xf32, #x>, %b: tensor<?x3xf32, #y>, %n: tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>) -> tensor<?x3xf32, #y>
    attributes {graph.symbols = [#graph.symbol<"k">, #graph.symbol<"n">]} {
  %w = graph.constant dense<1.0> : tensor<4x3xf32>
  %y = kernel.group -> tensor<?x3xf32, #y> {
    %0 = graph.matmul %x, %w : (tensor<?x?xf32, #x>, tensor<4x3xf32>) -> tensor<?x3xf32, #y>
    %1 = graph.add %0, %b : (tensor<?x3xf32, #y>, tensor<?x3xf32, #y>) -> tensor<?x3xf32, #y>
    kernel.yield %1 : tensor<?x3xf32, #y>
  }
  return %y : tensor<?x3xf32, #y>
}

// -----

// Kernels are called after what they mostly do; names stay apart.
// CHECK-LABEL: func.func @main(
// CHECK: kernel.call @softmax affine_map<() -> ()>(%{{.*}}) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: kernel.call @softmax_0 affine_map<() -> ()>(%{{.*}}) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: kernel.call @relu affine_map<() -> ()>(%{{.*}}) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-DAG: kernel.func @softmax(
// CHECK-DAG: kernel.func @softmax_0(
// CHECK-DAG: kernel.func @relu(
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = kernel.group -> tensor<4xf32> {
    %c = graph.constant dense<2.0> : tensor<f32>
    %3 = graph.mul %x, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    %4 = graph.softmax %3 axis = 0 : tensor<4xf32>
    kernel.yield %4 : tensor<4xf32>
  }
  %1 = kernel.group -> tensor<4xf32> {
    %3 = graph.softmax %0 axis = 0 : tensor<4xf32>
    kernel.yield %3 : tensor<4xf32>
  }
  %2 = kernel.group -> tensor<4xf32> {
    %3 = graph.relu %1 : tensor<4xf32> -> tensor<4xf32>
    kernel.yield %3 : tensor<4xf32>
  }
  return %2 : tensor<4xf32>
}

// -----

// Positions that are not known to lie inside are checked, by the words that the call has for the check.
// CHECK-LABEL: func.func @main(
// CHECK: kernel.call @gather affine_map<() -> ()>({{.*}}) checks
// CHECK-SAME: ["node \22first\22 (Gather-13): index %lld does not lie in a dim of size %lld; check the values of 'indices' [call-index-range]",
// CHECK-SAME: "index %lld does not lie in a dim of size %lld; check the values of 'indices' [call-index-range]"]
// CHECK: kernel.call @gather_0 affine_map<() -> ()>({{.*}}) : (
// CHECK: kernel.func @gather(
// CHECK: graph.gather {{.*}} {kernel.check = 0 : i64}
// CHECK: graph.gather {{.*}} {kernel.check = 1 : i64}
// CHECK: kernel.func @gather_0(
// CHECK-NOT: kernel.check
func.func @main(%x: tensor<4x2xf32>, %i: tensor<3xi64>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %c = graph.constant dense<[0, 3, -4]> : tensor<3xi64>
  %d = graph.constant dense<[0, 4, -4]> : tensor<3xi64>
  %0 = kernel.group -> tensor<3x2xf32> {
    %2 = graph.gather %x at %i axis = 0 : (tensor<4x2xf32>, tensor<3xi64>) -> tensor<3x2xf32> loc(#first)
    %3 = graph.gather %x at %d axis = 0 : (tensor<4x2xf32>, tensor<3xi64>) -> tensor<3x2xf32> loc(unknown)
    %4 = graph.add %2, %3 : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
    kernel.yield %4 : tensor<3x2xf32>
  }
  %1 = kernel.group -> tensor<3x2xf32> {
    %2 = graph.gather %x at %c axis = 0 : (tensor<4x2xf32>, tensor<3xi64>) -> tensor<3x2xf32>
    kernel.yield %2 : tensor<3x2xf32>
  }
  return %0, %1 : tensor<3x2xf32>, tensor<3x2xf32>
}
#kind = loc("Gather-13"("m.onnx":0:0))
#first = loc("first"(#kind))

// -----

// What is known of the model's symbols is known of the sizes that follow from them.
// CHECK-LABEL: kernel.func @relu(
// CHECK-SAME: attributes {ranges = [#graph.range<least = 17, most = 1025>, #graph.range<>, #graph.range<least = 16, most = 1024, divisor = 16>], sizes = 3 : i64}
func.func @main(%x: tensor<?x?x?xf32, #graph.dims<()[s0, s1] -> (s0 * 2 + 1, s1, s0 * 2)>>, %n: tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>)
    -> tensor<?x?x?xf32, #graph.dims<()[s0, s1] -> (s0 * 2 + 1, s1, s0 * 2)>>
    attributes {graph.symbols = [#graph.symbol<"n", range = <least = 8, most = 512, divisor = 8>>, #graph.symbol<"m">]} {
  %y = kernel.group -> tensor<?x?x?xf32, #graph.dims<()[s0, s1] -> (s0 * 2 + 1, s1, s0 * 2)>> {
    %0 = graph.relu %x : tensor<?x?x?xf32, #graph.dims<()[s0, s1] -> (s0 * 2 + 1, s1, s0 * 2)>> -> tensor<?x?x?xf32, #graph.dims<()[s0, s1] -> (s0 * 2 + 1, s1, s0 * 2)>>
    kernel.yield %0 : tensor<?x?x?xf32, #graph.dims<()[s0, s1] -> (s0 * 2 + 1, s1, s0 * 2)>>
  }
  return %y : tensor<?x?x?xf32, #graph.dims<()[s0, s1] -> (s0 * 2 + 1, s1, s0 * 2)>>
}

// -----

// What is no size of a tensor may be negative, and nothing is said of it.
// CHECK-LABEL: kernel.func @dim_values(
// CHECK-SAME: attributes {ranges = [#graph.range<>, #graph.range<least = 4, most = 252, divisor = 4>], sizes = 2 : i64}
func.func @main(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<2xi64>
    attributes {graph.symbols = [#graph.symbol<"n", range = <least = 8, most = 256, divisor = 4>>]} {
  %y = kernel.group -> tensor<2xi64> {
    %0 = graph.dim_values <()[s0] -> (s0 - 128, s0 - 4)> : tensor<2xi64>
    kernel.yield %0 : tensor<2xi64>
  }
  return %y : tensor<2xi64>
}
