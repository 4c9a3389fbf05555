// lib/Import/Core/Axes.cpp: arithmetic with axes that are read when the program
// runs.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Axes.h"

using namespace lathe;
using namespace lathe::importer;
using graph::ShapeSolver;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Twine;
using mlir::AffineConstantExpr;

std::optional<SmallVector<int64_t>> importer::knownIntegers(ArrayRef<AffineExpr> values) {
  SmallVector<int64_t> result;
  for (AffineExpr value : values) {
    auto fixed = mlir::dyn_cast<AffineConstantExpr>(value);
    if (!fixed)
      return std::nullopt;
    result.push_back(fixed.getValue());
  }
  return result;
}

AffineExpr importer::isNegative(ShapeSolver &solver, AffineExpr expr) {
  if (solver.isNonNegative(expr))
    return solver.constant(0);
  AffineExpr sign = solver.max(solver.constant(-1), solver.min(expr, solver.constant(0)));
  return solver.simplify(sign * -1);
}

AffineExpr importer::isLess(ShapeSolver &solver, AffineExpr a, AffineExpr b) {
  AffineExpr difference = solver.max(solver.constant(0), solver.simplify(b - a));
  return solver.min(solver.constant(1), difference);
}

AffineExpr importer::choose(ShapeSolver &solver, AffineExpr condition, AffineExpr chosen, AffineExpr otherwise) {
  if (chosen == otherwise)
    return chosen;
  return solver.simplify(otherwise + condition * (chosen - otherwise));
}

AffineExpr importer::limited(ShapeSolver &solver, AffineExpr expr) {
  AffineExpr most = solver.constant(ShapeSolver::maxElements), least = solver.constant(-ShapeSolver::maxElements);
  return solver.max(least, solver.min(expr, most));
}

AffineExpr importer::asSize(Node &node, AffineExpr expr, llvm::StringRef what) {
  ShapeSolver &solver = node.solver();
  if (node.failed() || solver.isNonNegative(expr))
    return expr;
  node.require(expr, solver.constant(0), what + " must not be negative");
  // The check says the same; this is for what reasons about expressions.
  return solver.max(solver.constant(0), expr);
}

AffineExpr importer::normalizeAxis(Node &node, AffineExpr axis, int64_t rank, llvm::StringRef what) {
  ShapeSolver &solver = node.solver();
  if (node.failed())
    return solver.constant(0);
  if (auto fixed = mlir::dyn_cast<AffineConstantExpr>(axis))
    return solver.constant(node.normalizeAxis(fixed.getValue(), rank, what));
  AffineExpr zero = solver.constant(0), last = solver.constant(rank - 1);
  std::string range = ("'" + what + "' must be from " + Twine(-rank) + " to " + Twine(rank - 1)).str();
  node.require(axis, solver.constant(-rank), range);
  node.require(last, axis, range);
  AffineExpr fromStart = solver.simplify(axis + isNegative(solver, axis) * rank);
  // The checks say the same; this is for what reasons about expressions.
  return solver.max(zero, solver.min(fromStart, last));
}

Dims importer::normalizeAxes(Node &node, ArrayRef<AffineExpr> axes, int64_t rank, llvm::StringRef what) {
  Dims result;
  if (std::optional<SmallVector<int64_t>> known = knownIntegers(axes)) {
    for (int64_t axis : node.normalizeAxes(*known, rank, what))
      result.push_back(node.solver().constant(axis));
    return result;
  }
  for (AffineExpr axis : axes)
    result.push_back(normalizeAxis(node, axis, rank, what));
  // Distinct: of two, one is the larger by at least 1.
  ShapeSolver &solver = node.solver();
  for (size_t i = 0; i < result.size(); ++i)
    for (size_t j = 0; j < i && !node.failed(); ++j) {
      AffineExpr difference = solver.simplify(result[i] - result[j]);
      node.require(solver.max(difference, solver.simplify(difference * -1)), solver.constant(1),
                   "'" + what + "' must not name a dimension twice");
    }
  return result;
}

/// 1 where the normalized `axis` is greater than `dim`, else 0.
static AffineExpr isBehind(ShapeSolver &solver, AffineExpr axis, int64_t dim, int64_t rank) {
  if (dim < 0 || dim >= rank - 1)
    return solver.constant(dim < 0);
  return isLess(solver, solver.constant(dim), axis);
}

AffineExpr importer::isAt(ShapeSolver &solver, AffineExpr axis, int64_t dim, int64_t rank) {
  if (auto fixed = mlir::dyn_cast<AffineConstantExpr>(axis))
    return solver.constant(fixed.getValue() == dim);
  return solver.simplify(isBehind(solver, axis, dim - 1, rank) - isBehind(solver, axis, dim, rank));
}

AffineExpr importer::dimAt(ShapeSolver &solver, ArrayRef<AffineExpr> dims, AffineExpr axis) {
  AffineExpr result = solver.constant(0);
  for (auto [i, dim] : llvm::enumerate(dims))
    result = result + isAt(solver, axis, i, dims.size()) * dim;
  return solver.max(solver.constant(0), solver.simplify(result));
}

Dims importer::withDimAt(ShapeSolver &solver, ArrayRef<AffineExpr> dims, AffineExpr axis, AffineExpr size) {
  Dims result;
  for (auto [i, dim] : llvm::enumerate(dims))
    result.push_back(solver.max(solver.constant(0), choose(solver, isAt(solver, axis, i, dims.size()), size, dim)));
  return result;
}

