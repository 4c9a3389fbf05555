// lib/Conversion/GraphToHost/Values.cpp: sequences and optional values of a launch program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Converter.h"
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Graph/Sequence.h"
#include "lathe-runtime/module_abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using lathe::graph::Dims;

namespace lathe {

/// Fields of a `lathe_value` as positions in buffers of 64-bit and 32-bit numbers.
static constexpr int64_t countField = offsetof(lathe_value, count) / 8,
                         dataField = (offsetof(lathe_value, tensor) + offsetof(lathe_tensor, data)) / 8,
                         dimsField = (offsetof(lathe_value, tensor) + offsetof(lathe_tensor, dims)) / 8,
                         kindField = offsetof(lathe_value, kind) / 4;

/// Writes one op on sequences or optional values.
class ValueEmitter {
public:
  ValueEmitter(Converter &c, Operation *op) : c(c), op(op), b(c.builder), loc(op->getLoc()) {}

  void emit();

private:
  Value number(int64_t value) { return c.sizes->get(loc, value); }
  /// The number that an operand holds; `otherwise` where it is left out.
  Value read(Value operand, int64_t otherwise);
  Value null() { return host::NullOp::create(b, loc, c.buffer); }
  Value isGiven(Value operand) { return number(operand ? 1 : 0); }
  /// A tensor as a value of the ABI, to be freed after the action that reads it.
  Value describe(Value tensor);
  void make(host::Action action, Value value, Value other, Value x, Value y, const Twine &what);
  /// Element `position`: a value of the ABI, to be freed; its data stays.
  Value elementAt(Value sequence, Value position, int64_t rank);
  /// The result, a small tensor that the host computes.
  void define(ArrayRef<Value> numbers);
  std::string message(const Twine &what) {
    std::string node = graph::describeNode(loc);
    return ((node.empty() ? "" : node + ": ") + what).str();
  }

  void emitSequence(graph::SequenceOp sequence);

