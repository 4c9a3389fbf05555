// A kernel becomes the number of its tasks, a body over a range of them, and an entry for the runtime.
// RUN: lathe-opt %s --split-kernel-ranges --canonicalize --mlir-print-local-scope --split-input-file | FileCheck %s

// Two rows and four of eight columns are a task: ceil(n / 2) * 2 of them.
// CHECK-LABEL: func.func @k.tasks(
// CHECK-SAME: %[[N:.*]]: index) -> index
// CHECK: %[[TWO:.*]] = arith.constant 2 : index
// CHECK: %[[ROWS:.*]] = arith.ceildivsi %[[N]], %[[TWO]]
// CHECK: %[[TASKS:.*]] = arith.muli %[[ROWS]], %[[TWO]]
// CHECK: return %[[TASKS]]

// The name has a prefix, so that it is never taken for a function of the C library.
// CHECK-LABEL: func.func @kernel.k(
// CHECK-SAME: %[[BEGIN:[^:]*]]: index, %[[END:[^:]*]]: index, %[[N:[^:]*]]: index,
// CHECK-SAME: %[[X:[^:]*]]: !llvm.ptr {llvm.noalias, llvm.nonnull}, %[[Y:[^:]*]]: !llvm.ptr {llvm.noalias, llvm.nonnull})
// CHECK-SAME: attributes {kernel.target = "host"}
// CHECK: llvm.insertvalue %[[X]], %{{.*}}[0]
// CHECK: %[[ROWS:.*]] = arith.index_cast %[[N]] : index to i64
// CHECK: llvm.insertvalue %[[ROWS]], %{{.*}}[3, 0]
// CHECK: scf.for %[[TASK:.*]] = %[[BEGIN]] to %[[END]] step
// CHECK-DAG: %[[COLUMN:.*]] = arith.remui %[[TASK]], %{{.*}}
// CHECK-DAG: %[[ROW:.*]] = arith.divui %[[TASK]], %{{.*}}
// CHECK-DAG: %[[J:.*]] = arith.muli %[[COLUMN]], %{{.*}}
// CHECK-DAG: %[[I:.*]] = arith.muli %[[ROW]], %{{.*}}
// CHECK: memref.load %{{.*}}[%[[I]], %[[J]]]
// CHECK: memref.store %{{.*}}, %{{.*}}[%[[I]], %[[J]]]
// CHECK-NOT: memref.dim

// CHECK-LABEL: func.func @k.entry(
// CHECK-SAME: %[[FROM:.*]]: i64, %[[TO:.*]]: i64, %[[CLOSURE:.*]]: !llvm.ptr)
// CHECK: llvm.load %[[CLOSURE]] : !llvm.ptr -> i64
// CHECK: llvm.getelementptr %[[CLOSURE]][1]
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> !llvm.ptr
// CHECK: llvm.getelementptr %[[CLOSURE]][2]
// CHECK: call @kernel.k(
func.func @k(%n: index, %x: memref<?x8xf32> {kernel.dims = affine_map<()[s0] -> (s0, 8)>}, %y: memref<?x8xf32> {kernel.dims = affine_map<()[s0] -> (s0, 8)>}) attributes {kernel.sizes = 1 : i64, kernel.target = "host"} {
  %c0 = arith.constant 0 : index
  %d = memref.dim %x, %c0 : memref<?x8xf32>
  scf.forall (%i, %j) = (0, 0) to (%d, 8) step (2, 4) {
    %v = memref.load %x[%i, %j] : memref<?x8xf32>
    memref.store %v, %y[%i, %j] : memref<?x8xf32>
  }
  return
}

// -----

// Two parallel loops, or a write beside one: everything is a single task.
// CHECK-LABEL: func.func @two.tasks()
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: return %[[ONE]]
// CHECK-LABEL: func.func @kernel.two(
// CHECK-NOT: scf.forall
// CHECK: scf.for
// CHECK: scf.for
// CHECK-NOT: scf.forall
func.func @two(%y: memref<8xf32> {kernel.dims = affine_map<() -> (8)>}) attributes {kernel.sizes = 0 : i64} {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  scf.forall (%i) in (8) {
    memref.store %zero, %y[%i] : memref<8xf32>
  }
  scf.forall (%i) in (4) {
    memref.store %one, %y[%i] : memref<8xf32>
  }
  return
}

