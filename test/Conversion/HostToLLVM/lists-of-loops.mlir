// Launches that follow each other are run together, and what comes between others ends a list: a limit, a branch,
// a loop, a read. Each launch has two loops.
// RUN: lathe-opt %s --split-input-file --convert-host-to-llvm | FileCheck %s

// A list has 64 loops at most.
// CHECK-LABEL: func.func @lathe.run.main(
// CHECK: arith.constant 64 : i32
// CHECK: call @lathe.launch(
// CHECK: arith.constant 2 : i32
// CHECK: call @lathe.launch(
// CHECK-NOT: call @lathe.launch(
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
  %n = host.dim 0, 0
  host.set_workspace %n
}
host.program run of "main" {
  %n = host.dim 0, 0
  %in = host.input 0
  %out = host.output 0
  %tmp = host.workspace %n
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
  host.launch @kernel[%n](%in, %out, %tmp)
}
kernel.entry @kernel {function_type = (index, memref<?xf32>, memref<?xf32>) -> (), sizes = 1 : i64, shared = 1 : i64, memory = @memory,
                      phases = [#kernel.phase<tasks = @tasks, body = @first>, #kernel.phase<tasks = @tasks, body = @second>]}
func.func private @tasks(index) -> index
func.func private @memory(index) -> (index, index)
func.func private @first(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32
func.func private @second(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32

// -----

// What is before a branch, on each of its sides and behind it is a list.
// CHECK-LABEL: func.func @lathe.run.main(
// CHECK-COUNT-4: call @lathe.launch(
// CHECK-NOT: call @lathe.launch(
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
  %n = host.dim 0, 0
  host.set_workspace %n
}
host.program run of "main" {
  %n = host.dim 0, 0
  %in = host.input 0
  %out = host.output 0
  %tmp = host.workspace %n
  %zero = arith.constant 0 : index
  %c = arith.cmpi ne, %n, %zero : index
  host.launch @kernel[%n](%in, %out, %tmp)
  scf.if %c {
    host.launch @kernel[%n](%in, %out, %tmp)
    host.launch @kernel[%n](%in, %out, %tmp)
  } else {
    host.launch @kernel[%n](%in, %out, %tmp)
  }
  host.launch @kernel[%n](%in, %out, %tmp)
}
kernel.entry @kernel {function_type = (index, memref<?xf32>, memref<?xf32>) -> (), sizes = 1 : i64, shared = 1 : i64, memory = @memory,
                      phases = [#kernel.phase<tasks = @tasks, body = @first>, #kernel.phase<tasks = @tasks, body = @second>]}
func.func private @tasks(index) -> index
func.func private @memory(index) -> (index, index)
func.func private @first(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32
func.func private @second(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32

// -----

// The launches of a turn are a list.
// CHECK-LABEL: func.func @lathe.run.main(
// CHECK: arith.constant 4 : i32
// CHECK: call @lathe.launch(
// CHECK-NOT: call @lathe.launch(
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
  %n = host.dim 0, 0
  host.set_workspace %n
}
host.program run of "main" {
  %n = host.dim 0, 0
  %in = host.input 0
  %out = host.output 0
  %tmp = host.workspace %n
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %i = %zero to %n step %one {
    host.launch @kernel[%n](%in, %out, %tmp)
    host.launch @kernel[%n](%in, %out, %tmp)
  }
}
kernel.entry @kernel {function_type = (index, memref<?xf32>, memref<?xf32>) -> (), sizes = 1 : i64, shared = 1 : i64, memory = @memory,
                      phases = [#kernel.phase<tasks = @tasks, body = @first>, #kernel.phase<tasks = @tasks, body = @second>]}
func.func private @tasks(index) -> index
func.func private @memory(index) -> (index, index)
func.func private @first(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32
func.func private @second(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32

// -----

// The host reads what the first has written.
// CHECK-LABEL: func.func @lathe.run.main(
// CHECK: call @lathe.launch(
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i64
// CHECK: call @lathe.launch(
// CHECK-NOT: call @lathe.launch(
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
  %n = host.dim 0, 0
  host.set_workspace %n
}
host.program run of "main" {
  %n = host.dim 0, 0
  %in = host.input 0
  %out = host.output 0
  %tmp = host.workspace %n
  host.launch @kernel[%n](%in, %out, %tmp)
  %m = host.load %out[0] : i64
  host.launch @kernel[%m](%in, %out, %tmp)
}
kernel.entry @kernel {function_type = (index, memref<?xf32>, memref<?xf32>) -> (), sizes = 1 : i64, shared = 1 : i64, memory = @memory,
                      phases = [#kernel.phase<tasks = @tasks, body = @first>, #kernel.phase<tasks = @tasks, body = @second>]}
func.func private @tasks(index) -> index
func.func private @memory(index) -> (index, index)
func.func private @first(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32
func.func private @second(i64, i64, i32, !llvm.ptr, !llvm.ptr) -> i32
