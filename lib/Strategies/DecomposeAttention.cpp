// lib/Strategies/DecomposeAttention.cpp: attention as products and a softmax, for targets that compute it so.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Attention.h"
#include "dialects/Kernel/Accuracy.h"
#include "dialects/Kernel/Kernel.h"
#include "dialects/Tile/Tile.h"
#include "lathe/Strategies/Passes.h"
#include "lathe/Strategies/Strategy.h"
#include "lathe/Support/Diagnostics.h"

#include <limits>

using namespace mlir;
using namespace lathe::graph;

namespace lathe {
#define GEN_PASS_DEF_DECOMPOSEATTENTIONPASS
#include "lathe/Strategies/Passes.h.inc"

namespace {

/// Writes out one op, whose verifier has seen that shapes fit. Null values come of errors, which are reported.
class Composition {
public:
  Composition(AttentionOp op, ShapeSolver &solver) : op(op), solver(solver), b(op), loc(op.getLoc()) {}

  Value make() {
    Dims q = op.dimsOf(solver, op.getQ(), 0), k = op.dimsOf(solver, op.getK(), 1);
    Type element = elementOf(op.getQ());
    sums = getAccumulatorType(element);
    Value queries = headsOutside(op.getQ(), 0), values = headsOutside(op.getV(), 2);
    Value keys = create<TransposeOp>(
        element, op.getK(), op.getHeadsInside()[1] ? ArrayRef<int64_t>{0, 2, 3, 1} : ArrayRef<int64_t>{0, 1, 3, 2});
    // Queries that share keys are rows of one matrix.
    // Where their numbers are open, they are one number, which is checked.
    bool isShared = q[1] != k[1] && isa<AffineConstantExpr>(q[1]) && isa<AffineConstantExpr>(k[1]);
    AffineExpr heads = isShared ? k[1] : q[1];
    AffineExpr rows = isShared ? solver.divide(solver.product({q[1], q[2]}), heads) : q[2];
    queries = reshape(queries, {q[0], heads, rows, q[3]});
    Value scores = create<MatmulOp>(sums, queries, keys);
    scores = mask(reshape(scores, {q[0], q[1], q[2], k[2]}), q[2], k[2]);
    Value weights = create<SoftmaxOp>(sums, scores, int64_t(3), /*log=*/false);
    if (op.getZeroRows()) {
      Value most = create<ReduceOp>(sums, scores, ReduceKind::max, ArrayRef<int64_t>{3}, /*keep_dims=*/true);
      Value none = create<EqualOp>(b.getI1Type(), most, scalar(-std::numeric_limits<double>::infinity()));
      weights = create<SelectOp>(sums, none, scalar(0), weights);
    }
    weights = reshape(cast(weights, element), {q[0], heads, rows, k[2]});
    // What the operands leave open, the result may know from one of them.
    Dims result = solver.dims(op.getResult());
    if (op.getHeadsInside()[3])
      std::swap(result[1], result[2]);
    Value y = reshape(create<MatmulOp>(element, weights, values), result);
    return op.getHeadsInside()[3] ? create<TransposeOp>(element, y, ArrayRef<int64_t>{0, 2, 1, 3}) : y;
  }

private:
  template <typename OpT, typename... Args> Value create(Type element, Args &&...args) {
    hasFailed = hasFailed || llvm::is_contained(std::initializer_list<bool>{isNull(args)...}, true);
    if (hasFailed)
      return {};
    FailureOr<OpT> made = solver.create<OpT>(b, loc, element, std::forward<Args>(args)...);
    hasFailed = failed(made);
    return hasFailed ? Value() : Value((*made)->getResult(0));
  }
  template <typename T> static bool isNull(const T &arg) {
    if constexpr (std::is_same_v<T, Value>)
      return !arg;
    return false;
  }
  Type elementOf(Value value) { return getElementTypeOrSelf(value.getType()); }
  Value cast(Value x, Type element) { return !x || elementOf(x) == element ? x : create<CastOp>(element, x); }
  Value reshape(Value x, const Dims &dims) {
    if (!x || solver.dims(x) == dims)
      return x;
    return ReshapeOp::create(b, loc, solver.type(dims, elementOf(x)), x, Value());
  }
  Value headsOutside(Value x, unsigned operand) {
    return op.getHeadsInside()[operand] ? create<TransposeOp>(elementOf(x), x, ArrayRef<int64_t>{0, 2, 1, 3}) : x;
  }
  Value scalar(double value) {
    auto type = RankedTensorType::get({}, sums);
    return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, FloatAttr::get(sums, value)));
  }
  Value positions(const Dims &dims, int64_t axis) {
    return IotaOp::create(b, loc, solver.type(dims, b.getI64Type()), axis);
  }

