// lib/Import/ONNX/ImageRegions.h: regions of images, for the operators that read between elements of them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_IMAGEREGIONS_H
#define LATHE_LIB_IMPORT_ONNX_IMAGEREGIONS_H

#include "Import/Core/Axes.h"
#include "OpTable.h"

namespace lathe::onnx_import {

/// The inputs of RoiAlign and CropAndResize: images [N, C, H, W], regions [regions, 4] and, for each region, the
/// position of its image in the batch. Reads images with their channels last, in the type that sums have.
class ImageRegions {
public:
  explicit ImageRegions(Node &node);

  /// Reads the inputs. False after an error: of ranks, or of regions and positions that are not as many.
  bool read();
  /// The type in which places and weights are computed.
  Type element() const { return type; }
  /// Coordinate `which` of each region, [regions, 1].
  Value coordinate(int64_t which);
  /// The elements of all channels in rows and columns, each [regions, places] of i64 inside of the image: [regions,
  /// rows, columns, channels].
  Value gather(Value rows, Value columns);
  /// `y`, [regions, rows, columns, channels], in the order and the type of the images.
  Value finish(Value y);

private:
  Node &node;
  Type given, type;
  Value images, regions, batch;
};

/// RoiAlign, of the operators that `registerSamplingOps` adds.
Value importRoiAlign(Node &node);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_IMAGEREGIONS_H
