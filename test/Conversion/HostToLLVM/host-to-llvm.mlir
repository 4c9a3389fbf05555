// Launch programs become the functions of the module ABI.
// RUN: lathe-opt %s --convert-host-to-llvm | FileCheck %s

// Constants follow each other in the weights, at multiples of 64 bytes; a
// packed one is as long as its panels: 2 x 3 x 16 floats.
// CHECK: host.weights 448
// CHECK: host.constant @a {{.*}} {offset = 0 : i64}
// CHECK: host.constant @b {{.*}} {offset = 64 : i64}

// CHECK-LABEL: func.func @lathe.plan.main(
// CHECK-SAME: %[[CALL:.*]]: !llvm.ptr, %[[WORKSPACE:.*]]: !llvm.ptr) -> i32
// CHECK: %[[N:.*]] = arith.index_cast %{{.*}} : i64 to index
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK: %[[E:.*]] = arith.index_cast %{{.*}} : i32 to index
// Unsigned numbers have no sign to extend, and a boolean is a byte.
// CHECK: %[[U:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i32
// CHECK: arith.index_castui %[[U]] : i32 to index
// CHECK: %[[BOOL:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK: arith.index_castui %[[BOOL]] : i8 to index
// CHECK: %[[FAILED:.*]] = arith.cmpi slt, %[[N]], %[[E]] : index
// CHECK: cf.cond_br %[[FAILED]], ^[[FAILS:.*]], ^[[NEXT:.*]]
// A check that fails tells both values, and its number counted from 1.
// CHECK: ^[[FAILS]]:
// CHECK-COUNT-2: llvm.store %{{.*}}, %{{.*}} : i64, !llvm.ptr
// CHECK: %[[FIVE:.*]] = arith.constant 5 : i32
// CHECK: return %[[FIVE]] : i32
// CHECK: ^[[NEXT]]:
// The first temporary is for all tasks, and each of the workers has the second.
// CHECK: %[[T:.*]]:2 = call @memory(%[[N]])
// CHECK: %[[SHARED:.*]] = arith.addi %{{.*}}, %[[T]]#0
// CHECK: %[[SCRATCH:.*]] = arith.addi %{{.*}}, %[[T]]#1
// CHECK: %[[COUNT:.*]] = call @tasks(%[[N]])
// CHECK: %[[TASKS:.*]] = arith.index_cast %[[COUNT]] : index to i64
// CHECK: %[[OTHER:.*]] = call @one(%[[N]])
// CHECK: %[[OTHERS:.*]] = arith.index_cast %[[OTHER]] : index to i64
// CHECK: %[[MOST:.*]] = arith.maxsi %[[TASKS]], %[[OTHERS]]
// CHECK: llvm.getelementptr %[[CALL]][4]
// CHECK: %[[CALLS:.*]] = arith.extui %{{.*}} : i32 to i64
// CHECK: %[[LEAST:.*]] = arith.minsi %[[CALLS]], %[[MOST]] : i64
// CHECK: %[[WORKERS:.*]] = arith.index_cast %[[LEAST]] : i64 to index
// CHECK: %[[ALL:.*]] = arith.muli %[[WORKERS]], %[[SCRATCH]]
// CHECK: arith.addi %[[SHARED]], %[[ALL]]
// CHECK: llvm.store
// CHECK: llvm.getelementptr %[[WORKSPACE]][0]
// CHECK: llvm.store
// CHECK: %[[OK:.*]] = arith.constant 0 : i32
// CHECK: return %[[OK]]

