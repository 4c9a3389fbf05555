// include/lathe/Strategies/Passes.td: choosing a strategy for each kernel, and obeying it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include "mlir/Pass/PassBase.td"

def SelectStrategiesPass : Pass<"select-strategies", "::mlir::ModuleOp"> {
  let summary = "choose how each kernel is computed";
  let description = [{
    The first strategy of the target's ordered list that matches is written into
    the kernel, unless one is there already.

    Needs: level `kernel`. Keeps: level `kernel`.

    ```mlir
    kernel.func @k(...) attributes {sizes = 0 : i64, target = "x86_64:avx2,fma"} {
      %y = graph.matmul %a, %w : ...
    // becomes
    kernel.func @k(...) attributes {sizes = 0 : i64, target = "x86_64:avx2,fma",
        strategy = #kernel.strategy<"cpu.gemm.packed", {lanes = 8 : i64, rows = 6 : i64, ...}>} {
    ```
  }];
}

def LowerKernelsPass : Pass<"lower-kernels", "::mlir::ModuleOp"> {
  let summary = "write out the bodies of kernels in linalg";
  let description = [{
    All graph ops become linalg on plain tensors, but for roots that the
    kernel's strategy takes whole.

    Needs: strategies. Keeps: level `linalg`.

    ```mlir
    %0 = graph.exp %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>> -> ...
    // becomes
    %init = tensor.empty(%n) : tensor<?xf32>
    %0 = linalg.generic {...} ins(%x : tensor<?xf32>) outs(%init : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %1 = math.exp %in : f32
      linalg.yield %1 : f32
    } -> tensor<?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def ApplyStrategiesPass : Pass<"apply-strategies", "::mlir::ModuleOp"> {
  let summary = "rewrite each kernel as its strategy says";
  let description = [{
    Calls `apply` of the strategy that the kernel's attribute names, with the
    configuration that stands there. Nothing is chosen any more.

    Needs: level `linalg`. Keeps: level `scheduled`.

    ```mlir
    %0 = graph.matmul %a, %w : (tensor<8x4xf32>, tensor<4x16xf32>) -> tensor<8x16xf32>
    %1 = linalg.generic {...} ins(%0 : tensor<8x16xf32>) ... // max(x, 0)
    // becomes, with cpu.gemm.packed,
    %1 = tile.contract ins(%a, %packed : tensor<8x4xf32>, tensor<1x4x16xf32>)
        outs(%init : tensor<8x16xf32>) packed tiling(<rows = 6, ...>) maps [] {
    ^bb0(%acc: f32):
      %2 = arith.maximumf %acc, %zero : f32
      tile.yield %2 : f32
    } -> tensor<8x16xf32>
    ```
  }];
  let dependentDialects = ["::lathe::tile::TileDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}
