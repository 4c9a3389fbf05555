// include/lathe/Pipeline/Passes.td: passes about phases, not about code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include "mlir/Pass/PassBase.td"

def VerifyLevelPass : Pass<"verify-level", "::mlir::ModuleOp"> {
  let summary = "check the invariants of a level at the end of a phase";
  let description = [{
    Reports the first op that the level does not allow as an internal error that
    names the phase.

    | level | dialects | what else holds |
    |---|---|---|
    | `graph` | graph, func | values are ranked tensors, open dims have expressions of symbols; nothing has a target |
    | `kernel` | graph, func, kernel | the same of dims; each kernel has a target; only kernels compute elements |
    | `linalg` | what `kernel` allows, and linalg, tensor, arith, math, affine, scf | only kernels compute elements |
    | `scheduled` | what `linalg` allows, and tile | the same; no graph op is left in a kernel |
    | `buffers` | host, func, memref, and what computes on elements | no tensors; nothing is allocated but on the stack |
    | `llvm` | llvm, and the constants of host | |

    Needs: any level. Keeps: everything.

    ```mlir
    %0 = linalg.abs ins(%x : tensor<4xf32>) outs(%y : tensor<4xf32>) -> tensor<4xf32>
    // with level=graph, becomes
    // error: internal: 'linalg.abs' is left after phase 'optimize'
    ```
  }];
  let options = [
    Option<"level", "level", "std::string", "\"graph\"", "The level to check.">,
    Option<"phase", "phase", "std::string", "\"\"", "The phase that must have reached it.">];
}

def LowerMathPass : Pass<"lower-math"> {
  let summary = "polynomials for exp, tanh, erf and the like; libm for the rest, where there is one";
  let description = [{
    Math ops in f32 become arithmetic that LLVM can vectorize, as far as upstream
    has an approximation, and sin, cos and atan, which stay right for arguments
    of any size; the others are left for libm. On a GPU, which has none, those of f64
    become arithmetic, too, and those of f32 that upstream has no approximation for
    are computed in f64. `math.fma` becomes `vector.fma`, which is fused only where the
    target has instructions for that.

    Needs: scalars or vectors. Keeps: the level.

    ```mlir
    %y = math.exp %x : f32
    // becomes
    %scaled = arith.mulf %x, %log2e : f32
    %whole = math.floor %scaled : f32
    // ... a polynomial in what is left of %x, times 2 to the power of %whole.
    ```
  }];
  let options = [Option<"target", "target", "std::string", "\"host\"", "Where the code runs.">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
      "::mlir::vector::VectorDialect"];
}
