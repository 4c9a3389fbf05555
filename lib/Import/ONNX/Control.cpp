// lib/Import/ONNX/Control.cpp: branches and loops, whose bodies are graphs of
// their own.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Messages.h"
#include "Import/Core/Node.h"
#include "Loops.h"
#include "OpTable.h"
#include "Sequence.h"

#include "mlir/IR/Verifier.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Twine;
using mlir::AffineExpr;
using mlir::RankedTensorType;

namespace {

/// Values of the model as what regions hand on: static sequences are their
/// elements, empty optionals nothing.
struct Flattened {
  static constexpr int64_t tensor = -1, absent = -2;

  SmallVector<Value> tensors;
  /// For each value: `tensor`, `absent`, or the length of a sequence.
  SmallVector<int64_t> structure;
  /// Of sequences, which may have no elements.
  SmallVector<Type> elements;
};

} // namespace

static Flattened flatten(ArrayRef<Value> values) {
  Flattened result;
  for (Value value : values) {
    result.elements.push_back({});
    if (!value) {
      result.structure.push_back(Flattened::absent);
    } else if (!isStatic(value)) {
      result.structure.push_back(Flattened::tensor);
      result.tensors.push_back(value);
    } else {
      result.structure.push_back(elementsOf(value).size());
      result.elements.back() = elementTypeOf(value);
      llvm::append_range(result.tensors, elementsOf(value));
    }
  }
  return result;
}

/// The values that `tensors` stand for.
static SmallVector<Value> restore(Node &node, const Flattened &shape, mlir::ValueRange tensors) {
  SmallVector<Value> result;
  for (auto [length, element] : llvm::zip_equal(shape.structure, shape.elements)) {
    if (length == Flattened::absent) {
      result.push_back({});
    } else if (length == Flattened::tensor) {
      result.push_back(tensors.front());
      tensors = tensors.drop_front();
    } else {
      result.push_back(makeSequence(node, element, SmallVector<Value>(tensors.take_front(length))));
      tensors = tensors.drop_front(length);
    }
  }
  return result;
}

static void setOutputs(Node &node, ArrayRef<Value> values) {
  for (auto [index, value] : llvm::enumerate(values)) {
    node.setOutput(index, value);
    if (!value && !node.failed())
      node.setEmpty(index);
  }
}

/// The value of a condition that is known at compile time.
static std::optional<bool> knownCondition(Node &node, Value condition) {
  std::optional<Dims> contents = node.solver().contents(condition);
  if (!contents || contents->size() != 1)
    return std::nullopt;
  auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(contents->front());
  return fixed ? std::optional<bool>(fixed.getValue() != 0) : std::nullopt;
}

/// Rank and element type, for messages.
static std::string describeKind(Value value) {
  if (auto type = mlir::dyn_cast<RankedTensorType>(value.getType()))
    return importer::describeElement(type.getElementType()) + " of rank " + std::to_string(type.getRank());
  std::string text;
  llvm::raw_string_ostream(text) << value.getType();
  return text;
}

/// Requires one element, as conditions and trip counts have; of open sizes the call is checked, and they become 1.
static bool checkScalar(Node &node, Value &value, llvm::StringRef what) {
  if (node.failed() || !value)
    return !node.failed();
  if (mlir::isa<RankedTensorType>(value.getType()))
    for (int64_t i = 0, rank = node.rank(value); i < rank; ++i)
      value = node.withDim(value, i, 1, "the elements of '" + what + "' and 1");
  auto type = mlir::dyn_cast<RankedTensorType>(value.getType());
  if (type && type.hasStaticShape() && type.getNumElements() == 1)
    return true;
  node.error("onnx-shape-mismatch", "'" + what + "' must have one element, but is " +
                                        (type && !type.hasStaticShape() ? "of an open size" : describeKind(value)))
      .note("give a scalar");
  return false;
}

static Type rankless(Value value) {
  if (graph::isValueType(value.getType()))
    return value.getType();
  return RankedTensorType::get({}, mlir::getElementTypeOrSelf(value.getType()));
}