Dims importer::withoutAxes(ShapeSolver &solver, Dims dims, ArrayRef<AffineExpr> axes) {
  Dims left(axes);
  while (!left.empty()) {
    AffineExpr axis = left.pop_back_val();
    Dims shorter;
    for (size_t i = 0; i + 1 < dims.size(); ++i) // Those from the axis on move up.
      shorter.push_back(
          solver.max(solver.constant(0), choose(solver, isBehind(solver, axis, i, dims.size()), dims[i], dims[i + 1])));
    for (AffineExpr &other : left)
      other = solver.max(solver.constant(0), solver.simplify(other - isLess(solver, axis, other)));
    dims = shorter;
  }
  return dims;
}

Dims importer::withUnitAxes(ShapeSolver &solver, ArrayRef<AffineExpr> dims, ArrayRef<AffineExpr> axes) {
  int64_t rank = dims.size() + axes.size();
  Dims result;
  AffineExpr before = solver.constant(0); // How many of the axes came before.
  for (int64_t i = 0; i < rank; ++i) {
    AffineExpr isUnit = solver.constant(0);
    for (AffineExpr axis : axes)
      isUnit = isUnit + isAt(solver, axis, i, rank);
    isUnit = solver.simplify(isUnit);
    // Dimension i - before, which is any of those that are near enough.
    AffineExpr size = isUnit;
    for (auto [j, dim] : llvm::enumerate(dims)) {
      int64_t moved = i - static_cast<int64_t>(j);
      if (moved < 0 || moved > static_cast<int64_t>(axes.size()))
        continue;
      AffineExpr isThis = isAt(solver, before, moved, static_cast<int64_t>(axes.size()) + 1);
      size = size + isThis * (dim - isUnit * dim);
    }
    result.push_back(solver.max(solver.constant(0), solver.simplify(size)));
    before = solver.simplify(before + isUnit);
  }
  return result;
}

Value importer::foldAround(Node &node, Value x, ArrayRef<AffineExpr> dims, AffineExpr axis, ArrayRef<AffineExpr> rest) {
  if (node.failed())
    return {};
  ShapeSolver &solver = node.solver();
  int64_t rank = dims.size();
  AffineExpr zero = solver.constant(0), one = solver.constant(1), before = one, behind = one;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    AffineExpr isFirst = isBehind(solver, axis, i, rank);
    AffineExpr isLast = solver.simplify(one - isBehind(solver, axis, static_cast<int64_t>(i) - 1, rank));
    before = solver.max(zero, solver.product({before, choose(solver, isFirst, dim, one)}));
    behind = solver.max(zero, solver.product({behind, choose(solver, isLast, dim, one)}));
  }
  Dims folded = {before, dimAt(solver, dims, axis), behind};
  folded.append(rest.begin(), rest.end());
  return node.reshape(x, folded);
}

/// How often `axes`, which are in range, name each of `rank` dimensions, as a vector.
static Value timesNamed(Node &node, Value axes, int64_t rank) {
  Value ones = node.broadcast(node.scalar(node.element(axes), 1), node.dims(axes));
  return node.create<graph::ScatterElementsOp>(node.constant(SmallVector<int64_t>(rank, 0)), axes, ones, int64_t(0),
                                               graph::ScatterKind::add);
}

Value importer::checkedAxes(Node &node, Value axes, int64_t rank) {
  if (node.failed())
    return axes;
  ShapeSolver &solver = node.solver();
  if (rank == 0) {
    node.require(solver.constant(0), node.dims(axes)[0], "a scalar has no 'axes'");
    return axes;
  }
  axes = node.cast(axes, node.builder().getI64Type());
  Type i64 = node.element(axes);
  Value zero = node.scalar(i64, 0);
  auto extreme = [&](graph::ReduceKind kind, Value x) { return node.reduce(kind, x, {0}, /*keepDims=*/false); };
  Value least = node.create<graph::MinOp>(extreme(graph::ReduceKind::min, axes), zero);
  Value most = node.create<graph::MaxOp>(extreme(graph::ReduceKind::max, axes), zero);
  std::string range = ("'axes' must be from " + Twine(-rank) + " to " + Twine(rank - 1)).str();
  node.require(node.entry(least, "'axes'"), solver.constant(-rank), range);
  node.require(solver.constant(rank - 1), node.entry(most, "'axes'"), range);
  // Within the range in any case, so that this error is the one that a call sees.
  axes = node.create<graph::MaxOp>(axes, node.scalar(i64, static_cast<double>(-rank)));
  axes = node.create<graph::MinOp>(axes, node.scalar(i64, static_cast<double>(rank - 1)));
  if (node.failed())
    return {};
  node.require(solver.constant(1), node.entry(extreme(graph::ReduceKind::max, timesNamed(node, axes, rank)), "'axes'"),
               "'axes' must not name a dimension twice");
  return axes;
}

Dims importer::areNamed(Node &node, Value axes, int64_t rank) {
  ShapeSolver &solver = node.solver();
  axes = checkedAxes(node, axes, rank);
  Dims named = node.failed() || rank == 0 ? Dims() : node.entries(timesNamed(node, axes, rank), "'axes'");
  // The checks say the same; this is for what reasons about expressions.
  for (AffineExpr &is : named)
    is = solver.max(solver.constant(0), solver.min(is, solver.constant(1)));
  return named;
}
