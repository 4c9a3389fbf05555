// Every op of the dialect reads back as it was written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK: host.constant @plain dense<1.000000e+00> : tensor<3xf32>{{$}}
host.constant @plain dense<1.0> : tensor<3xf32>
// CHECK: host.constant @packed dense<2.000000e+00> : tensor<3x20xf32> tiled = 1 order = [0] tile = 16
host.constant @packed dense<2.0> : tensor<3x20xf32> tiled = 1 order = [0] tile = 16

// CHECK: host.constant @placed dense<1.000000e+00> : tensor<3xf32> {offset = 64 : i64}
host.constant @placed dense<1.0> : tensor<3xf32> {offset = 64 : i64}
// CHECK: host.weights 128
host.weights 128
// CHECK: host.kernel "k" {calls = 1 : i64, key = "0f", nodes = ["n"], operands = [tensor<4xf32>], results = [], sizes = 2 : i64, strategy = "cpu.loops"}
host.kernel "k" {key = "0f", strategy = "cpu.loops", nodes = ["n"], calls = 1 : i64, sizes = 2 : i64, operands = [tensor<4xf32>], results = []}

// CHECK: host.signature "main" {checks = ["c"], features = 2 : i64,
// CHECK-SAME: inputs = [#host.value<"x", type = tensor<?xf32, #{{.*}}>>, #host.value<"i", type = tensor<2xi32>, space = cuda>],
// CHECK-SAME: outputs = [#host.value<"y", type = tensor<?xf32>, sized_by_run = true>, #host.value<"j", type = tensor<2xi32>, space = cuda, alias = 1>],
// CHECK-SAME: plan = @p, ranges = array<i64: 0, 512, 8>, run = @r,
// CHECK-SAME: spaces = 3 : i64, symbols = ["n"]}
host.signature "main" {
    inputs = [#host.value<"x", type = tensor<?xf32, #graph.dims<()[s0] -> (s0)>>>, #host.value<"i", type = tensor<2xi32>, space = cuda>],
    outputs = [#host.value<"y", type = tensor<?xf32>, sized_by_run = true>,
               #host.value<"j", type = tensor<2xi32>, space = cuda, alias = 1>],
    symbols = ["n"], checks = ["c"], ranges = array<i64: 0, 512, 8>, features = 2 : i64, spaces = 3 : i64,
    plan = @p, run = @r}

// CHECK-LABEL: host.program plan of "main" {
host.program plan of "main" {
  // CHECK: %[[N:.*]] = host.dim 0, 1
  %n = host.dim 0, 1
  // CHECK: %[[E:.*]] = host.element 1, 3 : i32
  %e = host.element 1, 3 : i32
  // CHECK: host.check eq %[[N]], %[[E]] id = 0
  host.check eq %n, %e id = 0
  // CHECK: host.check ge %[[N]], %[[E]] id = 1
  host.check ge %n, %e id = 1
  // CHECK: host.set_dim 0, 1 = %[[N]]
  host.set_dim 0, 1 = %n
  // CHECK: host.temporaries @kernel[%[[N]], %[[E]]]
  %t = host.temporaries @kernel[%n, %e]
  // CHECK: host.mul %[[N]], %[[E]]
  %m = host.mul %n, %e
  // CHECK: host.add %[[N]], %[[E]]
  %a = host.add %n, %e
  // CHECK: host.set_workspace %[[N]]
  host.set_workspace %n
}

// CHECK-LABEL: host.program run of "main" {
host.program run of "main" {
  %n = host.dim 0, 1
  // CHECK: %[[IN:.*]] = host.input 0
  %in = host.input 0
  // CHECK: %[[OUT:.*]] = host.output 1
  %out = host.output 1
  // CHECK: %[[TMP:.*]] = host.workspace %{{.*}}
  %tmp = host.workspace %n
  // CHECK: %[[W:.*]] = host.address_of @packed
  %w = host.address_of @packed
  // CHECK: host.launch @kernel[%{{.*}}] (%[[IN]], %[[W]], %[[TMP]])
  host.launch @kernel[%n](%in, %w, %tmp)
  // CHECK: host.launch @other[] (){{$}}
  host.launch @other[]()
  // CHECK: host.launch @other[] () checks = 7
  host.launch @other[]() checks = 7
  // CHECK: host.copy %[[TMP]] to %[[OUT]], %{{.*}}
  host.copy %tmp to %out, %n
  // CHECK: host.copy %[[TMP]] to %[[OUT]], %{{.*}} unless_same
  host.copy %tmp to %out, %n unless_same
  // CHECK: %[[HERE:.*]] = host.offset %[[TMP]], %{{.*}}
  %here = host.offset %tmp, %n
  // CHECK: %[[NONE:.*]] = host.null
  %none = host.null
  // CHECK: %[[K:.*]] = host.load %[[HERE]][2] : ui8
  %k = host.load %here[2] : ui8
  // CHECK: host.store %[[K]] to %[[HERE]]
  host.store %k to %here
  %true = arith.constant true
  // CHECK: scf.while
  %last = scf.while (%from = %none) : (!host.buffer) -> !host.buffer {
    scf.condition(%true) %from : !host.buffer
  } do {
  ^bb0(%old: !host.buffer):
    // CHECK: host.poll id = 3
    host.poll id = 3
    // CHECK: %[[NEW:.*]] = host.alloc %[[K]] id = 4
    %new = host.alloc %k id = 4
    // CHECK: host.free %{{.*}}
    host.free %old
    scf.yield %new : !host.buffer
  }
  // CHECK: host.text %{{.*}}(%{{.*}}, %{{.*}}) [%{{.*}}, %{{.*}}] [%{{.*}}, %{{.*}}] [ui64, i64] parameters = 0 operands = 1 message = 4
  host.text %w(%last, %last) [%k, %k] [%k, %k] [ui64, i64] parameters = 0 operands = 1 message = 4
  // CHECK: host.set_dim 2, 0 = %[[K]]
  host.set_dim 2, 0 = %k
  // CHECK: host.set_output 2 = %{{.*}}
  host.set_output 2 = %last
}
