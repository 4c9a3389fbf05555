// lib/Import/ONNX/Shape.cpp: operators that move elements, and operators on
// shapes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "ElementType.h"
#include "Import/Core/Axes.h"
#include "Import/Core/Node.h"
#include "MachineLearning.h"
#include "OpTable.h"
#include "Tensor.h"

#include <cmath>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Twine;
using mlir::AffineExpr;

/// Input `index`, a shape of the result. How many entries it has, if it leaves that open, is the rank that the model
/// declares.
static Value withDeclaredLength(Node &node, unsigned index) {
  std::optional<int64_t> declared = node.failed() ? std::nullopt : node.declaredRank(0);
  return declared && node.rank(node.input(index)) == 1 ? node.withLength(index, *declared) : node.input(index);
}

static Value importReshape(Node &node) {
  if (node.version() < 5)
    return node.create<graph::ReshapeOp>(node.input(0), node.constant(ArrayRef(node.integers("shape"))), false);
  bool allowZero = node.version() >= 14 && node.flag("allowzero");
  return node.create<graph::ReshapeOp>(node.input(0), withDeclaredLength(node, 1), allowZero);
}

static Value importFlatten(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.integer("axis"), rank = node.rank(x);
  // Unlike other axes this one may be one past the end.
  if (axis != rank)
    axis = node.normalizeAxis(axis, rank, "axis");
  if (node.failed())
    return {};
  Dims dims = node.dims(x);
  graph::ShapeSolver &solver = node.solver();
  return node.reshape(
      x, {solver.product(ArrayRef(dims).take_front(axis)), solver.product(ArrayRef(dims).drop_front(axis))});
}

/// The axes of Squeeze and Unsqueeze: an attribute before version 13. Where it is open how many they are, `countFor`
/// says it for the rank that the model declares for the result.
static Dims readAxes(Node &node, llvm::function_ref<int64_t(int64_t)> countFor) {
  Dims axes;
  std::optional<int64_t> declared = node.declaredRank(0);
  if (node.version() < 13)
    for (int64_t axis : node.integers("axes"))
      axes.push_back(node.solver().constant(axis));
  else if (node.input(1))
    axes = node.entries(declared ? node.withLength(1, countFor(*declared)) : node.input(1), "input 'axes'");
  return axes;
}

/// The dimensions that Squeeze without axes removes. An open one is 1 or not
/// only at run time; then the rank that the model declares decides, and without one
/// the dimensions that are 1 in any case. What that takes for granted is checked.
static SmallVector<int64_t> findUnits(Node &node, Value x) {
  SmallVector<int64_t> fixedUnits, withOpen;
  int64_t firstOpen = -1;
  for (auto [i, dim] : llvm::enumerate(node.dims(x))) {
    auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(dim);
    if (fixed && fixed.getValue() == 1)
      fixedUnits.push_back(i);
    if (!fixed && firstOpen < 0)
      firstOpen = i;
    if (!fixed || fixed.getValue() == 1)
      withOpen.push_back(i);
  }
  std::optional<int64_t> declared = node.declaredRank(0);
  if (firstOpen < 0 || declared == node.rank(x) - static_cast<int64_t>(fixedUnits.size()))
    return fixedUnits;
  if (declared == node.rank(x) - static_cast<int64_t>(withOpen.size()))
    return withOpen;
  if (declared || fixedUnits.empty()) {
    node.staticDim(x, firstOpen, "Squeeze without 'axes'");
    return {};
  }
  for (auto [i, dim] : llvm::enumerate(node.dims(x)))
    if (!mlir::isa<mlir::AffineConstantExpr>(dim))
      node.require(dim, node.solver().constant(2),
                   "dimension " + Twine(i) + " of 'data', which is not to be squeezed, and 2");
  return fixedUnits;
}

