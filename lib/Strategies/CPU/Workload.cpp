// lib/Strategies/CPU/Workload.cpp: which roots the tile ops can compute.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Workload.h"

#include "dialects/Graph/Graph.h"

using namespace mlir;
using namespace lathe;

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

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Whether `value` can be packed beforehand. A second use would need a second
/// layout of the same argument.
static bool isPackable(const Problem &problem, Value value) {
  return problem.isConstant(value) && value.hasOneUse() && typeOf(value).hasStaticShape();
}

/// The expression of dim `dim`, or null where the type has none.
static AffineExpr dimExpr(RankedTensorType type, int64_t dim) {
  auto dims = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding());
  return dims ? dims.getMap().getResult(dim) : AffineExpr();
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

static void describeMatmul(const Problem &problem, graph::MatmulOp op, Workload &work) {
  if (!hasPlainBatch(op))
    return;
  ArrayRef<int64_t> y = typeOf(op.getY()).getShape();
  bool isMatrix = typeOf(op.getB()).getRank() == 2;
  work.kind = Workload::Kind::Contract;
  work.hasConstantWeights = isMatrix && isPackable(problem, op.getB());
  work.rows = isMatrix ? multiply(y.drop_back()) : y[y.size() - 2];
  work.columns = y.back();
  work.k = work.run = typeOf(op.getA()).getShape().back();
}

static void describeConv(const Problem &problem, graph::ConvOp op, Workload &work) {
  RankedTensorType x = typeOf(op.getX()), filter = typeOf(op.getFilter()), y = typeOf(op.getY());
  if (x.getRank() != 4 || !op.getChannelsLast() || !filter.hasStaticShape() || x.isDynamicDim(3) || y.isDynamicDim(3) ||
      llvm::any_of(op.getPads(), [](int64_t pad) { return pad != 0; }))
    return;
  int64_t channels = x.getDimSize(3), outputs = y.getDimSize(3);
  int64_t groups = op.getGroups();
  bool isDepthwise = groups > 1 && groups == channels && outputs == channels;
  if (groups != 1 && !isDepthwise)
    return;
  int64_t window = filter.getDimSize(2) * filter.getDimSize(3);
  work.hasConstantWeights = isPackable(problem, op.getFilter());
  work.columns = outputs;
  work.k = window * filter.getDimSize(1);
  work.run = filter.getDimSize(3) * filter.getDimSize(1);
  bool isPointwise =
      !isDepthwise && window == 1 && llvm::all_of(op.getStrides(), [](int64_t stride) { return stride == 1; });
  if (isPointwise) { // Every pixel is a row of a matrix.
    work.kind = Workload::Kind::Contract;
    work.rows = multiply(y.getShape().drop_back());
    return;
  }
  work.kind = isDepthwise ? Workload::Kind::DepthwiseConv : Workload::Kind::Conv;
  work.lines = multiply(y.getShape().take_front(2));
  work.rows = y.getDimSize(2);
}

static void describePad(graph::PadOp op, Workload &work) {
  RankedTensorType y = typeOf(op.getY());
  if (y.getRank() != 4 || op.getMode() != graph::PadMode::constant || op.getValue() || !op.getAmounts())
    return;
  ArrayRef<AffineExpr> amounts = op.getAmounts()->getMap().getResults();
  for (auto [i, expr] : llvm::enumerate(amounts)) {
    auto amount = dyn_cast<AffineConstantExpr>(expr);
    bool isSpatial = i % 4 == 1 || i % 4 == 2;
    if (!amount || amount.getValue() < 0 || (!isSpatial && amount.getValue() != 0))
      return;
  }
  work.kind = Workload::Kind::Pad;
  work.lines = multiply(y.getShape().take_front(2));
  work.rows = y.getDimSize(2);
  work.columns = y.getDimSize(3);
}

Workload lathe::describe(const Problem &problem) {
  Workload work;
  auto isF32 = [](Type type) { return getElementTypeOrSelf(type).isF32(); };
  work.isF32 =
      llvm::all_of(problem.root->getOperandTypes(), isF32) && llvm::all_of(problem.root->getResultTypes(), isF32);
  if (auto matmul = dyn_cast<graph::MatmulOp>(problem.root))
    describeMatmul(problem, matmul, work);
  else if (auto conv = dyn_cast<graph::ConvOp>(problem.root))
    describeConv(problem, conv, work);
  else if (auto pad = dyn_cast<graph::PadOp>(problem.root))
    describePad(pad, work);
  return work;
}

Operation *lathe::findKeptRoot(kernel::FuncOp kernel, Workload::Kind kind, bool packs) {
  Operation *root = nullptr;
  for (Operation &op : kernel.getBody().front())
    if (isa<graph::GraphDialect>(op.getDialect()))
      root = &op;
  if (root) {
    Workload work = describe({kernel, root});
    if (work.kind == kind && work.isF32 && (!packs || work.hasConstantWeights))
      return root;
  }
  kernel.emitOpError("strategy ") << kernel.getStrategy()->getName() << " cannot compute "
                                  << (root ? root->getName().getStringRef() : "a kernel without a root")
                                  << " as it is here; remove the strategy to have one chosen "
                                     "[strategy-unfit]";
  return nullptr;
}
