// include/lathe/Conversion/Buffers.td: the passes from tensors to buffers, and from buffers to LLVM.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_BUFFERS
#define LATHE_CONVERSION_BUFFERS

include "mlir/Pass/PassBase.td"

def BufferizeKernelsPass : Pass<"bufferize-kernels", "::mlir::ModuleOp"> {
  let summary = "turn kernels on tensors into functions on memrefs";
  let description = [{
    Each `kernel.func` becomes a `func.func` whose arguments are its sizes, its
    operands and then its results, all in row-major order and never aliasing.
    The bodies go through One-Shot Bufferize. What a kernel returns through a
    reshape is computed where the caller wants it, too. Temporaries are
    `memref.alloc`, hoisted out of loops; nothing frees them, which is what
    `plan-temporaries` is for.

    Needs: level `scheduled`. Keeps: level `buffers`, together with
    `convert-graph-to-host`.

    ```mlir
    kernel.func @k(%n: index, %x: tensor<?xf32>) -> tensor<?xf32>
    // becomes
    func.func @k(%n: index, %x: memref<?xf32>, %y: memref<?xf32>)
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::func::FuncDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def FindInplaceOperandsPass : Pass<"find-inplace-operands", "::lathe::kernel::FuncOp"> {
  let summary = "find the operands in whose memory a kernel could compute its result";
  let description = [{
    Such an operand has the result's type; each of its elements is read before the
    same element of the result is written, and by the task that writes it: it is read
    by elementwise ops, which may be the first op that writes, or before that op.
    Then a caller that needs the operand no more has one memory for both:
    `convert-graph-to-host` decides, and says so in `inplace` of the kernel.

    Needs: level `scheduled`. Keeps: level `scheduled`.

    ```mlir
    kernel.func @k(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = tensor.empty() : tensor<4xf32>
      %1 = linalg.exp ins(%x : tensor<4xf32>) outs(%0 : tensor<4xf32>) -> tensor<4xf32>
      kernel.return %1 : tensor<4xf32>
    // becomes
    kernel.func @k(%x: tensor<4xf32> {kernel.inplace}) -> tensor<4xf32> {
    ```
  }];
  let dependentDialects = ["::lathe::kernel::KernelDialect"];
  let statistics = [Statistic<"numFound", "found", "Operands in whose memory a kernel could compute.">];
}

def PlanTemporariesPass : Pass<"plan-temporaries", "::mlir::ModuleOp"> {
  let summary = "give the temporaries of kernels places in the workspace";
  let description = [{
    Temporaries of a fixed and small size move to the stack. Each other one
    becomes an argument of the kernel, `kernel.temporary`; `@NAME.temporaries`
    computes the bytes of each from the sizes. The program `plan` reserves, behind
    the arena, what the launch with the most temporaries needs for all its workers,
    and `run` passes that memory as the last buffer of each launch. A launch whose
    sizes come from data has memory that `run` allocates for it.

    Needs: level `buffers`. Keeps: level `buffers`.

    ```mlir
    func.func @k(%n: index, %x: memref<?xf32>, %y: memref<?xf32>) {
      %t = memref.alloc(%n) : memref<?xf32>
    // becomes
    func.func @k.temporaries(%n: index) -> index
    func.func @k(%n: index, %x: memref<?xf32>, %y: memref<?xf32>, %m: memref<?xi8> {kernel.temporary}) {
      %t = memref.view %m[%c0][%n] : memref<?xi8> to memref<?xf32>
    ```
  }];
  let dependentDialects = ["::lathe::host::HostDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect"];
  let statistics = [Statistic<"numOnStack", "on-stack", "Number of temporaries on the stack">,
                    Statistic<"numPlanned", "planned", "Number of temporaries in the workspace">];
}

def ConvertGraphToHostPass : Pass<"convert-graph-to-host", "::mlir::ModuleOp"> {
  let summary = "turn the host function into launch programs over one workspace";
  let description = [{
    Each function becomes a `host.signature` and two `host.program`s, `plan` and `run`; constants become
    `host.constant`. Temporaries whose sizes are known at entry share a workspace:
    with constant sizes at constant offsets, else in slots behind these whose
    sizes are computed at entry. Other temporaries are allocated where they are
    computed, and freed behind their last use. A result takes the memory
    of an operand that is `kernel.inplace` and not needed any more; a kernel that other
    calls do not use so is there twice then, whichever functions they are of. An output whose result has
    `host.alias` is computed in memory that may be that of an input.

    `graph.if` and `graph.loop` become `scf.if` and `scf.while`, which hand on
    addresses, sizes, and memory that is to be freed. What a loop carries has two
    places in turn, or, where its size changes, memory of its own in each turn. A scan
    output is written where it is stacked, in memory that grows if the number of
    turns is known only at the end.

    Needs: level `scheduled`. Keeps: level `buffers`, together with
    `bufferize-kernels`.

    ```mlir
    func.func @main(%x: tensor<4xf32> {graph.name = "x"}) -> (tensor<4xf32> {graph.name = "y"}) {
      %0 = kernel.call @a affine_map<() -> ()>(%x) : (tensor<4xf32>) -> tensor<4xf32>
      %1 = kernel.call @b affine_map<() -> ()>(%0) : (tensor<4xf32>) -> tensor<4xf32>
      return %1 : tensor<4xf32>
    }
    // becomes
    host.program plan of "main" {
      %bytes = arith.constant 64 : index
      host.set_workspace %bytes
      // host.set_dim for each dimension of %1, too.
    }
    host.program run of "main" {
      %x = host.input 0
      %y = host.output 0
      %zero = arith.constant 0 : index
      %0 = host.workspace %zero
      host.launch @a[](%x, %0)
      host.launch @b[](%0, %y)
    }
    ```
  }];
  let dependentDialects = ["::lathe::host::HostDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def AssignElementsPass : Pass<"assign-elements", "::lathe::kernel::FuncOp"> {
  let summary = "share what a kernel for a GPU computes among its threads";
  let description = [{
    Each linalg op at the top of a kernel for a GPU becomes a `scf.forall` over its
    parallel loops, with loops over what it reduces inside, whose sums are in
    registers and start from the number that the result was filled with, if it was.
    So each is a phase of its own. Kernels for other targets stay as they are, and so
    do ops without a parallel loop.

    Where a task of the kernel is for a block of threads, as its strategy says, ops
    become loops whose elements the threads take in turn, and behind each of which
    they wait for each other. If an op has fewer elements than the block has threads,
    and its reduction may be regrouped, they share that: first each its part, then the
    lanes of a warp by exchanges, then the warps through the memory of the block.

    Needs: kernels on memrefs. Keeps: what they compute, and the order of the loops of
    kernels whose tasks are for single threads.

    ```mlir
    linalg.generic {indexing_maps = [affine_map<(i, k) -> (i, k)>, affine_map<(i, k) -> (i)>],
                    iterator_types = ["parallel", "reduction"]} ins(%x) outs(%y) { ... }
    // becomes
    scf.forall (%i) in (4) {
      %start = memref.load %y[%i]
      %sum = scf.for %k = %c0 to %c8 step %c1 iter_args(%s = %start) { ... }
      memref.store %sum, %y[%i]
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::NVVM::NVVMDialect"];
}

def AssignTasksPass : Pass<"assign-tasks", "::lathe::kernel::FuncOp"> {
  let summary = "share among threads what no strategy of a CPU made tasks of";
  let description = [{
    A linalg op at the top of a kernel for a CPU that is worth several tasks becomes a
    `scf.forall` over its outer parallel loops, whose steps are as long as is worth a
    task: copies of views, fills, what is broadcast or reduced before its shape changes.
    So it is a phase of its own and not one task. Ops with few turns stay as they are, and
    so do those whose loops have lengths that come from memory, or whose bodies read
    what the op writes. Sizes that only the run knows count as 256.

    Needs: kernels on memrefs. Keeps: what they compute, and the order of the loops
    inside of a task.

    ```mlir
    linalg.copy ins(%x : memref<512x4096xf32>) outs(%y : memref<512x4096xf32>)
    // becomes
    scf.forall (%i) = (0) to (512) step (8) {
      %from = memref.subview %x[%i, 0] [8, 4096] [1, 1]
      %to = memref.subview %y[%i, 0] [8, 4096] [1, 1]
      linalg.copy ins(%from) outs(%to)
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::memref::MemRefDialect"];
  let statistics = [Statistic<"numShared", "shared", "Ops that have become tasks.">];
}

def SplitBordersPass : Pass<"split-borders", "::lathe::kernel::FuncOp"> {
  let summary = "take the turns of a row between its borders apart";
  let description = [{
    An innermost loop that holds positions inside, as `max(i - 1, 0)` or `min(i + 1, 39)`,
    becomes three: of the turns before, those in which each position is inside as it is, and
    those behind. Between the borders, elements follow each other in memory. Of a
    known number of turns, there are at least eight between.

    Needs: kernels for a CPU on memrefs and loops. Keeps: what they compute, and the order of turns.

    ```mlir
    scf.for %i = %c0 to %c40 step %c1 {
      %0 = arith.addi %i, %c-1
      %1 = arith.maxsi %0, %c0
      %2 = memref.load %x[%1]
      ...
    }
    // becomes
    scf.for %i = %c0 to %c1 step %c1 { ... }
    scf.for %i = %c1 to %c40 step %c1 {
      %0 = arith.addi %i, %c-1
      %2 = memref.load %x[%0]
      ...
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def SplitTailsPass : Pass<"split-tails", "::lathe::kernel::FuncOp"> {
  let summary = "make the last elements of rows one masked vector";
  let description = [{
    An innermost loop over elements that follow each other, whose known number of turns
    is no multiple of the elements of a vector, becomes two: one of whole vectors, and
    one of what is left, with an annotation for LLVM that makes it one vector under a
    mask. LLVM's own choice is half a vector and single elements. Of processors with
    masks for all instructions (AVX-512), and of elements of 32 bits and more; what is
    nearly a whole number of half vectors stays as it is.

    Needs: kernels on memrefs and loops. Keeps: what they compute, and the order of turns.

    ```mlir
    scf.for %i = %c0 to %c77 step %c1 { ... }
    // becomes
    scf.for %i = %c0 to %c64 step %c1 { ... }
    scf.for %i = %c64 to %c77 step %c1 { ... } {loop_annotation = ...}
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::LLVM::LLVMDialect"];
}

def SplitKernelRangesPass : Pass<"split-kernel-ranges", "::mlir::ModuleOp"> {
  let summary = "make kernels take a range of their tasks";
  let description = [{
    The outermost `scf.forall` of a kernel is its tasks. The kernel gets the
    range to compute as its first two arguments; `@NAME.tasks` computes how many
    there are from the sizes; `@NAME.entry` is a `lathe_task_fn`: it unpacks the
    arguments from a closure, which has the call, the sizes and the buffers, and
    returns a status. Temporaries are in the scratch memory of the worker, one
    after the other. A kernel with `kernel.check_index` ops notes at the end of a
    range which position lay outside, and the entry returns that status. Buffers are plain pointers from here on. A kernel without
    tasks is one task.

    In a kernel for a GPU, `@NAME.entry` takes the number of tasks, the scratch
    memory and the bytes of it for one thread, the address where failed checks are
    noted, the sizes and the buffers. Its threads share the tasks: the first of a
    thread is its number in the grid, the next one is a grid further.

    Needs: level `buffers`, no linalg or tile ops. Keeps: what loops compute.

    ```mlir
    func.func @k(%x: memref<8xf32>, %y: memref<8xf32>) {
      scf.forall (%t) in (2) { ... }
      return
    }
    // becomes
    func.func @k.tasks() -> index {
      %two = arith.constant 2 : index
      return %two : index
    }
    func.func @kernel.k(%begin: index, %end: index, %x: !llvm.ptr, %y: !llvm.ptr) {
      scf.for %t = %begin to %end step %c1 { ... }
      return
    }
    // Reads %x and %y from the closure and calls @kernel.k.
    func.func @k.entry(%begin: i64, %end: i64, %worker: i32, %scratch: !llvm.ptr, %closure: !llvm.ptr) -> i32
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect", "::mlir::func::FuncDialect", "::mlir::cf::ControlFlowDialect"];
}

def ExportKernelsPass : Pass<"export-kernels", "::mlir::ModuleOp"> {
  let summary = "make functions for C of kernels that no model calls";
  let description = [{
    In a module without launch programs, each kernel gets a function
    `lathe_kernel_NAME`: with a `lathe_call`, the sizes, the operands and the
    results as arguments, and a status as its result. It runs all tasks of all
    phases, on the workers of the call. `lathe_kernel_NAME_workspace` computes the
    bytes of workspace that the call must bring along. In a module with launch
    programs, nothing happens.

    Needs: kernels split into ranges. Keeps: them.

    ```mlir
    kernel.entry @k {function_type = (index, memref<?xf32>, memref<?xf32>) -> (), sizes = 1 : i64, ...}
    // becomes, with the entry kept,
    func.func @lathe_kernel_k(%call: !llvm.ptr, %n: i64, %x: !llvm.ptr, %y: !llvm.ptr) -> i32
    func.func @lathe_kernel_k_workspace(%call: !llvm.ptr, %n: i64) -> i64
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect"];
}

def ConvertHostToLLVMPass : Pass<"convert-host-to-llvm", "::mlir::ModuleOp"> {
  let summary = "turn launch programs into functions of the module ABI";
  let description = [{
    `host.program plan of "main"` and `run of "main"` become `@lathe.plan.main` and `@lathe.run.main` with
    the signatures of `lathe_function_desc`, which the `host.signature` names then; branches and loops become
    blocks; every `host.constant` gets its `offset` in the weights, whose size `host.weights` says.
    Launches that follow each other, with nothing but sizes and addresses computed
    between them, are one list of loops, which the threads go through without
    being called again.

    Needs: level `buffers`, kernels split into ranges. Keeps: nothing of `host`
    but descriptions and constants, which codegen writes out.

    ```mlir
    host.program run of "main" {
      %x = host.input 0
      %y = host.output 0
      host.launch @k[](%x, %y)
    }
    // becomes
    func.func @lathe.run.main(%call: !llvm.ptr) -> i32 {
      // %x and %y are loaded from the call, and go into a closure on the stack.
      // So does what the loop is: @k.entry and the number of its tasks, @k.tasks().
      // The runtime's `parallel_loops` runs all loops; a status that is not 0 ends
      // the call.
      %status = func.call @lathe.launch(%call, %one, %loops)
      return %ok : i32
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect"];
}

#endif // LATHE_CONVERSION_BUFFERS
