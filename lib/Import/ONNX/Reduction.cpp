// lib/Import/ONNX/Reduction.cpp: operators that reduce or normalize along axes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Axes.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using graph::ReduceKind;
using llvm::SmallVector;

namespace {

/// Which axes a reduction is over, from an attribute or an input.
struct Reduction {
  SmallVector<int64_t> axes;
  /// Instead, axes that are read when the program runs.
  Dims readAxes;
  /// Or, where their number is read as well, 1 for each dim that is reduced and 0 for the others.
  Dims isReduced;
  bool keepDims;
  /// No axes were given and the operator then reduces nothing.
  bool isNothing = false;
};

} // namespace

/// For each dim of the input, 1 if `axes`, of any number, say that it is reduced, else 0.
static Dims areReduced(Node &node, Value axes, bool emptyIsNone) {
  graph::ShapeSolver &solver = node.solver();
  Dims named = areNamed(node, axes, node.rank(node.input(0)));
  if (node.failed() || emptyIsNone)
    return named;
  mlir::AffineExpr isEmpty = isLess(solver, node.dims(axes)[0], solver.constant(1));
  for (mlir::AffineExpr &is : named)
    is = solver.max(is, isEmpty);
  return named;
}

static Reduction readReduction(Node &node) {
  Value x = node.input(0);
  Reduction result;
  result.keepDims = node.flag("keepdims");
  bool fromInput = node.version() >= 18 || (node.opType() == "ReduceSum" && node.version() >= 13);
  bool noop = fromInput && node.flag("noop_with_empty_axes");
  SmallVector<int64_t> axes;
  if (!fromInput) {
    axes = node.integers("axes");
  } else if (Value vector = node.input(1)) {
    if (node.rank(vector) == 1 && mlir::cast<mlir::RankedTensorType>(vector.getType()).isDynamicDim(0)) {
      if (result.keepDims) {
        result.isReduced = areReduced(node, vector, noop);
        return result;
      }
      if (std::optional<int64_t> declared = node.declaredRank(0))
        vector = node.withLength(1, node.rank(x) - *declared);
    }
    Dims given = node.entries(vector, "input 'axes'");
    if (std::optional<SmallVector<int64_t>> known = knownIntegers(given)) {
      axes = *known;
    } else {
      result.readAxes = normalizeAxes(node, given, node.rank(x), "axes");
      return result;
    }
  }
  if (axes.empty() && noop)
    result.isNothing = true;
  else if (axes.empty())
    axes = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(x)));
  result.axes = node.normalizeAxes(axes, node.rank(x), "axes");
  return result;
}

/// Reduces `x` axis by axis: `reduceMiddle` reduces the middle one of three
/// dimensions and keeps it as a 1.
static Value reduceReadAxes(Node &node, Value x, const Reduction &reduction,
                            llvm::function_ref<Value(Value)> reduceMiddle) {
  graph::ShapeSolver &solver = node.solver();
  Dims dims = node.dims(x);
  for (mlir::AffineExpr axis : reduction.readAxes) {
    x = reduceMiddle(foldAround(node, x, dims, axis));
    dims = withDimAt(solver, dims, axis, solver.constant(1));
  }
  return node.reshape(x, reduction.keepDims ? dims : withoutAxes(solver, dims, reduction.readAxes));
}

/// The same for dims of which each may be reduced or not.
static Value reduceIfNamed(Node &node, Value x, const Reduction &reduction,
                           llvm::function_ref<Value(Value)> reduceMiddle) {
  graph::ShapeSolver &solver = node.solver();
  mlir::AffineExpr zero = solver.constant(0), one = solver.constant(1);
  Dims dims = node.dims(x);
  for (auto [i, isReduced] : llvm::enumerate(reduction.isReduced)) {
    mlir::AffineExpr kept = solver.max(zero, choose(solver, isReduced, one, dims[i]));
    mlir::AffineExpr reduced = solver.max(zero, choose(solver, isReduced, dims[i], one));
    mlir::AffineExpr before = solver.product(llvm::ArrayRef(dims).take_front(i));
    x = node.reshape(x,
                     {solver.product({before, kept}), reduced, solver.product(llvm::ArrayRef(dims).drop_front(i + 1))});
    x = reduceMiddle(x);
    dims[i] = kept;
  }
  return node.reshape(x, dims);
}

static Value reduce(Node &node, ReduceKind kind, Value x, const Reduction &reduction) {
  if (!node.failed() && !reduction.isReduced.empty())
    return reduceIfNamed(node, x, reduction, [&](Value folded) { return node.reduce(kind, folded, {1}, true); });
  if (!node.failed() && !reduction.readAxes.empty())
    return reduceReadAxes(node, x, reduction, [&](Value folded) { return node.reduce(kind, folded, {1}, true); });
  if (node.failed() || reduction.isNothing || reduction.axes.empty())
    return x;
  return node.reduce(kind, x, reduction.axes, reduction.keepDims);
}

