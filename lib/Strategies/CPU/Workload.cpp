// lib/Strategies/CPU/Workload.cpp: which roots the tile ops can compute.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Workload.h"

#include "dialects/Graph/Graph.h"
#include "dialects/Graph/SizeRanges.h"
#include "dialects/Tile/Tile.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace lathe;
using graph::typeOf;

/// What columns are planned for whose number only the run knows: few enough
/// that wide panels, of which the last is partly idle, do not win.
static constexpr int64_t middlingColumns = 128;

/// The product of sizes of which any may be dynamic.
static int64_t multiply(ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes) {
    if (ShapedType::isDynamic(size))
      return ShapedType::kDynamic;
    result *= size;
  }
  return result;
}

/// Whether `value` can be packed beforehand: its sizes may be open, if it is a
/// matrix. A second use would need a second layout of the same argument.
static bool isPackable(const Problem &problem, Value value) {
  return problem.isConstant(value) && value.hasOneUse() &&
         (typeOf(value).hasStaticShape() || typeOf(value).getRank() == 2);
}

/// The expression of dim `dim`, or null where the type has none.
static AffineExpr dimExpr(RankedTensorType type, int64_t dim) {
  auto dims = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding());
  return dims ? dims.getMap().getResult(dim) : AffineExpr();
}

/// A number that divides the number of elements in the dims of `type` from `begin` to `end`.
static int64_t divisorOf(const Problem &problem, RankedTensorType type, int64_t begin, int64_t end) {
  MLIRContext *context = type.getContext();
  graph::SizeRanges sizes;
  if (auto kernel = problem.root->getParentOfType<kernel::FuncOp>())
    for (unsigned i = 0; i < kernel.getSizes(); ++i)
      sizes.add(graph::SymbolAttr::get(StringAttr::get(context), graph::RangeAttr::get(context, kernel.getRangeOf(i))));
  AffineExpr count = getAffineConstantExpr(1, context);
  for (int64_t dim = begin; dim < end; ++dim)
    if (AffineExpr size =
            type.isDynamicDim(dim) ? dimExpr(type, dim) : getAffineConstantExpr(type.getDimSize(dim), context))
      count = count * size;
  return sizes.of(count).divisor;
}

/// Whether the batch dims of a product need no broadcast but that of a static 1
/// in the right operand, which is what tile.contract does.
static bool hasPlainBatch(graph::MatmulOp op) {
  RankedTensorType a = typeOf(op.getA()), b = typeOf(op.getB()), y = typeOf(op.getY());
  if (a.getRank() > 8)
    return false;
  if (b.getRank() == 2)
    return a.getRank() == y.getRank();
  if (a.getRank() != b.getRank())
    return false;
  for (int64_t dim = 0; dim + 2 < a.getRank(); ++dim) {
    if (a.getDimSize(dim) != y.getDimSize(dim) || dimExpr(a, dim) != dimExpr(y, dim))
      return false;
    bool same = b.getDimSize(dim) == a.getDimSize(dim) && dimExpr(b, dim) == dimExpr(a, dim);
    if (!same && b.getDimSize(dim) != 1)
      return false;
  }
  return true;
}

static std::optional<DotType> dotTypeOf(Type element) {
  if (element.isF64())
    return DotType::F64;
  if (element.isF32())
    return DotType::F32;
  if (element.isF16())
    return DotType::F16;
  if (element.isBF16())
    return DotType::BF16;
  if (element.isInteger(8))
    return element.isUnsignedInteger() ? DotType::U8 : DotType::S8;
  if (element.isInteger(32))
    return DotType::I32;
  if (element.isInteger(64))
    return DotType::I64;
  return std::nullopt;
}

/// Rows below which most of a matrix unit's tile would be idle.
static constexpr int64_t leastTileRows = 8;

/// Whether a product keeps the matrix unit `unit` busy, of operands that it can read.
static bool fitsTiles(const Workload &work, const DotUnit &unit) {
  const MatrixUnit &matrix = *unit.matrixUnit();
  bool isConv = work.kind == Workload::Kind::Conv;
  // Short lines of a convolution are computed together, a block of the unit each.
  int64_t rows = isConv && !work.cutsLines && !ShapedType::isDynamic(work.rows) ? matrix.blocks * work.rows : work.rows;
  bool hasRows = ShapedType::isDynamic(rows) || rows >= leastTileRows;
  bool hasSteps = !ShapedType::isDynamic(work.k) && work.k > 0 && (isConv ? work.channels : work.k) % unit.step == 0;
  return hasRows && hasSteps && (work.groups == 1 || work.columns % matrix.tileColumns() == 0);
}

/// Rows from which on a right-hand side is packed for it in each call.
static constexpr int64_t leastPackedRows = 32;

