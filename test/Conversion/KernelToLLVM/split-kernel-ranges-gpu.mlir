// On a GPU the threads of the grid share the tasks, and the launch goes to the device.
// RUN: lathe-opt %s --split-kernel-ranges --convert-host-to-llvm | FileCheck %s

// CHECK-LABEL: func.func @kernel.k(
// CHECK-LABEL: func.func @k.entry(
// CHECK-SAME: %[[TASKS:[^:]*]]: i64, %{{[^:]*}}: !llvm.ptr, %{{[^:]*}}: i64, %{{[^:]*}}: !llvm.ptr, %[[X:[^:]*]]: !llvm.ptr, %[[Y:[^:]*]]: !llvm.ptr) {
// CHECK-DAG: llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"
// CHECK-DAG: llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.ctaid.x"
// CHECK: scf.for %[[T:.*]] = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: %[[END:.*]] = arith.addi %[[T]], %{{.*}} : index
// CHECK: func.call @kernel.k(%[[T]], %[[END]], %[[X]], %[[Y]])

// CHECK-LABEL: func.func @lathe.run.main(
// CHECK-NOT: func.constant
// CHECK-SAME: %[[CALL:[^:]*]]: !llvm.ptr)
// What the launch is stands behind its words.
// CHECK: %[[WORDS:.*]] = llvm.alloca
// CHECK: %[[PLACE:.*]] = llvm.getelementptr %[[WORDS]][0]
// CHECK: %[[LAUNCH:.*]] = llvm.getelementptr %[[PLACE]][24]
// CHECK: llvm.call %{{.*}}(%{{.*}}, %{{.*}}, %[[CALL]], %[[LAUNCH]]) : !llvm.ptr, (!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr) -> i32
kernel.func @k(%x: memref<8xf32>, %y: memref<8xf32>)
    attributes {sizes = 0 : i64, outputs = 1 : i64, dims = [affine_map<() -> (8)>, affine_map<() -> (8)>],
                target = #kernel.target<"cuda:sm_80">} {
  scf.forall (%i) in (8) {
    %a = memref.load %x[%i] : memref<8xf32>
    memref.store %a, %y[%i] : memref<8xf32>
  }
  kernel.return
}
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
  %none = arith.constant 0 : index
  host.set_workspace %none
}
host.program run of "main" {
  %x = host.input 0
  %y = host.output 0
  host.launch @k[](%x, %y)
}
