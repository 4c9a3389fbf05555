// lib/Import/ONNX/Determinant.cpp: determinants and inverses, by elimination with
// row pivots.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Node.h"
#include "Loops.h"
#include "OpTable.h"

#include <limits>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Twine;
using mlir::AffineExpr;

namespace {

/// A stack [batch, size, columns] of matrices. Turn i brings the row with the largest
/// element of column i to row i, and takes multiples of it from others.
class Elimination {
public:
  Elimination(Node &node, AffineExpr batch, AffineExpr size, AffineExpr columns)
      : node(node), batch(batch), size(size), columns(columns), one(node.solver().constant(1)),
        i1(node.builder().getI1Type()), i64(node.builder().getI64Type()) {}

  /// Leaves zeros below the pivot.
  std::optional<Turn> reduce(Value index, Value matrix, Value determinant);
  /// Leaves a one in place of the pivot, and zeros above it and below.
  std::optional<Turn> solve(Value index, Value matrix);

private:
  Node &node;
  AffineExpr batch, size, columns, one;
  Type i1, i64;
  Value rows;  ///< [1, size]: the numbers of rows.
  Value best;  ///< [batch, 1]: where the pivot was.
  Value row;   ///< [batch, 1, columns]: what has it now.
  Value pivot; ///< [batch]

  Value choosePivot(Value index, Value matrix);

  Value select(Value condition, Value a, Value b) {
    return node.createAs<graph::SelectOp>(node.element(a), condition, a, b);
  }
  Value equal(Value a, Value b) { return node.createAs<graph::EqualOp>(i1, a, b); }
};

} // namespace

/// `matrix` with the row of the pivot at `index`.
Value Elimination::choosePivot(Value index, Value matrix) {
  Type element = node.element(matrix);
  rows = node.createTyped<graph::IotaOp>(node.solver().type({one, size}, i64), int64_t(1));
  Value isAbove = node.createAs<graph::LessOp>(i1, rows, index);
  Value column = node.create<graph::GatherOp>(matrix, index, int64_t(2));
  Value reach = select(isAbove, node.scalar(element, -std::numeric_limits<double>::infinity()),
                       node.create<graph::AbsOp>(column));
  best = node.createAs<graph::ArgOp>(i64, reach, graph::ReduceKind::max, int64_t(1), /*keep_dims=*/true,
                                     /*select_last=*/false);
  Value from = select(equal(rows, index), best, select(equal(rows, best), index, rows));
  from = node.broadcast(node.unsqueeze(node.broadcast(from, {batch, size}), {2}), {batch, size, columns});
  matrix = node.create<graph::GatherElementsOp>(matrix, from, int64_t(1));
  row = node.unsqueeze(node.create<graph::GatherOp>(matrix, index, int64_t(1)), {1});
  pivot = node.create<graph::GatherOp>(node.squeeze(row, {1}), index, int64_t(1));
  return matrix;
}

std::optional<Turn> Elimination::reduce(Value index, Value matrix, Value determinant) {
  if (node.failed())
    return std::nullopt;
  Type element = node.element(matrix);
  matrix = choosePivot(index, matrix);
  Value isBelow = node.createAs<graph::LessOp>(i1, index, rows);
  Value isSwapped = node.create<graph::NotOp>(equal(node.squeeze(best, {1}), index));
  Value factor = select(isSwapped, node.scalar(element, -1), node.scalar(element, 1));
  determinant = node.mul(determinant, node.mul(factor, pivot));
  // Below a pivot of zero there are zeros only.
  Value zero = node.scalar(element, 0);
  Value safe = select(equal(pivot, zero), node.scalar(element, 1), pivot);
  Value ratio = node.div(node.create<graph::GatherOp>(matrix, index, int64_t(2)), node.unsqueeze(safe, {1}));
  ratio = node.unsqueeze(select(isBelow, ratio, zero), {2});
  matrix = node.sub(matrix, node.mul(ratio, row));
  if (node.failed())
    return std::nullopt;
  return Turn{{}, {matrix, determinant}, {}};
}

std::optional<Turn> Elimination::solve(Value index, Value matrix) {
  if (node.failed())
    return std::nullopt;
  matrix = choosePivot(index, matrix);
  // Of a singular matrix nothing finite is left.
  row = node.div(row, node.unsqueeze(pivot, {1, 2}));
  Value isOwn = node.unsqueeze(equal(rows, index), {2});
  Value column = node.unsqueeze(node.create<graph::GatherOp>(matrix, index, int64_t(2)), {2});
  matrix = select(isOwn, row, node.sub(matrix, node.mul(column, row)));
  if (node.failed())
    return std::nullopt;
  return Turn{{}, {matrix}, {}};
}

