// Branches and loops hand on addresses; sizes known at entry stay in the arena, also within regions.
// RUN: lathe-opt %s --convert-graph-to-host --mlir-print-local-scope --split-input-file | FileCheck %s

// A branch may hand on an input, and what it computes is a slice of the arena.
// CHECK-LABEL: host.program run of "main" {
// CHECK: %[[C:.*]] = host.load %{{.*}}[0] : i1
// CHECK: %[[IS:.*]] = arith.cmpi ne, %[[C]], %{{.*}}
// CHECK: %[[R:.*]]:2 = scf.if %[[IS]] -> (!host.buffer, !host.buffer) {
// CHECK: %[[T:.*]] = host.workspace
// CHECK: host.launch @k[] (%{{.*}}, %[[T]])
// CHECK: %[[T2:.*]] = host.workspace
// CHECK: %[[NONE:.*]] = host.null
// CHECK: scf.yield %[[T2]], %[[NONE]]
// CHECK: } else {
// CHECK: %[[X:.*]] = host.input 1
// CHECK: %[[NONE2:.*]] = host.null
// CHECK: scf.yield %[[X]], %[[NONE2]]
// CHECK: }
// CHECK: %[[OUT:.*]] = host.output 0
// CHECK: host.launch @k[] (%[[R]]#0, %[[OUT]])
func.func @main(%c: tensor<i1>, %x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = graph.if %c : tensor<i1> -> (tensor<64xf32>) {
    %1 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<64xf32>) -> tensor<64xf32>
    graph.yield %1 : tensor<64xf32>
  } else {
    graph.yield %x : tensor<64xf32>
  }
  %2 = kernel.call @k affine_map<() -> ()>(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %2 : tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}

// -----

// What is carried has two places in turn, and the kernel writes the next one itself. A scan output is
// written where it is stacked, which is the output here.
// CHECK: host.signature "main" {checks = ["the loops of a call may make %lld turns together{{.*}} [call-loop-limit]"]
// CHECK-LABEL: host.program plan of "main" {
// CHECK: %[[BYTES:.*]] = arith.constant 512 : index
// CHECK: host.set_workspace %[[BYTES]]
// CHECK-LABEL: host.program run of "main" {
// CHECK: %[[TRIPS:.*]] = host.load %{{.*}}[0] : i64
// CHECK: %[[X:.*]] = host.input 0
// CHECK: scf.while (%{{.*}} = %{{.*}}, %{{.*}} = %[[X]], {{.*}}) : (index, !host.buffer, !host.buffer, !host.buffer, index) ->
// CHECK: arith.cmpi slt, %{{.*}}, %[[TRIPS]]
// CHECK: scf.condition
// CHECK: ^bb0(%[[TURN:[a-z0-9]+]]: index, %[[NOW:[a-z0-9]+]]: !host.buffer, {{.*}}):
// CHECK: host.poll id = 0
// CHECK: %[[ODD:.*]] = arith.andi %[[TURN]], %{{.*}}
// CHECK: %[[PLACES:.*]] = host.workspace
// CHECK: %[[AT:.*]] = host.mul %[[ODD]], %{{.*}}
// CHECK: %[[NEXT:.*]] = host.offset %[[PLACES]], %[[AT]]
// CHECK: %[[ALL:.*]] = host.output 1
// CHECK: %[[BEHIND:.*]] = host.mul %[[TURN]], %{{.*}}
// CHECK: %[[HERE:.*]] = host.offset %[[ALL]], %[[BEHIND]]
// CHECK: host.launch @k[] (%[[NOW]], %[[NEXT]])
// CHECK: host.launch @k[] (%[[NEXT]], %[[HERE]])
// CHECK: scf.yield %{{.*}}, %[[NEXT]],
func.func @main(%x: tensor<64xf32>) -> (tensor<64xf32>, tensor<3x64xf32>) attributes {graph.symbols = []} {
  %m = graph.constant dense<3> : tensor<i64>
  %0:2 = graph.loop trip_count(%m : tensor<i64>) carried(%x : tensor<64xf32>) -> (tensor<64xf32>, tensor<3x64xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<64xf32>):
    %1 = kernel.call @k affine_map<() -> ()>(%a) : (tensor<64xf32>) -> tensor<64xf32>
    %2 = kernel.call @k affine_map<() -> ()>(%1) : (tensor<64xf32>) -> tensor<64xf32>
    graph.yield %1, %2 : tensor<64xf32>, tensor<64xf32>
  }
  return %0#0, %0#1 : tensor<64xf32>, tensor<3x64xf32>
}
kernel.func private @k(%x: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}

