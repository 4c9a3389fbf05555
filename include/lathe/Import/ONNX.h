// include/lathe/Import/ONNX.h: ONNX models in, `graph` modules out.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_IMPORT_ONNX_H
#define LATHE_IMPORT_ONNX_H

#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/Limits.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/LogicalResult.h"
#include "llvm/Support/MemoryBuffer.h"

#include <map>
#include <memory>
#include <vector>

namespace lathe {

struct ImportOptions {
  /// Whether tensor files may be reached by symbolic links, or have several
  /// hard links: as hubs keep them, in a store of contents beside the model.
  /// Such links can lead anywhere, so a model may then read any file.
  bool allowLinks = false;
  /// Initializers that are inputs of the graph, too, and whose values programs
  /// will give: they become inputs like the others. Else they are constants.
  std::vector<std::string> inputs = {};
  /// Whether operators that ONNX defines by a function are expanded even where there
  /// is a function of our own for them: for tests of those functions.
  bool expandFunctions = false;
  /// Those of files, nodes and depth are looked at.
  Limits limits = {};
  /// Of inputs for which the model has none, by name; all of their sizes are open.
  std::map<std::string, int64_t> ranks = {};
  /// Declarations of operators that the user brings, which are taken in place of any others
  /// of these names: functions called "domain::name", or "domain::name::what" where
  /// there are several, with a body of `graph` ops or, without one, computed in C. Their
  /// `graph.symbols` are dims of arguments. They are in the context that is imported into and live as long.
  std::vector<mlir::func::FuncOp> customOps = {};
};

/// Of an argument of a declaration: it is not an input but an attribute of the node, called by
/// `graph.name`. Its value is the default, or `unit` for none. Such arguments are behind all inputs, and
/// are tensors of i64, f64 or strings: scalars, or vectors for lists.
extern const llvm::StringLiteral customAttributeName;

/// The canonical domain and the name of the operator that a declaration is of.
std::pair<llvm::StringRef, llvm::StringRef> customOpName(mlir::func::FuncOp declaration);

/// How many elements a value of an attribute has that is declared as `type`; failure if it
/// is none of that type.
llvm::FailureOr<int64_t> customAttributeSize(mlir::Attribute value, mlir::RankedTensorType type);

/// Imports the ONNX file at `path` as a module with one function `@main`.
///
/// Inputs and outputs carry their names as `graph.name`; dim_param names are
/// symbols; the model's metadata is `graph.metadata` of the module. Tensors
/// are resources that refer to the mapped file, which lives as long as
/// `context`. All gaps of the model are reported, not just the first.
llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> importONNX(llvm::StringRef path, mlir::MLIRContext &context,
                                                              Diagnostics &diagnostics,
                                                              const ImportOptions &options = {});

/// The same from memory; `name` stands in messages. Such a model has no
/// external data.
llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> importONNX(std::unique_ptr<llvm::MemoryBuffer> bytes,
                                                              llvm::StringRef name, mlir::MLIRContext &context,
                                                              Diagnostics &diagnostics,
                                                              const ImportOptions &options = {});

/// An operator of a model, with how its nodes are imported.
struct ONNXOperatorUse {
  enum class How { Direct, Expanded, Function, Own, Missing };
  /// "Conv-11"; of a function of the model, its name.
  std::string label;
  /// By a row of the table, by the function that ONNX defines it by, by a function of
  /// the model, by a declaration of the user's, or not at all.
  How how;
  /// Its nodes by their names in the file, behind those of the nodes and functions
  /// that they are in.
  std::vector<std::string> nodes;
};

/// All operators of the ONNX file at `path`, also those of branches, loops and
/// functions, in the order of their labels. Fails if the file cannot be read, which is
/// not reported: `importONNX` does.
llvm::FailureOr<std::vector<ONNXOperatorUse>> listONNXOperators(llvm::StringRef path,
                                                                const ImportOptions &options = {});
llvm::FailureOr<std::vector<ONNXOperatorUse>> listONNXOperators(std::unique_ptr<llvm::MemoryBuffer> bytes,
                                                                const ImportOptions &options = {});

/// A row of the table of operators that the importer knows.
struct SupportedONNXOp {
  /// "" for the default domain.
  std::string domain;
  std::string name;
  /// Since-versions, in rising order.
  std::vector<int> versions;
};

/// All supported operators, sorted by domain and name; for the docs and `lathe inspect`.
std::vector<SupportedONNXOp> listSupportedONNXOps();

} // namespace lathe

#endif // LATHE_IMPORT_ONNX_H
