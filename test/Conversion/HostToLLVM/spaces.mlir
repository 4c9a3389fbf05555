// Memory of other spaces than the host's comes from what serves them in the call.
// RUN: lathe-opt %s --convert-host-to-llvm --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @lathe.plan.main(
// CHECK-SAME: %{{.*}}: !llvm.ptr, %[[BYTES:.*]]: !llvm.ptr)
// The arena of space 1 is the second number.
// CHECK: %[[SECOND:.*]] = llvm.getelementptr %[[BYTES]][8]
// CHECK: llvm.store %{{.*}}, %[[SECOND]]
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
  %n = arith.constant 256 : index
  host.set_workspace %n in cuda
}

// CHECK-LABEL: func.func @lathe.run.main(
// CHECK-SAME: %[[CALL:.*]]: !llvm.ptr)
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK-DAG: %[[N:.*]] = arith.constant 256 : i64
// CHECK: %[[INPUTS:.*]] = llvm.load %{{.*}} : !llvm.ptr -> !llvm.ptr
// CHECK: %[[X:.*]] = llvm.load %[[INPUTS]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[SPACES:.*]] = llvm.getelementptr %[[CALL]][112]
// CHECK: %[[LIST:.*]] = llvm.load %[[SPACES]]
// CHECK: %[[ENTRY:.*]] = llvm.getelementptr %[[LIST]][8]
// CHECK: %[[SPACE:.*]] = llvm.load %[[ENTRY]]
// CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[SPACE]][16]
// CHECK: %[[WORKSPACE:.*]] = llvm.load %[[FIELD]]
// CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[SPACE]][8]
// CHECK: %[[SERVICES:.*]] = llvm.load %[[FIELD]]
// CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[SERVICES]][24]
// CHECK: %[[COPY:.*]] = llvm.load %[[FIELD]]
// CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[SERVICES]][32]
// CHECK: %[[CONTEXT:.*]] = llvm.load %[[FIELD]]
// CHECK: %[[STATUS:.*]] = llvm.call %[[COPY]](%[[CONTEXT]], %{{.*}}, %[[ONE]], %[[X]], %[[ZERO]], %[[N]])
// CHECK: %[[FAILS:.*]] = arith.cmpi ne, %[[STATUS]], %[[ZERO]]
// CHECK: cf.cond_br %[[FAILS]], ^[[END:.*]], ^[[NEXT:.*]]
// CHECK: ^[[END]]:
// CHECK: return %[[STATUS]]
host.program run of "main" {
  %n = arith.constant 256 : index
  %zero = arith.constant 0 : index
  %x = host.input 0
  %there = host.workspace %zero in cuda
  host.copy %x to %there in cuda, %n
  %own = host.alloc %n in cuda
  host.copy %there in cuda to %own in cuda, %n
  host.free %own in cuda
}