  /// From products to what the softmax takes.
  Value mask(Value scores, AffineExpr queries, AffineExpr keys) {
    auto number = [](const llvm::APFloat &value) { return value.convertToDouble(); };
    if (double scale = number(op.getScale()); scale != 1)
      scores = create<MulOp>(sums, scores, scalar(scale));
    if (double cap = number(op.getSoftcap()); cap > 0)
      scores = create<MulOp>(sums, create<TanhOp>(sums, create<DivOp>(sums, scores, scalar(cap))), scalar(cap));
    if (op.getBias())
      scores = create<AddOp>(sums, scores, cast(op.getBias(), sums));
    double hidden = number(op.getHidden());
    if (op.getMask())
      scores = create<SelectOp>(sums, op.getMask(), scores, scalar(hidden));
    if (op.getCausal()) {
      AffineExpr one = solver.constant(1), offset = op.getCausal()->getMap().getResult(0);
      auto dims = DimsAttr::get(b.getContext(), solver.map({offset}));
      Value first = DimValuesOp::create(b, loc, RankedTensorType::get({1}, b.getI64Type()), dims);
      Value last = create<AddOp>(b.getI64Type(), positions({queries, one}, 0), first);
      Value seen = create<LessEqualOp>(b.getI1Type(), positions({one, keys}, 1), last);
      scores = create<SelectOp>(sums, seen, scores, scalar(hidden));
    }
    return scores;
  }

  AttentionOp op;
  ShapeSolver &solver;
  OpBuilder b;
  Location loc;
  Type sums;
  bool hasFailed = false;
};

struct DecomposeAttentionPass final : impl::DecomposeAttentionPassBase<DecomposeAttentionPass> {
  using DecomposeAttentionPassBase::DecomposeAttentionPassBase;

  void runOnOperation() override {
    SmallVector<AttentionOp> ops;
    getOperation().walk([&](AttentionOp op) { ops.push_back(op); });
    if (ops.empty())
      return;
    Diagnostics diagnostics;
    bool isForAll = target.empty();
    std::optional<Target> on = isForAll ? std::nullopt : Target::parse(target.getValue(), diagnostics);
    if (!on && !isForAll) {
      getOperation().emitError(diagnostics.text());
      return signalPassFailure();
    }
    bool isStrict = kernel::isMarked(getOperation(), kernel::KernelDialect::strictAttrName),
         hasTf32 = kernel::isMarked(getOperation(), kernel::tf32AttrName);
    ShapeSolver solver(getOperation());
    for (AttentionOp op : ops) {
      std::string reasons;
      if (hasTf32)
        op->setAttr(kernel::tf32AttrName, UnitAttr::get(&getContext()));
      if (isStrict && on)
        reasons = "the accuracy 'strict' wants weights that are summed up as the model says";
      if (!isStrict && on && chooseStrategy({op}, *on, &reasons).strategy != getStrategies(*on).back())
        continue;
      if (!reasons.empty())
        op.emitRemark() << "attention is computed for '" << on->str() << "' with its scores in memory: " << reasons
                        << " [strategy-attention]";
      Value y = Composition(op, solver).make();
      if (!y)
        return signalPassFailure();
      op.getResult().replaceAllUsesWith(y);
      op.erase();
      ++numDecomposed;
    }
    solver.commit();
  }
};

} // namespace
} // namespace lathe
