// lib/Conversion/TileToThreads/Copier.h: from tensors in memory to slots in the memory of a block.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_TILETOTHREADS_COPIER_H
#define LATHE_LIB_CONVERSION_TILETOTHREADS_COPIER_H

#include "Product.h"

namespace lathe {

/// Copies tiles of a source to slots: by the hardware, beside what threads do, where rows let it.
class Copier {
public:
  /// `thread` is one of `threads` that copy together. Of the rows of a slot, `columns` elements are filled, whole
  /// chunks; all where it is 0.
  Copier(Emitter &e, const Source &source, SlotLayout layout, int64_t threads, mlir::Value thread, int64_t columns = 0);

  /// Begins to copy the tile from (`outer`, `inner`) on to the slot at `slot`.
  void copy(Emitter &e, mlir::Value slot, mlir::Value outer, mlir::Value inner);

private:
  mlir::Value isThere(Emitter &e, mlir::Value outer, mlir::Value inner);
  void copyChunk(Emitter &e, mlir::Value slot, mlir::Value row, mlir::Value column, mlir::Value outer,
                 mlir::Value inner);
  mlir::Value addressOf(Emitter &e, mlir::Value outer, mlir::Value inner);
  void copyBytes(Emitter &e, mlir::Value target, mlir::Value address, mlir::Value isThere);
  bool copyRows(Emitter &e, mlir::Value slot, mlir::Value outer, mlir::Value inner);

  const Source &source;
  SlotLayout layout;
  int64_t threads, columns;
  mlir::Value thread, origin;
  llvm::SmallVector<mlir::Value> strides;
};

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOTHREADS_COPIER_H
