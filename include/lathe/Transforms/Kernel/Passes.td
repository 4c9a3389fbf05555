// include/lathe/Transforms/Kernel/Passes.td: from graph ops to kernels, and kernel -> kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include "mlir/Pass/PassBase.td"

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
    to the first. Each gets its `key`, by which equal kernels of other models and
    other runs are found.

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
    Kernels that have a target keep theirs. From here on, what a kernel becomes
    depends on nothing outside of it.

    Needs: level `kernel`. Keeps: level `kernel`.

    ```mlir
    kernel.func private @exp(...) -> tensor<4xf32> attributes {sizes = 0 : i64} {
    // becomes
    kernel.func private @exp(...) -> tensor<4xf32>
        attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:fma,avx2">} {
    ```
  }];
  let dependentDialects = ["lathe::kernel::KernelDialect"];
  let options = [Option<"target", "target", "std::string", "\"host\"", "The target string.">];
}
