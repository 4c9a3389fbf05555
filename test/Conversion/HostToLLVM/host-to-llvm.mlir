// Launch programs become the functions of the module ABI.
// RUN: lathe-opt %s --convert-host-to-llvm | FileCheck %s

// Constants follow each other in the weights, at multiples of 64 bytes; a
// packed one is as long as its panels: 2 x 3 x 16 floats.
// CHECK: module attributes {host.weights_size = 448 : i64}
// CHECK: host.constant @a {{.*}} {host.offset = 0 : i64}
// CHECK: host.constant @b {{.*}} {host.offset = 64 : i64}

// CHECK-LABEL: func.func @lathe.plan(
// CHECK-SAME: %[[CALL:.*]]: !llvm.ptr, %[[DIMS:.*]]: !llvm.ptr, %[[WORKSPACE:.*]]: !llvm.ptr) -> i64
// CHECK: %[[N:.*]] = arith.index_cast %{{.*}} : i64 to index
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK: %[[E:.*]] = arith.index_cast %{{.*}} : i32 to index
// Unsigned numbers have no sign to extend, and a boolean is a byte.
// CHECK: %[[U:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK: arith.index_castui %[[U]] : i32 to index
// CHECK: %[[BOOL:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK: arith.index_castui %[[BOOL]] : i8 to index
// CHECK: %[[HOLDS:.*]] = arith.cmpi sge, %[[N]], %[[E]] : index
// CHECK: cf.cond_br %[[HOLDS]], ^[[NEXT:.*]], ^[[FAILS:.*]]
// A check that fails tells both values, and its number counted from 1.
// CHECK: ^[[FAILS]]:
// CHECK-COUNT-2: llvm.store %{{.*}}, %{{.*}} : i64, !llvm.ptr
// CHECK: %[[FIVE:.*]] = arith.constant 5 : i64
// CHECK: return %[[FIVE]] : i64
// CHECK: ^[[NEXT]]:
// Each of the tasks that may run at once has both temporaries.
// CHECK: %[[T:.*]]:2 = call @kernel.temporaries(%[[N]])
// CHECK: %[[FIRST:.*]] = arith.addi %{{.*}}, %[[T]]#0
// CHECK: %[[BOTH:.*]] = arith.addi %[[FIRST]], %[[T]]#1
// CHECK: %[[RANGES:.*]] = call @kernel.tasks(%[[N]])
// CHECK: arith.muli %[[RANGES]], %[[BOTH]]
// CHECK: llvm.getelementptr %[[DIMS]][0]
// CHECK: llvm.store
// CHECK: llvm.getelementptr %[[WORKSPACE]][0]
// CHECK: llvm.store
// CHECK: %[[OK:.*]] = arith.constant 0 : i64
// CHECK: return %[[OK]]

// CHECK-LABEL: func.func @lathe.run(
// One size and three buffers.
// CHECK: %[[FOUR:.*]] = arith.constant 4 : i64
// CHECK: %[[CLOSURE:.*]] = llvm.alloca %[[FOUR]] x i64
// CHECK: %[[AT:.*]] = arith.constant 64 : i64
// CHECK: llvm.getelementptr %{{.*}}[%[[AT]]]
// CHECK: %[[COUNT:.*]] = call @kernel.tasks(
// CHECK: %[[TASKS:.*]] = arith.index_cast %[[COUNT]] : index to i64
// CHECK: llvm.getelementptr %[[CLOSURE]][0]
// CHECK: llvm.getelementptr %[[CLOSURE]][8]
// CHECK: llvm.getelementptr %[[CLOSURE]][16]
// CHECK: llvm.getelementptr %[[CLOSURE]][24]
// CHECK: %[[ENTRY:.*]] = constant @kernel.entry
// CHECK: call @lathe.launch(%{{.*}}, %[[TASKS]], %{{.*}}, %[[CLOSURE]])
// CHECK: "llvm.intr.memcpy"

// One task, or none, runs on the calling thread.
// CHECK-LABEL: func.func private @lathe.launch(
// CHECK: arith.cmpi sle
// CHECK: llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (i64, i64, !llvm.ptr) -> ()
// CHECK: llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr, i64, !llvm.ptr, !llvm.ptr) -> ()

host.constant @a dense<1.0> : tensor<3xf32>
host.constant @b dense<2.0> : tensor<3x20xf32> tiled = 1 order = [0] tile = 16
host.program @plan {
  %n = host.dim 1, 2
  %e = host.element 0, 3 : i32
  %u = host.element 0, 3 : ui32
  %b = host.element 0, 3 : i1
  host.check ge %n, %e id = 4
  %t = host.temporaries @kernel[%n]
  host.set_dim 0, 1 = %n
  host.set_dim 0, 2 = %u
  host.set_dim 0, 3 = %b
  host.set_workspace %t
}
host.program @run {
  %n = host.dim 0, 0
  %in = host.input 0
  %out = host.output 1
  %tmp = host.workspace %n
  %w = host.address_of @b
  host.launch @kernel[%n](%in, %w, %tmp)
  host.copy %tmp to %out, %n
}
func.func private @kernel.tasks(index) -> index
func.func private @kernel.temporaries(index) -> (index, index)
func.func private @kernel.entry(i64, i64, !llvm.ptr)
