// dialects/Graph/RecurrentOps.cpp: what must hold of recurrent layers, and their shapes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Recurrent.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

#include "dialects/Graph/RecurrentEnums.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Graph/RecurrentOps.cpp.inc"

namespace lathe::graph {

std::optional<Activation> findActivation(StringRef name) {
  for (auto [position, known] : llvm::enumerate(activationNames))
    if (known == name)
      return static_cast<Activation>(position);
  return std::nullopt;
}

namespace {

/// An operand with the expected dims. Entries that are null say nothing.
struct Expected {
  Value operand;
  StringRef name;
  Dims dims;
};

int64_t directionsOf(Direction direction) { return direction == Direction::bidirectional ? 2 : 1; }

template <typename OpT> LogicalResult verifyLists(OpT op) {
  // rnn_c3, gru_c3, lstm_c3
  size_t expected = OpT::numFunctions * directionsOf(op.getDirection());
  if (op.getActivations().size() != expected || op.getAlphas().size() != expected || op.getBetas().size() != expected)
    return op.emitOpError() << "has " << op.getActivations().size() << " activations, " << op.getAlphas().size()
                            << " alphas and " << op.getBetas().size() << " betas, but the cell needs " << expected
                            << " of each [graph-recurrent-lists]";
  for (auto name : op.getActivations().template getAsRange<StringAttr>())
    if (!findActivation(name))
      return op.emitOpError() << "has the activation " << name << ", but those that there are are "
                              << llvm::join(llvm::ArrayRef(activationNames), ", ") << " [graph-recurrent-lists]";
  return success();
}

LogicalResult checkRanks(Operation *op, ArrayRef<Expected> operands) {
  // rnn_c1, gru_c1, lstm_c1
  for (const Expected &expected : operands) {
    if (!expected.operand)
      continue;
    int64_t rank = cast<RankedTensorType>(expected.operand.getType()).getRank();
    if (rank != static_cast<int64_t>(expected.dims.size()))
      return op->emitOpError() << "'" << expected.name << "' has rank " << rank << ", but " << expected.dims.size()
                               << " is expected [graph-shape-mismatch]";
  }
  return success();
}

/// Infers the results of all three layers. `states` are the initial states and
/// `peepholes` those of an LSTM.
template <typename OpT>
LogicalResult infer(OpT op, ShapeSolver &solver, SmallVectorImpl<Dims> &results,
                    ArrayRef<std::pair<Value, StringRef>> states, Value peepholes = {}) {
  Dims three(3), two(2), one(1);
  SmallVector<Expected> ranks = {{op.getX(), "x", three},           {op.getW(), "w", three},
                                 {op.getR(), "r", three},           {op.getB(), "b", two},
                                 {op.getLengths(), "lengths", one}, {peepholes, "peepholes", two}};
  for (auto [state, name] : states)
    ranks.push_back({state, name, three});
  if (failed(checkRanks(op, ranks)))
    return failure();
  Dims x = solver.dims(op.getX()), r = solver.dims(op.getR());
  AffineExpr directions = solver.constant(directionsOf(op.getDirection())), batch = x[1], hidden = r[2];
  auto times = [&](int64_t factor) { return solver.simplify(hidden * factor); };
  // rnn_c1, gru_c1, lstm_c1, rnn_c2, gru_c2, lstm_c2
  SmallVector<Expected> operands = {
      {op.getW(), "w", {directions, times(OpT::numGates), x[2]}},
      {op.getR(), "r", {directions, times(OpT::numGates), hidden}},
      {op.getB(), "b", {directions, times(2 * OpT::numGates)}},
      {op.getLengths(), "lengths", {x[1]}},
      {peepholes, "peepholes", {directions, times(3)}},
  };
  for (auto [state, name] : states)
    operands.push_back({state, name, {directions, x[1], hidden}});
  for (const Expected &expected : operands) {
    if (!expected.operand)
      continue;
    for (auto [i, have, want] : llvm::enumerate(solver.dims(expected.operand), expected.dims)) {
      FailureOr<AffineExpr> both = solver.unify(
          op, have, want, "dim " + Twine(i) + " of '" + expected.name + "' and what the layer's sizes ask for");
      if (failed(both))
        return failure();
      // What a state or the lengths say of an open batch holds for the results.
      if (want == x[1] && isa<AffineConstantExpr>(*both))
        batch = *both;
    }
  }
  results.push_back({x[0], directions, batch, hidden});
  results.append(states.size(), {directions, batch, hidden});
  return success();
}

} // namespace

LogicalResult RnnOp::verify() { return verifyLists(*this); }
LogicalResult GruOp::verify() { return verifyLists(*this); }
LogicalResult LstmOp::verify() { return verifyLists(*this); }

LogicalResult RnnOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return infer(*this, solver, results, {{getH0(), "h"}});
}

LogicalResult GruOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return infer(*this, solver, results, {{getH0(), "h"}});
}

LogicalResult LstmOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return infer(*this, solver, results, {{getH0(), "h"}, {getC0(), "c"}}, getPeepholes());
}

} // namespace lathe::graph