static Value importSqueeze(Node &node) {
  Value x = node.input(0);
  Dims dims = node.dims(x);
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1);
  bool given = node.version() < 13 ? node.has("axes") : bool(node.input(1));
  Dims named = readAxes(node, [&](int64_t declared) { return node.rank(x) - declared; });
  if (node.failed())
    return {};
  if (!given)
    for (int64_t axis : findUnits(node, x))
      named.push_back(solver.constant(axis));
  // A dimension that is named twice is squeezed once.
  if (std::optional<SmallVector<int64_t>> known = knownIntegers(named)) {
    for (int64_t &axis : *known)
      axis = node.normalizeAxis(axis, node.rank(x), "axes");
    llvm::sort(*known);
    known->erase(llvm::unique(*known), known->end());
    named = llvm::map_to_vector<6>(*known, [&](int64_t axis) { return solver.constant(axis); });
  }
  Dims axes = normalizeAxes(node, named, node.rank(x), "axes");
  if (node.failed())
    return {};
  Dims squeezed;
  for (AffineExpr axis : axes) {
    squeezed.push_back(dimAt(solver, dims, axis));
    auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(squeezed.back());
    if (fixed && fixed.getValue() != 1) {
      node.error("onnx-shape-mismatch", "dimension " + graph::printDim(axis) + " of 'data' is " +
                                            Twine(fixed.getValue()) + ", but only 1 can be squeezed")
          .note("name only dimensions of size 1 in 'axes'");
      return {};
    }
  }
  Value y = node.reshape(x, withoutAxes(solver, dims, axes));
  for (auto [axis, dim] : llvm::zip(axes, squeezed)) {
    bool known = mlir::isa<mlir::AffineConstantExpr>(axis);
    node.check(y, dim, one, "squeezed dimension " + (known ? graph::printDim(axis) + " " : "") + "and 1");
  }
  return y;
}

static Value importUnsqueeze(Node &node) {
  Value x = node.input(0);
  Dims axes = readAxes(node, [&](int64_t declared) { return declared - node.rank(x); });
  axes = normalizeAxes(node, axes, node.rank(x) + axes.size(), "axes");
  return node.failed() ? Value() : node.reshape(x, withUnitAxes(node.solver(), node.dims(x), axes));
}

static Value importTranspose(Node &node) {
  Value x = node.input(0);
  int64_t rank = node.rank(x);
  SmallVector<int64_t> permutation = node.integers("perm");
  if (!node.has("perm"))
    permutation = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  SmallVector<int64_t> sorted = permutation;
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rank))) {
    node.error("onnx-axis-range", "'perm' is " + formatDims(permutation) + ", but the operand has rank " + Twine(rank))
        .note("every dimension must stand in 'perm' once");
    return {};
  }
  return node.transpose(x, permutation);
}

static Value importConcat(Node &node) {
  int64_t axis = node.version() > 1 || node.has("axis") ? node.axis("axis", node.input(0)) : 1;
  return node.createAs<graph::ConcatOp>(node.element(node.input(0)), mlir::ValueRange(node.inputs()), axis);
}

static Value importExpand(Node &node) {
  // A rank that the input has as well, a shorter shape may have, too.
  bool isOfShape = !node.failed() && node.declaredRank(0).value_or(0) > node.rank(node.input(0));
  return node.create<graph::BroadcastOp>(node.input(0), isOfShape ? withDeclaredLength(node, 1) : node.input(1),
                                         /*exact=*/false);
}

/// Repeats one dimension after the other, as three dimensions each: for tensors
/// of high rank.
static Value tileOneByOne(Node &node, Value x, const Dims &repeats) {
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1);
  Dims shape = node.dims(x);
  for (auto [i, repeat] : llvm::enumerate(repeats)) {
    if (repeat == one)
      continue;
    AffineExpr before = solver.product(ArrayRef(shape).take_front(i));
    AffineExpr rest = solver.product(ArrayRef(shape).drop_front(i));
    x = node.broadcast(node.reshape(x, {before, one, rest}), {before, repeat, rest});
    shape[i] = solver.product({shape[i], repeat});
    x = node.reshape(x, shape);
  }
  return x;
}

llvm::SmallVector<int64_t> onnx_import::wholeNumbers(Node &node, unsigned input) {
  std::optional<SmallVector<double>> numbers = node.knownNumbers(input);
  auto isWhole = [](double number) { return std::abs(number) < 1e15 && number == std::floor(number); };
  if (numbers && llvm::all_of(*numbers, isWhole))
    return llvm::to_vector(llvm::map_range(*numbers, [](double number) { return static_cast<int64_t>(number); }));
  if (!node.failed())
    node.error("onnx-dynamic-parameter",
               "'" + node.inputName(input) + "' has to be a constant of whole numbers in this version of the operator")
        .note("convert the model with onnx.version_converter, or export it with a newer opset");
  return {};
}

