// lib/Strategies/CPU/Workload.h: the root of a kernel as the numbers that CPU
// strategies choose by.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_STRATEGIES_CPU_WORKLOAD_H
#define LATHE_LIB_STRATEGIES_CPU_WORKLOAD_H

#include "../WeightCodes.h"
#include "lathe/Strategies/Strategy.h"
#include "lathe/Target/DotUnits.h"

namespace lathe {

/// Of a product in a kernel without a model: the columns that tiles are chosen for, if the kernel is called with few.
inline constexpr llvm::StringLiteral plannedColumnsAttrName = "kernel.planned_columns";

/// What has to be computed. A size that only the run knows is
/// `ShapedType::kDynamic`.
struct Workload {
  enum class Kind {
    Contract,      ///< rows x k times k x columns, over a batch.
    Conv,          ///< Channels last, no padding.
    DepthwiseConv, ///< The same with one filter a channel.
    Pad,           ///< Zeros around an image with channels last.
    Other,
  };
  Kind kind = Kind::Other;
  /// What multiplies the factors on the target: null if nothing does. Of a row
  /// with a step, `single` is the one without.
  const DotUnit *unit = nullptr, *single = nullptr;
  /// The matrix unit, if there is one and the product fits it.
  const DotUnit *tiles = nullptr;
  /// The result has the type of the sums, which may come back to it from block
  /// to block.
  bool storesSums = false;
  /// The filter or the right-hand side is a matrix that all callers give as a
  /// constant, so that it can be packed when the artifact is written.
  bool hasConstantWeights = false;
  /// These, or a filter that can be packed at run time.
  bool hasPackableWeights = false;
  /// What stands in the place of weights of many bits.
  std::optional<WeightCodes> codes;
  int64_t rows = 1;           ///< Of the output: all of them, or those of a matrix of
                              ///< the batch; for convolutions the output columns.
  int64_t rowsDivisor = 1;    ///< Of rows that only the run knows.
  int64_t lines = 1;          ///< Conv and Pad: output lines of all images.
  int64_t columns = 1;        ///< Or output channels, of one group.
  int64_t plannedColumns = 1; ///< Those that tiles are chosen for: a guess where only the run knows.
  int64_t groups = 1;
  bool cutsLines = false; ///< With one spatial dim, tasks are parts of lines.
  int64_t k = 1;          ///< Terms of a sum.
  int64_t channels = 1;   ///< Of those of a convolution, how many one tap has.
  int64_t run = 1;        ///< Of those, how many lie in one run on the left.
  /// Why a product or a convolution is of a form that no strategy knows.
  std::string obstacle;
};

/// The workload of `problem.root`, a graph op with or without `graph.dims`.
Workload describe(const Problem &problem, const Target &target);

/// The root that a strategy kept, and whether it is of kind `kind`, with weights
/// that can be packed if `packs`. Reports an error and returns null if a pinned
/// strategy does not suit its kernel.
mlir::Operation *findKeptRoot(kernel::FuncOp kernel, const Target &target, Workload::Kind kind, bool packs);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_CPU_WORKLOAD_H
