// What is left of a row behind its last whole vector is a loop of its own, which LLVM is told to take as one vector.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(split-tails))' | FileCheck %s

#v4 = #kernel.target<"x86_64:v4">
#v3 = #kernel.target<"x86_64:v3">

// CHECK-DAG: #[[VECTOR:.*]] = #llvm.loop_vectorize<disable = false, predicateEnable = true, scalableEnable = false, width = 16 : i32>
// CHECK-DAG: #[[LOOP:.*]] = #llvm.loop_annotation<vectorize = #[[VECTOR]],

// CHECK-LABEL: kernel.func @elementwise
// CHECK: %[[END:.*]] = arith.constant 64 : index
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[END]]
// CHECK-NOT: loop_annotation
// CHECK: scf.for %{{.*}} = %[[END]] to %{{.*}} step
// CHECK: } {loop_annotation = #[[LOOP]]}
kernel.func @elementwise(%x: memref<77xf32>, %y: memref<77xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64, target = #v4} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c77 = arith.constant 77 : index
  scf.for %i = %c0 to %c77 step %c1 {
    %a = memref.load %x[%i] : memref<77xf32>
    %b = arith.negf %a : f32
    memref.store %b, %y[%i] : memref<77xf32>
  }
  kernel.return
}

// A sum is under masks as a whole: its lanes are added once.
// CHECK-LABEL: kernel.func @sum
// CHECK: scf.for
// CHECK: } {loop_annotation = #[[LOOP]]}
// CHECK-NOT: scf.for
kernel.func @sum(%x: memref<77xf32>, %y: memref<1xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64, target = #v4} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c77 = arith.constant 77 : index
  scf.for %i = %c0 to %c77 step %c1 {
    %a = memref.load %x[%i] : memref<77xf32>
    %s = memref.load %y[%c0] : memref<1xf32>
    %b = arith.addf %a, %s fastmath<reassoc> : f32
    memref.store %b, %y[%c0] : memref<1xf32>
  }
  kernel.return
}

// Whole vectors, other processors, and elements far apart stay as they are.
// CHECK-LABEL: kernel.func @whole
// CHECK-COUNT-1: scf.for
// CHECK-NOT: loop_annotation
// CHECK: kernel.return
kernel.func @whole(%x: memref<80xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64, target = #v4} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c80 = arith.constant 80 : index
  %z = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c80 step %c1 {
    memref.store %z, %x[%i] : memref<80xf32>
  }
  kernel.return
}

// CHECK-LABEL: kernel.func @other
// CHECK-NOT: loop_annotation
// CHECK: kernel.return
kernel.func @other(%x: memref<77xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64, target = #v3} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c77 = arith.constant 77 : index
  %z = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c77 step %c1 {
    memref.store %z, %x[%i] : memref<77xf32>
  }
  kernel.return
}

// CHECK-LABEL: kernel.func @column
// CHECK-NOT: loop_annotation
// CHECK: kernel.return
kernel.func @column(%x: memref<77x5xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64, target = #v4} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c77 = arith.constant 77 : index
  %z = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c77 step %c1 {
    memref.store %z, %x[%i, %c0] : memref<77x5xf32>
  }
  kernel.return
}
