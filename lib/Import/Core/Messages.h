// lib/Import/Core/Messages.h: errors of the shape solver and of verifiers in the
// words of the model.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_CORE_MESSAGES_H
#define LATHE_LIB_IMPORT_CORE_MESSAGES_H

#include "Operator.h"
#include "lathe/Support/Diagnostics.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/DenseMap.h"

namespace lathe::importer {

/// "float32", as messages call an element type.
std::string describeElement(mlir::Type element);

/// While it lives, errors of MLIR become diagnostics of the node that is being
/// imported.
class Messages {
public:
  Messages(mlir::MLIRContext &context, Diagnostics &diagnostics)
      : diagnostics(diagnostics), handler(&context, [this](mlir::Diagnostic &error) { translate(error); }) {}

  /// What errors belong to: the file, or a node.
  std::string place;
  /// While a node is imported, it and its operands; else null.
  const Operator *current = nullptr;
  llvm::ArrayRef<mlir::Value> operands;
  /// Names of the symbols of input dims.
  llvm::DenseMap<mlir::AffineExpr, std::string> symbolNames;

private:
  Diagnostics &diagnostics;
  mlir::ScopedDiagnosticHandler handler;

  std::string formatDim(mlir::AffineExpr expr);
  std::string describeOperand(unsigned index);
  void translate(mlir::Diagnostic &diagnostic);
};

} // namespace lathe::importer

#endif // LATHE_LIB_IMPORT_CORE_MESSAGES_H
