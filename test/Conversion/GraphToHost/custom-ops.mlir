// A module with operators of the program says so: a runtime that does not know them refuses it.
// RUN: lathe-opt %s --convert-graph-to-host --split-input-file | FileCheck %s

// CHECK: lathe.custom_ops = "a::b"
// CHECK: host.signature "main" {{.*}}features = 17
func.func @main(%x: tensor<3xi64>) -> tensor<3xi64> {
  %sizes = graph.constant dense<[1, 3, 1, 3]> : tensor<4xi64>
  %y = graph.text "custom"(%sizes, %x) ["a::b", "0", "8", "8"] : (tensor<4xi64>, tensor<3xi64>) -> tensor<3xi64>
  return %y : tensor<3xi64>
}

// -----

// CHECK: host.signature "main" {{.*}}features = 1
func.func @main(%x: tensor<3x!graph.string>) -> tensor<3xi1> {
  %y = graph.text "match"(%x) ["^a$"] : (tensor<3x!graph.string>) -> tensor<3xi1>
  return %y : tensor<3xi1>
}
