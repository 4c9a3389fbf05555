// Sizes through branches and loops: what stays, what differs, what grows from turn to turn.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --mlir-print-local-scope | FileCheck %s
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes,graph-infer-shapes))" --mlir-print-local-scope | FileCheck %s

#n = #graph.dims<()[s0] -> (s0)>

// What both branches say is so; else the result has a symbol, with a bound.
// CHECK-LABEL: func.func @branches(
// CHECK-SAME: graph.symbols = [#graph.symbol<"n">, #graph.symbol<"max", max = affine_map<()[s0] -> (s0, 4)>>, #graph.symbol<"result", inner = true, bound = affine_map<()[s0, s1] -> (s1)>>]
func.func @branches(%c: tensor<i1>, %x: tensor<?xf32, #n>, %y: tensor<4xf32>) -> (tensor<?xf32>, tensor<?xf32>)
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  // CHECK: graph.if %{{.*}} : tensor<i1> -> (tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>, tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) {
  %0:2 = graph.if %c : tensor<i1> -> (tensor<?xf32>, tensor<?xf32>) {
    %1 = graph.neg %x : tensor<?xf32, #n> -> tensor<?xf32>
    graph.yield %x, %1 : tensor<?xf32, #n>, tensor<?xf32>
  } else {
    graph.yield %y, %x : tensor<4xf32>, tensor<?xf32, #n>
  }
  return %0#0, %0#1 : tensor<?xf32>, tensor<?xf32>
}

// What one branch takes for granted is asked in that branch.
// CHECK-LABEL: func.func @check_in_branch(
// CHECK-SAME: graph.checks = []
func.func @check_in_branch(%c: tensor<i1>, %x: tensor<?xf32, #n>, %y: tensor<4xf32>) -> tensor<4xf32>
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  // CHECK: graph.if
  // CHECK-NEXT: graph.check <"broadcast", ()[s0] -> (s0, 4), "operand dims 0 of the broadcast shape must be equal{{.*}}
  // CHECK: graph.add
  %0 = graph.if %c : tensor<i1> -> (tensor<4xf32>) {
    %1 = graph.add %x, %y : (tensor<?xf32, #n>, tensor<4xf32>) -> tensor<?xf32>
    graph.yield %1 : tensor<?xf32>
  } else {
    graph.yield %y : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @stays(
func.func @stays(%x: tensor<?xf32, #n>) -> (tensor<?xf32>, tensor<?x?xf32>) attributes {graph.symbols = [#graph.symbol<"n">]} {
  %m = graph.constant dense<5> : tensor<i64>
  // CHECK: graph.loop trip_count({{.*}}) carried({{.*}}) -> (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, tensor<5x?xf32, #graph.dims<()[s0] -> (5, s0)>>) {
  // CHECK-NEXT: ^bb0(%{{.*}}: tensor<i64>, %{{.*}}: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>):
  %0:2 = graph.loop trip_count(%m : tensor<i64>) carried(%x : tensor<?xf32, #n>) -> (tensor<?xf32>, tensor<?x?xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<?xf32>):
    %1 = graph.neg %a : tensor<?xf32> -> tensor<?xf32>
    graph.yield %1, %1 : tensor<?xf32>, tensor<?xf32>
  }
  return %0#0, %0#1 : tensor<?xf32>, tensor<?x?xf32>
}

// The size of what is carried changes, and a slice of it with it. The trip count is read.
// CHECK-LABEL: func.func @grows(
// CHECK-SAME: #graph.symbol<"carried", inner = true>, {{.*}}#graph.symbol<"result", inner = true>
func.func @grows(%x: tensor<4xf32>, %y: tensor<2xf32>, %m: tensor<1xi8>) -> (tensor<?xf32>, tensor<?x?xf32>)
    attributes {graph.symbols = []} {
  %zero = graph.constant dense<0> : tensor<1xi64>
  %last = graph.constant dense<-1> : tensor<1xi64>
  // CHECK: graph.loop {{.*}} -> (tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>, tensor<?x?xf32, #graph.dims<()[s0, s1, s2, s3, s4, s5] -> (s4, s5)>>) {
  // CHECK-NEXT: ^bb0(%{{.*}}: tensor<i64>, %{{.*}}: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>):
  // CHECK: graph.slice {{.*}} -> tensor<?xf32,
  // CHECK: graph.concat {{.*}} -> tensor<?xf32,
  %0:2 = graph.loop trip_count(%m : tensor<1xi8>) carried(%x : tensor<4xf32>) -> (tensor<?xf32>, tensor<?x?xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<4xf32>):
    %1 = graph.slice %a from %zero to %last axes = [0] steps = [1] : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
    %2 = graph.concat %1, %y axis = 0 : (tensor<?xf32>, tensor<2xf32>) -> tensor<?xf32>
    graph.yield %2, %2 : tensor<?xf32>, tensor<?xf32>
  }
  return %0#0, %0#1 : tensor<?xf32>, tensor<?x?xf32>
}

// An input whose dim is computed from others is checked.
// CHECK-LABEL: func.func @composite(
// CHECK-SAME: graph.checks = [#graph.check<"eq", ()[s0, s1] -> (s1, s0 * 2), "dim 0 of input 1 must be s0 * 2: %lld is not %lld{{.*}}">]
func.func @composite(%x: tensor<?xf32, #n>, %y: tensor<?xf32, #graph.dims<()[s0] -> (s0 * 2)>>)
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  return
}