/// Whether both can be one value that regions hand on, up to sizes.
static bool haveOneKind(Value a, Value b) {
  auto x = mlir::dyn_cast<RankedTensorType>(a.getType()), y = mlir::dyn_cast<RankedTensorType>(b.getType());
  if (!x || !y)
    return a.getType() == b.getType();
  return x.getRank() == y.getRank() && x.getElementType() == y.getElementType();
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

static void reportBranches(Node &node, const Flattened &first, const Flattened &second) {
  for (auto [i, a, b] : llvm::enumerate(first.structure, second.structure)) {
    if (a == b)
      continue;
    auto describe = [](int64_t kind) {
      return kind == Flattened::tensor   ? std::string("a tensor")
             : kind == Flattened::absent ? std::string("an empty optional")
                                         : "a sequence of " + std::to_string(kind);
    };
    node.error("onnx-branch-type", "output " + Twine(i) + " is " + describe(a) + " in 'then_branch', but " +
                                       describe(b) + " in 'else_branch'")
        .note("both branches need values of one kind where the condition is known only at run time");
    return;
  }
  for (auto [i, a, b] : llvm::enumerate(first.tensors, second.tensors)) {
    if (haveOneKind(a, b))
      continue;
    node.error("onnx-branch-type", "output " + Twine(i) + " is " + describeKind(a) + " in 'then_branch', but " +
                                       describeKind(b) + " in 'else_branch'")
        .note("both need one rank and element type where the condition is known only at run time");
    return;
  }
}

/// Whether `first` and `second` can be results of one op at run time.
static bool haveOneType(const Flattened &first, const Flattened &second) {
  return first.structure == second.structure &&
         llvm::all_of(llvm::zip_equal(first.tensors, second.tensors),
                      [&](auto pair) { return haveOneKind(std::get<0>(pair), std::get<1>(pair)); });
}

/// Whether two values can be handed on as they are: static sequences of one length,
/// two tensors, or two values of one type.
static bool staysStatic(Value a, Value b) {
  if (!a || !b || isStatic(a) != isStatic(b))
    return !a && !b;
  if (isStatic(a))
    return elementsOf(a).size() == elementsOf(b).size();
  return !isSequence(a) && !isSequence(b) ? true : a.getType() == b.getType();
}

/// Gives values that differ in kind or length one type that is known at run time.
static void joinBranches(Node &node, graph::IfOp op, SmallVector<Value> (&outputs)[2]) {
  mlir::OpBuilder::InsertionGuard guard(node.builder());
  for (auto [a, b] : llvm::zip_equal(outputs[0], outputs[1])) {
    Type type = staysStatic(a, b) ? Type() : commonType(a, b);
    if (!type)
      continue;
    node.builder().setInsertionPointToEnd(&op.getThenRegion().front());
    a = toRuntime(node.builder(), node.loc, a, type);
    node.builder().setInsertionPointToEnd(&op.getElseRegion().front());
    b = toRuntime(node.builder(), node.loc, b, type);
  }
}

/// A single element may be a scalar in one branch only: what follows broadcasts it, and
/// both get the higher rank.
static void joinSingleElements(Node &node, graph::IfOp op, SmallVector<Value> (&outputs)[2]) {
  auto isSingle = [](Value value) {
    auto type = value ? mlir::dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
    return type && type.hasStaticShape() && type.getNumElements() == 1;
  };
  mlir::OpBuilder::InsertionGuard guard(node.builder());
  for (auto [a, b] : llvm::zip_equal(outputs[0], outputs[1])) {
    if (!isSingle(a) || !isSingle(b) || node.element(a) != node.element(b) || node.rank(a) == node.rank(b))
      continue;
    bool isFirst = node.rank(a) < node.rank(b);
    node.builder().setInsertionPointToEnd(&op->getRegion(isFirst ? 0 : 1).front());
    (isFirst ? a : b) = node.reshape(isFirst ? a : b, node.dims(isFirst ? b : a));
  }
}

/// Exporters squeeze a dim "if it is 1", and what follows has the rank of that
/// branch only. Such a comparison of sizes must then hold: the two that must be
/// equal, and the value that the condition then has.
struct EqualSizes {
  AffineExpr a, b;
  bool condition;
};

static std::optional<EqualSizes> findEqualSizes(Node &node, Value condition) {
  for (bool value = true;;) {
    mlir::Operation *op = condition.getDefiningOp();
    if (!op)
      return std::nullopt;
    if (mlir::isa<graph::EqualOp>(op)) {
      std::optional<Dims> a = node.solver().contents(op->getOperand(0)), b = node.solver().contents(op->getOperand(1));
      if (!a || !b || a->size() != 1 || b->size() != 1)
        return std::nullopt;
      return EqualSizes{a->front(), b->front(), value};
    }
    if (mlir::isa<graph::NotOp>(op))
      value = !value;
    else if (!mlir::isa<graph::CastOp, graph::ReshapeOp>(op))
      return std::nullopt;
    condition = op->getOperand(0);
  }
}

/// Imports the branch that is taken at the place of the node.
static void inlineBranch(Node &node, bool condition) {
  SmallVector<Value> outputs;
  if (node.importGraph(condition ? "then_branch" : "else_branch", {}, outputs, node.numOutputs()))
    setOutputs(node, outputs);
}

static void importIf(Node &node) {
  Value condition = node.input(0);
  size_t count = node.numOutputs();
  if (!checkScalar(node, condition, "cond"))
    return;
  node.ignore({"then_branch", "else_branch"});
  if (std::optional<bool> known = knownCondition(node, condition))
    return inlineBranch(node, *known);
  mlir::OpBuilder &b = node.builder();
  mlir::OpBuilder::InsertionGuard guard(b);
  // Once more where a sequence turns out to be several tensors.
  for (size_t tensors = count;;) {
    graph::ShapeSolver::Mark before = node.solver().mark();
    SmallVector<Type> types(tensors, RankedTensorType::get({}, b.getF32Type()));
    auto op = graph::IfOp::create(b, node.loc, types, condition);
    Flattened branches[2];
    SmallVector<Value> outputs[2];
    llvm::StringRef names[] = {"then_branch", "else_branch"};
    for (unsigned index = 0; index < 2; ++index) {
      b.createBlock(&op->getRegion(index));
      if (!node.importGraph(names[index], {}, outputs[index], count)) {
        if (index == 0) {
          b.createBlock(&op->getRegion(1));
          node.lookInto(names[1]);
        }
        return;
      }
    }
    joinBranches(node, op, outputs);
    joinSingleElements(node, op, outputs);
    for (unsigned index = 0; index < 2; ++index) {
      branches[index] = flatten(outputs[index]);
      b.setInsertionPointToEnd(&op->getRegion(index).front());
      graph::YieldOp::create(b, node.loc, branches[index].tensors);
    }
    b.setInsertionPointAfter(op);
    if (!haveOneType(branches[0], branches[1])) {
      node.solver().rollBack(before);
      if (std::optional<EqualSizes> sizes = findEqualSizes(node, condition)) {
        if (llvm::failed(node.solver().unify(op, sizes->a, sizes->b,
                                             "the branches of an If differ in rank, so the sizes that it compares")))
          node.noteFailure();
        op->erase();
        return inlineBranch(node, sizes->condition);
      }
      return reportBranches(node, branches[0], branches[1]);
    }
    if (branches[0].tensors.size() != tensors) {
      tensors = branches[0].tensors.size();
      op->erase();
      node.solver().rollBack(before);
      continue;
    }
    for (auto [result, value] : llvm::zip_equal(op.getResults(), branches[0].tensors))
      result.setType(rankless(value));
    if (llvm::failed(node.solver().infer(op)) || llvm::failed(mlir::verify(op, /*verifyRecursively=*/false))) {
      node.noteFailure();
      return;
    }
    setOutputs(node, restore(node, branches[0], op.getResults()));
    return;
  }
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

graph::LoopOp onnx_import::makeLoop(Node &node, Value tripCount, Value condition, ArrayRef<Value> inits, size_t scans,
                                    TurnFn makeTurn) {
  if (node.failed())
    return {};
  mlir::OpBuilder &b = node.builder();
  graph::ShapeSolver &solver = node.solver();
  SmallVector<Type> types;
  for (Value init : inits)
    types.push_back(rankless(init));
  types.append(scans, RankedTensorType::get({}, b.getF32Type()));
  bool startsTrue = !condition || knownCondition(node, condition).value_or(false);
  if (!condition)
    condition = node.scalar(b.getI1Type(), 1);
  auto loop = graph::LoopOp::create(b, node.loc, types, tripCount, condition, inits);
  mlir::OpBuilder::InsertionGuard guard(b);
  SmallVector<Type> arguments = {RankedTensorType::get({}, b.getI64Type())};
  for (Value init : inits)
    arguments.push_back(init.getType());
  mlir::Block *body =
      b.createBlock(&loop.getBody(), {}, arguments, SmallVector<mlir::Location>(arguments.size(), node.loc));
  graph::ShapeSolver::Mark before = solver.mark();
  for (;;) {
    std::optional<Turn> turn = makeTurn(body->getArgument(0), body->getArguments().drop_front());
    if (!turn && !node.failed())
      loop.erase();
    if (!turn || node.failed())
      return {};
    if (turn->carried.size() != inits.size()) {
      node.error("onnx-loop-type",
                 "the body carries " + Twine(turn->carried.size()) + " tensors on, but takes " + Twine(inits.size()))
          .note("a sequence that a loop carries needs the same length in every turn");
      return {};
    }
    for (auto [i, init, next] : llvm::enumerate(inits, turn->carried))
      if (!haveOneKind(init, next)) {
        node.error("onnx-loop-type", "carried value " + Twine(i) + " is " + describeKind(init) +
                                         " before the loop, but " + describeKind(next) + " after a turn")
            .note("a carried value needs one rank and element type; its sizes may change");
        return {};
      }
    bool isUnconditional = startsTrue && (!turn->condition || knownCondition(node, turn->condition).value_or(false));
    SmallVector<Value> yielded;
    if (isUnconditional)
      loop.getConditionMutable().clear();
    else {
      if (!checkScalar(node, turn->condition, "cond"))
        return {};
      loop.getConditionMutable().assign(condition);
      yielded.push_back(turn->condition ? turn->condition : node.scalar(b.getI1Type(), 1));
    }
    llvm::append_range(yielded, turn->carried);
    llvm::append_range(yielded, turn->scanned);
    graph::YieldOp::create(b, node.loc, yielded);
    SmallVector<graph::CarriedDim> changing = solver.changingDims(loop);
    if (changing.empty()) {
      for (auto [result, value] : llvm::zip_equal(loop.getResults().drop_front(inits.size()), turn->scanned))
        result.setType(rankless(value));
      break;
    }
    while (!body->empty())
      body->back().erase();
    solver.rollBack(before);
    before = solver.widen(loop, changing);
    b.setInsertionPointToStart(body);
  }
  if (llvm::failed(solver.infer(loop)) || llvm::failed(mlir::verify(loop, /*verifyRecursively=*/false))) {
    node.noteFailure();
    return {};
  }
  return loop;
}

namespace {

/// What one turn makes of values of the model; see `Turn`.
struct ModelTurn {
  Value condition;
  SmallVector<Value> carried, scanned;
};

using ModelTurnFn = llvm::function_ref<std::optional<ModelTurn>(Value index, ArrayRef<Value> carried)>;

} // namespace

/// Builds a loop that carries values of the model and gives what it has at the end, then the
/// stacked scan outputs. A static sequence that changes its length from turn to turn, or an
/// optional that is there in some turns only, becomes one that is known at run time.
static std::optional<SmallVector<Value>> loopOver(Node &node, Value tripCount, Value condition,
                                                  SmallVector<Value> initial, size_t scans, ModelTurnFn makeModelTurn) {
  while (!node.failed()) {
    Flattened inits = flatten(initial);
    SmallVector<Type> wider(initial.size());
    bool again = false;
    auto makeTurn = [&](Value index, mlir::ValueRange carried) -> std::optional<Turn> {
      SmallVector<Value> before = restore(node, inits, carried);
      std::optional<ModelTurn> made = makeModelTurn(index, before);
      if (!made)
        return std::nullopt;
      for (auto [i, old, next] : llvm::enumerate(before, made->carried)) {
        if (staysStatic(old, next))
          continue;
        Type type = commonType(old, next);
        if (!type) {
          bool isOneKind = old && next && isSequence(old) == isSequence(next);
          node.error("onnx-loop-type", "carried value " + Twine(i) +
                                           (isOneKind ? " is a sequence or optional value of another type after a turn"
                                                      : " is a sequence or optional value before the loop or after a "
                                                        "turn, but not both"))
              .note("a carried value needs one kind and element type");
          return std::nullopt;
        }
        if (old && old.getType() == type)
          next = toRuntime(node.builder(), node.loc, next, type);
        else
          wider[i] = type, again = true;
      }
      if (again)
        return std::nullopt;
      return Turn{made->condition, flatten(made->carried).tensors, std::move(made->scanned)};
    };
    graph::ShapeSolver::Mark mark = node.solver().mark();
    graph::LoopOp loop = makeLoop(node, tripCount, condition, inits.tensors, scans, makeTurn);
    if (loop) {
      SmallVector<Value> results = restore(node, inits, loop.carriedResults());
      llvm::append_range(results, loop.scanResults());
      return results;
    }
    if (!again)
      return std::nullopt;
    node.solver().rollBack(mark);
    for (auto [value, type] : llvm::zip_equal(initial, wider))
      if (type)
        value = toRuntime(node.builder(), node.loc, value, type);
  }
  return std::nullopt;
}

static void importLoop(Node &node) {
  const GraphAttribute *body = node.graph("body");
  Value tripCount = node.input(0), condition = node.input(1);
  if (!body || !checkScalar(node, tripCount, "M") || !checkScalar(node, condition, "cond"))
    return;
  if (body->numInputs < 2 || body->numInputs < node.inputs().size()) {
    node.error("onnx-subgraph-arity", "attribute 'body' is a graph with " + Twine(body->numInputs) +
                                          " inputs, but the node gives it " +
                                          Twine(std::max<size_t>(node.inputs().size(), 2)))
        .note("export the model again");
    return;
  }
  size_t carriedCount = body->numInputs - 2;
  SmallVector<Value> initial;
  for (size_t i = 0; i < carriedCount; ++i)
    initial.push_back(node.input(2 + i));
  size_t outputs = node.numOutputs();
  if (outputs < carriedCount) {
    node.error("onnx-arity", "has " + Twine(outputs) + " outputs, but " + Twine(carriedCount) + " carried values")
        .note("export the model again");
    return;
  }
  auto makeTurn = [&](Value index, ArrayRef<Value> carried) -> std::optional<ModelTurn> {
    SmallVector<Value> inputs = {index, node.scalar(node.builder().getI1Type(), 1)}, results;
    llvm::append_range(inputs, carried);
    if (!node.importGraph("body", inputs, results, outputs + 1))
      return std::nullopt;
    if (!results.front()) {
      node.error("onnx-loop-type", "the body's condition is an empty optional").note("give a boolean");
      return std::nullopt;
    }
    auto scanned = ArrayRef(results).drop_front(1 + carriedCount);
    for (Value value : scanned)
      if (!value || isSequence(value)) {
        node.error("onnx-subgraph-output", "a scan output of the body is no tensor").note("return tensors");
        return std::nullopt;
      }
    auto next = ArrayRef(results).slice(1, carriedCount);
    return ModelTurn{results.front(), SmallVector<Value>(next), SmallVector<Value>(scanned)};
  };
  if (auto results = loopOver(node, tripCount, condition, initial, outputs - carriedCount, makeTurn))
    setOutputs(node, *results);
}

void onnx_import::mapAtRunTime(Node &node) {
  const GraphAttribute *body = node.graph("body");
  SmallVector<Value> lists, lengths;
  for (Value input : node.inputs()) {
    lists.push_back(isSequence(input) ? toRuntime(node.builder(), node.loc, input, runtimeType(input)) : input);
    if (isSequence(input))
      lengths.push_back(lengthOf(node, lists.back()));
  }
  for (Value length : ArrayRef(lengths).drop_front())
    node.check(length, node.solver().element(node.builder(), lengths.front(), 0),
               node.solver().element(node.builder(), length, 0), "the lengths of the sequences");
  SmallVector<Value> empty;
  for (size_t i = 0; body && i < node.numOutputs() && i < body->outputElements.size(); ++i) {
    Type element = body->outputElements[i];
    if (!element && !node.failed())
      node.error("onnx-subgraph-output", "output " + Twine(i) + " of the body has no element type")
          .note("declare the types of what the body returns");
    empty.push_back(makeSequence(node, element, {}));
  }
  if (node.failed())
    return;
  auto makeTurn = [&](Value index, ArrayRef<Value> carried) -> std::optional<ModelTurn> {
    SmallVector<Value> inputs, results, next;
    for (Value list : lists)
      inputs.push_back(isSequence(list) ? elementAt(node, list, index) : list);
    if (!node.importGraph("body", inputs, results, empty.size()))
      return std::nullopt;
    for (auto [sequence, result] : llvm::zip_equal(carried, results)) {
      if (!result || isSequence(result)) {
        node.error("onnx-subgraph-output", "an output of the body is no tensor").note("return tensors");
        return std::nullopt;
      }
      next.push_back(append(node, sequence, result));
    }
    return ModelTurn{{}, std::move(next), {}};
  };
  if (auto results = loopOver(node, lengths.front(), {}, empty, 0, makeTurn))
    setOutputs(node, *results);
}

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

namespace {

/// A scan over the first dimension but for what `axes` and directions say.
struct Scan {
  SmallVector<Value> states, inputs;
  SmallVector<int64_t> axes, directions;
  size_t scanOutputs = 0;
  AffineExpr length;
  /// With rows of different lengths: that of this row, a scalar of i64.
  Value rowLength;
};

} // namespace

/// One loop over a scan's inputs; results are the states and stacked outputs.
static graph::LoopOp makeScan(Node &node, const Scan &scan) {
  Type i64 = node.builder().getI64Type();
  auto makeTurn = [&](Value index, mlir::ValueRange carried) -> std::optional<Turn> {
    SmallVector<Value> inputs(carried), results;
    Value backwards;
    for (auto [x, axis, direction] : llvm::zip_equal(scan.inputs, scan.axes, scan.directions)) {
      if (direction && !backwards) {
        Value length = scan.rowLength ? scan.rowLength : node.size(scan.length);
        backwards = node.sub(node.add(length, -1), index);
        // Turns beyond the row's end read anything.
        if (scan.rowLength)
          backwards = node.create<graph::MaxOp>(backwards, node.scalar(i64, 0));
      }
      inputs.push_back(node.create<graph::GatherOp>(x, direction ? backwards : index, axis));
    }
    if (node.failed() || !node.importGraph("body", inputs, results, scan.states.size() + scan.scanOutputs))
      return std::nullopt;
    for (Value value : results)
      if (!value || isSequence(value)) {
        node.error("onnx-subgraph-output", "an output of the body is no tensor").note("return tensors");
        return std::nullopt;
      }
    Turn turn;
    turn.carried.assign(results.begin(), results.begin() + scan.states.size());
    turn.scanned.assign(results.begin() + scan.states.size(), results.end());
    if (!scan.rowLength)
      return turn;
    Value takesPart = node.createAs<graph::LessOp>(node.builder().getI1Type(), index, scan.rowLength);
    for (auto [next, old] : llvm::zip_equal(turn.carried, carried))
      next = node.createAs<graph::SelectOp>(node.element(next), takesPart, next, old);
    for (Value &out : turn.scanned)
      out = node.createAs<graph::SelectOp>(node.element(out), takesPart, out, node.scalar(node.element(out), 0));
    return turn;
  };
  return makeLoop(node, node.size(scan.length), {}, scan.states, scan.scanOutputs, makeTurn);
}

/// The common size of the scan inputs.
static AffineExpr findLength(Node &node, const Scan &scan) {
  AffineExpr length;
  for (auto [i, x, axis] : llvm::enumerate(scan.inputs, scan.axes)) {
    if (node.failed())
      return {};
    AffineExpr dim = node.dims(x)[axis];
    if (length)
      node.check(x, length, dim, "the scanned dims of scan inputs 0 and " + Twine(i));
    length = length ? length : dim;
  }
  return length;
}

static SmallVector<int64_t> readList(Node &node, llvm::StringRef name, size_t expected) {
  SmallVector<int64_t> list = node.integers(name);
  if (list.empty())
    list.assign(expected, 0);
  if (list.size() != expected && !node.failed())
    node.error("onnx-scan-lists",
               "'" + name + "' has " + Twine(list.size()) + " entries, but " + Twine(expected) + " are expected")
        .note("give one entry for each scan input or output");
  list.resize(expected);
  return list;
}

static Value reverse(Node &node, Value x, AffineExpr length) {
  auto last =
      graph::DimsAttr::get(node.builder().getContext(), node.solver().map({node.solver().simplify(length - 1)}));
  return node.createTyped<graph::SliceOp>(node.solver().type(node.dims(x), node.element(x)), x, Value(), Value(),
                                          ArrayRef<int64_t>(0), ArrayRef<int64_t>(-1), last);
}

/// Scan-8: each row of the batch on its own, along dimension 1.
static void importScanRows(Node &node, Scan scan, Value lengths) {
  AffineExpr batch = node.dims(scan.inputs[0])[0];
  scan.length = node.dims(scan.inputs[0])[1];
  SmallVector<Value> states = scan.states, inputs = scan.inputs;
  auto makeRow = [&](Value row, mlir::ValueRange) -> std::optional<Turn> {
    auto take = [&](Value x) { return node.create<graph::GatherOp>(x, row, 0); };
    scan.states = llvm::map_to_vector(states, take);
    scan.inputs = llvm::map_to_vector(inputs, take);
    scan.rowLength = lengths ? take(lengths) : Value();
    graph::LoopOp loop = makeScan(node, scan);
    if (!loop)
      return std::nullopt;
    return Turn{{}, {}, llvm::to_vector_of<Value>(loop.getResults())};
  };
  if (graph::LoopOp loop = makeLoop(node, node.size(batch), {}, {}, node.numOutputs(), makeRow))
    setOutputs(node, llvm::to_vector_of<Value>(loop.getResults()));
}

static void importScan(Node &node) {
  const GraphAttribute *body = node.graph("body");
  bool hasBatch = node.version() == 8;
  int64_t scanInputs = node.integer("num_scan_inputs"), first = hasBatch ? 1 : 0;
  ArrayRef<Value> operands = node.inputs().drop_front(std::min<size_t>(first, node.inputs().size()));
  int64_t stateCount = static_cast<int64_t>(operands.size()) - scanInputs;
  if (!body || node.failed())
    return;
  if (scanInputs < 1 || stateCount < 0 || static_cast<size_t>(stateCount) > node.numOutputs() ||
      llvm::is_contained(operands, Value())) {
    node.error("onnx-arity", "'num_scan_inputs' is " + Twine(scanInputs) + ", but the node has " +
                                 Twine(operands.size()) + " states and scan inputs and " + Twine(node.numOutputs()) +
                                 " outputs")
        .note("export the model again");
    return;
  }
  Scan scan;
  scan.states.assign(operands.begin(), operands.begin() + stateCount);
  scan.inputs.assign(operands.begin() + stateCount, operands.end());
  scan.scanOutputs = node.numOutputs() - stateCount;
  scan.directions = readList(node, hasBatch ? "directions" : "scan_input_directions", scanInputs);
  for (Value x : hasBatch ? ArrayRef(operands) : ArrayRef(scan.inputs))
    if (!node.failed() && node.rank(x) < (hasBatch && llvm::is_contained(scan.inputs, x) ? 2 : 1)) {
      node.error("onnx-shape-mismatch",
                 "a scan input or state has rank " + Twine(node.rank(x)) + ", too little to be scanned")
          .note("scan inputs need an axis to scan");
      return;
    }
  if (node.failed())
    return;
  if (hasBatch) {
    scan.axes.assign(scanInputs, 0);
    return importScanRows(node, std::move(scan), node.input(0));
  }
  scan.axes = readList(node, "scan_input_axes", scanInputs);
  for (auto [axis, x] : llvm::zip_equal(scan.axes, scan.inputs))
    axis = node.normalizeAxis(axis, node.rank(x), "scan_input_axes");
  SmallVector<int64_t> outAxes = readList(node, "scan_output_axes", scan.scanOutputs);
  SmallVector<int64_t> outDirections = readList(node, "scan_output_directions", scan.scanOutputs);
  scan.length = findLength(node, scan);
  graph::LoopOp loop = node.failed() ? graph::LoopOp() : makeScan(node, scan);
  if (!loop)
    return;
  SmallVector<Value> results = llvm::to_vector_of<Value>(loop.getResults());
  for (size_t i = 0; i < scan.scanOutputs; ++i) {
    Value &out = results[stateCount + i];
    if (outDirections[i])
      out = reverse(node, out, scan.length);
    int64_t rank = node.rank(out), axis = node.normalizeAxis(outAxes[i], rank, "scan_output_axes");
    SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(1, std::max<int64_t>(rank, 1)));
    permutation.insert(permutation.begin() + axis, 0);
    out = node.transpose(out, permutation);
  }
  setOutputs(node, results);
}

void onnx_import::registerControlOps(OpTable &ops) {
  ops.add("If", {1, 11, 13, 16, 19, 21, 23, 24, 25}, importIf);
  ops.add("Loop", {1, 11, 13, 16, 19, 21, 23, 24, 25}, importLoop);
  ops.add("Scan", {8, 9, 11, 16, 19, 21, 23, 24, 25}, importScan);
}
