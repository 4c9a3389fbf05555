// lib/Import/ONNX/ConvertNode.h: a node of the file as the importer's core takes
// it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_CONVERTNODE_H
#define LATHE_LIB_IMPORT_ONNX_CONVERTNODE_H

#include "Import/Core/Operator.h"
#include "Tensor.h"

namespace lathe::onnx_import {

/// Imports a graph that is attribute `attribute` of the node.
using ImportGraphFn =
    std::function<bool(const ::onnx::GraphProto &graph, llvm::StringRef attribute, llvm::ArrayRef<mlir::Value> inputs,
                       llvm::SmallVectorImpl<mlir::Value> &outputs)>;

/// The result refers to `node`, `source` and `importGraph`.
importer::Operator convertNode(const ::onnx::NodeProto &node, const TensorSource &source,
                               const ImportGraphFn &importGraph);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_CONVERTNODE_H
