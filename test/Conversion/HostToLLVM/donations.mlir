// A copy between what may be the same memory is one of no bytes where it is.
// RUN: lathe-opt %s --convert-host-to-llvm --canonicalize --cse | FileCheck %s

host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
}

// CHECK-LABEL: func.func @lathe.run.main(
// CHECK-DAG: %[[NONE:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[N:.*]] = arith.constant 256 : i64
// On the host.
// CHECK: %[[SAME:.*]] = llvm.icmp "eq" %[[X:.*]], %[[Y:.*]] : !llvm.ptr
// CHECK: %[[BYTES:.*]] = arith.select %[[SAME]], %[[NONE]], %[[N]] : i64
// CHECK: "llvm.intr.memcpy"(%[[Y]], %[[X]], %[[BYTES]])
// In another space.
// CHECK: %[[SAME:.*]] = llvm.icmp "eq" %[[THERE:.*]], %[[OTHER:.*]] : !llvm.ptr
// CHECK: %[[BYTES:.*]] = arith.select %[[SAME]], %[[NONE]], %[[N]] : i64
// CHECK: llvm.call %{{.*}}(%{{.*}}, %[[OTHER]], %{{.*}}, %[[THERE]], %{{.*}}, %[[BYTES]])
// Without the word, always.
// CHECK: llvm.call %{{.*}}(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[N]])
host.program run of "main" {
  %n = arith.constant 256 : index
  %x = host.input 0
  %y = host.output 0
  host.copy %x to %y, %n unless_same
  %there = host.input 1 in cuda
  %other = host.output 1 in cuda
  host.copy %there in cuda to %other in cuda, %n unless_same
  host.copy %there in cuda to %other in cuda, %n
}