/// How often Tile repeats each axis; its first version named one.
static Dims readRepeats(Node &node, Value x) {
  if (node.version() > 1)
    return node.entries(node.withLength(1, node.rank(x)), "input 'repeats'");
  SmallVector<int64_t> tiles = wholeNumbers(node, 1), axes = wholeNumbers(node, 2);
  if (!node.failed() && (tiles.size() != 1 || axes.size() != 1))
    node.error("onnx-shape-mismatch", "'tiles' has " + Twine(tiles.size()) + " elements and 'axis' " +
                                          Twine(axes.size()) + ", but 1 of each is expected")
        .note("give one number each");
  if (node.failed())
    return {};
  Dims repeats(node.rank(x), node.solver().constant(1));
  int64_t axis = node.normalizeAxis(axes.front(), node.rank(x), "axis");
  if (!node.failed())
    repeats[axis] = node.solver().constant(tiles.front());
  return repeats;
}

/// Each dimension becomes two, the outer of which is broadcast.
static Value importTile(Node &node) {
  Value x = node.input(0);
  Dims dims = node.dims(x);
  Dims repeats = readRepeats(node, x);
  if (node.failed())
    return {};
  if (repeats.size() != dims.size()) {
    node.error("onnx-shape-mismatch",
               "'repeats' has " + Twine(repeats.size()) + " elements, but 'input' has rank " + Twine(dims.size()))
        .note("give one number of repetitions for every dimension");
    return {};
  }
  AffineExpr one = node.solver().constant(1);
  for (AffineExpr &repeat : repeats)
    if (!mlir::isa<mlir::AffineConstantExpr>(repeat))
      repeat = asSize(node, repeat, "'repeats'");
  Dims split, wide, result;
  for (auto [dim, repeat] : llvm::zip(dims, repeats)) {
    if (repeat != one) {
      split.push_back(one);
      wide.push_back(repeat);
    }
    split.push_back(dim);
    wide.push_back(dim);
    auto times = mlir::dyn_cast<mlir::AffineConstantExpr>(repeat);
    auto size = mlir::dyn_cast<mlir::AffineConstantExpr>(dim);
    int64_t most = graph::ShapeSolver::maxElements / std::max<int64_t>(size ? size.getValue() : 1, 1);
    if (times && (times.getValue() < 0 || times.getValue() > most)) {
      node.error("graph-size-overflow", "'repeats' has " + Twine(times.getValue()) + ", but for this dimension 0 to " +
                                            Twine(most) + " are supported")
          .note("check the numbers of repetitions");
      return {};
    }
    result.push_back(node.solver().product({dim, repeat}));
  }
  if (wide.size() > graph::ShapeSolver::maxRank)
    return tileOneByOne(node, x, repeats);
  return node.reshape(node.broadcast(node.reshape(x, split), wide), result);
}

static Value importShape(Node &node) {
  Value x = node.input(0);
  int64_t rank = node.rank(x), start = 0, end = rank;
  auto clamp = [&](int64_t position) {
    return std::clamp<int64_t>(position < 0 ? position + rank : position, 0, rank);
  };
  if (node.version() >= 15) {
    start = clamp(node.integer("start"));
    if (node.has("end"))
      end = clamp(node.integer("end"));
  }
  return node.createAs<graph::ShapeOp>(node.builder().getI64Type(), x, start, std::max(start, end));
}

static Value importSize(Node &node) { return node.size(node.solver().product(node.dims(node.input(0)))); }

/// Whether graph.range sees the whole number that `value` is.
static bool isWhole(Node &node, Value value) {
  while (auto cast = value.getDefiningOp<graph::CastOp>())
    value = cast.getX();
  if (!node.isFloat(value))
    return true;
  auto constant = value.getDefiningOp<graph::ConstantOp>();
  auto dense = constant ? mlir::dyn_cast<mlir::DenseElementsAttr>(constant.getValue()) : mlir::DenseElementsAttr();
  return dense && dense.getNumElements() == 1 && (*dense.getValues<llvm::APFloat>().begin()).isInteger();
}

