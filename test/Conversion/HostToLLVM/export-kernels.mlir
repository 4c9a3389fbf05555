// Kernels without a model become functions for C; those of a model do not.
// RUN: lathe-opt %s --export-kernels --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @lathe_kernel_k(
// CHECK-SAME: %[[CALL:[^:]*]]: !llvm.ptr, %[[N:[^:]*]]: i64, %[[X:[^:]*]]: !llvm.ptr, %[[Y:[^:]*]]: !llvm.ptr) -> i32
// CHECK: %[[SIZE:.*]] = arith.index_cast %[[N]] : i64 to index
// A loop of 48 bytes; the call, a size, two buffers and the shared temporaries.
// CHECK: %[[WORDS:.*]] = arith.constant 11 : i64
// CHECK: %[[LOOPS:.*]] = llvm.alloca %[[WORDS]] x i64
// CHECK: %[[WORKSPACE:.*]] = llvm.load
// CHECK: call @memory(%[[SIZE]])
// CHECK: llvm.store %[[X]]
// CHECK: llvm.store %[[Y]]
// CHECK: llvm.store %[[WORKSPACE]]
// CHECK: call @tasks(%[[SIZE]])
// CHECK: %[[STATUS:.*]] = call @lathe.launch(%[[CALL]], %{{.*}}, %[[LOOPS]])
// CHECK: cf.cond_br
// CHECK: return %[[STATUS]] : i32
// CHECK: %[[FINE:.*]] = arith.constant 0 : i32
// CHECK: return %[[FINE]] : i32

// CHECK-LABEL: func.func @lathe_kernel_k_workspace(
// CHECK-SAME: %[[CALL:[^:]*]]: !llvm.ptr, %[[N:[^:]*]]: i64) -> i64
// CHECK: call @memory(
// CHECK: call @tasks(
// CHECK: arith.muli
// CHECK: %[[ALL:.*]] = arith.addi
// CHECK-NEXT: %[[BYTES:.*]] = arith.index_cast %[[ALL]] : index to i64
// CHECK-NEXT: return %[[BYTES]] : i64
kernel.entry @k {function_type = (index, memref<?xf32>, memref<?xf32>) -> (), sizes = 1 : i64, shared = 1 : i64, memory = @memory,
                 phases = [#kernel.phase<tasks = @tasks, body = @body>]}
func.func private @tasks(index) -> index
func.func private @memory(index) -> index
func.func private @body(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32

// -----

// CHECK: kernel.entry @of_a_model
// CHECK-NOT: lathe_kernel_of_a_model
kernel.entry @of_a_model {function_type = () -> (), sizes = 0 : i64, phases = [#kernel.phase<tasks = @tasks, body = @body>]}
func.func private @tasks() -> index
func.func private @body(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32
host.program run of "main" {
}
