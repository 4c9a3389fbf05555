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

/// A vector of one element as a scalar; anything else, and null, as it is.
Value asScalar(Node &node, Value value);

/// A parameter of the whole tensor as a scalar: a vector must have one element,
/// which is checked, at run time if need be. Null stays.
Value toScalar(Node &node, Value value);

/// A scale or zero point with one entry for each block of `size` elements along
/// `axis`, repeated so that there is one for each element of `x`. Null stays.
Value repeatBlocks(Node &node, Value parameter, Value x, int64_t axis, int64_t size);

/// (x - zero point) * scale as `type`; `zero` may be null. Vectors of one element
/// are as good as scalars.
Value dequantize(Node &node, Value x, Value scale, Value zero, Type type);

/// Integers without their zero points, multiplied as numpy.matmul does, as int32.
/// `zeroA` is a scalar or one for each row, `zeroB` a scalar or one for each
/// column; both may be null.
Value integerMatmul(Node &node, Value a, Value zeroA, Value b, Value zeroB);

/// The product of integers `a` and `b` as real numbers of the type of `scaleB`,
/// plus `bias`; scales and zero points as in `integerMatmul`. `bias` may be null.
Value scaledProduct(Node &node, Value a, Value scaleA, Value zeroA, Value b, Value scaleB, Value zeroB, Value bias);

/// A tensor as uint8 with the scale and zero point that its own range asks for.
struct DynamicallyQuantized {
  Value values, scale, zero;
};
DynamicallyQuantized quantizeDynamically(Node &node, Value x);

/// x - zero point as int32; `zero` may be null.
Value subtractZero(Node &node, Value x, Value zero);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_QUANTIZE_H
