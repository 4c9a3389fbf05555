// lib/Import/ONNX/CheckModel.h: what must hold of a model before its nodes are
// imported.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_CHECKMODEL_H
#define LATHE_LIB_IMPORT_ONNX_CHECKMODEL_H

#include "Schema.h"
#include "lathe/Support/Diagnostics.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "onnx/onnx-ml.pb.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

namespace lathe::onnx_import {

/// Opset version of each canonical domain.
using OpsetImports = llvm::StringMap<int64_t>;

/// The domain's opset imports of a model or a function.
OpsetImports getOpsetImports(const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto> &imports);

/// The node's own name; if it has none, that of its first output; `#4` for
/// node 4 if it has no output either.
std::string nodeName(const ::onnx::NodeProto &node, int index);

/// How messages name a node: `node "fc1" (Gemm-13)`; `schema` may be null.
std::string describeNode(const ::onnx::NodeProto &node, int index, const OpSchema *schema);

/// The type of an attribute's value, found from the value where an old
/// exporter left the field `type` out.
int getAttributeType(const ::onnx::AttributeProto &attribute);

/// "an int", "a list of floats" and so on, for AttributeProto.AttributeType.
llvm::StringRef attributeTypeName(int type);

/// Reports a wrong number of inputs or outputs [onnx-arity]. Returns whether both
/// are right.
bool checkArity(const ::onnx::NodeProto &node, const OpSchema &schema, llvm::StringRef place, Diagnostics &diagnostics);

/// Reports unknown, repeated, missing and mistyped attributes. References to
/// attributes are allowed in functions only. Returns whether nothing was wrong.
bool checkAttributes(const ::onnx::NodeProto &node, const OpSchema &schema, llvm::StringRef place, bool inFunction,
                     Diagnostics &diagnostics);

/// What was found wrong with a model.
struct CheckedModel {
  /// Whether values can be followed through the graphs: all that is reported then is
  /// about single nodes, and the others may be imported to find what else is lacking.
  bool isSound = true;
  /// Nodes that cannot be imported, which has been reported.
  llvm::DenseSet<const ::onnx::NodeProto *> badNodes;
};

/// Reports everything that is wrong with the model's structure: versions,
/// names, order, operators, arity and attributes. `file` starts every message.
/// Nodes of `customOps` are checked when they are imported.
CheckedModel checkModel(const ::onnx::ModelProto &model, llvm::StringRef file,
                        llvm::ArrayRef<mlir::func::FuncOp> customOps, Diagnostics &diagnostics);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_CHECKMODEL_H