  Converter &c;
  Operation *op;
  OpBuilder &b;
  Location loc;
  SmallVector<Value> described;
};

Value ValueEmitter::read(Value operand, int64_t otherwise) {
  if (!operand)
    return number(otherwise);
  return host::LoadOp::create(b, loc, c.index, c.address(loc, operand), 0, getElementTypeOrSelf(operand));
}

Value ValueEmitter::describe(Value tensor) {
  SmallVector<Value> dims;
  for (AffineExpr dim : c.dimsOf(tensor.getType()))
    dims.push_back(c.sizes->get(loc, dim));
  described.push_back(host::DescribeOp::create(b, loc, c.buffer, c.address(loc, tensor), dims,
                                               TypeAttr::get(getElementTypeOrSelf(tensor))));
  return described.back();
}

void ValueEmitter::make(host::Action action, Value value, Value other, Value x, Value y, const Twine &what) {
  Value none;
  if (!value || !other)
    none = null();
  c.usesValues = true;
  c.buffers[op->getResult(0)] = host::MakeValueOp::create(b, loc, c.buffer, action, value ? value : none,
                                                          other ? other : none, x, y, c.addMessage(message(what)));
}

Value ValueEmitter::elementAt(Value sequence, Value position, int64_t rank) {
  c.usesValues = true;
  unsigned id = c.addMessage(message("the sequence has no element %lld or its element has another rank: its length, or "
                                     "the rank that is expected, is %lld [call-sequence-position]"));
  return host::MakeValueOp::create(b, loc, c.buffer, host::Action::at, c.address(loc, sequence), null(),
                                   read(position, 0), number(rank), id);
}

void ValueEmitter::define(ArrayRef<Value> numbers) {
  int64_t bytes = 8 * std::max<int64_t>(1, static_cast<int64_t>(numbers.size()));
  Value place = host::AllocOp::create(b, loc, c.buffer, number(bytes));
  for (auto [i, value] : llvm::enumerate(numbers))
    host::StoreOp::create(b, loc, value,
                          i ? Value(host::OffsetOp::create(b, loc, c.buffer, place, number(8 * i))) : place);
  c.buffers[op->getResult(0)] = place;
  c.own(op->getResult(0), place);
}

void ValueEmitter::emitSequence(graph::SequenceOp sequence) {
  Value made;
  for (Value element : sequence.getElements()) {
    make(host::Action::insert, made, describe(element), number(0), number(0), "no element fits");
    made = c.buffers[op->getResult(0)];
  }
  if (made)
    return;
  // An optional value of none has no elements either, but is of the wrong kind.
  c.usesValues = true;
  Value none = null();
  c.buffers[op->getResult(0)] = host::MakeValueOp::create(b, loc, c.buffer, host::Action::empty, none, none, number(0),
                                                          number(0), c.addMessage("no sequence is made"));
}

void ValueEmitter::emit() {
  if (auto sequence = dyn_cast<graph::SequenceOp>(op)) {
    emitSequence(sequence);
  } else if (auto insert = dyn_cast<graph::SequenceInsertOp>(op)) {
    Value position = insert.getPosition();
    make(host::Action::insert, c.address(loc, insert.getSequence()), describe(insert.getElement()), read(position, 0),
         isGiven(position), "position %lld is outside of a sequence of %lld elements [call-sequence-position]");
  } else if (auto erase = dyn_cast<graph::SequenceEraseOp>(op)) {
    Value position = erase.getPosition();
    make(host::Action::erase, c.address(loc, erase.getSequence()), {}, read(position, -1), isGiven(position),
         "position %lld is outside of a sequence of %lld elements [call-sequence-position]");
  } else if (auto length = dyn_cast<graph::SequenceLengthOp>(op)) {
    define(host::LoadOp::create(b, loc, c.index, c.address(loc, length.getSequence()), countField, b.getI64Type())
               .getResult());
  } else if (auto shape = dyn_cast<graph::SequenceShapeOp>(op)) {
    int64_t rank = cast<RankedTensorType>(shape.getDims().getType()).getDimSize(0);
    Value element = elementAt(shape.getSequence(), shape.getPosition(), rank);
    SmallVector<Value> dims;
    for (int64_t d = 0; d < rank; ++d)
      dims.push_back(host::LoadOp::create(b, loc, c.index, element, dimsField + d, b.getI64Type()));
    host::FreeOp::create(b, loc, element);
    define(dims);
  } else if (auto at = dyn_cast<graph::SequenceAtOp>(op)) {
    auto type = cast<RankedTensorType>(at.getElement().getType());
    Value element = elementAt(at.getSequence(), at.getPosition(), type.getRank());
    c.buffers[at.getElement()] = host::LoadAddressOp::create(b, loc, c.buffer, element, dataField);
    host::FreeOp::create(b, loc, element);
  } else if (auto split = dyn_cast<graph::SplitToSequenceOp>(op)) {
    Value sizes = split.getSplit() ? describe(split.getSplit()) : Value();
    make(host::Action::split, sizes, describe(split.getX()), number(split.getAxis()), number(split.getDropAxis()),
         "'split' makes %lld of a size of %lld; the sizes of parts are positive and add up [call-split-sizes]");
  } else if (auto concat = dyn_cast<graph::ConcatFromSequenceOp>(op)) {
    make(host::Action::concat, c.address(loc, concat.getSequence()), {}, number(concat.getAxis()),
         number(concat.getNewAxis()),
         "the elements of the sequence do not fit together, or there are none: %lld is not %lld [call-shape-check]");
  } else if (auto optional = dyn_cast<graph::OptionalOp>(op)) {
    Value value = optional.getValue();
    if (!value)
      make(host::Action::none, {}, {}, number(0), number(0), "no optional value is made");
    else if (isa<graph::SequenceType>(value.getType()))
      c.buffers[optional.getResult()] = c.address(loc, value);
    else
      make(host::Action::some, {}, describe(value), number(0), number(0), "no optional value is made");
  } else if (auto has = dyn_cast<graph::OptionalHasElementOp>(op)) {
    Value kind = host::LoadOp::create(b, loc, c.index, c.address(loc, has.getValue()), kindField, b.getIntegerType(32));
    Value isThere = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, kind, number(LATHE_KIND_OPTIONAL));
    define(arith::IndexCastUIOp::create(b, loc, c.index, isThere).getResult());
  } else if (auto get = dyn_cast<graph::OptionalGetElementOp>(op)) {
    make(host::Action::get, c.address(loc, get.getValue()), {}, number(0), number(0),
         "the optional value is empty: it has %lld elements, but %lld is asked for; ask with OptionalHasElement and If "
         "[call-empty-optional]");
  } else if (auto map = dyn_cast<graph::MakeMapOp>(op)) {
    make(host::Action::map, describe(map.getKeys()), describe(map.getValues()),
         number(map.getMap().getType().getMany()), number(0), "a map of %lld values has %lld keys [call-shape-check]");
  } else if (isa<graph::MapKeysOp, graph::MapValuesOp>(op)) {
    make(host::Action::part, c.address(loc, op->getOperand(0)), {}, number(isa<graph::MapValuesOp>(op)), number(0),
         "no part of a map is taken");
  } else if (auto general = dyn_cast<graph::GeneralizeOp>(op)) {
    c.buffers[general.getResult()] = c.address(loc, general.getValue());
  }
  for (Value value : described)
    host::FreeOp::create(b, loc, value);
}

void Converter::placeValues(Operation &op) {
  // Nothing here is in the planned workspace, and what a sequence holds is never
  // given back before the call ends.
  for (Value result : op.getResults())
    places[result] = {Place::Buffer, 0, ""};
}

void Converter::emitValue(Operation &op) { ValueEmitter(*this, &op).emit(); }

} // namespace lathe