template <ReduceKind kind> static Value importReduce(Node &node) {
  return reduce(node, kind, node.input(0), readReduction(node));
}

static Value importReduceL1(Node &node) {
  return reduce(node, ReduceKind::sum, node.create<graph::AbsOp>(node.input(0)), readReduction(node));
}

static Value sumOfSquares(Node &node) {
  Value x = node.input(0);
  return reduce(node, ReduceKind::sum, node.mul(x, x), readReduction(node));
}

/// Square roots and logarithms of integers are computed in floating point.
template <typename OpT> static Value applyInFloat(Node &node, Value x) {
  if (node.failed() || node.isFloat(x))
    return node.create<OpT>(x);
  Value wide = node.cast(x, node.builder().getF64Type());
  return node.cast(node.create<OpT>(wide), node.element(x));
}

static Value importReduceL2(Node &node) { return applyInFloat<graph::SqrtOp>(node, sumOfSquares(node)); }

static Value importReduceLogSum(Node &node) {
  return applyInFloat<graph::LogOp>(node, reduce(node, ReduceKind::sum, node.input(0), readReduction(node)));
}

/// m + ln sum e^(x - m), where m is the largest x: nothing overflows. The axes
/// are kept.
static Value logSumExp(Node &node, Value x, llvm::ArrayRef<int64_t> axes) {
  Value largest = node.reduce(ReduceKind::max, x, axes, true);
  // An infinite m would turn x - m into a NaN.
  Value infinite = node.createAs<graph::IsInfOp>(node.builder().getI1Type(), largest, true, true);
  Value shift = node.createAs<graph::SelectOp>(node.element(x), infinite, node.scalar(node.element(x), 0), largest);
  Value sum = node.reduce(ReduceKind::sum, node.create<graph::ExpOp>(node.sub(x, shift)), axes, /*keepDims=*/true);
  return node.add(node.create<graph::LogOp>(sum), shift);
}

static Value importReduceLogSumExp(Node &node) {
  Reduction reduction = readReduction(node);
  Type element = node.element(node.input(0));
  Value x = node.isFloat(node.input(0)) ? node.input(0) : node.cast(node.input(0), node.builder().getF64Type());
  auto reduceMiddle = [&](Value folded) { return logSumExp(node, folded, {1}); };
  if (!reduction.isReduced.empty() && !node.failed())
    return node.cast(reduceIfNamed(node, x, reduction, reduceMiddle), element);
  if (!reduction.readAxes.empty() && !node.failed())
    return node.cast(reduceReadAxes(node, x, reduction, reduceMiddle), element);
  if (node.failed() || reduction.isNothing || reduction.axes.empty())
    return node.input(0);
  Value y = logSumExp(node, x, reduction.axes);
  if (!reduction.keepDims)
    y = node.squeeze(y, reduction.axes);
  return node.cast(y, element);
}

template <bool isMax> static Value importArg(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.axis("axis", x);
  bool keepDims = node.flag("keepdims");
  bool last = node.version() >= 12 && node.flag("select_last_index");
  if (!node.failed())
    node.require(node.dims(x)[axis], node.solver().constant(1), "the dimension of 'axis' must have an element");
  return node.createAs<graph::ArgOp>(node.builder().getI64Type(), x, isMax ? ReduceKind::max : ReduceKind::min, axis,
                                     keepDims, last);
}

/// TopK: its number is an attribute at first, later an input.
static void importTopK(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.axis("axis", x);
  bool largest = node.version() < 11 || node.flag("largest");
  node.ignore({"sorted"}); // In any order if 0: so also in this one.
  Dims shape = node.dims(x);
  if (node.failed())
    return;
  if (node.version() < 10) {
    shape[axis] = node.solver().constant(node.integer("k"));
  } else {
    shape[axis] = node.entry(1);
    if (node.failed())
      return;
  }
  auto count = mlir::dyn_cast<mlir::AffineConstantExpr>(shape[axis]);
  auto size = mlir::dyn_cast<mlir::AffineConstantExpr>(node.dims(x)[axis]);
  if (count && (count.getValue() < 0 || (size && count.getValue() > size.getValue()))) {
    node.error("onnx-shape-mismatch", "'K' is " + llvm::Twine(count.getValue()) + ", but dimension " +
                                          llvm::Twine(axis) + " of 'X' is " + graph::printDim(node.dims(x)[axis]))
        .note("at most as many elements as there are can be taken");
    return;
  }
  Type i64 = node.builder().getI64Type();
  Value positions;
  if (largest && size && count && count.getValue() == 1) // There is no list to keep in order.
    positions = node.createAs<graph::ArgOp>(i64, x, ReduceKind::max, axis, /*keep_dims=*/true, /*last=*/false);
  else
    positions = node.createTyped<graph::TopKOp>(node.solver().type(shape, i64), x,
                                                largest ? ReduceKind::max : ReduceKind::min, axis);
  if (!node.failed() && llvm::failed(node.solver().infer(positions.getDefiningOp())))
    positions = node.noteFailure();
  node.setOutput(0, node.create<graph::GatherElementsOp>(x, positions, axis));
  node.setOutput(1, positions);
}

