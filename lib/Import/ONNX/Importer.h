// lib/Import/ONNX/Importer.h: the walk over a model, shared by the files that
// implement it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_IMPORTER_H
#define LATHE_LIB_IMPORT_ONNX_IMPORTER_H

#include "CheckModel.h"
#include "ConvertNode.h"
#include "Import/Core/Messages.h"
#include "Import/Core/Node.h"
#include "Import/Core/Scope.h"
#include "lathe/Import/ONNX.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

namespace lathe::onnx_import {

using namespace importer;

/// What the nodes of a graph, or of a function's body at one call, refer to.
struct GraphScope : Scope {
  OpsetImports opsets;
  /// The functions that are being expanded; a function must not call itself.
  llvm::SmallVector<const ::onnx::FunctionProto *> calls = {};
  /// The graph whose nodes these are; null for the body of a function.
  const ::onnx::GraphProto *graph = nullptr;
};

/// Builds the module of one model. One object imports once.
class Importer {
public:
  Importer(ModelFile &file, mlir::MLIRContext &mlir, Diagnostics &diagnostics, const ImportOptions &options,
           CheckedModel checked)
      : file(file), graph(file.model().graph()), mlir(mlir), diagnostics(diagnostics), options(options),
        checked(std::move(checked)), module(mlir::ModuleOp::create(fileLoc())), tensors{file, &mlir, diagnostics},
        messages(mlir, diagnostics), place(messages.place) {}

  llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> run();

private:
  ModelFile &file;
  const ::onnx::GraphProto &graph;
  mlir::MLIRContext &mlir;
  Diagnostics &diagnostics;
  const ImportOptions &options;
  CheckedModel checked;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Operators without a row in the order of appearance, each with the places
  /// of its nodes.
  llvm::MapVector<mlir::StringAttr, llvm::SmallVector<std::string>> unsupported;
  /// All of those places.
  llvm::StringSet<> unsupportedPlaces;
  /// Nodes that were not imported since what they read was not made: the place of the
  /// first, and how many.
  std::string firstSkipped;
  size_t skipped = 0;
  /// Nodes, those of functions and subgraphs once for every call.
  int64_t countedNodes = 0;
  TensorSource tensors;
  Messages messages;
  /// That of `messages`.
  std::string &place;

  mlir::Location fileLoc() { return mlir::FileLineColLoc::get(&mlir, file.name(), 0, 0); }

  // ImportONNX.cpp: what surrounds the nodes.
  void addInitializers(GraphScope &scope);
  void checkInputs(const GraphScope &scope);
  /// Whether an input has a default that is used for good.
  bool isConstant(const GraphScope &scope, llvm::StringRef input) const;
  void recordMetadata();
  mlir::func::FuncOp makeFunction(const GraphScope &scope);
  void reportSparse(const ::onnx::GraphProto &graph, llvm::StringRef where);
  void nameArguments(ImportContext &context, GraphScope &scope, mlir::func::FuncOp func);
  mlir::RankedTensorType inputType(ImportContext &context, const ::onnx::ValueInfoProto &input);
  std::optional<Value> lookUp(ImportContext &context, Scope &scope, llvm::StringRef name) {
    return scope.lookUp(context.builder, name, file.name(), place);
  }
  void makeReturn(ImportContext &context, GraphScope &scope, mlir::func::FuncOp func);

  // ImportNode.cpp: one node, or the body of the function that it calls.
  void importNode(ImportContext &context, GraphScope &scope, const ::onnx::NodeProto &node, int index);
  void importCustom(ImportContext &context, GraphScope &scope, const ::onnx::NodeProto &node, int index,
                    llvm::ArrayRef<mlir::func::FuncOp> declarations);
  const ::onnx::FunctionProto *findBody(const OpSchema &schema) const;
  bool findOperands(ImportContext &context, GraphScope &scope, const ::onnx::NodeProto &node,
                    llvm::SmallVectorImpl<Value> &operands);
  bool importSubgraph(ImportContext &context, GraphScope &scope, const ::onnx::GraphProto &subgraph,
                      llvm::StringRef attribute, llvm::ArrayRef<Value> inputs, llvm::SmallVectorImpl<Value> &outputs);
  std::optional<int64_t> declaredRank(const GraphScope &scope, llvm::StringRef name, int depth = 0);
  bool countNodes(int64_t nodes);
  const ::onnx::FunctionProto *findFunction(const ::onnx::NodeProto &node);
  void importCall(ImportContext &context, GraphScope &scope, const ::onnx::NodeProto &node, int index,
                  const ::onnx::FunctionProto &function, const OpSchema *schema);
  bool checkTypes(const ::onnx::NodeProto &node, const OpSchema &schema, llvm::ArrayRef<Value> operands);

  // Gaps.cpp: what of a model is lacking, also where it could not be imported.
  void skipUnread(ImportContext &context, GraphScope &scope, const ::onnx::NodeProto &node);
  void skipNode(ImportContext &context, GraphScope &scope, const ::onnx::NodeProto &node, const std::string &at);
  void noteUnsupported(llvm::StringRef label, const std::string &at);
  using Nodes = google::protobuf::RepeatedPtrField<::onnx::NodeProto>;
  void findGaps(const OpsetImports &opsets, const Nodes &nodes, const std::string &at);
  void findGaps(const OpsetImports &opsets, const ::onnx::NodeProto &node, const std::string &at);
  bool hasBadNodes(const Nodes &nodes) const;
  void reportGaps();
};

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_IMPORTER_H
