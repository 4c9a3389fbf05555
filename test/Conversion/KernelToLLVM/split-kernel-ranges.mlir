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
// CHECK-SAME: %[[FROM:.*]]: i64, %[[TO:.*]]: i64, %{{.*}}: i32, %{{.*}}: !llvm.ptr, %[[CLOSURE:.*]]: !llvm.ptr) -> i32
// CHECK: %[[FINE:.*]] = arith.constant 0 : i32
// CHECK: llvm.getelementptr %[[CLOSURE]][1]
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i64
// CHECK: llvm.getelementptr %[[CLOSURE]][2]
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> !llvm.ptr
// CHECK: llvm.getelementptr %[[CLOSURE]][3]
// CHECK: call @kernel.k(
// CHECK: return %[[FINE]]
// CHECK: kernel.entry @k {
// CHECK-SAME: function_type = (index, memref<?x8xf32>, memref<?x8xf32>) -> ()
// CHECK-SAME: phases = [#kernel.phase<tasks = @k.tasks, body = @k.entry, loops = true>]
// CHECK-SAME: target = #kernel.target<"x86_64:v3">
kernel.func @k(%n: index, %x: memref<?x8xf32>, %y: memref<?x8xf32>) attributes {dims = [affine_map<()[s0] -> (s0, 8)>, affine_map<()[s0] -> (s0, 8)>], sizes = 1 : i64, target = #kernel.target<"x86_64:v3">} {
  %c0 = arith.constant 0 : index
  %d = memref.dim %x, %c0 : memref<?x8xf32>
  scf.forall (%i, %j) = (0, 0) to (%d, 8) step (2, 4) {
    %v = memref.load %x[%i, %j] : memref<?x8xf32>
    memref.store %v, %y[%i, %j] : memref<?x8xf32>
  }
  kernel.return
}

// -----

// Two parallel loops are two phases, each with tasks of its own.
// CHECK-LABEL: func.func @two.tasks()
// CHECK: %[[EIGHT:.*]] = arith.constant 8 : index
// CHECK: return %[[EIGHT]]
// CHECK-LABEL: func.func @kernel.two(
// CHECK: scf.for
// CHECK: memref.store
// CHECK-NOT: memref.store
// CHECK-LABEL: func.func @two.tasks.1()
// CHECK: %[[FOUR:.*]] = arith.constant 4 : index
// CHECK: return %[[FOUR]]
// CHECK-LABEL: func.func @kernel.two.1(
// CHECK: scf.for
// CHECK: memref.store
// CHECK-NOT: memref.store
// CHECK-LABEL: func.func @two.entry.1(
// CHECK: kernel.entry @two {
// CHECK-SAME: phases = [#kernel.phase<tasks = @two.tasks, body = @two.entry, loops = true>,
// CHECK-SAME: #kernel.phase<tasks = @two.tasks.1, body = @two.entry.1, loops = true>]
kernel.func @two(%y: memref<8xf32>) attributes {dims = [affine_map<() -> (8)>], sizes = 0 : i64} {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  scf.forall (%i) in (8) {
    memref.store %zero, %y[%i] : memref<8xf32>
  }
  scf.forall (%i) in (4) {
    memref.store %one, %y[%i] : memref<8xf32>
  }
  kernel.return
}

// What is written beside a loop is a phase of one task.
// CHECK-LABEL: func.func @write_beside.tasks()
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: return %[[ONE]]
// CHECK-LABEL: func.func @write_beside.tasks.1()
// CHECK: %[[EIGHT:.*]] = arith.constant 8 : index
// CHECK: return %[[EIGHT]]
// CHECK-LABEL: func.func @kernel.write_beside.1(
// CHECK: scf.for
kernel.func @write_beside(%y: memref<8xf32>) attributes {dims = [affine_map<() -> (8)>], sizes = 0 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  memref.store %zero, %y[%c0] : memref<8xf32>
  scf.forall (%i) in (8) {
    memref.store %zero, %y[%i] : memref<8xf32>
  }
  kernel.return
}

// A write to the stack, which is every range's own, does not end the loop's freedom.
// CHECK-LABEL: func.func @own_memory.tasks()
// CHECK: %[[EIGHT:.*]] = arith.constant 8 : index
// CHECK: return %[[EIGHT]]
kernel.func @own_memory(%y: memref<8xf32>) attributes {dims = [affine_map<() -> (8)>], sizes = 0 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = memref.alloca() : memref<8xf32>
  memref.store %zero, %t[%c0] : memref<8xf32>
  scf.forall (%i) in (8) {
    %v = memref.load %t[%c0] : memref<8xf32>
    memref.store %v, %y[%i] : memref<8xf32>
  }
  kernel.return
}

