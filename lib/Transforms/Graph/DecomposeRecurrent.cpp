// lib/Transforms/Graph/DecomposeRecurrent.cpp: recurrent layers as one product over all steps and a loop over the rest.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Recurrent.h"
#include "lathe/Transforms/Graph/Passes.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_DECOMPOSERECURRENTPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// Makes ops whose shapes are known to fit: the layer's verifier has seen them.
class Emitter {
public:
  Emitter(Operation *op, ShapeSolver &solver) : b(op), loc(op->getLoc()), solver(solver) {}

  AffineExpr fixed(int64_t n) { return solver.constant(n); }
  Dims dims(Value x) { return solver.dims(x); }
  Type element(Value x) { return getElementTypeOrSelf(x.getType()); }
  DimsAttr attr(ArrayRef<AffineExpr> exprs) { return DimsAttr::get(b.getContext(), solver.map(exprs)); }

  Value cast(Value x, Type type) {
    if (!x || element(x) == type)
      return x;
    return CastOp::create(b, loc, solver.type(dims(x), type), x);
  }
  Value reshape(Value x, const Dims &shape) {
    if (dims(x) == shape)
      return x;
    return ReshapeOp::create(b, loc, solver.type(shape, element(x)), x, Value());
  }
  /// `size` elements of dimension `axis` from `start` on.
  Value slice(Value x, int64_t axis, AffineExpr start, AffineExpr size, int64_t step = 1) {
    Dims shape = dims(x);
    if (shape[axis] == size && step == 1)
      return x;
    shape[axis] = size;
    return SliceOp::create(b, loc, solver.type(shape, element(x)), x, Value(), Value(), ArrayRef<int64_t>(axis),
                           ArrayRef<int64_t>(step), attr({solver.simplify(start)}));
  }
  /// Part `index` of dimension 0, without that dimension.
  Value part(Value x, int64_t index) {
    Dims shape = dims(x);
    shape.erase(shape.begin());
    return reshape(slice(x, 0, fixed(index), fixed(1)), shape);
  }
  Value transpose(Value x) {
    Dims shape = dims(x);
    std::swap(shape[0], shape[1]);
    return TransposeOp::create(b, loc, solver.type(shape, element(x)), x, ArrayRef<int64_t>{1, 0});
  }
  Value matmul(Value x, Value y) {
    return MatmulOp::create(b, loc, solver.type({dims(x)[0], dims(y)[1]}, element(x)), x, y);
  }
  Value concat(ArrayRef<Value> xs, int64_t axis) {
    if (xs.size() == 1)
      return xs[0];
    Dims shape = dims(xs[0]);
    for (Value x : xs.drop_front())
      shape[axis] = shape[axis] + dims(x)[axis];
    shape[axis] = solver.simplify(shape[axis]);
    return ConcatOp::create(b, loc, solver.type(shape, element(xs[0])), xs, axis);
  }
  Value gather(Value x, Value index) {
    Dims shape = dims(x);
    shape.erase(shape.begin());
    return GatherOp::create(b, loc, solver.type(shape, element(x)), x, index, 0);
  }
  Value scalar(Type type, double value) {
    auto tensor = RankedTensorType::get({}, type);
    Attribute entry;
    if (auto integer = dyn_cast<IntegerType>(type))
      entry = IntegerAttr::get(type, APInt(integer.getWidth(), static_cast<int64_t>(value), /*isSigned=*/true));
    else
      entry = FloatAttr::get(type, value);
    return ConstantOp::create(b, loc, tensor, DenseElementsAttr::get(tensor, entry));
  }
  Value zeros(const Dims &shape, Type type) {
    return BroadcastOp::create(b, loc, solver.type(shape, type), scalar(type, 0), Value(), false);
  }
  /// A size as a scalar of i64.
  Value size(AffineExpr expr) {
    Type i64 = b.getI64Type();
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return scalar(i64, static_cast<double>(constant.getValue()));
    return DimValuesOp::create(b, loc, RankedTensorType::get({}, i64), attr({expr}));
  }
  /// Elementwise ops with the type of `x`, to which `y` broadcasts.
  template <typename OpT> Value binary(Value x, Value y) { return OpT::create(b, loc, x.getType(), x, y); }
  Value add(Value x, Value y) { return binary<AddOp>(x, y); }
  Value sub(Value x, Value y) { return binary<SubOp>(x, y); }
  Value mul(Value x, Value y) { return binary<MulOp>(x, y); }
  Value add(Value x, double y) { return add(x, scalar(element(x), y)); }
  Value mul(Value x, double y) { return mul(x, scalar(element(x), y)); }
  Value oneMinus(Value x) { return SubOp::create(b, loc, x.getType(), scalar(element(x), 1), x); }
  template <typename OpT, typename... Args> Value unary(Value x, Args... args) {
    return OpT::create(b, loc, x.getType(), x, args...);
  }

