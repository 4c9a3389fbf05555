// include/lathe/Transforms/Kernel/Passes.td: from graph ops to kernels, and kernel -> kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include "mlir/Pass/PassBase.td"

def FormGroupsPass : Pass<"kernel-form-groups", "mlir::func::FuncOp"> {
  let summary = "group each root problem with the ops that fuse with it";
  let description = [{
    A group starts at an op and grows along its single result: elementwise ops
    of the same shape join what produces their operand, elementwise chains join
    the reduction that consumes them. A group has one result; whatever happens
    between its ops never reaches memory. Constants of one element, and those whose
    elements are all equal, move in.

    Needs: inferred shapes. Keeps: `graph`, plus `kernel.group`.

    ```mlir
    %0 = graph.matmul %a, %b : (tensor<8x4xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
    %1 = graph.relu %0 : tensor<8x2xf32> -> tensor<8x2xf32>
    // becomes
    %1 = kernel.group -> tensor<8x2xf32> {
      %0 = graph.matmul %a, %b : (tensor<8x4xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
      %2 = graph.relu %0 : tensor<8x2xf32> -> tensor<8x2xf32>
      kernel.yield %2 : tensor<8x2xf32>
    }
    ```
  }];
  let dependentDialects = ["lathe::kernel::KernelDialect"];
  let options = [Option<"maxOps", "max-ops", "unsigned", "32", "Most ops in one group.">];
  let statistics = [Statistic<"numGroups", "groups", "Groups formed.">];
}

def OutlineKernelsPass : Pass<"kernel-outline", "mlir::ModuleOp"> {
  let summary = "turn groups into kernels and calls";
  let description = [{
    Each `kernel.group` becomes a `kernel.func`: captured tensors are its
    arguments, every expression of sizes in it becomes a symbol of its own, so
    that kernels of equal structure are equal whatever model sizes they serve.
    Constants outside of the group are arguments marked `kernel.constant`.

    Needs: groups. Keeps: level `kernel`.

    ```mlir
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = kernel.group -> tensor<4xf32> {
        %1 = graph.exp %x : tensor<4xf32> -> tensor<4xf32>
        kernel.yield %1 : tensor<4xf32>
      }
      return %0 : tensor<4xf32>
    }
    // becomes
    kernel.func private @exp(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {
      %1 = graph.exp %x : tensor<4xf32> -> tensor<4xf32>
      kernel.return %1 : tensor<4xf32>
    }
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = kernel.call @exp affine_map<() -> ()>(%x) : (tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    }
    ```
  }];
  let dependentDialects = ["lathe::kernel::KernelDialect"];
}

def DeduplicateKernelsPass : Pass<"kernel-deduplicate", "mlir::ModuleOp"> {
  let summary = "keep one of several equal kernels";
  let description = [{
    Kernels that are equal but for names and locations are merged; all calls go
    to the first.

    Needs: level `kernel`. Keeps: level `kernel`.

    ```mlir
    %1 = kernel.call @exp affine_map<() -> ()>(%0) : ...
    %2 = kernel.call @exp_0 affine_map<() -> ()>(%1) : ... // The same body.
    // becomes
    %1 = kernel.call @exp affine_map<() -> ()>(%0) : ...
    %2 = kernel.call @exp affine_map<() -> ()>(%1) : ...
    ```
  }];
  let dependentDialects = ["lathe::kernel::KernelDialect"];
  let statistics = [Statistic<"numRemoved", "removed", "Kernels that another one replaced.">];
}

def AssignTargetsPass : Pass<"kernel-assign-targets", "mlir::ModuleOp"> {
  let summary = "write the target into every kernel";
  let description = [{
    The target string, in its canonical form. From here on, what a kernel becomes
    depends on nothing outside of it.

    Needs: level `kernel`. Keeps: level `kernel`.

    ```mlir
    kernel.func private @exp(...) -> tensor<4xf32> attributes {sizes = 0 : i64} {
    // becomes
    kernel.func private @exp(...) -> tensor<4xf32>
        attributes {sizes = 0 : i64, target = "x86_64:avx2,fma"} {
    ```
  }];
  let dependentDialects = ["lathe::kernel::KernelDialect"];
  let options = [Option<"target", "target", "std::string", "\"host\"", "The target string.">];
}
