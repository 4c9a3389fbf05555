// lib/Export/ONNX/Control.cpp: branches, loops, sizes that are read from data, and sequences.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Writer.h"

#include "dialects/Graph/Sequence.h"

using namespace lathe;
using namespace lathe::onnx_export;
using namespace mlir;
using llvm::StringRef;

static void writeDefineSymbol(Writer &w, graph::DefineSymbolOp op) {
  w.defineSymbol(op.getSymbol(), w.element(op.getTensor(), static_cast<int64_t>(op.getElement())));
}

/// Readers find it again where they infer shapes.
static void writeCheck(Writer &, graph::CheckOp) {}

static ::onnx::GraphProto &subgraph(::onnx::NodeProto &node, StringRef name) {
  ::onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name.str());
  attribute.set_type(::onnx::AttributeProto::GRAPH);
  attribute.mutable_g()->set_name(name.str());
  return *attribute.mutable_g();
}

/// An output of the graph that is written; what several outputs share, or what is from around it, gets a name of
/// its own.
static void addOutput(Writer &w, ::onnx::GraphProto &graph, Name name, Type type) {
  w.describe(*graph.add_output(), w.add("Identity", {name}), type, /*withDims=*/false);
  graph.mutable_output(graph.output_size() - 1)->set_name(graph.node(graph.node_size() - 1).output(0));
}

static Names addResults(Writer &w, Operation *op) {
  Names outputs;
  for (Value result : op->getResults()) {
    outputs.push_back(w.fresh());
    w.setName(result, outputs.back());
  }
  return outputs;
}

/// A condition is a scalar.
static Name scalarOf(Writer &w, Value value) {
  return typeOf(value).getRank() == 0 ? w.name(value) : w.reshape(w.name(value), {});
}

static void writeIf(Writer &w, graph::IfOp op) {
  if (op->getNumResults() == 0)
    return; // Only checks, which readers make again.
  Name condition = scalarOf(w, op.getCondition());
  // Elsewhere, until all that it needs from around it is there.
  ::onnx::NodeProto node;
  auto write = [&](StringRef name, Region &region) {
    ::onnx::GraphProto &graph = subgraph(node, name);
    w.enter(graph);
    w.writeBlock(region.front());
    for (Value value : region.front().getTerminator()->getOperands())
      addOutput(w, graph, w.name(value), value.getType());
    w.leave();
  };
  write("then_branch", op.getThenRegion());
  write("else_branch", op.getElseRegion());
  ::onnx::NodeProto &made = w.node("If", {condition}, addResults(w, op));
  made.mutable_attribute()->Swap(node.mutable_attribute());
  for (Value result : op->getResults())
    w.defineDims(result);
}

static void writeLoop(Writer &w, graph::LoopOp op) {
  Names inputs = {op.getTripCount() ? w.wide(op.getTripCount()) : Name(),
                  op.getCondition() ? scalarOf(w, op.getCondition()) : Name()};
  if (op.getTripCount() && typeOf(op.getTripCount()).getRank() != 0)
    inputs[0] = w.reshape(inputs[0], {});
  for (Value init : op.getInits())
    inputs.push_back(w.name(init));
  ::onnx::NodeProto node;
  ::onnx::GraphProto &graph = subgraph(node, "body");
  w.enter(graph);
  Block &body = op.getBody().front();
  auto addInput = [&](Type type, Name name) { w.describe(*graph.add_input(), name, type, /*withDims=*/false); };
  Name turn = w.fresh("turn"), condition = w.fresh("condition");
  w.setName(op.turn(), turn);
  addInput(op.turn().getType(), turn);
  Type truth = RankedTensorType::get({}, IntegerType::get(op.getContext(), 1));
  addInput(truth, condition);
  for (Value argument : op.carriedArguments()) {
    w.setName(argument, w.fresh());
    addInput(argument.getType(), w.name(argument));
  }
  for (Value argument : op.carriedArguments())
    w.defineDims(argument);
  w.writeBlock(body);
  addOutput(w, graph, op.nextCondition() ? scalarOf(w, op.nextCondition()) : condition, truth);
  for (Value value : op.nextCarried())
    addOutput(w, graph, w.name(value), value.getType());
  for (Value value : op.scanned())
    addOutput(w, graph, w.name(value), value.getType());
  w.leave();
  ::onnx::NodeProto &made = w.node("Loop", inputs, addResults(w, op));
  made.mutable_attribute()->Swap(node.mutable_attribute());
  for (Value result : op->getResults())
    w.defineDims(result);
}

