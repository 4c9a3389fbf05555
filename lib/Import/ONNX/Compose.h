// lib/Import/ONNX/Compose.h: what operators of ONNX itself share with those that
// other domains made of them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_COMPOSE_H
#define LATHE_LIB_IMPORT_ONNX_COMPOSE_H

#include "Import/Core/Node.h"

namespace lathe::onnx_import {

using namespace importer;

/// numpy.matmul: a vector on the left is a row, on the right a column, and its
/// dimension does not appear in the result.
Value makeMatmul(Node &node, Value a, Value b);

/// alpha op(a) op(b), with the node's attributes 'alpha', 'transA' and 'transB'.
Value makeScaledProduct(Node &node, Value a, Value b);

/// Gemm with the node's attributes; `c` may be null.
Value makeGemm(Node &node, Value a, Value b, Value c);

/// Conv with the node's attributes; `bias` may be null.
Value makeConvWithBias(Node &node, Value x, Value filter, Value bias);

/// QLinearConv with the node's other inputs and attributes.
Value makeQuantizedConv(Node &node, Value x);

/// AveragePool with the node's attributes.
Value averagePool(Node &node, Value x);

/// MaxPool with the node's attributes, without indices.
Value maxPool(Node &node, Value x);

/// The whole numbers that an input of floats holds, as operators of the first opset had them; none,
/// and an error, if it is no constant of such.
llvm::SmallVector<int64_t> wholeNumbers(Node &node, unsigned input);

/// The last dimension becomes the second, and the other way round.
Value channelsToSecond(Node &node, Value x);
Value channelsToLast(Node &node, Value x);

/// What attribute 'activation' names, if anything, with as many of `numbers` as it
/// needs.
Value activate(Node &node, Value x, llvm::ArrayRef<double> numbers);

/// Upsampling by one scale for each dimension, with the node's attributes 'mode'
/// and 'coordinate_transformation_mode'.
Value upsample(Node &node, Value x, llvm::ArrayRef<double> scales);

/// What `make` makes of `x` with channels in the second dimension, where they are
/// for both in the last one if `isLast`.
Value withChannelsSecond(Node &node, Value x, bool isLast, llvm::function_ref<Value(Value x)> make);

/// `x` as [batch, groups, channels of a group, ...], each group with mean 0 and variance 1; `attribute` says how many
/// groups there are.
Value normalizeGroups(Node &node, Value x, llvm::StringRef attribute);

/// For each text of `x` how many different ones are before it, by their bytes, i64.
Value orderOfTexts(Node &node, Value x);

/// x / sqrt(mean of squares + epsilon) over all axes from `axis` on, in the type
/// in which `x` is accumulated.
Value makeRmsNorm(Node &node, Value x, int64_t axis, double epsilon);

/// Positions `start`, `start + step`, ... before `end` of the last dimension.
Value lastPart(Node &node, Value x, int64_t start, int64_t end, int64_t step = 1);

/// Turns pairs of the first `width` elements of each head. `x` is [batch, length,
/// heads, size]; `cosine` and `sine` are [batch or 1, length, width / 2].
Value makeRotation(Node &node, Value x, Value cosine, Value sine, mlir::AffineExpr width, bool interleaved);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_COMPOSE_H