/// Sets the units for the factors `a` and `b` and sums as `y` needs them; the
/// sizes are known.
static void setUnit(Workload &work, const Problem &problem, const Target &target, Value a, Value b, Value y) {
  Type result = getElementTypeOrSelf(y), accumulator = graph::getAccumulatorType(result);
  std::optional<DotType> left = dotTypeOf(getElementTypeOrSelf(a)), right = dotTypeOf(getElementTypeOrSelf(b)),
                         sum = dotTypeOf(accumulator);
  bool isRounded = problem.allowsTf32() && left == DotType::F32 && right == DotType::F32 &&
                   findDotUnit(target, DotType::TF32, DotType::TF32, DotType::F32);
  if (isRounded)
    left = right = DotType::TF32;
  if (left && right && sum)
    work.unit = findDotUnit(target, *left, *right, *sum);
  if (!work.unit) {
    llvm::raw_string_ostream stream(work.obstacle);
    stream << (work.obstacle.empty() ? "" : ", and ") << "nothing multiplies " << getElementTypeOrSelf(a) << " by "
           << getElementTypeOrSelf(b) << " to " << result << " there";
    return;
  }
  work.storesSums = result == accumulator;
  work.single = findDotUnit(target, *left, *right, *sum, /*mostStep=*/1);
  const DotUnit *tiles = findDotUnit(target, *left, *right, *sum, /*mostStep=*/64, /*withTiles=*/true);
  // Tiles of images are addressed by their shape, those of a matrix by its strides.
  bool hasOrder = !problem.hasStrides(a) || (isa<graph::MatmulOp>(problem.root) && typeOf(a).getRank() == 2);
  if (tiles && tiles->matrixUnit() && hasOrder && fitsTiles(work, *tiles))
    work.tiles = tiles;
}

/// Sets the unit for weights in codes, or says why there is none.
static void setUnitOfCodes(Workload &work, const Problem &problem, const Target &target, graph::MatmulOp op) {
  const WeightCodes &codes = *work.codes;
  bool isConstant = llvm::all_of(ArrayRef<Value>{codes.codes, codes.scales, codes.zeros},
                                 [&](Value value) { return problem.isConstant(value); });
  if (!isConstant || !typeOf(op.getA()).getElementType().isF32() || ShapedType::isDynamic(work.k)) {
    work.obstacle = "weights in codes are no constants, or what they meet is not f32";
    return;
  }
  work.unit = work.single = findDotUnit(target, DotType::F32, DotType::U8, DotType::F32, /*mostStep=*/8 / codes.bits);
  work.storesSums = typeOf(op.getY()).getElementType().isF32();
  work.hasConstantWeights = work.hasPackableWeights = true;
  work.run = codes.codesOfBlock();
}

static void describeMatmul(const Problem &problem, const Target &target, graph::MatmulOp op, Workload &work) {
  if (!hasPlainBatch(op)) {
    work.obstacle = "the left operand is broadcast over the batch, or has more than 8 dims";
    return;
  }
  ArrayRef<int64_t> y = typeOf(op.getY()).getShape();
  bool isMatrix = typeOf(op.getB()).getRank() == 2;
  work.kind = Workload::Kind::Contract;
  work.hasConstantWeights = isMatrix && isPackable(problem, op.getB());
  int64_t rank = y.size();
  work.rows = isMatrix ? multiply(y.drop_back()) : y[rank - 2];
  work.rowsDivisor = divisorOf(problem, typeOf(op.getY()), isMatrix ? 0 : rank - 2, rank - 1);
  work.columns = y.back();
  work.k = work.run = typeOf(op.getA()).getShape().back();
  work.codes = findWeightCodes(op);
  if (work.codes)
    return setUnitOfCodes(work, problem, target, op);
  setUnit(work, problem, target, op.getA(), op.getB(), op.getY());
  // A matrix unit reads panels, which pay in each call anew where many rows pass them.
  bool isWorthPacking = isMatrix && work.tiles && !ShapedType::isDynamic(work.rows) && work.rows >= leastPackedRows &&
                        typeOf(op.getB()).hasStaticShape();
  work.hasPackableWeights = work.hasConstantWeights || isWorthPacking;
}

