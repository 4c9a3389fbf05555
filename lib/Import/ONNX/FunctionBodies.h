// lib/Import/ONNX/FunctionBodies.h: what ONNX says an operator is, where that is a
// function of other operators.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_FUNCTIONBODIES_H
#define LATHE_LIB_IMPORT_ONNX_FUNCTIONBODIES_H

#include "Schema.h"

#include "onnx/onnx-ml.pb.h"

namespace lathe::onnx_import {

/// The function that an operator of this version is, with the defaults of its
/// attributes; null if ONNX defines none, or none without the types of a node. It
/// stays valid.
const ::onnx::FunctionProto *findFunctionBody(const OpSchema &schema);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_FUNCTIONBODIES_H
