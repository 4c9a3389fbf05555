// lib/Import/ONNX/Quantize.h: arithmetic with scales and zero points, for every
// family that has quantized operators.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_QUANTIZE_H
#define LATHE_LIB_IMPORT_ONNX_QUANTIZE_H

#include "Import/Core/Node.h"

namespace lathe::onnx_import {

using namespace importer;

/// round(x / scale) + zero point, saturated to the integers of `type`; `zero`
/// may be null.
Value quantize(Node &node, Value x, Value scale, Value zero, Type type);

/// x - zero point as int32; `zero` may be null.
Value subtractZero(Node &node, Value x, Value zero);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_QUANTIZE_H
