// lib/Import/ONNX/Importer.h: the walk over a model, shared by the files that
// implement it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_IMPORTER_H
#define LATHE_LIB_IMPORT_ONNX_IMPORTER_H

#include "CheckModel.h"
#include "Node.h"
#include "lathe/Import/ONNX.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/MapVector.h"

namespace lathe::onnx_import {

/// What the nodes of a graph, or of a function's body at one call, refer to.
struct Scope {
  OpsetImports opsets;
  /// Null for values that could not be made, which has been reported.
  llvm::StringMap<Value> values;
  /// Optional values that are known to be empty, and optional inputs of a
  /// function that its caller left out.
  llvm::StringSet<> absent;
  /// Start of messages: the file, then the calls that lead here.
  std::string place;
  /// Start of node names: "call/".
  std::string prefix;
  /// The functions that are being expanded; a function must not call itself.
  llvm::SmallVector<const ::onnx::FunctionProto *> calls = {};
  /// The graph whose nodes these are; null for the body of a function.
  const ::onnx::GraphProto *graph = nullptr;
  /// The scope around a subgraph, whose names it sees, too.
  Scope *outer = nullptr;
  /// Where the scope's own constants go.
  mlir::Block *block = nullptr;
  llvm::StringMap<const ::onnx::TensorProto *> initializers = {};

  void addInitializers();
};

/// Builds the module of one model. One object imports once.
class Importer {
public:
  Importer(ModelFile &file, mlir::MLIRContext &mlir, Diagnostics &diagnostics, const ImportOptions &options)
      : file(file), graph(file.model().graph()), mlir(mlir), diagnostics(diagnostics), options(options),
        module(mlir::ModuleOp::create(fileLoc())) {}

  llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> run();

private:
  ModelFile &file;
  const ::onnx::GraphProto &graph;
  mlir::MLIRContext &mlir;
  Diagnostics &diagnostics;
  const ImportOptions &options;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Operators without a row in the order of appearance, each with the places
  /// of its nodes.
  llvm::MapVector<mlir::StringAttr, llvm::SmallVector<std::string>> unsupported;
  /// Nodes of functions and subgraphs, once for every call.
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
  void checkInputs(const Scope &scope);
  /// Whether an input has a default that is used for good.
  bool isConstant(const Scope &scope, llvm::StringRef input) const;
  void recordMetadata();
  mlir::func::FuncOp makeFunction(const Scope &scope);
  void reportSparse(const ::onnx::GraphProto &graph, llvm::StringRef where);
  void nameArguments(ImportContext &context, Scope &scope, mlir::func::FuncOp func);
  mlir::RankedTensorType inputType(ImportContext &context, const ::onnx::ValueInfoProto &input);
  /// What a name stands for; nothing if that is an optional value that is
  /// empty, null if it could not be made, which has then been reported.
  std::optional<Value> lookUp(ImportContext &context, Scope &scope, llvm::StringRef name);
  Value makeInitializer(ImportContext &context, Scope &scope, const ::onnx::TensorProto &tensor);
  void makeReturn(ImportContext &context, Scope &scope, mlir::func::FuncOp func);

  // ImportNode.cpp: one node, or the body of the function that it calls.
  void importNode(ImportContext &context, Scope &scope, const ::onnx::NodeProto &node, int index);
  bool findOperands(ImportContext &context, Scope &scope, const ::onnx::NodeProto &node,
                    llvm::SmallVectorImpl<Value> &operands);
  bool importSubgraph(ImportContext &context, Scope &scope, const ::onnx::GraphProto &subgraph,
                      llvm::StringRef attribute, llvm::ArrayRef<Value> inputs, llvm::SmallVectorImpl<Value> &outputs);
  std::optional<int64_t> declaredRank(const Scope &scope, llvm::StringRef name, int depth = 0);
  bool countExpanded(int64_t nodes);
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
