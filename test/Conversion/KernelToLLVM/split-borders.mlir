// Between the borders of a row, positions are not held inside.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(split-borders))' | FileCheck %s

#v3 = #kernel.target<"x86_64:v3">
#gpu = #kernel.target<"cuda:sm_80">

// CHECK-LABEL: kernel.func @window
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C39:.*]] = arith.constant 39 : index
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[C1]]{{.*}} step
// CHECK: arith.maxsi
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %{{.*}} step
// CHECK-NOT: arith.maxsi
// CHECK-NOT: arith.minsi
// CHECK: %[[BEFORE:.*]] = arith.addi %[[I]], %c-1
// CHECK: %[[BEHIND:.*]] = arith.addi %[[I]], %{{.*}}
// CHECK: memref.load %{{.*}}[%[[BEFORE]]]
// CHECK: memref.load %{{.*}}[%[[BEHIND]]]
// CHECK: scf.for
// CHECK: arith.minsi
// CHECK-NOT: scf.for
kernel.func @window(%x: memref<40xf32>, %y: memref<40xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64, target = #v3} {
  %c-1 = arith.constant -1 : index
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c39 = arith.constant 39 : index
  %c40 = arith.constant 40 : index
  scf.for %i = %c0 to %c40 step %c1 {
    %p = arith.addi %i, %c-1 : index
    %before = arith.maxsi %p, %c0 : index
    %q = arith.addi %i, %c1 : index
    %behind = arith.minsi %q, %c39 : index
    %a = memref.load %x[%before] : memref<40xf32>
    %b = memref.load %x[%behind] : memref<40xf32>
    %s = arith.addf %a, %b : f32
    memref.store %s, %y[%i] : memref<40xf32>
  }
  kernel.return
}

// With a stride of 2, a bound of the run and a position that is held on both sides: the turns i for which
// 0 <= 2 i - 1 and 2 i - 1 <= n.
// CHECK-LABEL: kernel.func @open
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: index, %[[N:[a-z0-9]+]]: index
// CHECK: %[[ROOM:.*]] = arith.subi %[[N]], %c-1
// CHECK: %[[HALF:.*]] = arith.floordivsi %[[ROOM]], %{{.*}}
// CHECK: %[[LAST:.*]] = arith.addi %[[HALF]], %{{.*}}
// CHECK: %[[SOME:.*]] = arith.minsi %[[OUT]], %[[LAST]]
// CHECK: %[[BEGIN:.*]] = arith.minsi %{{.*}}, %[[OUT]]
// CHECK: %[[END:.*]] = arith.maxsi %[[BEGIN]], %[[SOME]]
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[BEGIN]]
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
// CHECK-NOT: arith.maxsi
// CHECK: memref.load
// CHECK: scf.for %{{.*}} = %[[END]] to %[[OUT]]
kernel.func @open(%out: index, %n: index, %x: memref<?xf32>, %y: memref<?xf32>) attributes {outputs = 1 : i64, sizes = 2 : i64, target = #v3} {
  %c-1 = arith.constant -1 : index
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  scf.for %i = %c0 to %out step %c1 {
    %d = arith.muli %i, %c2 : index
    %p = arith.addi %d, %c-1 : index
    %low = arith.maxsi %p, %c0 : index
    %held = arith.minsi %low, %n : index
    %a = memref.load %x[%held] : memref<?xf32>
    memref.store %a, %y[%i] : memref<?xf32>
  }
  kernel.return
}

// A condition that all turns have in common is asked once.
// CHECK-LABEL: kernel.func @condition
// CHECK-SAME: %[[ANY:[a-z0-9]+]]: index
// CHECK: %[[C:.*]] = arith.cmpi
// CHECK: scf.if %[[C]] {
// CHECK: scf.for
// CHECK-NOT: scf.if
// CHECK: memref.load
// CHECK: } else {
// CHECK: scf.for
// CHECK-NOT: memref.load
// CHECK: kernel.return
kernel.func @condition(%any: index, %x: memref<40xf32>, %y: memref<40xf32>) attributes {outputs = 1 : i64, sizes = 1 : i64, target = #v3} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c40 = arith.constant 40 : index
  %z = arith.constant 0.0 : f32
  %c = arith.cmpi sgt, %any, %c0 : index
  scf.for %i = %c0 to %c40 step %c1 {
    %v = scf.if %c -> f32 {
      %a = memref.load %x[%i] : memref<40xf32>
      scf.yield %a : f32
    } else {
      scf.yield %z : f32
    }
    memref.store %v, %y[%i] : memref<40xf32>
  }
  kernel.return
}

// Few turns between, and kernels of a GPU, stay as they are.
// CHECK-LABEL: kernel.func @few
// CHECK: scf.for
// CHECK-NOT: scf.for
// CHECK: kernel.return
kernel.func @few(%x: memref<8xf32>, %y: memref<8xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64, target = #v3} {
  %c-1 = arith.constant -1 : index
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %p = arith.addi %i, %c-1 : index
    %low = arith.maxsi %p, %c0 : index
    %a = memref.load %x[%low] : memref<8xf32>
    memref.store %a, %y[%i] : memref<8xf32>
  }
  kernel.return
}

// CHECK-LABEL: kernel.func @device
// CHECK: scf.for
// CHECK-NOT: scf.for
// CHECK: kernel.return
kernel.func @device(%x: memref<40xf32>, %y: memref<40xf32>) attributes {outputs = 1 : i64, sizes = 0 : i64, target = #gpu} {
  %c-1 = arith.constant -1 : index
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c40 = arith.constant 40 : index
  scf.for %i = %c0 to %c40 step %c1 {
    %p = arith.addi %i, %c-1 : index
    %low = arith.maxsi %p, %c0 : index
    %a = memref.load %x[%low] : memref<40xf32>
    memref.store %a, %y[%i] : memref<40xf32>
  }
  kernel.return
}