  Value activate(Activation kind, double alpha, double beta, double clip, Value x) {
    auto number = [&](double value) { return b.getF64FloatAttr(value); };
    if (clip != 0)
      x = binary<MaxOp>(binary<MinOp>(x, scalar(element(x), clip)), scalar(element(x), -clip));
    switch (kind) {
    case Activation::relu:
      return unary<ReluOp>(x);
    case Activation::tanh:
      return unary<TanhOp>(x);
    case Activation::sigmoid:
      return unary<SigmoidOp>(x);
    case Activation::affine:
      return add(mul(x, alpha), beta);
    case Activation::leakyRelu:
      return unary<LeakyReluOp>(x, number(alpha));
    case Activation::thresholdedRelu:
      return unary<ThresholdedReluOp>(x, number(alpha));
    case Activation::scaledTanh:
      return mul(unary<TanhOp>(mul(x, beta)), alpha);
    case Activation::hardSigmoid:
      return unary<HardSigmoidOp>(x, number(alpha), number(beta));
    case Activation::elu:
      return unary<EluOp>(x, number(alpha));
    case Activation::softsign:
      return unary<SoftsignOp>(x);
    case Activation::softplus:
      return unary<SoftplusOp>(x);
    }
    llvm_unreachable("an activation that is not in the enum");
  }

  OpBuilder b;
  Location loc;
  ShapeSolver &solver;
};

/// What the recurrence of one direction needs besides its states.
struct Weights {
  Value r;         ///< [H, gates H]: transposed, ready to be multiplied.
  Value rb;        ///< [gates H], only where it cannot be added beforehand.
  Value peepholes; ///< [3 H] or null.
  /// Makes the value of function `index` of the cell.
  std::function<Value(unsigned index, Value x)> activate;
};

/// Gate `index` of [batch, gates H].
Value gate(Emitter &e, Value gates, int64_t index, AffineExpr hidden, int64_t count = 1) {
  return e.slice(gates, 1, e.solver.simplify(hidden * index), e.solver.simplify(hidden * count));
}

/// The new states from the step's part of the product with `w`, with biases.
SmallVector<Value> step(RnnOp, Emitter &e, const Weights &weights, Value x, ValueRange states, AffineExpr) {
  return {weights.activate(0, e.add(e.matmul(states[0], weights.r), x))};
}

SmallVector<Value> step(GruOp op, Emitter &e, const Weights &weights, Value x, ValueRange states, AffineExpr hidden) {
  Value h = states[0], update, reset, candidate;
  if (op.getLinearBeforeReset()) {
    Value product = e.matmul(h, weights.r);
    if (weights.rb)
      product = e.add(product, weights.rb);
    Value both = weights.activate(0, e.add(gate(e, product, 0, hidden, 2), gate(e, x, 0, hidden, 2)));
    update = gate(e, both, 0, hidden);
    reset = gate(e, both, 1, hidden);
    candidate = e.add(e.mul(reset, gate(e, product, 2, hidden)), gate(e, x, 2, hidden));
  } else {
    Value rows = gate(e, weights.r, 0, hidden, 2);
    Value both = weights.activate(0, e.add(e.matmul(h, rows), gate(e, x, 0, hidden, 2)));
    update = gate(e, both, 0, hidden);
    reset = gate(e, both, 1, hidden);
    candidate = e.add(e.matmul(e.mul(reset, h), gate(e, weights.r, 2, hidden)), gate(e, x, 2, hidden));
  }
  candidate = weights.activate(1, candidate);
  return {e.add(e.mul(e.oneMinus(update), candidate), e.mul(update, h))};
}

SmallVector<Value> step(LstmOp op, Emitter &e, const Weights &weights, Value x, ValueRange states, AffineExpr hidden) {
  Value h = states[0], c = states[1];
  Value gates = e.add(e.matmul(h, weights.r), x);
  auto peep = [&](Value value, int64_t index, Value cell) {
    if (!weights.peepholes)
      return value;
    Value p = e.slice(weights.peepholes, 0, e.solver.simplify(hidden * index), hidden);
    return e.add(value, e.mul(cell, p));
  };
  Value input = weights.activate(0, peep(gate(e, gates, 0, hidden), 0, c));
  Value forget = op.getInputForget() ? e.oneMinus(input) : weights.activate(0, peep(gate(e, gates, 2, hidden), 2, c));
  Value candidate = weights.activate(1, gate(e, gates, 3, hidden));
  Value next = e.add(e.mul(forget, c), e.mul(input, candidate));
  Value output = weights.activate(0, peep(gate(e, gates, 1, hidden), 1, next));
  // The state is no argument of a gate: the bound on these is not for it.
  return {e.mul(output, weights.activate(2, next)), next};
}

