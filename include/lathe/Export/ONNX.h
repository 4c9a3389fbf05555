// include/lathe/Export/ONNX.h: `graph` modules out, as ONNX models.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_EXPORT_ONNX_H
#define LATHE_EXPORT_ONNX_H

#include "lathe/Support/Diagnostics.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>

namespace lathe {

/// The bytes of an ONNX file that computes what the function `@main` of `module` computes.
///
/// Inputs, outputs, named dims and metadata keep their names, nodes those of the nodes that
/// their ops were read from. The version of the operators is 21, or the first that has all that
/// the model needs. What the function checks of its inputs' sizes is not written: readers find it
/// again. Every op without a form in ONNX is reported at `place`; nothing is returned then.
std::optional<std::string> exportONNX(mlir::ModuleOp module, llvm::StringRef place, Diagnostics &diagnostics);

} // namespace lathe

#endif // LATHE_EXPORT_ONNX_H