static bool isConstant(Value value) {
  while (auto cast = value.getDefiningOp<graph::CastOp>())
    value = cast.getX();
  return value.getDefiningOp<graph::ConstantOp>() != nullptr;
}

/// start + i * delta, where how many there are is computed from floats.
static Value makeFloatRange(Node &node, Value start, Value limit, Value delta) {
  Type i64 = node.builder().getI64Type(), f64 = node.builder().getF64Type();
  auto wide = [&](Value x) { return node.cast(x, f64); };
  Value span = node.div(wide(node.sub(limit, start)), wide(delta)); // As ONNX Runtime rounds.
  Value count = node.create<graph::MaxOp>(node.create<graph::CeilOp>(span), node.scalar(f64, 0));
  // What is no number or far too many ends as an error of the call.
  count = node.create<graph::MinOp>(count, node.scalar(f64, 0x1p62));
  AffineExpr size = asSize(node, node.entry(node.cast(count, i64), "the number of elements"), "the number of elements");
  if (node.failed())
    return {};
  node.require(node.solver().constant(graph::ShapeSolver::maxElements), size,
               "a range must have at most 2^40 elements");
  Value steps = node.createTyped<graph::IotaOp>(node.solver().type({size}, i64), int64_t(0));
  return node.add(node.mul(node.cast(steps, node.element(start)), delta), start);
}

static Value importRange(Node &node) {
  Type element = node.element(node.input(0));
  if (node.version() >= 27 && node.integer("stash_type") != 1)
    return node.unsupported("stash_type", Twine(node.integer("stash_type")), "1 is");
  // Half precision would lose every other number of a long range.
  Type wide = graph::getAccumulatorType(element);
  auto bound = [&](unsigned i) { return node.cast(node.reshape(node.input(i), {}), wide); };
  // In com.microsoft, the distance may be left out.
  Value start = bound(0), limit = bound(1), delta = node.input(2) ? bound(2) : node.scalar(wide, 1);
  if (node.failed())
    return {};
  llvm::SmallVector<Value> bounds = {start, limit, delta};
  bool isFollowed =
      llvm::all_of(bounds, isConstant) || llvm::all_of(bounds, [&](Value value) { return isWhole(node, value); });
  if (node.isFloat(start) && !isFollowed)
    return node.cast(makeFloatRange(node, start, limit, delta), element);
  return node.cast(node.create<graph::RangeOp>(start, limit, delta), element);
}

static Value importConstantOfShape(Node &node) {
  Value value;
  if (const TensorAttribute *tensor = node.tensor("value"))
    value = node.reshape(node.constant(*tensor), {});
  else
    value = node.scalar(node.builder().getF32Type(), 0);
  return node.create<graph::BroadcastOp>(value, withDeclaredLength(node, 0), /*exact=*/true);
}

static Value importConstant(Node &node) {
  mlir::OpBuilder &b = node.builder();
  auto vector = [&](size_t size, Type element) {
    return mlir::RankedTensorType::get({static_cast<int64_t>(size)}, element);
  };
  if (const TensorAttribute *tensor = node.tensor("value"))
    return node.constant(*tensor);
  if (node.has("value_float"))
    return node.scalar(b.getF32Type(), node.number("value_float"));
  if (node.has("value_int"))
    return node.constant(
        mlir::DenseElementsAttr::get(mlir::RankedTensorType::get({}, b.getI64Type()), node.integer("value_int")));
  if (node.has("value_ints"))
    return node.constant(ArrayRef(node.integers("value_ints")));
  if (node.has("value_floats")) {
    SmallVector<float> values;
    for (double value : node.numbers("value_floats"))
      values.push_back(static_cast<float>(value));
    return node.constant(mlir::DenseElementsAttr::get(vector(values.size(), b.getF32Type()), ArrayRef(values)));
  }
  if (node.has("value_string"))
    return node.reshape(textsOf(node, node.string("value_string")), {});
  if (node.has("value_strings"))
    return textsOf(node, node.strings("value_strings"));
  if (node.has("sparse_value"))
    return node.unsupported("sparse_value", "given", "dense tensors are");
  node.error("onnx-missing-attribute", "the node has no value").note("give it the attribute 'value'");
  return {};
}