// CHECK-LABEL: func.func @write_beside.tasks()
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: return %[[ONE]]
func.func @write_beside(%y: memref<8xf32> {kernel.dims = affine_map<() -> (8)>}) attributes {kernel.sizes = 0 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  memref.store %zero, %y[%c0] : memref<8xf32>
  scf.forall (%i) in (8) {
    memref.store %zero, %y[%i] : memref<8xf32>
  }
  return
}

// A write to the stack, which is every range's own, does not end the loop's freedom.
// CHECK-LABEL: func.func @own_memory.tasks()
// CHECK: %[[EIGHT:.*]] = arith.constant 8 : index
// CHECK: return %[[EIGHT]]
func.func @own_memory(%y: memref<8xf32> {kernel.dims = affine_map<() -> (8)>}) attributes {kernel.sizes = 0 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = memref.alloca() : memref<8xf32>
  memref.store %zero, %t[%c0] : memref<8xf32>
  scf.forall (%i) in (8) {
    %v = memref.load %t[%c0] : memref<8xf32>
    memref.store %v, %y[%i] : memref<8xf32>
  }
  return
}

// Temporaries are reserved for 64 ranges at most, so tasks come in chunks. A
// range has those of its first chunk.
// CHECK-LABEL: func.func @chunks.tasks(
// CHECK-SAME: %[[N:.*]]: index) -> index
// CHECK: %[[MOST:.*]] = arith.constant 64 : index
// CHECK: %[[CHUNKS:.*]] = arith.minsi %{{.*}}, %[[MOST]]
// CHECK: return %[[CHUNKS]]
// CHECK-LABEL: func.func @kernel.chunks(
// CHECK-SAME: %[[BEGIN:[^:]*]]: index, %[[END:[^:]*]]: index, %[[N:[^:]*]]: index, %{{[^:]*}}: !llvm.ptr {{{[^}]*}}}, %{{[^:]*}}: !llvm.ptr {llvm.noalias, llvm.nonnull})
// CHECK: %[[SCALED:.*]] = arith.muli %[[BEGIN]], %{{.*}}
// CHECK: arith.divui %[[SCALED]], %{{.*}}
// CHECK: arith.muli %[[END]], %{{.*}}
// CHECK-LABEL: func.func @chunks.entry(
// CHECK-SAME: %[[FROM:[^:]*]]: i64, %{{[^:]*}}: i64, %[[CLOSURE:[^:]*]]: !llvm.ptr)
// CHECK: %[[FIRST:.*]] = arith.index_cast %[[FROM]] : i64 to index
// CHECK: llvm.getelementptr %[[CLOSURE]][2]
// CHECK: %[[BASE:.*]] = llvm.load %{{.*}} : !llvm.ptr -> !llvm.ptr
// CHECK: %[[BYTES:.*]] = call @chunks.temporaries(
// CHECK: %[[OFFSET:.*]] = arith.muli %[[FIRST]], %[[BYTES]]
// CHECK: %[[AT:.*]] = arith.index_cast %[[OFFSET]]
// CHECK: %[[OWN:.*]] = llvm.getelementptr %[[BASE]][%[[AT]]]
// CHECK: call @kernel.chunks({{.*}}, %[[OWN]])
func.func @chunks.temporaries(%n: index) -> index {
  return %n : index
}
func.func @chunks(%n: index, %y: memref<?xf32> {kernel.dims = affine_map<()[s0] -> (s0)>}, %m: memref<?xi8> {kernel.temporary}) attributes {kernel.sizes = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (%n) {
    %t = memref.view %m[%c0][%n] : memref<?xi8> to memref<?xf32>
    memref.store %zero, %t[%i] : memref<?xf32>
    %v = memref.load %t[%i] : memref<?xf32>
    memref.store %v, %y[%i] : memref<?xf32>
  }
  return
}

// What every range would fill for itself is filled once: one task.
// CHECK-LABEL: func.func @filled_before.tasks(
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: return %[[ONE]]
func.func @filled_before.temporaries(%n: index) -> index {
  return %n : index
}
func.func @filled_before(%n: index, %y: memref<?xf32> {kernel.dims = affine_map<()[s0] -> (s0)>}, %m: memref<?xi8> {kernel.temporary}) attributes {kernel.sizes = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = memref.view %m[%c0][%n] : memref<?xi8> to memref<?xf32>
  memref.store %zero, %t[%c0] : memref<?xf32>
  scf.forall (%i) in (%n) {
    %v = memref.load %t[%c0] : memref<?xf32>
    memref.store %v, %y[%i] : memref<?xf32>
  }
  return
}

// Functions that are no kernels stay.
// CHECK: func.func @other() {
func.func @other() {
  return
}
