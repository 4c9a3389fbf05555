// lib/Import/ONNX/OpenConvolution.h: convolutions whose filter has sizes that only the call knows.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_OPENCONVOLUTION_H
#define LATHE_LIB_IMPORT_ONNX_OPENCONVOLUTION_H

#include "Window.h"

namespace lathe::onnx_import {

/// What windows over one spatial dimension do.
struct OpenWindow {
  mlir::AffineExpr before, behind; // Elements of padding; of a transposed convolution, fewer of the result.
  int64_t stride, dilation;
  mlir::AffineExpr outputPadding = {}; // Of a transposed convolution.
};

/// Conv of `x` [N, C, D1, ...] by `filter` [F, C / groups, K1, ...], any of whose sizes may be open.
Value makeOpenConv(Node &node, Value x, Value filter, llvm::ArrayRef<OpenWindow> windows, int64_t groups);

/// ConvTranspose of `x` [N, C, D1, ...] by `filter` [C, F / groups, K1, ...], any of whose sizes may be open.
Value makeOpenConvTranspose(Node &node, Value x, Value filter, llvm::ArrayRef<OpenWindow> windows, int64_t groups);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_OPENCONVOLUTION_H