/// Positions 0, 1, ... along `axis` of a matrix of the shape of `x`'s last two
/// dimensions, as a row or a column.
static Value positions(Node &node, Value x, int64_t axis) {
  Dims dims = node.dims(x);
  Dims along(2, node.solver().constant(1));
  along[axis] = dims[dims.size() - 2 + axis];
  return node.createTyped<graph::IotaOp>(node.solver().type(along, node.builder().getI64Type()), axis);
}

/// No tensor has an element on this diagonal, and no position plus it wraps.
static constexpr int64_t farDiagonal = graph::ShapeSolver::maxElements;

static bool checkMatrix(Node &node, Value x, bool exact) {
  int64_t rank = node.rank(x);
  if (rank == 2 || (rank > 2 && !exact))
    return true;
  node.error("onnx-shape-mismatch", "the input has rank " + Twine(rank) + ", but a matrix is expected")
      .note("reshape the input");
  return false;
}

static Value importEyeLike(Node &node) {
  Value x = node.input(0);
  int64_t k = node.integer("k");
  Type element = node.element(x);
  if (node.has("dtype"))
    element = toMLIRType(node.builder().getContext(), static_cast<int32_t>(node.integer("dtype")));
  if (!element)
    return node.unsupported("dtype", elementTypeName(static_cast<int32_t>(node.integer("dtype"))),
                            "float, integer and bool types are");
  if (!checkMatrix(node, x, /*exact=*/true))
    return {};
  Value diagonal = node.add(positions(node, x, 0), static_cast<double>(std::clamp(k, -farDiagonal, farDiagonal)));
  Value hit = node.createAs<graph::EqualOp>(node.builder().getI1Type(), diagonal, positions(node, x, 1));
  return node.cast(hit, element);
}

static Value importTrilu(Node &node) {
  Value x = node.input(0);
  bool upper = node.flag("upper");
  if (!checkMatrix(node, x, /*exact=*/false))
    return {};
  Type i1 = node.builder().getI1Type();
  Value row = positions(node, x, 0), column = positions(node, x, 1);
  if (Value k = node.input(1)) {
    Value far = node.scalar(node.element(k), static_cast<double>(farDiagonal));
    k = node.create<graph::MinOp>(node.reshape(k, {}), far);
    k = node.create<graph::MaxOp>(k, node.scalar(node.element(k), -static_cast<double>(farDiagonal)));
    row = node.add(row, k);
  }
  Value keep = upper ? node.createAs<graph::GreaterEqualOp>(i1, column, row)
                     : node.createAs<graph::LessEqualOp>(i1, column, row);
  return node.createAs<graph::SelectOp>(node.element(x), keep, x, node.scalar(node.element(x), 0));
}

/// `value / by`, which must be whole; of a free dimension `checkDivision` says
/// so at run time.
static AffineExpr divideExactly(Node &node, AffineExpr value, int64_t by, llvm::StringRef what) {
  auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(value);
  if (fixed && fixed.getValue() % by == 0)
    return node.solver().constant(fixed.getValue() / by);
  if (AffineExpr whole = node.solver().divide(value, node.solver().constant(by)))
    return whole;
  if (!fixed)
    return value.floorDiv(by);
  if (!node.failed())
    node.error("onnx-shape-mismatch",
               what + " is " + graph::printDim(value) + ", which is not known to be a multiple of " + Twine(by))
        .note("'blocksize' must divide the dimension");
  return value;
}

static void checkDivision(Node &node, Value made, AffineExpr value, AffineExpr quotient, int64_t by,
                          llvm::StringRef what) {
  AffineExpr product = node.solver().simplify(quotient * by);
  node.check(made, value, product, what + " and a multiple of 'blocksize' " + Twine(by));
}

/// Common to DepthToSpace and SpaceToDepth; 0 after an error.
static int64_t readBlockSize(Node &node, Value x) {
  int64_t block = node.integer("blocksize");
  if (node.rank(x) == 4 && block >= 1 && block <= 1 << 15)
    return block;
  node.error("onnx-shape-mismatch", "'blocksize' is " + Twine(block) + " and 'input' has rank " + Twine(node.rank(x)) +
                                        ", but a positive size and rank 4 are expected")
      .note("reshape the input to [N, C, H, W]");
  return 0;
}

