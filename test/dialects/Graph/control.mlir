// Branches, loops and sizes from data, read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

#n = #graph.dims<()[s0] -> (s0)>
#count = #graph.dims<()[s0, s1] -> (s1)>
#turn = #graph.dims<()[s0, s1] -> (s1)>
#final = #graph.dims<()[s0, s1, s2] -> (s2)>
#turns = #graph.dims<()[s0, s1, s2, s3] -> (s3, 2)>

// CHECK-LABEL: func.func @define_symbol(
// CHECK-SAME: graph.symbols = [#graph.symbol<"n">, #graph.symbol<"count", inner = true, bound = {{.*}}>]
func.func @define_symbol(%x: tensor<?xf32, #n>, %c: tensor<2xi64>)
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"count", inner = true, bound = affine_map<()[s0] -> (s0)>>],
                graph.checks = [#graph.check<"ge", ()[s0, s1] -> (s0, s1), "%lld is less than %lld">]} {
  // CHECK: graph.define_symbol %{{.*}}[1] symbol = 1 : tensor<2xi64>
  graph.define_symbol %c[1] symbol = 1 : tensor<2xi64>
  %0 = graph.slice %x offsets = <() -> (0)> axes = [0] steps = [1] : (tensor<?xf32, #n>) -> tensor<?xf32, #count>
  return
}

// CHECK-LABEL: func.func @branches(
func.func @branches(%c: tensor<i1>, %x: tensor<?xf32, #n>, %y: tensor<4xf32>) -> tensor<?xf32, #count>
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"result", inner = true>]} {
  // CHECK: graph.if %{{.*}} : tensor<i1> -> (tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>) {
  // CHECK-NEXT: graph.check <"ge", ()[s0] -> (s0, 3), "%lld is less than %lld">
  // CHECK-NEXT: graph.yield %{{.*}} : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
  // CHECK-NEXT: } else {
  // CHECK-NEXT: graph.yield %{{.*}} : tensor<4xf32>
  // CHECK-NEXT: }
  %0 = graph.if %c : tensor<i1> -> (tensor<?xf32, #count>) {
    graph.check <"ge", ()[s0] -> (s0, 3), "%lld is less than %lld">
    graph.yield %x : tensor<?xf32, #n>
  } else {
    graph.yield %y : tensor<4xf32>
  }
  return %0 : tensor<?xf32, #count>
}

// CHECK-LABEL: func.func @turns(
func.func @turns(%x: tensor<?xf32, #n>, %y: tensor<2xf32>, %m: tensor<i64>, %c: tensor<i1>)
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"carried", inner = true>,
                                 #graph.symbol<"result", inner = true>, #graph.symbol<"turns", inner = true>]} {
  // CHECK: %{{.*}}:2 = graph.loop trip_count(%{{.*}} : tensor<i64>) condition(%{{.*}} : tensor<i1>) carried(%{{.*}} : tensor<?xf32, {{.*}}>) -> (tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>, tensor<?x2xf32, #graph.dims<()[s0, s1, s2, s3] -> (s3, 2)>>) {
  // CHECK-NEXT: ^bb0(%{{.*}}: tensor<i64>, %{{.*}}: tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>):
  // CHECK-NEXT: graph.concat
  // CHECK-NEXT: graph.yield %{{.*}}, %{{.*}}, %{{.*}} : tensor<i1>, tensor<?xf32, #graph.dims<()[s0, s1] -> (s1 + 2)>>, tensor<2xf32>
  %0:2 = graph.loop trip_count(%m : tensor<i64>) condition(%c : tensor<i1>) carried(%x : tensor<?xf32, #n>)
      -> (tensor<?xf32, #final>, tensor<?x2xf32, #turns>) {
  ^bb0(%i: tensor<i64>, %a: tensor<?xf32, #turn>):
    %1 = graph.concat %a, %y axis = 0 : (tensor<?xf32, #turn>, tensor<2xf32>) -> tensor<?xf32, #graph.dims<()[s0, s1] -> (s1 + 2)>>
    graph.yield %c, %1, %y : tensor<i1>, tensor<?xf32, #graph.dims<()[s0, s1] -> (s1 + 2)>>, tensor<2xf32>
  }
  return
}

// CHECK-LABEL: func.func @forever(
func.func @forever(%x: tensor<f32>) -> tensor<f32> {
  // CHECK: graph.loop carried(%{{.*}} : tensor<f32>) -> (tensor<f32>) {
  %0 = graph.loop carried(%x : tensor<f32>) -> (tensor<f32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<f32>):
    graph.yield %a : tensor<f32>
  }
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @caller(
func.func @caller(%x: tensor<4xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  // CHECK: %[[A:.*]]:2 = graph.call @swapped(%{{.*}}, %{{.*}}) : (tensor<4xf32>, tensor<?xf32>) -> (tensor<?xf32>, tensor<4xf32>)
  %0:2 = graph.call @swapped(%x, %y) : (tensor<4xf32>, tensor<?xf32>) -> (tensor<?xf32>, tensor<4xf32>)
  // CHECK: graph.call @nothing() : () -> ()
  graph.call @nothing() : () -> ()
  return %0#0 : tensor<?xf32>
}
func.func private @swapped(%x: tensor<?xf32>, %y: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  return %y, %x : tensor<?xf32>, tensor<?xf32>
}
func.func private @nothing() {
  return
}