/// "3"; "?" for a size that a call decides.
static std::string sizeOf(AffineExpr dim) {
  auto number = mlir::dyn_cast<mlir::AffineConstantExpr>(dim);
  return number ? std::to_string(number.getValue()) : "?";
}

/// The input as [batch, size, size] in f32 or f64; null after an error.
static Value readSquares(Node &node, AffineExpr &batch, AffineExpr &size) {
  Value x = node.input(0);
  int64_t rank = node.rank(x);
  if (!node.failed() && rank < 2)
    node.error("onnx-shape-mismatch", "'X' has rank " + Twine(rank) + ", but 2 or more is expected")
        .note("give a matrix or a stack of matrices");
  if (node.failed())
    return {};
  Dims dims = node.dims(x);
  if (node.solver().equal(dims[rank - 2], dims[rank - 1]) == std::optional<bool>(false)) {
    node.error("onnx-shape-mismatch",
               "the matrices in 'X' are not square, but " + sizeOf(dims[rank - 2]) + " x " + sizeOf(dims[rank - 1]))
        .note("give square matrices");
    return {};
  }
  size = dims[rank - 1], batch = node.solver().product(ArrayRef(dims).drop_back(2));
  Type element = node.element(x), wide = element.isF64() ? element : Type(node.builder().getF32Type());
  Value matrix = node.reshape(node.cast(x, wide), {batch, size, size});
  if (dims[rank - 2] != size && !node.failed())
    node.check(matrix, dims[rank - 2], size, "rows and columns of 'X'");
  return node.failed() ? Value() : matrix;
}

static Value importDet(Node &node) {
  AffineExpr batch, size;
  Value matrix = readSquares(node, batch, size);
  if (!matrix)
    return {};
  Dims dims = node.dims(node.input(0));
  Type wide = node.element(matrix);
  Value start = node.broadcast(node.reshape(node.scalar(wide, 1), {node.solver().constant(1)}), {batch});
  Elimination elimination(node, batch, size, size);
  auto makeTurn = [&](Value index, mlir::ValueRange carried) {
    return elimination.reduce(index, carried[0], carried[1]);
  };
  graph::LoopOp loop =
      node.failed() ? graph::LoopOp() : makeLoop(node, node.size(size), {}, {matrix, start}, 0, makeTurn);
  return loop ? node.cast(node.reshape(loop.getResult(1), ArrayRef(dims).drop_back(2)), node.element(node.input(0)))
              : Value();
}

/// com.microsoft.Inverse: what makes the identity of a matrix makes the inverse of the identity beside it.
static Value importInverse(Node &node) {
  AffineExpr batch, size;
  Value matrix = readSquares(node, batch, size);
  if (!matrix)
    return {};
  graph::ShapeSolver &solver = node.solver();
  Type wide = node.element(matrix), i64 = node.builder().getI64Type(), i1 = node.builder().getI1Type();
  AffineExpr one = solver.constant(1);
  auto count = [&](const Dims &dims, int64_t axis) {
    return node.createTyped<graph::IotaOp>(solver.type(dims, i64), axis);
  };
  Value identity = node.createAs<graph::EqualOp>(i1, count({one, size, one}, 1), count({one, one, size}, 2));
  identity = node.broadcast(node.cast(identity, wide), {batch, size, size});
  Value both = node.createAs<graph::ConcatOp>(wide, mlir::ValueRange{matrix, identity}, int64_t(2));
  Elimination elimination(node, batch, size, solver.product({solver.constant(2), size}));
  auto makeTurn = [&](Value index, mlir::ValueRange carried) { return elimination.solve(index, carried[0]); };
  graph::LoopOp loop = node.failed() ? graph::LoopOp() : makeLoop(node, node.size(size), {}, {both}, 0, makeTurn);
  if (!loop)
    return {};
  Value y = node.slice(loop.getResult(0), 2, size, size);
  return node.cast(node.reshape(y, node.dims(node.input(0))), node.element(node.input(0)));
}

void onnx_import::registerDeterminant(OpTable &ops) {
  ops.add("Det", {11, 22}, importDet);
  ops.add({"com.microsoft", "Inverse"}, {1}, importInverse);
}
