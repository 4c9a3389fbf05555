// lib/Import/ONNX/Random.h: random numbers that depend on a seed and a position
// alone.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_RANDOM_H
#define LATHE_LIB_IMPORT_ONNX_RANDOM_H

#include "Import/Core/Node.h"

namespace lathe::onnx_import {

using namespace importer;

/// Philox2x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as
/// 1, 2, 3; 2011): a block cipher of the element's position, so that any number of
/// threads computes the same stream, in elementwise ops that fuse with what
/// follows.
class RandomStream {
public:
  /// The key comes from the attribute 'seed', or is another one in each call where
  /// the node has none.
  explicit RandomStream(Node &node);

  /// Numbers of `element`, f32 or f64, that are uniform in [0, 1): multiples of
  /// 2^-24 and 2^-53. Calls with different `draw`, below 4, are independent.
  Value uniform(Type element, llvm::ArrayRef<mlir::AffineExpr> dims, int64_t draw = 0);
  /// Numbers of `element`, f32 or f64, that have the normal distribution with mean 0
  /// and deviation 1.
  Value normal(Type element, llvm::ArrayRef<mlir::AffineExpr> dims);

private:
  Node &node;
  Type ui64;
  Value key, salt; ///< 32 bits each.

  struct Words {
    Value first, second; ///< 32 bits each, in ui64.
  };
  Value number(uint64_t value);
  Words block(llvm::ArrayRef<mlir::AffineExpr> dims, int64_t draw);
  Value toUnit(Type element, Value words);
};

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_RANDOM_H
