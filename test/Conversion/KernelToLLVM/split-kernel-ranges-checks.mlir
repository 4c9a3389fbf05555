// Positions from data are checked without a branch; a range reports at its end what it found.
// RUN: lathe-opt %s --split-kernel-ranges --canonicalize --split-input-file | FileCheck %s

// A row is checked once, not once for each element.
// CHECK-LABEL: func.func @kernel.rows(
// CHECK-SAME: %[[CALL:[^:,]*]]: !llvm.ptr)
// CHECK: %[[FOUND:.*]] = memref.alloca() : memref<index>
// CHECK: memref.store %{{.*}}, %[[FOUND]][]
// CHECK: scf.for
// CHECK: %[[RAW:.*]] = memref.load
// CHECK: %[[BELOW:.*]] = arith.cmpi slt, %[[RAW]], %{{.*}}
// CHECK: %[[END:.*]] = arith.addi %[[RAW]], %{{.*}}
// CHECK: %[[AT:.*]] = arith.select %[[BELOW]], %[[END]], %[[RAW]]
// CHECK: %[[INSIDE:.*]] = arith.cmpi ult, %[[AT]], %{{.*}}
// CHECK: %[[MARKED:.*]] = arith.ori %[[RAW]], %{{.*}}
// CHECK: %[[WRONG:.*]] = arith.select %[[INSIDE]], %{{.*}}, %[[MARKED]]
// CHECK: %[[OLD:.*]] = memref.load %[[FOUND]][]
// CHECK: %[[NEW:.*]] = arith.maxui %[[OLD]], %[[WRONG]]
// CHECK: memref.store %[[NEW]], %[[FOUND]][]
// CHECK: %[[SAFE:.*]] = arith.select %[[INSIDE]], %[[AT]], %{{.*}}
// CHECK: scf.for
// CHECK-NEXT: memref.load %{{.*}}[%[[SAFE]], %{{.*}}]
// CHECK-NEXT: memref.store
// CHECK: %[[ALL:.*]] = memref.load %[[FOUND]][]
// CHECK: %[[ANY:.*]] = arith.cmpi ne, %[[ALL]], %{{.*}}
// CHECK: scf.if %[[ANY]] {
// CHECK: %[[SHIFTED:.*]] = arith.shli %[[ALL]], %{{.*}}
// CHECK: arith.shrsi %[[SHIFTED]], %{{.*}}
// CHECK: func.call @lathe.fail(%[[CALL]], %{{.*}}, %{{.*}}, %{{.*}})

// CHECK-LABEL: func.func @rows.entry(
// CHECK-SAME: %[[CLOSURE:[^:,]*]]: !llvm.ptr) -> i32
// CHECK: %[[CALL:.*]] = llvm.load %[[CLOSURE]] : !llvm.ptr -> !llvm.ptr
// CHECK: call @kernel.rows({{.*}}, %[[CALL]])
// CHECK: %[[CODE:.*]] = llvm.getelementptr %[[CALL]]
// CHECK: %[[STATUS:.*]] = llvm.load %[[CODE]] atomic monotonic {alignment = 4 : i64} : !llvm.ptr -> i32
// CHECK: return %[[STATUS]]

// CHECK-LABEL: func.func private @lathe.fail(
// CHECK-SAME: %[[CALL:.*]]: !llvm.ptr, %[[STATUS:.*]]: i32, %{{.*}}: i64, %{{.*}}: i64) {
// CHECK: llvm.cmpxchg %{{.*}}, %{{.*}}, %[[STATUS]] monotonic monotonic
kernel.func @rows(%x: memref<9x16xf32>, %i: memref<5xindex>, %y: memref<5x16xf32>)
    attributes {dims = [affine_map<() -> (9, 16)>, affine_map<() -> (5)>, affine_map<() -> (5, 16)>], sizes = 0 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %c16 = arith.constant 16 : index
  scf.forall (%r) in (5) {
    scf.for %c = %c0 to %c16 step %c1 {
      %raw = memref.load %i[%r] : memref<5xindex>
      %at = kernel.check_index %raw in %c9 check = 0
      %v = memref.load %x[%at, %c] : memref<9x16xf32>
      memref.store %v, %y[%r, %c] : memref<5x16xf32>
    }
  }
  kernel.return
}

// -----

// What the loop itself writes stays in it, and a size that is not known at the end is noted, too.
// CHECK-LABEL: func.func @kernel.written(
// CHECK: %[[SIZE:.*]] = memref.alloca() : memref<index>
// CHECK: scf.for
// CHECK: scf.for
// CHECK: %[[N:.*]] = memref.load
// CHECK: arith.maxui
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[N]]
// CHECK: arith.maxui
// CHECK: memref.store %{{.*}}, %[[SIZE]][]
// CHECK: scf.if
// CHECK: memref.load %[[SIZE]][]
kernel.func @written(%y: memref<5xindex>) attributes {dims = [affine_map<() -> (5)>], sizes = 0 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  scf.forall (%r) in (5) {
    scf.for %c = %c0 to %c5 step %c1 {
      %n = memref.load %y[%r] : memref<5xindex>
      %at = kernel.check_index %c in %n check = 1
      memref.store %at, %y[%r] : memref<5xindex>
    }
  }
  kernel.return
}
