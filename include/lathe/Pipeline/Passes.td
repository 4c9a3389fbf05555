// include/lathe/Pipeline/Passes.td: passes about phases, not about code.

include "mlir/Pass/PassBase.td"

def VerifyLevelPass : Pass<"verify-level", "::mlir::ModuleOp"> {
  let summary = "check the invariants of a level at the end of a phase";
  let description = [{
    Reports every op of a dialect that the level does not allow as an internal
    error that names the phase.

    | level | dialects |
    |---|---|
    | `graph` | graph, func |
    | `kernel` | graph, func, kernel |
    | `linalg` | what `kernel` allows, and linalg, tensor, arith, math, affine, scf |
    | `scheduled` | what `linalg` allows, and tile, but no graph op in a kernel |
    | `buffers` | host, func, memref, and what computes on elements |
    | `llvm` | llvm |
  }];
  let options = [
    Option<"level", "level", "std::string", "\"graph\"", "The level to check.">,
    Option<"phase", "phase", "std::string", "\"\"", "The phase that must have reached it.">];
}

def LowerMathPass : Pass<"lower-math"> {
  let summary = "polynomials for exp, tanh, erf and the like; libm for the rest";
  let description = [{
    Scalar math ops in f32 become arithmetic that LLVM can vectorize, as far as
    upstream has an approximation; the others are left for libm.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}
