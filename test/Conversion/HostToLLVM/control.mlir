// Branches and loops become blocks, so that a check leaves the function from within; addresses are pointers.
// RUN: lathe-opt %s --convert-host-to-llvm | FileCheck %s

// CHECK-LABEL: func.func @lathe.plan.main(
// A product that does not fit is the largest number, or the smallest.
// CHECK: "llvm.intr.smul.with.overflow"
// CHECK: arith.select
// CHECK: "llvm.intr.sadd.with.overflow"
// CHECK: arith.select
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
  %n = host.dim 0, 0
  %m = host.mul %n, %n
  %s = host.add %m, %n
  host.set_workspace %s
}

// CHECK-LABEL: func.func @lathe.run.main(
// CHECK-NOT: host.
// CHECK-NOT: scf.
// CHECK: %[[LOADED:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK: arith.index_castui %[[LOADED]] : i8 to index
// CHECK: ^[[HEAD:bb[0-9]+]](%{{.*}}: !llvm.ptr):
// CHECK: cf.cond_br
// CHECK: call @lathe.poll(%{{.*}}, %{{.*}}) : (!llvm.ptr, i32) -> i32
// CHECK: cf.cond_br
// CHECK: return %{{.*}} : i32
// No memory is an error of the call.
// CHECK: %[[MEMORY:.*]] = llvm.call %{{.*}}(%{{.*}}, %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64, i64) -> !llvm.ptr
// CHECK: %[[NONE:.*]] = llvm.icmp "eq" %[[MEMORY]]
// CHECK: cf.cond_br %[[NONE]]
// What needs the memory is said by message 4, and how much.
// CHECK: %[[CODE:.*]] = arith.constant 5 : i32
// CHECK: llvm.store %[[CODE]], %{{.*}} : i32, !llvm.ptr
// CHECK: llvm.store %{{.*}}, %{{.*}} : i64, !llvm.ptr
// CHECK: arith.constant -1 : i32
// CHECK: llvm.call %{{.*}}(%{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, !llvm.ptr) -> ()
// CHECK: cf.br ^[[HEAD]]
// The output, which the caller did not provide, is told.
// CHECK: llvm.store %{{.*}}, %{{.*}} : i64, !llvm.ptr
// CHECK: llvm.store %{{.*}}, %{{.*}} : !llvm.ptr, !llvm.ptr
// CHECK: return
host.program run of "main" {
  %in = host.input 0
  %b = host.load %in[0] : i1
  %none = host.null
  %zero = arith.constant 0 : index
  %last = scf.while (%from = %none) : (!host.buffer) -> !host.buffer {
    %c = arith.cmpi ne, %b, %zero : index
    scf.condition(%c) %from : !host.buffer
  } do {
  ^bb0(%old: !host.buffer):
    host.poll id = 3
    %new = host.alloc %b id = 4
    host.free %old
    scf.yield %new : !host.buffer
  }
  host.set_dim 0, 0 = %b
  host.set_output 0 = %last
}