static Value importDepthToSpace(Node &node) {
  Value x = node.input(0);
  llvm::StringRef mode = node.version() >= 11 ? node.string("mode") : "DCR";
  if (mode != "DCR" && mode != "CRD")
    return node.unsupported("mode", quoted(mode), "\"DCR\" and \"CRD\" are");
  int64_t block = readBlockSize(node, x);
  if (block == 0)
    return {};
  Dims d = node.dims(x);
  AffineExpr b = node.solver().constant(block);
  AffineExpr c = divideExactly(node, d[1], block * block, "the channel count");
  Dims result = {d[0], c, node.solver().product({d[2], b}), node.solver().product({d[3], b})};
  bool depthFirst = mode == "DCR";
  Value y = node.reshape(x, depthFirst ? Dims{d[0], b, b, c, d[2], d[3]} : Dims{d[0], c, b, b, d[2], d[3]});
  if (block > 1)
    checkDivision(node, y, d[1], c, block * block, "the channel count");
  return node.reshape(
      node.transpose(y, depthFirst ? SmallVector<int64_t>{0, 3, 4, 1, 5, 2} : SmallVector<int64_t>{0, 1, 4, 2, 5, 3}),
      result);
}

static Value importSpaceToDepth(Node &node) {
  Value x = node.input(0);
  llvm::StringRef mode = node.version() >= 28 ? node.string("mode") : "DCR";
  if (mode != "DCR" && mode != "CRD")
    return node.unsupported("mode", quoted(mode), "\"DCR\" and \"CRD\" are");
  int64_t block = readBlockSize(node, x);
  if (block == 0)
    return {};
  Dims d = node.dims(x);
  AffineExpr b = node.solver().constant(block);
  AffineExpr h = divideExactly(node, d[2], block, "the height");
  AffineExpr w = divideExactly(node, d[3], block, "the width");
  Value y = node.reshape(x, {d[0], d[1], h, b, w, b});
  if (block > 1) {
    checkDivision(node, y, d[2], h, block, "the height");
    checkDivision(node, y, d[3], w, block, "the width");
  }
  y = mode == "DCR" ? node.transpose(y, {0, 3, 5, 1, 2, 4}) : node.transpose(y, {0, 1, 3, 5, 2, 4});
  return node.reshape(y, {d[0], node.solver().product({d[1], b, b}), h, w});
}

void onnx_import::registerShapeOps(OpTable &ops) {
  ops.add("Reshape", {1, 5, 13, 14, 19, 21, 23, 24, 25}, importReshape);
  ops.add("Flatten", {1, 9, 11, 13, 21, 23, 24, 25}, importFlatten);
  ops.add("Squeeze", {1, 11, 13, 21, 23, 24, 25}, importSqueeze);
  ops.add("Unsqueeze", {1, 11, 13, 21, 23, 24, 25}, importUnsqueeze);
  ops.add("Transpose", {1, 13, 21, 23, 24, 25}, importTranspose);
  ops.add("Concat", {1, 4, 11, 13}, importConcat);
  ops.add("Expand", {8, 13}, importExpand);
  ops.add("Tile", {1, 6, 13}, importTile);
  ops.add("Shape", {1, 13, 15, 19, 21, 23, 24, 25}, importShape);
  ops.add("Size", {1, 13, 19, 21, 23, 24, 25}, importSize);
  ops.add("Range", {11, 27}, importRange);
  ops.add({"com.microsoft", "Range"}, {1}, importRange);
  ops.add("ConstantOfShape", {9, 20, 21, 23, 24, 25}, importConstantOfShape);
  ops.add("Constant", {1, 9, 11, 12, 13, 19, 21, 23, 24, 25}, importConstant);
  ops.add("EyeLike", {9, 22}, importEyeLike);
  ops.add("Trilu", {14}, importTrilu);
  ops.add("DepthToSpace", {1, 11, 13, 28}, importDepthToSpace);
  ops.add("SpaceToDepth", {1, 13, 28}, importSpaceToDepth);
}