/// With `linear_before_reset` the reset gate multiplies the last third of the
/// recurrent bias, which then cannot be added beforehand.
bool keepsRecurrentBias(RnnOp) { return false; }
bool keepsRecurrentBias(GruOp op) { return op.getLinearBeforeReset(); }
bool keepsRecurrentBias(LstmOp) { return false; }

Value peepholesOf(RnnOp) { return {}; }
Value peepholesOf(GruOp) { return {}; }
Value peepholesOf(LstmOp op) { return op.getPeepholes(); }

SmallVector<Value> initialStates(RnnOp op) { return {op.getH0()}; }
SmallVector<Value> initialStates(GruOp op) { return {op.getH0()}; }
SmallVector<Value> initialStates(LstmOp op) { return {op.getH0(), op.getC0()}; }

template <typename OpT> class Decomposition {
public:
  Decomposition(OpT op, ShapeSolver &solver, int64_t unrollLimit)
      : op(op), e(op, solver), compute(getAccumulatorType(op.getX().getType().getElementType())),
        unrollLimit(unrollLimit) {
    // The result knows more of the batch than `x` where a state fixes it.
    Dims y = e.dims(op.getY());
    steps = y[0];
    batch = y[2];
    hidden = y[3];
  }

  void run() {
    bool isBidirectional = op.getDirection() == Direction::bidirectional;
    SmallVector<Value> sequences;
    SmallVector<SmallVector<Value>> states(op->getNumResults() - 1);
    for (int64_t direction = 0; direction <= isBidirectional; ++direction) {
      bool isReverse = direction == 1 || op.getDirection() == Direction::reverse;
      SmallVector<Value> last = runDirection(direction, isReverse);
      sequences.push_back(e.reshape(last.pop_back_val(), {steps, e.fixed(1), batch, hidden}));
      for (auto [list, state] : llvm::zip_equal(states, last))
        list.push_back(e.reshape(state, {e.fixed(1), batch, hidden}));
    }
    Type element = op.getX().getType().getElementType();
    SmallVector<Value> results = {e.cast(e.concat(sequences, 1), element)};
    for (ArrayRef<Value> list : states)
      results.push_back(e.cast(e.concat(list, 0), element));
    op->replaceAllUsesWith(results);
    op->erase();
  }

private:
  Value prepare(Value x, int64_t direction) { return x ? e.part(e.cast(x, compute), direction) : Value(); }

  /// The product of all steps with `w`, and what of the biases can be added:
  /// [steps, batch, gates H].
  Value project(int64_t direction, Value &rb) {
    Dims x = e.dims(op.getX());
    Value w = e.transpose(prepare(op.getW(), direction));
    Value rows = e.reshape(e.cast(op.getX(), compute), {e.solver.product({steps, batch}), x[2]});
    Value product = e.matmul(rows, w);
    if (Value bias = prepare(op.getB(), direction)) {
      AffineExpr half = e.solver.simplify(hidden * OpT::numGates);
      Value wb = e.slice(bias, 0, e.fixed(0), half);
      rb = e.slice(bias, 0, half, half);
      if (!keepsRecurrentBias(op)) {
        wb = e.add(wb, rb);
        rb = {};
      }
      product = e.add(product, wb);
    }
    return e.reshape(product, {steps, batch, e.solver.simplify(hidden * OpT::numGates)});
  }

  /// The last states, then the first state after every step, [steps, batch, H].
  SmallVector<Value> runDirection(int64_t direction, bool isReverse) {
    Weights weights;
    Value projected = project(direction, weights.rb);
    // The weights say the size of a state several times; from here on it is one.
    weights.r =
        e.reshape(e.transpose(prepare(op.getR(), direction)), {hidden, e.solver.simplify(hidden * OpT::numGates)});
    weights.peepholes = prepare(peepholesOf(op), direction);
    size_t first = direction * OpT::numFunctions;
    double clip = op.getClip().convertToDouble();
    auto activate = [&](unsigned index, Value x) {
      size_t i = first + index;
      // The function of an LSTM's state is the only one that takes no sum.
      bool isClipped = index < 2;
      return e.activate(*findActivation(cast<StringAttr>(op.getActivations()[i])), op.getAlphas()[i], op.getBetas()[i],
                        isClipped ? clip : 0, x);
    };
    weights.activate = activate;
    SmallVector<Value> states;
    for (Value state : initialStates(op))
      states.push_back(state ? e.reshape(prepare(state, direction), {batch, hidden})
                             : e.zeros({batch, hidden}, compute));
    Value lengths;
    if (op.getLengths())
      lengths = e.reshape(e.cast(op.getLengths(), e.b.getI64Type()), {batch, e.fixed(1)});
    auto fixed = dyn_cast<AffineConstantExpr>(steps);
    bool isShort = fixed && fixed.getValue() <= unrollLimit && fixed.getValue() > 0;
    SmallVector<Value> results = isShort ? unroll(fixed.getValue(), isReverse, projected, states, weights, lengths)
                                         : loop(isReverse, projected, states, weights, lengths);
    // A row without steps has no state in the end either.
    if (lengths)
      for (Value &state : MutableArrayRef(results).drop_back())
        state = selectRows(e.scalar(e.b.getI64Type(), 0), lengths, state, e.scalar(compute, 0));
    return results;
  }

  /// `x` in the rows that are longer than `time`, else `other`.
  Value selectRows(Value time, Value lengths, Value x, Value other) {
    Value takesPart = LessOp::create(e.b, e.loc, e.solver.type({batch, e.fixed(1)}, e.b.getI1Type()), time, lengths);
    return SelectOp::create(e.b, e.loc, x.getType(), takesPart, x, other);
  }

  /// One step at time `time`, a scalar: the states, then what `y` gets.
  SmallVector<Value> runStep(Value x, Value time, ValueRange states, const Weights &weights, Value lengths) {
    SmallVector<Value> next = step(op, e, weights, x, states, hidden);
    Value y = next[0];
    if (lengths) {
      for (auto [value, old] : llvm::zip_equal(next, states))
        value = selectRows(time, lengths, value, old);
      y = selectRows(time, lengths, y, e.scalar(compute, 0));
    }
    next.push_back(y);
    return next;
  }

  SmallVector<Value> unroll(int64_t count, bool isReverse, Value projected, SmallVector<Value> states,
                            const Weights &weights, Value lengths) {
    SmallVector<Value> ys(count);
    for (int64_t i = 0; i < count; ++i) {
      int64_t time = isReverse ? count - 1 - i : i;
      Value clock = lengths ? e.scalar(e.b.getI64Type(), static_cast<double>(time)) : Value();
      states = runStep(e.part(projected, time), clock, states, weights, lengths);
      ys[time] = e.reshape(states.pop_back_val(), {e.fixed(1), batch, hidden});
    }
    states.push_back(e.concat(ys, 0));
    return states;
  }

  SmallVector<Value> loop(bool isReverse, Value projected, SmallVector<Value> states, const Weights &weights,
                          Value lengths) {
    Type state = e.solver.type({batch, hidden}, compute), i64 = e.b.getI64Type();
    SmallVector<Type> types(states.size(), state);
    types.push_back(e.solver.type({steps, batch, hidden}, compute));
    Value last = isReverse ? e.size(e.solver.simplify(steps - 1)) : Value();
    auto loop = LoopOp::create(e.b, e.loc, types, e.size(steps), Value(), states);
    SmallVector<Type> arguments(states.size() + 1, state);
    arguments[0] = RankedTensorType::get({}, i64);
    OpBuilder::InsertionGuard guard(e.b);
    Block *body = e.b.createBlock(&loop.getBody(), {}, arguments, SmallVector<Location>(arguments.size(), e.loc));
    Value time = body->getArgument(0);
    if (isReverse)
      time = e.sub(last, time);
    SmallVector<Value> next =
        runStep(e.gather(projected, time), time, body->getArguments().drop_front(), weights, lengths);
    YieldOp::create(e.b, e.loc, next);
    e.b.setInsertionPointAfter(loop);
    SmallVector<Value> results(loop.getResults());
    if (isReverse)
      results.back() = e.slice(results.back(), 0, steps - 1, steps, -1);
    return results;
  }

  OpT op;
  Emitter e;
  Type compute;
  int64_t unrollLimit;
  AffineExpr steps, batch, hidden;
};

struct DecomposeRecurrentPass final : impl::DecomposeRecurrentPassBase<DecomposeRecurrentPass> {
  using DecomposeRecurrentPassBase::DecomposeRecurrentPassBase;

  void runOnOperation() override {
    ShapeSolver solver(getOperation());
    SmallVector<Operation *> layers;
    getOperation().walk([&](Operation *op) {
      if (isa<RnnOp, GruOp, LstmOp>(op))
        layers.push_back(op);
    });
    for (Operation *layer : layers) {
      if (auto rnn = dyn_cast<RnnOp>(layer))
        Decomposition<RnnOp>(rnn, solver, unrollLimit).run();
      else if (auto gru = dyn_cast<GruOp>(layer))
        Decomposition<GruOp>(gru, solver, unrollLimit).run();
      else
        Decomposition<LstmOp>(cast<LstmOp>(layer), solver, unrollLimit).run();
    }
    if (!layers.empty())
      solver.commit();
  }
};

} // namespace
} // namespace lathe::graph