// CHECK-LABEL: func.func @lathe.run.main(
// Two launches that follow each other have four loops of 48 bytes and two closures
// of 5 words: the call, one size and three buffers. The last is where the shared
// temporaries are, and the scratch memory is behind them.
// CHECK: %[[WORDS:.*]] = arith.constant 34 : i64
// CHECK: %[[LOOPS:.*]] = llvm.alloca %[[WORDS]] x i64
// CHECK: %[[AT:.*]] = arith.constant 64 : i64
// CHECK: llvm.getelementptr %{{.*}}[%[[AT]]]
// CHECK: %[[T:.*]]:2 = call @memory(
// CHECK: %[[BEHIND:.*]] = arith.index_cast %{{.*}} : index to i64
// CHECK: %[[SCRATCH:.*]] = llvm.getelementptr %{{.*}}[%[[BEHIND]]]
// CHECK: %[[STRIDE:.*]] = arith.index_cast %{{.*}} : index to i64
// CHECK: %[[CLOSURE:.*]] = llvm.getelementptr %[[LOOPS]][96]
// CHECK: llvm.getelementptr %[[CLOSURE]][0]
// CHECK: llvm.getelementptr %[[CLOSURE]][8]
// CHECK: llvm.getelementptr %[[CLOSURE]][16]
// CHECK: llvm.getelementptr %[[CLOSURE]][24]
// CHECK: llvm.getelementptr %[[CLOSURE]][32]
// CHECK: constant @first
// CHECK: %[[LOOP:.*]] = llvm.getelementptr %[[LOOPS]][0]
// CHECK: llvm.store %{{.*}}, %{{.*}} : !llvm.ptr
// CHECK: llvm.store %[[CLOSURE]], %{{.*}} : !llvm.ptr
// CHECK: llvm.store %[[SCRATCH]], %{{.*}} : !llvm.ptr
// CHECK: llvm.store %[[STRIDE]], %{{.*}} : i64
// CHECK: call @tasks(
// The second phase is the next loop.
// CHECK: constant @second
// CHECK: llvm.getelementptr %[[LOOPS]][48]
// CHECK: call @one(
// CHECK: %[[TWO:.*]] = arith.constant 2 : i32
// CHECK: %[[STATUS:.*]] = call @lathe.launch(%{{.*}}, %[[TWO]], %[[LOOPS]])
// CHECK: %[[FAILED:.*]] = arith.cmpi ne, %[[STATUS]], %{{.*}} : i32
// CHECK: cf.cond_br %[[FAILED]], ^[[FAILS:.*]], ^[[NEXT:.*]]
// CHECK: ^[[FAILS]]:
// CHECK-NEXT: return %[[STATUS]] : i32
// CHECK-NEXT: ^[[NEXT]]:
// CHECK: "llvm.intr.memcpy"
// The kernel's own checks have numbers behind those of the model.
// CHECK: llvm.getelementptr %[[LOOPS]][192]
// CHECK: constant @first
// CHECK: %[[CHECKS:.*]] = arith.constant 5 : i32
// CHECK: llvm.store %[[CHECKS]], %{{.*}} : i32
// CHECK-NOT: call @lathe.launch(
// CHECK: llvm.getelementptr %[[LOOPS]][232]
// CHECK: %[[FOUR:.*]] = arith.constant 4 : i32
// CHECK: call @lathe.launch(%{{.*}}, %[[FOUR]], %[[LOOPS]])

// Together where the program's services can, else one by one.
// CHECK-LABEL: func.func private @lathe.launch(
// CHECK: cf.cond_br %{{.*}}, ^{{.*}}, ^[[ONE_BY_ONE:bb[0-9]+]](%{{.*}} : i32)
// CHECK: cf.cond_br %{{.*}}, ^{{.*}}, ^[[ONE_BY_ONE]](%{{.*}} : i32)
// CHECK: llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr, i32, i32, !llvm.ptr) -> i32
// CHECK: ^[[ONE_BY_ONE]](%[[NUMBER:.*]]: i32):
// CHECK: %[[ONE_STATUS:.*]] = llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr, i64, i32, !llvm.ptr, !llvm.ptr, i64, !llvm.ptr) -> i32
// CHECK: %[[IS_CHECK:.*]] = arith.cmpi sgt, %[[ONE_STATUS]], %{{.*}} : i32
// CHECK: arith.select %[[IS_CHECK]], %{{.*}}, %[[ONE_STATUS]] : i32

host.constant @a dense<1.0> : tensor<3xf32>
host.constant @b dense<2.0> : tensor<3x20xf32> tiled = 1 order = [0] tile = 16
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
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
host.program run of "main" {
  %n = host.dim 0, 0
  %in = host.input 0
  %out = host.output 1
  %tmp = host.workspace %n
  %w = host.address_of @b
  host.launch @kernel[%n](%in, %w, %tmp)
  host.copy %tmp to %out, %n
  host.launch @kernel[%n](%in, %w, %tmp) checks = 5
  %more = host.workspace %n
  host.launch @kernel[%n](%in, %w, %more)
}
kernel.entry @kernel {function_type = (index, memref<?xf32>, memref<?xf32>) -> (), sizes = 1 : i64, shared = 1 : i64, memory = @memory,
                      phases = [#kernel.phase<tasks = @tasks, body = @first>, #kernel.phase<tasks = @one, body = @second>]}
func.func private @tasks(index) -> index
func.func private @one(index) -> index
func.func private @memory(index) -> (index, index)
func.func private @first(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32
func.func private @second(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32
