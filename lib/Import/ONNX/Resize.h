// lib/Import/ONNX/Resize.h: what the two ways to import a Resize share.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_RESIZE_H
#define LATHE_LIB_IMPORT_ONNX_RESIZE_H

#include "Import/Core/Axes.h"

namespace lathe::onnx_import {

using namespace importer;

/// The attributes of a Resize.
struct Sampling {
  graph::ResizeMode mode = graph::ResizeMode::nearest;
  graph::CoordinateMode coordinates = graph::CoordinateMode::asymmetric;
  graph::NearestMode nearest = graph::NearestMode::floor;
  double cubic = -0.75;
  bool excludeOutside = false;

  // What graph.resize does not have.
  bool antialias = false;
  /// A part of the input is resized, `extrapolation` lies around the input.
  bool crops = false;
  double extrapolation = 0;
};

/// A dimension that becomes `size` elements, `scale` times as dense.
struct ResizedAxis {
  int64_t axis;
  AffineExpr size;
  /// The scale, where it is known when the model is compiled.
  std::optional<double> known;
  /// f64 scalars: the scale, and the part of the input, from 0 to 1, where it
  /// is cropped.
  Value scale, start, end;
  /// f64 scalars: the sizes whose ratio the scale is, if it is one.
  Value above, below;
};

/// Resizes input 0 of `node` along `axes`.
Value resizeByMatrices(Node &node, llvm::ArrayRef<ResizedAxis> axes, const Sampling &sampling);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_RESIZE_H