// -----

// A size from data is read, checked and allocated; the caller gets the memory. What is between is freed.
// CHECK: host.signature {{.*}} outputs = [#host.value<"output0", type = {{.*}}, sized_by_run = true>]
// CHECK-LABEL: host.program plan of "main" {
// CHECK-NOT: host.set_dim
// CHECK: host.set_workspace
// CHECK-LABEL: host.program run of "main" {
// CHECK: %[[N:.*]] = host.load %{{.*}}[1] : i64
// CHECK: host.check ge %{{.*}}, %[[N]] id = 0
// CHECK: %[[BYTES:.*]] = host.mul %[[N]], %{{.*}}
// CHECK: host.check ge %{{.*}}, %[[BYTES]] id = 1
// CHECK: %[[A:.*]] = host.alloc %[[BYTES]]
// CHECK: host.launch @cut[%[[N]]] (%{{.*}}, %[[A]])
// CHECK: %[[B:.*]] = host.alloc %[[BYTES]]
// CHECK: host.launch @k[%[[N]]] (%[[A]], %[[B]])
// CHECK: host.free %[[A]]
// CHECK: host.set_dim 0, 0 = %[[N]]
// CHECK: host.set_output 0 = %[[B]]
#n = #graph.dims<()[s0] -> (s0)>
func.func @main(%x: tensor<64xf32>, %i: tensor<2xi64>) -> tensor<?xf32, #n>
    attributes {graph.symbols = [#graph.symbol<"i[1]", inner = true>], graph.checks = [#graph.check<"ge", ()[s0] -> (64, s0), "m">]} {
  graph.define_symbol %i[1] symbol = 0 : tensor<2xi64>
  %0 = kernel.call @cut affine_map<()[s0] -> (s0)>(%x) : (tensor<64xf32>) -> tensor<?xf32, #n>
  %1 = kernel.call @k affine_map<()[s0] -> (s0)>(%0) : (tensor<?xf32, #n>) -> tensor<?xf32, #n>
  return %1 : tensor<?xf32, #n>
}
kernel.func private @k(%n: index, %x: tensor<?xf32, #n>) -> tensor<?xf32, #n> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<?xf32, #n>
}
kernel.func private @cut(%n: index, %x: tensor<64xf32>) -> tensor<?xf32, #n> attributes {sizes = 1 : i64} {
  %0 = graph.slice %x offsets = <() -> (0)> axes = [0] steps = [1] : (tensor<64xf32>) -> tensor<?xf32, #n>
  kernel.return %0 : tensor<?xf32, #n>
}

// -----

// Where there is a bound, the arena has as much, and nothing is allocated but for the caller.
// CHECK-LABEL: host.program plan of "main" {
// CHECK: %[[BYTES:.*]] = arith.constant 256 : index
// CHECK: host.set_workspace %[[BYTES]]
// CHECK-LABEL: host.program run of "main" {
// CHECK: %[[N:.*]] = host.load %{{.*}}[0] : i64
// CHECK: %[[A:.*]] = host.workspace
// CHECK: host.launch @cut[%[[N]]] (%{{.*}}, %[[A]])
// CHECK: %[[B:.*]] = host.alloc
// CHECK: host.launch @k[%[[N]]] (%{{.*}}, %[[B]])
// CHECK-NOT: host.free
#n = #graph.dims<()[s0] -> (s0)>
func.func @main(%x: tensor<64xf32>, %i: tensor<1xi64>) -> tensor<?xf32, #n>
    attributes {graph.symbols = [#graph.symbol<"i[0]", inner = true, bound = affine_map<() -> (64)>>]} {
  graph.define_symbol %i[0] symbol = 0 : tensor<1xi64>
  %0 = kernel.call @cut affine_map<()[s0] -> (s0)>(%x) : (tensor<64xf32>) -> tensor<?xf32, #n>
  %1 = kernel.call @k affine_map<()[s0] -> (s0)>(%0) : (tensor<?xf32, #n>) -> tensor<?xf32, #n>
  return %1 : tensor<?xf32, #n>
}
kernel.func private @k(%n: index, %x: tensor<?xf32, #n>) -> tensor<?xf32, #n> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<?xf32, #n>
}
kernel.func private @cut(%n: index, %x: tensor<64xf32>) -> tensor<?xf32, #n> attributes {sizes = 1 : i64} {
  %0 = graph.slice %x offsets = <() -> (0)> axes = [0] steps = [1] : (tensor<64xf32>) -> tensor<?xf32, #n>
  kernel.return %0 : tensor<?xf32, #n>
}