template <typename OpT> static Value importCumulative(Node &node) {
  Value x = node.input(0);
  bool exclusive = node.flag("exclusive"), reverse = node.flag("reverse");
  mlir::AffineExpr axis = normalizeAxis(node, node.entry(1), node.rank(x), "axis");
  if (node.failed())
    return {};
  if (auto known = mlir::dyn_cast<mlir::AffineConstantExpr>(axis))
    return node.create<OpT>(x, known.getValue(), exclusive, reverse);
  Dims dims = node.dims(x);
  return node.reshape(node.create<OpT>(foldAround(node, x, dims, axis), int64_t(1), exclusive, reverse), dims);
}

/// Softmax and its kin from version 13 on: along one axis.
template <bool isLog> static Value importSoftmax13(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.axis("axis", x);
  return node.create<graph::SoftmaxOp>(x, axis, isLog);
}

/// Makes a matrix of `x`: rows are the dimensions before `axis`.
static Value flatten(Node &node, Value x, int64_t axis) {
  Dims all = node.dims(x);
  graph::ShapeSolver &solver = node.solver();
  return node.reshape(
      x, {solver.product(llvm::ArrayRef(all).take_front(axis)), solver.product(llvm::ArrayRef(all).drop_front(axis))});
}

/// Up to version 12: over all dimensions from `axis` on.
template <bool isLog> static Value importSoftmax1(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.axis("axis", x);
  if (node.failed())
    return {};
  if (axis == node.rank(x) - 1)
    return node.create<graph::SoftmaxOp>(x, axis, isLog);
  Value y = node.create<graph::SoftmaxOp>(flatten(node, x, axis), int64_t(1), isLog);
  return node.reshape(y, node.dims(x));
}

/// Ones at the first largest element along `axis`, zeros elsewhere.
static Value makeHardmax(Node &node, Value x, int64_t axis) {
  if (node.failed())
    return {};
  Type i64 = node.builder().getI64Type(), i1 = node.builder().getI1Type();
  Value winner = node.createAs<graph::ArgOp>(i64, x, ReduceKind::max, axis,
                                             /*keep_dims=*/true,
                                             /*last=*/false);
  Dims along(node.rank(x), node.solver().constant(1));
  along[axis] = node.dims(x)[axis];
  Value positions = node.createTyped<graph::IotaOp>(node.solver().type(along, i64), axis);
  Value hit = node.createAs<graph::EqualOp>(i1, winner, positions);
  return node.cast(hit, node.element(x));
}

static Value importHardmax13(Node &node) {
  Value x = node.input(0);
  return makeHardmax(node, x, node.axis("axis", x));
}

static Value importHardmax1(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.axis("axis", x);
  if (node.failed())
    return {};
  Value y = makeHardmax(node, flatten(node, x, axis), 1);
  return node.reshape(y, node.dims(x));
}

void onnx_import::registerReductionOps(OpTable &ops) {
  ops.add("ReduceSum", {1, 11, 13}, importReduce<ReduceKind::sum>);
  ops.add("ReduceMean", {1, 11, 13, 18}, importReduce<ReduceKind::mean>);
  ops.add("ReduceMax", {1, 11, 12, 13, 18, 20}, importReduce<ReduceKind::max>);
  ops.add("ReduceMin", {1, 11, 12, 13, 18, 20}, importReduce<ReduceKind::min>);
  ops.add("ReduceProd", {1, 11, 13, 18}, importReduce<ReduceKind::prod>);
  ops.add("ReduceL1", {1, 11, 13, 18}, importReduceL1);
  ops.add("ReduceL2", {1, 11, 13, 18}, importReduceL2);
  ops.add("ReduceSumSquare", {1, 11, 13, 18}, sumOfSquares);
  ops.add("ReduceLogSum", {1, 11, 13, 18, 28}, importReduceLogSum);
  ops.add("ReduceLogSumExp", {1, 11, 13, 18, 28}, importReduceLogSumExp);
  ops.add("ArgMax", {1, 11, 12, 13}, importArg<true>);
  ops.add("ArgMin", {1, 11, 12, 13}, importArg<false>);
  ops.add("TopK", {1, 10, 11, 24}, importTopK);
  ops.add("CumSum", {11, 14}, importCumulative<graph::CumulativeSumOp>);
  ops.add("CumProd", {26}, importCumulative<graph::CumulativeProductOp>);
  ops.add("Softmax", {13}, importSoftmax13<false>);
  ops.add("Softmax", {1, 11}, importSoftmax1<false>);
  ops.add("LogSoftmax", {13}, importSoftmax13<true>);
  ops.add("LogSoftmax", {1, 11}, importSoftmax1<true>);
  ops.add("Hardmax", {13}, importHardmax13);
  ops.add("Hardmax", {1, 11}, importHardmax1);
}
