// Functions on strings.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @text(
func.func @text(%x: tensor<3x!graph.string>) -> tensor<3xi1> {
  // CHECK: graph.text "literal"() ["a", "b"] : () -> tensor<2x!graph.string>
  %0 = graph.text "literal"() ["a", "b"] : () -> tensor<2x!graph.string>
  // CHECK: graph.text "match"(%{{.*}}) ["^a$"] : (tensor<3x!graph.string>) -> tensor<3xi1>
  %1 = graph.text "match"(%x) ["^a$"] : (tensor<3x!graph.string>) -> tensor<3xi1>
  // CHECK: graph.text "split"(%{{.*}}) [",", "-1"] : (tensor<3x!graph.string>) -> (tensor<3x2x!graph.string>, tensor<3xi64>)
  %2:2 = graph.text "split"(%x) [",", "-1"] : (tensor<3x!graph.string>) -> (tensor<3x2x!graph.string>, tensor<3xi64>)
  // CHECK: graph.text "find"(%{{.*}}, %{{.*}}) ["text"] : (tensor<3x!graph.string>, tensor<2x!graph.string>) -> tensor<3xi64>
  %3 = graph.text "find"(%x, %0) ["text"] : (tensor<3x!graph.string>, tensor<2x!graph.string>) -> tensor<3xi64>
  // CHECK: graph.constant
  %sizes = graph.constant dense<[1, 3, 1, 3]> : tensor<4xi64>
  // CHECK: graph.text "custom"(%{{.*}}, %{{.*}}) ["a::b", "0", "8", "8"] : (tensor<4xi64>, tensor<3xi64>) -> tensor<3xi64>
  %4 = graph.text "custom"(%sizes, %3) ["a::b", "0", "8", "8"] : (tensor<4xi64>, tensor<3xi64>) -> tensor<3xi64>
  return %1 : tensor<3xi1>
}
