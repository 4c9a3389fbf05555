// Buffers say their space, unless it is the host's.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK: host.constant @w
host.constant @w dense<1.0> : tensor<3xf32>

// CHECK-LABEL: host.program plan of "main" {
host.program plan of "main" {
  %n = host.dim 0, 1
  // CHECK: host.set_workspace %{{[^ ]*$}}
  host.set_workspace %n in host
  // CHECK: host.set_workspace %{{[^ ]*}} in cuda{{$}}
  host.set_workspace %n in cuda
}

// CHECK-LABEL: host.program run of "main" {
host.program run of "main" {
  %n = host.dim 0, 1
  // CHECK: %[[IN:.*]] = host.input 0{{$}}
  %in = host.input 0
  // CHECK: %[[THERE:.*]] = host.input 1 in cuda{{$}}
  %there = host.input 1 in cuda
  // CHECK: %[[TMP:.*]] = host.workspace %{{[^ ]*}} in cuda{{$}}
  %tmp = host.workspace %n in cuda
  // CHECK: %[[OUT:.*]] = host.output 0 in cuda{{$}}
  %out = host.output 0 in cuda
  // CHECK: %[[W:.*]] = host.address_of @w in cuda{{$}}
  %w = host.address_of @w in cuda
  // CHECK: host.copy %[[IN]] to %[[TMP]] in cuda, %{{[^ ]*$}}
  host.copy %in to %tmp in cuda, %n
  // CHECK: %[[HERE:.*]] = host.offset %[[TMP]] in cuda, %{{[^ ]*$}}
  %here = host.offset %tmp in cuda, %n
  // CHECK: host.launch @k[] (%[[HERE]] in cuda, %[[IN]], %[[W]] in cuda, %[[OUT]] in cuda){{$}}
  host.launch @k[](%here in cuda, %in, %w in cuda, %out in cuda)
  // CHECK: %[[NONE:.*]] = host.null in cuda{{$}}
  %none = host.null in cuda
  %true = arith.constant true
  // CHECK: scf.if %{{.*}} -> (!host.buffer<cuda>) {
  %either = scf.if %true -> (!host.buffer<cuda>) {
    // CHECK: host.alloc %{{[^ ]*}} in cuda{{$}}
    %own = host.alloc %n in cuda
    scf.yield %own : !host.buffer<cuda>
  } else {
    scf.yield %none : !host.buffer<cuda>
  }
  // CHECK: host.set_output 1 = %{{[^ ]*}} in cuda{{$}}
  host.set_output 1 = %either in cuda
  // CHECK: host.free %{{[^ ]*}} in cuda{{$}}
  host.free %either in cuda
}
