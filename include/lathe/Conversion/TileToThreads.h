// include/lathe/Conversion/TileToThreads.h: from tile ops on memrefs to tasks for blocks of threads of a GPU.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_TILETOTHREADS_H
#define LATHE_CONVERSION_TILETOTHREADS_H

#include "dialects/Kernel/Kernel.h"
#include "mlir/Pass/Pass.h"
#include <memory>

namespace lathe {

/// Of the strategy of a kernel for blocks of threads, an integer: each sum of its product is
/// computed in so many parts, each by another block (`split-sums`).
inline constexpr llvm::StringLiteral partsOfSumsName = "parts";

/// That number; 1 where `config` does not say it.
inline int64_t partsOfSums(mlir::DictionaryAttr config) {
  auto parts = config ? config.getAs<mlir::IntegerAttr>(partsOfSumsName) : mlir::IntegerAttr();
  return parts ? parts.getInt() : 1;
}

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lathe/Conversion/TileToThreads.h.inc"

} // namespace lathe

#endif // LATHE_CONVERSION_TILETOTHREADS_H
