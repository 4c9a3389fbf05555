// The runtime makes values; what does not fit is the check's error, and no memory a status of its own.
// RUN: lathe-opt %s --convert-host-to-llvm | FileCheck %s

host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
  %n = host.dim 0, 0
  host.set_workspace %n
}

// CHECK-LABEL: func.func @lathe.run.main(
// CHECK-NOT: host.
// The dtype of u8, and the rank.
// CHECK: %[[T:.*]] = llvm.call %{{.*}} : !llvm.ptr, (!llvm.ptr, i64, i64) -> !llvm.ptr
// CHECK: %[[U8:.*]] = arith.constant 9 : i32
// CHECK: llvm.store %[[U8]]
// CHECK: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK: llvm.store %[[ONE]]
// CHECK: %[[S:.*]] = llvm.call %{{.*}}(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[T]], %{{.*}}, %{{.*}}) : !llvm.ptr
// CHECK: llvm.icmp "eq" %[[S]]
// CHECK: cf.cond_br
// CHECK: %[[CODE:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK: %[[IS:.*]] = arith.cmpi slt, %[[CODE]]
// CHECK: %[[STATUS:.*]] = arith.select %[[IS]], %[[CODE]]
// CHECK: return %[[STATUS]] : i32
host.program run of "main" {
  %n = host.dim 0, 0
  %x = host.input 0
  %none = host.null
  %t = host.describe %x[%n] : ui8
  %s = host.make_value insert %none, %t[%n, %n] id = 3
  %a = host.load_address %s[1]
  host.set_output 0 = %a
}