// Temporaries are in the scratch memory of the worker, one after the other.
// CHECK-LABEL: func.func @temporaries.tasks(
// CHECK-SAME: %[[N:.*]]: index) -> index
// CHECK-NEXT: return %[[N]]
// CHECK-LABEL: func.func @kernel.temporaries(
// CHECK-SAME: %[[BEGIN:[^:]*]]: index, %[[END:[^:]*]]: index, %[[N:[^:]*]]: index, %{{[^:]*}}: !llvm.ptr {{{[^}]*}}}, %{{[^:]*}}: !llvm.ptr {llvm.noalias, llvm.nonnull}, %{{[^:]*}}: !llvm.ptr {llvm.noalias, llvm.nonnull})
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[END]] step
// CHECK-LABEL: func.func @temporaries.entry(
// CHECK-SAME: %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i32, %[[SCRATCH:[^:]*]]: !llvm.ptr, %[[CLOSURE:[^:]*]]: !llvm.ptr) -> i32
// CHECK: llvm.getelementptr %[[CLOSURE]][2]
// CHECK: %[[BYTES:.*]]:2 = call @temporaries.memory(
// CHECK: %[[AT:.*]] = arith.index_cast %[[BYTES]]#0
// CHECK: %[[SECOND:.*]] = llvm.getelementptr %[[SCRATCH]][%[[AT]]]
// CHECK: call @kernel.temporaries({{.*}}, %[[SCRATCH]], %[[SECOND]])
func.func @temporaries.memory(%n: index) -> (index, index) {
  return %n, %n : index, index
}
kernel.func @temporaries(%n: index, %y: memref<?xf32>, %m: memref<?xi8>, %m2: memref<?xi8>) attributes {dims = [affine_map<()[s0] -> (s0)>], sizes = 1 : i64, memory = @temporaries.memory, scratch = 2 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (%n) {
    %t = memref.view %m[%c0][%n] : memref<?xi8> to memref<?xf32>
    memref.store %zero, %t[%i] : memref<?xf32>
    %v = memref.load %t[%i] : memref<?xf32>
    memref.store %v, %y[%i] : memref<?xf32>
  }
  kernel.return
}

// Scratch memory is of one worker, so all of this is one task.
// CHECK-LABEL: func.func @filled_before.tasks(
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: return %[[ONE]]
func.func @filled_before.memory(%n: index) -> index {
  return %n : index
}
kernel.func @filled_before(%n: index, %y: memref<?xf32>, %m: memref<?xi8>) attributes {dims = [affine_map<()[s0] -> (s0)>], sizes = 1 : i64, memory = @filled_before.memory, scratch = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = memref.view %m[%c0][%n] : memref<?xi8> to memref<?xf32>
  memref.store %zero, %t[%c0] : memref<?xf32>
  scf.forall (%i) in (%n) {
    %v = memref.load %t[%c0] : memref<?xf32>
    memref.store %v, %y[%i] : memref<?xf32>
  }
  kernel.return
}

// Shared memory is filled by one task, and then read by many.
// CHECK-LABEL: func.func @shared.tasks(
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: return %[[ONE]]
// CHECK-LABEL: func.func @shared.entry(
// CHECK: llvm.getelementptr %[[CLOSURE:.*]][3]
// CHECK: %[[BASE:.*]] = llvm.load
// CHECK: call @kernel.shared({{.*}}, %[[BASE]])
// CHECK-LABEL: func.func @shared.tasks.1(
// CHECK-SAME: %[[N:.*]]: index) -> index
// CHECK-NEXT: return %[[N]]
// CHECK: kernel.entry @shared {{.*}}memory = @shared.memory, {{.*}}shared = 1 : i64
func.func @shared.memory(%n: index) -> index {
  return %n : index
}
kernel.func @shared(%n: index, %y: memref<?xf32>, %m: memref<?xi8>) attributes {dims = [affine_map<()[s0] -> (s0)>], sizes = 1 : i64, memory = @shared.memory, shared = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = memref.view %m[%c0][%n] : memref<?xi8> to memref<?xf32>
  memref.store %zero, %t[%c0] : memref<?xf32>
  scf.forall (%i) in (%n) {
    %v = memref.load %t[%c0] : memref<?xf32>
    memref.store %v, %y[%i] : memref<?xf32>
  }
  kernel.return
}

// A number that is read from memory which a later loop overwrites is not read
// again: all is one task.
// CHECK-LABEL: func.func @overwritten.tasks(
// CHECK: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: return %[[ONE]]
// CHECK-NOT: @overwritten.tasks.1
kernel.func @overwritten(%y: memref<8xf32>) attributes {dims = [affine_map<() -> (8)>], sizes = 0 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.load %y[%c0] : memref<8xf32>
  scf.forall (%i) in (8) {
    memref.store %v, %y[%i] : memref<8xf32>
  }
  kernel.return
}

// Functions that are no kernels stay.
// CHECK: func.func @other() {
func.func @other() {
  return
}

// -----

// Strides come from the sizes.
// CHECK-LABEL: func.func @kernel.strides(
// CHECK-SAME: index, %{{[^:]*}}: index, %[[N:[^:]*]]: index, %[[D:[^:]*]]: index,
// CHECK-DAG: %[[STRIDE:.*]] = arith.index_cast %[[D]] : index to i64
// CHECK: llvm.insertvalue %[[STRIDE]], %{{.*}}[4, 0]
// CHECK: builtin.unrealized_conversion_cast %{{.*}} to memref<?x4xf32, strided<[?, 1]>>
kernel.func @strides(%n: index, %d: index, %x: memref<?x4xf32, strided<[?, 1]>> {kernel.strides = affine_map<()[s0, s1] -> (s1, 1)>},
    %y: memref<?x4xf32>) attributes {sizes = 2 : i64, outputs = 1 : i64,
    dims = [affine_map<()[s0, s1] -> (s0, 4)>, affine_map<()[s0, s1] -> (s0, 4)>]} {
  scf.forall (%i, %j) in (%n, 4) {
    %v = memref.load %x[%i, %j] : memref<?x4xf32, strided<[?, 1]>>
    memref.store %v, %y[%i, %j] : memref<?x4xf32>
  }
  kernel.return
}
