// lib/Import/ONNX/CustomOps.h: operators that the user declares.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_CUSTOMOPS_H
#define LATHE_LIB_IMPORT_ONNX_CUSTOMOPS_H

#include "Import/Core/Node.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "onnx/onnx-ml.pb.h"

namespace lathe::onnx_import {

/// The declarations that a node may be of, by its domain and name.
llvm::SmallVector<mlir::func::FuncOp> findCustomOps(llvm::ArrayRef<mlir::func::FuncOp> declarations,
                                                    const ::onnx::NodeProto &node);

/// A node of an operator that the user declares, while it is imported.
class CustomNode {
public:
  using Value = importer::Value;

  CustomNode(importer::ImportContext &context, std::string place, mlir::Location loc, const importer::Operator &op,
             llvm::ArrayRef<Value> operands)
      : context(context), place(std::move(place)), loc(loc), op(op), operands(operands) {}

  /// Makes what the first of `declarations` that takes the operands says: its body, or
  /// a call of its C function. The results, or nothing after an error.
  llvm::FailureOr<llvm::SmallVector<Value>> import(llvm::ArrayRef<mlir::func::FuncOp> declarations);

private:
  /// Two sizes that the declaration says are equal.
  struct Equal {
    mlir::AffineExpr declared, given;
    std::string what;
  };

  mlir::func::FuncOp choose(llvm::ArrayRef<mlir::func::FuncOp> declarations);
  bool checkNames();
  void bind(mlir::Type declared, Value value, const std::string &name);
  Value makeAttribute(unsigned argument);
  Value makeConstant(mlir::Attribute value, mlir::RankedTensorType type);
  bool bindArguments();
  mlir::Operation *makeSize(mlir::AffineExpr expr);
  bool checkSizes(llvm::ArrayRef<Equal> some);
  importer::Dims substitute(importer::Dims dims);
  mlir::Type substitute(mlir::Type type);
  bool readSizes();
  bool checkResults();
  llvm::SmallVector<Value> call(llvm::StringRef suffix, llvm::ArrayRef<mlir::Type> results);
  llvm::FailureOr<llvm::SmallVector<Value>> expand();

  importer::ImportContext &context;
  std::string place;
  mlir::Location loc;
  const importer::Operator &op;
  llvm::ArrayRef<Value> operands;

  mlir::func::FuncOp declaration;
  llvm::SmallVector<Value>
      arguments; ///< Of the declaration: the operands, null for what is left out, then the attributes.
  llvm::SmallVector<mlir::AffineExpr> values; ///< Of its symbols.
  llvm::SmallVector<Equal> equals;
};

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_CUSTOMOPS_H
