// Elements that no processor knows become integers; the signature stays.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-store-elements))" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @packed(
// CHECK-SAME: %[[X:.*]]: tensor<5xi4>) -> tensor<5xi4>
// CHECK: %[[B:.*]] = graph.reinterpret %[[X]] : tensor<5xi4> -> tensor<3xui8>
// CHECK: %[[U:.*]] = graph.unpack %[[B]] bits = 4 : tensor<3xui8> -> tensor<5xi8>
// CHECK: %[[S:.*]] = graph.slice %[[U]] {{.*}} : (tensor<5xi8>) -> tensor<5xi8>
// CHECK: %[[R:.*]] = graph.reshape %[[S]]
// CHECK: %[[P:.*]] = graph.pack %[[R]] bits = 4 : tensor<5xi8> -> tensor<3xui8>
// CHECK: graph.reinterpret %[[P]] : tensor<3xui8> -> tensor<5xi4>
func.func @packed(%x: tensor<5xi4>) -> tensor<5xi4> {
  %0 = graph.slice %x offsets = <() -> (4)> axes = [0] steps = [-1] : (tensor<5xi4>) -> tensor<5xi4>
  return %0 : tensor<5xi4>
}

// -----

// CHECK-LABEL: func.func @open(
// CHECK: graph.reinterpret %{{.*}} : tensor<?x3xui2, {{.*}}> -> tensor<?xui8, #graph.dims<()[s0] -> ((s0 * 6) ceildiv 8)>>
func.func @open(%x: tensor<?x3xui2, #graph.dims<()[s0] -> (s0, 3)>>) -> tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>> attributes {graph.symbols = [#graph.symbol<"n">]} {
  %0 = graph.cast %x : tensor<?x3xui2, #graph.dims<()[s0] -> (s0, 3)>> -> tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>>
  return %0 : tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>>
}

// -----

// CHECK-LABEL: func.func @casts(
// CHECK: graph.encode %{{.*}} as f8E4M3FN saturate = false up : tensor<3xf32> -> tensor<3xui8>
// CHECK: graph.decode %{{.*}} as f8E4M3FN : tensor<3xui8> -> tensor<3xf32>
// CHECK: graph.cast %{{.*}} : tensor<3xf32> -> tensor<3xi8>
// CHECK: graph.shift_left
// CHECK: graph.shift_right
func.func @casts(%x: tensor<3xf32>) -> tensor<3xi4> {
  %0 = graph.cast %x {saturate = false} : tensor<3xf32> -> tensor<3xf8E4M3FN>
  %1 = graph.cast %0 : tensor<3xf8E4M3FN> -> tensor<3xi4>
  return %1 : tensor<3xi4>
}

// -----

// CHECK-LABEL: func.func @constants(
// CHECK: graph.constant dense<[7, -8]> : tensor<2xi8>
// CHECK: graph.constant dense<56> : tensor<2xui8>
// CHECK: graph.text "literal"() ["a", "a"] : () -> tensor<2xui64>
func.func @constants() -> (tensor<2xi4>, tensor<2xf8E4M3FN>, tensor<2x!graph.string>) {
  %0 = graph.constant dense<[7, -8]> : tensor<2xi4>
  %1 = graph.constant dense<1.0> : tensor<2xf8E4M3FN>
  %2 = graph.constant dense<"a"> : tensor<2x!graph.string>
  return %0, %1, %2 : tensor<2xi4>, tensor<2xf8E4M3FN>, tensor<2x!graph.string>
}

// -----

// CHECK-LABEL: func.func @strings(
// CHECK: graph.broadcast
// CHECK: graph.text "equal"(%{{.*}}, %{{.*}}) [] : (tensor<2x3xui64>, tensor<2x3xui64>) -> tensor<2x3xi1>
// CHECK: graph.text "parse"(%{{.*}}) [] : (tensor<2x3xui64>) -> tensor<2x3xi64>
// CHECK: graph.cast %{{.*}} : tensor<2x3xi64> -> tensor<2x3xi32>
func.func @strings(%x: tensor<2x3x!graph.string>, %y: tensor<3x!graph.string>) -> (tensor<2x3xi1>, tensor<2x3xi32>) {
  %0 = graph.equal %x, %y : (tensor<2x3x!graph.string>, tensor<3x!graph.string>) -> tensor<2x3xi1>
  %1 = graph.cast %x : tensor<2x3x!graph.string> -> tensor<2x3xi32>
  return %0, %1 : tensor<2x3xi1>, tensor<2x3xi32>
}
