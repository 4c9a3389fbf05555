// tools/lathe-opt/lathe-opt.cpp: runs single passes and phases on MLIR text, for tests and for looking.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Compiler/EvaluateConstants.h"
#include "lathe/Pipeline/Pipeline.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  lathe::registerDialects(registry);
  lathe::registerPasses(lathe::evaluateConstants);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Lathe optimizer driver\n", registry));
}
