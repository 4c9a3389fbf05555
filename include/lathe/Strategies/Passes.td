// include/lathe/Strategies/Passes.td: choosing a strategy for each kernel, and obeying it.

include "mlir/Pass/PassBase.td"

def SelectStrategiesPass : Pass<"select-strategies", "::mlir::ModuleOp"> {
  let summary = "choose how each kernel is computed";
  let description = [{
    The first strategy of the target's ordered list that matches is written into
    the kernel, unless one is there already.

    Needs: level `kernel`. Keeps: level `kernel`.
  }];
}

def LowerKernelsPass : Pass<"lower-kernels", "::mlir::ModuleOp"> {
  let summary = "write out the bodies of kernels in linalg";
  let description = [{
    All graph ops become linalg on plain tensors, but for roots that the
    kernel's strategy takes whole.

    Needs: strategies. Keeps: level `linalg`.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def ApplyStrategiesPass : Pass<"apply-strategies", "::mlir::ModuleOp"> {
  let summary = "rewrite each kernel as its strategy says";
  let description = [{
    Needs: level `linalg`. Keeps: level `scheduled`.
  }];
  let dependentDialects = ["::lathe::tile::TileDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}
