// Calls become the bodies of their callees, with the sizes that they have where they are called.
// RUN: lathe-opt %s --graph-inline-calls --split-input-file --mlir-print-local-scope | FileCheck %s

#n4 = #graph.dims<()[s0] -> (s0, 4)>

// A call within a call; what the callee left open is known where it is called.
// CHECK-NOT: private
// CHECK-LABEL: func.func @main(
// CHECK-SAME: tensor<3x4xf32>, %{{.*}}: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
// CHECK-SAME: graph.symbols = [#graph.symbol<"rows">]
// CHECK: %[[A:.*]] = graph.neg %{{.*}} : tensor<3x4xf32> -> tensor<3x4xf32>
// CHECK: %[[B:.*]] = graph.add %[[A]], %[[A]] : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
// CHECK: %[[C:.*]] = graph.neg %{{.*}} : tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
// CHECK: %[[D:.*]] = graph.add %[[C]], %[[C]]
// CHECK: return %[[B]], %[[D]] : tensor<3x4xf32>, tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
func.func private @negated(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = graph.neg %x : tensor<?x?xf32> -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
func.func private @twice(%x: tensor<?x4xf32, #n4>) -> tensor<?x4xf32, #n4>
    attributes {graph.symbols = [#graph.symbol<"any">]} {
  %0 = graph.call @negated(%x) : (tensor<?x4xf32, #n4>) -> tensor<?x4xf32, #n4>
  %1 = graph.add %0, %0 : (tensor<?x4xf32, #n4>, tensor<?x4xf32, #n4>) -> tensor<?x4xf32, #n4>
  return %1 : tensor<?x4xf32, #n4>
}
func.func @main(%x: tensor<3x4xf32>, %y: tensor<?x4xf32, #n4>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
    attributes {graph.symbols = [#graph.symbol<"rows">]} {
  %0 = graph.call @twice(%x) : (tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = graph.call @twice(%y) : (tensor<?x4xf32, #n4>) -> tensor<?x4xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// Callees may be functions that programs call, too.
// CHECK-LABEL: func.func @outer
// CHECK-NEXT: graph.neg
// CHECK-LABEL: func.func @inner
// CHECK-NEXT: graph.neg
func.func @outer(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @inner(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @inner(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.neg %x : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

#m = #graph.dims<()[s0] -> (s0)>

// What the inputs ask of each other is checked: both have one size.
// CHECK-LABEL: func.func @sizes
// CHECK-SAME: graph.checks = [#graph.check<"eq", ()[s0, s1] -> (s1, s0), "dim 0 of operand 1 and of that input of @sum must be equal{{.*}}[call-shape-check]">]
// CHECK: %[[Y:.*]] = graph.reshape %{{.*}} : {{.*}} -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
// CHECK: graph.add %{{.*}}, %[[Y]] : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, tensor<?xf32, #graph.dims<()[s0] -> (s0)>>)
func.func private @sum(%x: tensor<?xf32, #m>, %y: tensor<?xf32, #m>) -> tensor<?xf32, #m>
    attributes {graph.symbols = [#graph.symbol<"m">]} {
  %0 = graph.add %x, %y : (tensor<?xf32, #m>, tensor<?xf32, #m>) -> tensor<?xf32, #m>
  return %0 : tensor<?xf32, #m>
}
func.func @sizes(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %0 = graph.call @sum(%x, %y) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// Ranges: of the caller's inputs they are known then; in a branch they are asked.
// CHECK-LABEL: func.func @ranges
// CHECK-SAME: graph.symbols = [#graph.symbol<"n", range = <least = 8, most = 64, divisor = 8>>, #graph.symbol<"k">]
// CHECK: graph.if
// CHECK-NEXT: graph.check <"ge", ()[s0, s1] -> (s1, 8), "{{.*}}dim 0 of input 0 of @ranged is at least 8
// CHECK-NEXT: graph.check <"ge", ()[s0, s1] -> (64, s1), "{{.*}}is at most 64
// CHECK-NEXT: graph.check <"eq", ()[s0, s1] -> (s1 mod 8, 0), "{{.*}}is a multiple of 8
func.func private @ranged(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32>
    attributes {graph.symbols = [#graph.symbol<"m", range = <least = 8, most = 64, divisor = 8>>]} {
  %0 = graph.neg %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
func.func @ranges(%c: tensor<i1>, %x: tensor<?xf32, #graph.dims<()[s0, s1] -> (s0)>>,
                  %y: tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>) -> (tensor<?xf32>, tensor<?xf32>)
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"k">]} {
  %0 = graph.call @ranged(%x) : (tensor<?xf32, #graph.dims<()[s0, s1] -> (s0)>>) -> tensor<?xf32>
  %1 = graph.if %c : tensor<i1> -> (tensor<?xf32>) {
    %2 = graph.call @ranged(%y) : (tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>) -> tensor<?xf32>
    graph.yield %2 : tensor<?xf32>
  } else {
    graph.yield %y : tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>
  }
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}

// -----

// Sizes from data: each call reads its own, by a symbol of its own.
// CHECK-LABEL: func.func @data
// CHECK-SAME: graph.symbols = [#graph.symbol<"n">, #graph.symbol<"count", inner = true>, #graph.symbol<"count", inner = true>]
// CHECK: graph.define_symbol %{{.*}}[0] symbol = 1 : tensor<1xi64>
// CHECK: graph.broadcast %{{.*}} : (tensor<f32>) -> tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>
// CHECK: graph.define_symbol %{{.*}}[0] symbol = 2 : tensor<1xi64>
// CHECK: graph.dim_values <()[s0, s1, s2] -> (s2 * 2)> : tensor<1xi64>
func.func private @counted(%x: tensor<f32>, %k: tensor<1xi64>)
    -> (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, tensor<1xi64>)
    attributes {graph.symbols = [#graph.symbol<"count", inner = true>]} {
  %0 = graph.neg %k : tensor<1xi64> -> tensor<1xi64>
  graph.define_symbol %0[0] symbol = 0 : tensor<1xi64>
  %1 = graph.broadcast %x : (tensor<f32>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
  %2 = graph.dim_values <()[s0] -> (s0 * 2)> : tensor<1xi64>
  return %1, %2 : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, tensor<1xi64>
}
func.func @data(%x: tensor<f32>, %y: tensor<?xi64, #graph.dims<()[s0] -> (s0)>>, %k: tensor<1xi64>)
    -> (tensor<?xf32>, tensor<1xi64>) attributes {graph.symbols = [#graph.symbol<"n">]} {
  %0:2 = graph.call @counted(%x, %k) : (tensor<f32>, tensor<1xi64>) -> (tensor<?xf32>, tensor<1xi64>)
  %1:2 = graph.call @counted(%x, %0#1) : (tensor<f32>, tensor<1xi64>) -> (tensor<?xf32>, tensor<1xi64>)
  return %0#0, %1#1 : tensor<?xf32>, tensor<1xi64>
}

// -----

// In a loop whose carried value grows, the body is written out again with the size that it has in a turn.
// CHECK-LABEL: func.func @turns
// CHECK: graph.loop
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<i64>, %[[V:.*]]: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>):
// CHECK-NEXT: graph.concat %[[V]], %[[V]] axis = 0 : {{.*}} -> tensor<?xf32, #graph.dims<()[s0] -> (s0 * 2)>>
// CHECK-NEXT: graph.yield
func.func private @doubled(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = graph.concat %x, %x axis = 0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
func.func @turns(%n: tensor<i64>, %x: tensor<3xf32>) -> tensor<?xf32> {
  %0 = graph.loop trip_count(%n : tensor<i64>) carried(%x : tensor<3xf32>) -> (tensor<?xf32>) {
  ^bb0(%i: tensor<i64>, %v: tensor<?xf32>):
    %1 = graph.call @doubled(%v) : (tensor<?xf32>) -> tensor<?xf32>
    graph.yield %1 : tensor<?xf32>
  }
  return %0 : tensor<?xf32>
}

// -----

// An element of an input of the callee is one of the caller's; derived sizes and checks are those of the call.
// CHECK-LABEL: func.func @elements
// CHECK-SAME: graph.checks = [#graph.check<"ge", {{.*}} -> (6, s1 + 1), "asked %lld %lld">
// CHECK-SAME: #graph.symbol<"k[1]", input = 1, element = 1>, #graph.symbol<"min", min = affine_map<()[s0, s1] -> (s1, 6)>>
// CHECK: graph.broadcast %{{.*}} : (tensor<f32>) -> tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>
func.func private @least(%x: tensor<f32>, %y: tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>, %k: tensor<2xi64>)
    -> tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>
    attributes {graph.symbols = [#graph.symbol<"k[1]", input = 2, element = 1>, #graph.symbol<"m">,
                                 #graph.symbol<"min", min = affine_map<()[s0, s1] -> (s0, s1)>>],
                graph.checks = [#graph.check<"ge", ()[s0, s1] -> (s1, s0 + 1), "asked %lld %lld">]} {
  %1 = graph.broadcast %x : (tensor<f32>) -> tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>
  return %1 : tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>
}
func.func @elements(%x: tensor<f32>, %k: tensor<2xi64> {graph.name = "k"}, %y: tensor<6xf32>) -> tensor<?xf32> {
  %0 = graph.call @least(%x, %y, %k) : (tensor<f32>, tensor<6xf32>, tensor<2xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// What a call says of its result is checked: its users rely on it.
// CHECK-LABEL: func.func @claimed
// CHECK-SAME: graph.checks = [#graph.check<"eq", ()[s0] -> (s0, 4), "dim 0 of result 0 of @negated and of the call must be equal{{.*}}[call-shape-check]">]
// CHECK: %[[Y:.*]] = graph.neg %{{.*}}
// CHECK: %[[Z:.*]] = graph.reshape %[[Y]] : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<4xf32>
// CHECK: graph.reshape %[[Z]] : (tensor<4xf32>) -> tensor<2x2xf32>
func.func private @negated(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = graph.neg %x : tensor<?xf32> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
func.func @claimed(%x: tensor<?xf32>) -> tensor<2x2xf32> {
  %0 = graph.call @negated(%x) : (tensor<?xf32>) -> tensor<4xf32>
  %1 = graph.reshape %0 : (tensor<4xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// -----

// Both branches have one size here; what names the symbol of the result has it, too.
// CHECK-LABEL: func.func @branches
// CHECK: %[[Y:.*]] = graph.if %{{.*}} -> (tensor<4xf32>)
// CHECK: graph.reshape %[[Y]] : (tensor<4xf32>) -> tensor<1x4xf32>
func.func private @either(%c: tensor<i1>, %x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>,
                          %y: tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>)
    -> tensor<1x?xf32, #graph.dims<()[s0, s1, s2] -> (1, s2)>>
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">, #graph.symbol<"result", inner = true>]} {
  %0 = graph.if %c : tensor<i1> -> (tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>) {
    graph.yield %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
  } else {
    graph.yield %y : tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>
  }
  %1 = graph.reshape %0 : (tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>)
      -> tensor<1x?xf32, #graph.dims<()[s0, s1, s2] -> (1, s2)>>
  return %1 : tensor<1x?xf32, #graph.dims<()[s0, s1, s2] -> (1, s2)>>
}
func.func @branches(%c: tensor<i1>, %x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<1x4xf32> {
  %0 = graph.call @either(%c, %x, %y) : (tensor<i1>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}
