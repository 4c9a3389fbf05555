// lib/Import/Core/Axes.h: axes and sizes that a model reads when it runs, as
// expressions.
//
// An axis that is read is a number in [0, rank) of which nothing more is known.
// What depends on it is written out for all dimensions: a size is the sum of
// all sizes, each times 1 where the axis is its own and 0 elsewhere. The rank
// itself never depends on values.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_CORE_AXES_H
#define LATHE_LIB_IMPORT_CORE_AXES_H

#include "Node.h"

namespace lathe::importer {

using mlir::AffineExpr;

/// The numbers, if all are known when the model is compiled.
std::optional<llvm::SmallVector<int64_t>> knownIntegers(llvm::ArrayRef<AffineExpr> values);

/// 1 where `expr` is negative, else 0.
AffineExpr isNegative(graph::ShapeSolver &solver, AffineExpr expr);
/// 1 where `a < b`, else 0; the difference must not overflow.
AffineExpr isLess(graph::ShapeSolver &solver, AffineExpr a, AffineExpr b);
/// `chosen` where `condition` is 1, `otherwise` where it is 0.
AffineExpr choose(graph::ShapeSolver &solver, AffineExpr condition, AffineExpr chosen, AffineExpr otherwise);
/// `expr` within limits that no size reaches, so that sums do not overflow.
AffineExpr limited(graph::ShapeSolver &solver, AffineExpr expr);

/// `expr`, a size that `what` names: a negative one is an error, of the call if
/// it is read then.
AffineExpr asSize(Node &node, AffineExpr expr, llvm::StringRef what);

/// Brings `axis` from [-rank, rank) into [0, rank); what is outside is an error,
/// of the call if the axis is read then.
AffineExpr normalizeAxis(Node &node, AffineExpr axis, int64_t rank, llvm::StringRef what);
/// The same for axes that must be distinct; in the order in which they are
/// given, sorted if all are known.
Dims normalizeAxes(Node &node, llvm::ArrayRef<AffineExpr> axes, int64_t rank, llvm::StringRef what);

/// `axes`, a vector of any length, whose entries must be from -rank to rank - 1 and distinct: others are an error of
/// the call.
Value checkedAxes(Node &node, Value axes, int64_t rank);
/// For each of `rank` dimensions, 1 if the same name it, else 0.
Dims areNamed(Node &node, Value axes, int64_t rank);

/// 1 where the normalized `axis` of `rank` dimensions is `dim`, else 0.
AffineExpr isAt(graph::ShapeSolver &solver, AffineExpr axis, int64_t dim, int64_t rank);
/// Entry `axis` of `dims`.
AffineExpr dimAt(graph::ShapeSolver &solver, llvm::ArrayRef<AffineExpr> dims, AffineExpr axis);
/// `dims` with `size` in the place of entry `axis`.
Dims withDimAt(graph::ShapeSolver &solver, llvm::ArrayRef<AffineExpr> dims, AffineExpr axis, AffineExpr size);
/// `dims` without the distinct entries `axes`.
Dims withoutAxes(graph::ShapeSolver &solver, Dims dims, llvm::ArrayRef<AffineExpr> axes);
/// `dims` with a 1 at each of the distinct positions `axes` of the result.
Dims withUnitAxes(graph::ShapeSolver &solver, llvm::ArrayRef<AffineExpr> dims, llvm::ArrayRef<AffineExpr> axes);

/// `x`, of size `dims` and then `rest`, as three dimensions and `rest`: all
/// before `axis`, it, all behind.
Value foldAround(Node &node, Value x, llvm::ArrayRef<AffineExpr> dims, AffineExpr axis,
                 llvm::ArrayRef<AffineExpr> rest = {});

} // namespace lathe::importer

#endif // LATHE_LIB_IMPORT_CORE_AXES_H