static void describeConv(const Problem &problem, const Target &target, graph::ConvOp op, Workload &work) {
  RankedTensorType x = typeOf(op.getX()), filter = typeOf(op.getFilter()), y = typeOf(op.getY());
  int64_t last = x.getRank() - 1;
  if (!op.getChannelsLast() || llvm::any_of(op.getPads(), [](int64_t pad) { return pad != 0; }))
    work.obstacle = "the image is not in NHWC order or not padded yet";
  else if (!filter.hasStaticShape() || x.isDynamicDim(last) || y.isDynamicDim(last))
    work.obstacle = "the shape of the filter or the number of channels is open";
  if (!work.obstacle.empty())
    return;
  int64_t channels = x.getDimSize(last), outputs = y.getDimSize(last);
  work.groups = op.getGroups();
  bool isDepthwise = work.groups > 1 && work.groups == channels && outputs == channels;
  int64_t window = multiply(filter.getShape().drop_front(2));
  work.hasConstantWeights = isPackable(problem, op.getFilter());
  work.hasPackableWeights = true;
  work.columns = outputs / work.groups;
  work.channels = filter.getDimSize(1);
  work.k = window * work.channels;
  // Of a group, only the channels of one tap lie side by side.
  work.run = work.groups > 1 ? filter.getDimSize(1) : filter.getShape().back() * filter.getDimSize(1);
  bool isPointwise =
      work.groups == 1 && window == 1 && llvm::all_of(op.getStrides(), [](int64_t stride) { return stride == 1; });
  if (isPointwise) { // Every pixel is a row of a matrix.
    work.kind = Workload::Kind::Contract;
    work.rows = multiply(y.getShape().drop_back());
    work.rowsDivisor = divisorOf(problem, y, 0, y.getRank() - 1);
    setUnit(work, problem, target, op.getX(), op.getFilter(), op.getY());
    return;
  }
  // Groups that are narrower than a vector, which then has several of them.
  int64_t inputsOfGroup = filter.getDimSize(1), outputsOfGroup = outputs / work.groups;
  Type element = x.getElementType();
  int64_t lanes = element.isF32() || element.isF64() ? target.vectorUnit().lanes(element.isF32() ? 4 : 8) : 0;
  bool isNarrow = work.groups > 1 && lanes > outputsOfGroup && lanes % outputsOfGroup == 0 && outputs % lanes == 0 &&
                  inputsOfGroup <= outputsOfGroup;
  work.kind = isDepthwise || isNarrow ? Workload::Kind::DepthwiseConv : Workload::Kind::Conv;
  if (work.kind == Workload::Kind::DepthwiseConv)
    work.columns = outputs;
  work.lines = multiply(y.getShape().drop_back(2));
  work.rows = y.getDimSize(last - 1);
  work.cutsLines = last == 2;
  setUnit(work, problem, target, op.getX(), op.getFilter(), op.getY());
}

static void describePad(graph::PadOp op, Workload &work) {
  RankedTensorType y = typeOf(op.getY());
  int64_t rank = y.getRank();
  if (rank < 3 || rank > 5 || op.getMode() != graph::PadMode::constant || !op.getAmounts() ||
      !dotTypeOf(y.getElementType()))
    return;
  // Within a kernel, a constant of one element is in its code.
  if (op.getValue() && !op.getValue().getDefiningOp<graph::ConstantOp>() && !matchPattern(op.getValue(), m_Constant()))
    return;
  ArrayRef<AffineExpr> amounts = op.getAmounts()->getMap().getResults();
  for (auto [i, expr] : llvm::enumerate(amounts)) {
    auto amount = dyn_cast<AffineConstantExpr>(expr);
    int64_t dim = i % rank;
    bool isSpatial = dim != 0 && dim != rank - 1;
    if (!amount || amount.getValue() < 0 || (!isSpatial && amount.getValue() != 0))
      return;
  }
  work.kind = Workload::Kind::Pad;
  work.lines = multiply(y.getShape().drop_back(2));
  work.rows = y.getDimSize(rank - 2);
  work.columns = y.getDimSize(rank - 1);
}

Workload lathe::describe(const Problem &problem, const Target &target) {
  Workload work;
  if (auto matmul = dyn_cast<graph::MatmulOp>(problem.root))
    describeMatmul(problem, target, matmul, work);
  else if (auto conv = dyn_cast<graph::ConvOp>(problem.root))
    describeConv(problem, target, conv, work);
  else if (auto pad = dyn_cast<graph::PadOp>(problem.root))
    describePad(pad, work);
  if (!ShapedType::isDynamic(work.columns))
    work.plannedColumns = work.columns;
  else if (auto planned = problem.root->getAttrOfType<IntegerAttr>(plannedColumnsAttrName))
    work.plannedColumns = std::max<int64_t>(planned.getInt(), 1);
  else
    work.plannedColumns = middlingColumns;
  return work;
}

Operation *lathe::findKeptRoot(kernel::FuncOp kernel, const Target &target, Workload::Kind kind, bool packs) {
  Operation *root = kernel::findRoot(kernel.getBody().front());
  if (root) {
    Workload work = describe({root}, target);
    if (work.kind == kind && (!packs || work.hasPackableWeights))
      return root;
  }
  kernel.emitOpError("strategy ") << kernel.getStrategy()->getName() << " cannot compute "
                                  << (root ? root->getName().getStringRef() : "a kernel without a root")
                                  << " as it is here; remove the strategy to have one chosen "
                                     "[strategy-unfit]";
  return nullptr;
}
