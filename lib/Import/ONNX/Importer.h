// lib/Import/ONNX/Importer.h: the walk over a model, shared by the files that
// implement it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_IMPORTER_H
#define LATHE_LIB_IMPORT_ONNX_IMPORTER_H

#include "CheckModel.h"
#include "Node.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/MapVector.h"

namespace lathe::onnx_import {

/// What the nodes of a graph, or of a function's body at one call, refer to.
struct Scope {
  OpsetImports opsets;
  /// Null for values that could not be made, which has been reported.
  llvm::StringMap<Value> values;
  /// Optional inputs of a function that its caller left out.
  llvm::StringSet<> absent;
  /// Start of messages: the file, then the calls that lead here.
  std::string place;
  /// Start of node names: "call/".
  std::string prefix;
  /// The functions that are being expanded; a function must not call itself.
  llvm::SmallVector<const ::onnx::FunctionProto *> calls = {};
};

/// Builds the module of one model. One object imports once.
class Importer {
public:
  Importer(ModelFile &file, mlir::MLIRContext &mlir, Diagnostics &diagnostics)
      : file(file), graph(file.model().graph()), mlir(mlir), diagnostics(diagnostics),
        module(mlir::ModuleOp::create(fileLoc())) {}

  llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> run();

private:
  ModelFile &file;
  const ::onnx::GraphProto &graph;
  mlir::MLIRContext &mlir;
  Diagnostics &diagnostics;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  llvm::StringMap<const ::onnx::TensorProto *> initializers;
  /// Operators without a row in the order of appearance, each with the places
  /// of its nodes.
  llvm::MapVector<mlir::StringAttr, llvm::SmallVector<std::string>> unsupported;
  /// Nodes of functions, once for every call.
  int64_t expandedNodes = 0;
  /// Names of the symbols of input dims, for messages.
  llvm::DenseMap<mlir::AffineExpr, std::string> symbolNames;
  /// Where errors that MLIR reports belong to, and, while a node is imported,
  /// the node and its operands.
  std::string place;
  const ::onnx::NodeProto *current = nullptr;
  llvm::ArrayRef<Value> currentOperands;

  mlir::Location fileLoc() { return mlir::FileLineColLoc::get(&mlir, file.name(), 0, 0); }

  // ImportONNX.cpp: what surrounds the nodes.
  void recordMetadata();
  mlir::func::FuncOp makeFunction();
  void nameArguments(ImportContext &context, Scope &scope, mlir::func::FuncOp func);
  mlir::RankedTensorType inputType(ImportContext &context, const ::onnx::ValueInfoProto &input);
  Value lookUp(ImportContext &context, Scope &scope, llvm::StringRef name);
  void makeReturn(ImportContext &context, Scope &scope, mlir::func::FuncOp func);

  // ImportNode.cpp: one node, or the body of the function that it calls.
  void importNode(ImportContext &context, Scope &scope, const ::onnx::NodeProto &node, int index);
  bool findOperands(ImportContext &context, Scope &scope, const ::onnx::NodeProto &node,
                    llvm::SmallVectorImpl<Value> &operands);
  const ::onnx::FunctionProto *findFunction(const ::onnx::NodeProto &node);
  void importCall(ImportContext &context, Scope &scope, const ::onnx::NodeProto &node, int index,
                  const ::onnx::FunctionProto &function);
  bool checkTypes(const ::onnx::NodeProto &node, const OpSchema &schema, llvm::ArrayRef<Value> operands);
  void addPlaceholders(ImportContext &context, Scope &scope, const ::onnx::NodeProto &node);

  // ImportMessages.cpp: errors in the words of the model.
  std::string formatDim(mlir::AffineExpr expr);
  std::string describeOperand(unsigned index);
  void reportUnsupported();
  void translate(mlir::Diagnostic &diagnostic);
};

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_IMPORTER_H