static void writeSequence(Writer &w, graph::SequenceOp op) {
  if (op.getElements().empty()) {
    Type element = cast<graph::SequenceType>(op.getSequence().getType()).getElement();
    return w.finish(op, w.add("SequenceEmpty", {}, {{"dtype", w.dataType(getElementTypeOrSelf(element))}}));
  }
  Names inputs;
  for (Value element : op.getElements())
    inputs.push_back(w.name(element));
  w.finish(op, w.add("SequenceConstruct", inputs));
}

static void writeInsert(Writer &w, graph::SequenceInsertOp op) {
  Names inputs = {w.name(op.getSequence()), w.name(op.getElement())};
  if (Value position = op.getPosition())
    inputs.push_back(scalarOf(w, position));
  w.finish(op, w.add("SequenceInsert", inputs));
}

static void writeErase(Writer &w, graph::SequenceEraseOp op) {
  Names inputs = {w.name(op.getSequence())};
  if (Value position = op.getPosition())
    inputs.push_back(scalarOf(w, position));
  w.finish(op, w.add("SequenceErase", inputs));
}

static void writeLength(Writer &w, graph::SequenceLengthOp op) {
  w.finish(op, w.add("SequenceLength", {w.name(op.getSequence())}));
}

static void writeSequenceShape(Writer &w, graph::SequenceShapeOp op) {
  w.finish(op, w.add("Shape", {w.add("SequenceAt", {w.name(op.getSequence()), scalarOf(w, op.getPosition())})}));
}

static void writeSequenceAt(Writer &w, graph::SequenceAtOp op) {
  w.finish(op, w.add("SequenceAt", {w.name(op.getSequence()), scalarOf(w, op.getPosition())}));
}

static void writeSplit(Writer &w, graph::SplitToSequenceOp op) {
  Names inputs = {w.name(op.getX())};
  if (Value split = op.getSplit())
    inputs.push_back(w.name(split));
  w.finish(op, w.add("SplitToSequence", inputs,
                     {{"axis", static_cast<int64_t>(op.getAxis())}, {"keepdims", !op.getDropAxis()}}));
}

/// A sequence of the one tensor, as the dialect has it.
static void writeConcatFromSequence(Writer &w, graph::ConcatFromSequenceOp op) {
  Name whole = w.add("ConcatFromSequence", {w.name(op.getSequence())},
                     {{"axis", static_cast<int64_t>(op.getAxis())}, {"new_axis", op.getNewAxis()}});
  w.finish(op, w.add("SequenceConstruct", {whole}));
}

static void writeGeneralize(Writer &w, graph::GeneralizeOp op) { w.finish(op, w.name(op.getValue())); }

void onnx_export::addControlOps(OpTable &table) {
  addRow<graph::DefineSymbolOp, writeDefineSymbol>(table);
  addRow<graph::CheckOp, writeCheck>(table);
  addRow<graph::IfOp, writeIf>(table);
  addRow<graph::LoopOp, writeLoop>(table);
  addRow<graph::SequenceOp, writeSequence>(table);
  addRow<graph::SequenceInsertOp, writeInsert>(table);
  addRow<graph::SequenceEraseOp, writeErase>(table);
  addRow<graph::SequenceLengthOp, writeLength>(table);
  addRow<graph::SequenceShapeOp, writeSequenceShape>(table);
  addRow<graph::SequenceAtOp, writeSequenceAt>(table);
  addRow<graph::SplitToSequenceOp, writeSplit>(table);
  addRow<graph::ConcatFromSequenceOp, writeConcatFromSequence>(table);
  addRow<graph::GeneralizeOp, writeGeneralize>(table);
}
