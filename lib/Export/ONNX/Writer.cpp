// lib/Export/ONNX/Writer.cpp: names, nodes, constants and sizes of a file.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Writer.h"

#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Graph/Sequence.h"

using namespace lathe;
using namespace lathe::onnx_export;
using namespace mlir;
using llvm::StringRef;
using llvm::Twine;
using ::onnx::AttributeProto;
using ::onnx::NodeProto;

Name Writer::fresh(StringRef hint) {
  unsigned &count = names[hint];
  StringRef stem = hint.empty() ? "v" : hint;
  for (;;) {
    Name name = count == 0 && !hint.empty() ? hint.str() : (stem + "_" + Twine(count)).str();
    ++count;
    // Another hint may look like a numbered one.
    if (name == hint || names.try_emplace(name, 1).second)
      return name;
  }
}

NodeProto &Writer::node(StringRef kind, llvm::ArrayRef<Name> inputs, llvm::ArrayRef<Name> outputs) {
  NodeProto &node = *scopes.back().graph->add_node();
  node.set_op_type(kind.str());
  for (const Name &input : inputs)
    node.add_input(input);
  for (const Name &output : outputs)
    node.add_output(output);
  llvm::SmallVector<std::string> from =
      current ? graph::getNodeNames(current->getLoc()) : llvm::SmallVector<std::string>();
  if (from.empty())
    return node;
  std::string name = from.front();
  for (unsigned i = 1; !nodeNames.insert(name).second; ++i)
    name = from.front() + "/" + kind.str() + (i == 1 ? "" : "_" + std::to_string(i));
  node.set_name(name);
  return node;
}

Name Writer::add(StringRef kind, llvm::ArrayRef<Name> inputs) {
  Name result = fresh();
  node(kind, inputs, {result});
  return result;
}

Name Writer::add(StringRef kind, llvm::ArrayRef<Name> inputs,
                 std::initializer_list<std::pair<StringRef, int64_t>> integers) {
  Name result = fresh();
  NodeProto &made = node(kind, inputs, {result});
  for (auto [name, value] : integers)
    setInteger(made, name, value);
  return result;
}

static AttributeProto &attribute(NodeProto &node, StringRef name, AttributeProto::AttributeType type) {
  AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name.str());
  attribute.set_type(type);
  return attribute;
}

void Writer::setInteger(NodeProto &node, StringRef name, int64_t value) {
  attribute(node, name, AttributeProto::INT).set_i(value);
}
void Writer::setIntegers(NodeProto &node, StringRef name, llvm::ArrayRef<int64_t> values) {
  AttributeProto &list = attribute(node, name, AttributeProto::INTS);
  for (int64_t value : values)
    list.add_ints(value);
}
void Writer::setNumber(NodeProto &node, StringRef name, double value) {
  attribute(node, name, AttributeProto::FLOAT).set_f(static_cast<float>(value));
}
void Writer::setNumbers(NodeProto &node, StringRef name, llvm::ArrayRef<double> values) {
  AttributeProto &list = attribute(node, name, AttributeProto::FLOATS);
  for (double value : values)
    list.add_floats(static_cast<float>(value));
}
void Writer::setText(NodeProto &node, StringRef name, StringRef value) {
  attribute(node, name, AttributeProto::STRING).set_s(value.str());
}
void Writer::setTexts(NodeProto &node, StringRef name, llvm::ArrayRef<std::string> values) {
  AttributeProto &list = attribute(node, name, AttributeProto::STRINGS);
  for (const std::string &value : values)
    list.add_strings(value);
}

void Writer::refuse(Operation *op, const Twine &why) {
  std::string node = graph::describeNode(op->getLoc());
  diagnostics
      .error("export-no-form", place + (node.empty() ? "" : ": " + node),
             "'" + op->getName().getStringRef() + "' has no form in ONNX: " + why)
      .note("write the model as .mlir or .lathe, which hold every operation");
  failed = true;
  for (Value result : op->getResults())
    setName(result, fresh());
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

int32_t Writer::dataType(Type element) {
  // Those of less than a byte but for the ones of four bits, and the scales of blocks, came late.
  if (isa<Float4E2M1FNType>(element))
    require(23);
  else if (isa<Float8E8M0FNUType>(element))
    require(24);
  else if (element.isInteger(2))
    require(25);
  return onnx_export::dataType(element);
}

Name Writer::constant(ElementsAttr value, Operation *op) {
  Type element = value.getElementType();
  bool isText = isa<DenseStringElementsAttr>(value);
  uint64_t size = isText ? 0 : static_cast<uint64_t>(graph::bytesInMemory(element, value.getNumElements()));
  dataType(element);
  // A splat may be of any size: what no file has is counted, not written.
  bool fits = size <= mostFileBytes && bytes <= mostFileBytes - size;
  bytes += size;
  if (!fits)
    return fresh("constant");
  ::onnx::TensorProto &tensor = *main.add_initializer();
  std::string hint = "constant";
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    hint = resource.getRawHandle().getKey().str();
  tensor.set_name(fresh(hint));
  if (!writeTensor(tensor, value))
    refuse(op, "its elements are missing, as in IR that was printed less large constants");
  for (const std::string &text : tensor.string_data())
    bytes += text.size();
  return tensor.name();
}

Name Writer::integers(llvm::ArrayRef<int64_t> list) {
  Name &name = integerTensors[list.vec()];
  if (!name.empty())
    return name;
  ::onnx::TensorProto &tensor = *main.add_initializer();
  name = fresh("constant");
  tensor.set_name(name);
  tensor.add_dims(static_cast<int64_t>(list.size()));
  tensor.set_data_type(::onnx::TensorProto::INT64);
  tensor.set_raw_data(list.data(), list.size() * sizeof(int64_t));
  return name;
}

Name Writer::scalar(Type element, double value) {
  auto type = RankedTensorType::get({}, element);
  Attribute attribute = isa<FloatType>(element) ? Attribute(FloatAttr::get(element, value))
                                                : IntegerAttr::get(element, static_cast<int64_t>(value));
  return constant(DenseElementsAttr::get(type, attribute), current);
}

Name Writer::cast(Name x, Type from, Type to) { return from == to ? x : add("Cast", {x}, {{"to", dataType(to)}}); }

Name Writer::wide(Value vector) {
  return cast(name(vector), elementOf(vector), IntegerType::get(func.getContext(), 64));
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Dims Writer::dims(Value value) {
  auto type = typeOf(value);
  auto encoding = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding());
  Dims result;
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    result.push_back(ShapedType::isStatic(size) ? solver.constant(size)
                     : encoding                 ? encoding.getMap().getResult(i)
                                                : AffineExpr());
  return result;
}

Name Writer::element(Value tensor, int64_t index) {
  Name flat = reshape(name(tensor), {solver.constant(-1)});
  return cast(add("Gather", {flat, integers({index})}), elementOf(tensor), IntegerType::get(func.getContext(), 64));
}

void Writer::defineDims(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  auto encoding = type ? dyn_cast_or_null<graph::DimsAttr>(type.getEncoding()) : graph::DimsAttr();
  if (!encoding)
    return;
  for (auto [i, dim] : llvm::enumerate(encoding.getMap().getResults()))
    if (auto symbol = dyn_cast<AffineSymbolExpr>(dim)) {
      auto isKnown = [&](const Scope &scope) { return scope.symbols.contains(symbol.getPosition()); };
      auto at = static_cast<int64_t>(i);
      if (llvm::none_of(scopes, isKnown))
        defineSymbol(symbol.getPosition(), add("Shape", {name(value)}, {{"start", at}, {"end", at + 1}}));
    }
}

/// Symbols that the function's inputs say, or that follow from others; those of the body are
/// defined where the walk comes by.
Name Writer::symbol(unsigned position) {
  for (const Scope &scope : llvm::reverse(scopes))
    if (auto found = scope.symbols.find(position); found != scope.symbols.end())
      return found->second;
  auto symbols = func->getAttrOfType<ArrayAttr>("graph.symbols");
  auto definition =
      symbols && position < symbols.size() ? dyn_cast<graph::SymbolAttr>(symbols[position]) : graph::SymbolAttr();
  Name result;
  if (definition && definition.getInput() >= 0) {
    result = element(func.getArgument(definition.getInput()), definition.getElement());
  } else if (definition && definition.getParts()) {
    AffineMap parts = definition.getParts().getAffineMap();
    result = add(definition.getMin() ? "Min" : "Max", {size(parts.getResult(0)), size(parts.getResult(1))});
  }
  if (!result.empty())
    defineSymbol(position, result);
  return result;
}

Name Writer::compute(AffineExpr expr) {
  if (auto symbolic = dyn_cast<AffineSymbolExpr>(expr))
    return symbol(symbolic.getPosition());
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return "";
  Name a = size(binary.getLHS()), b = size(binary.getRHS());
  if (a.empty() || b.empty())
    return "";
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return add("Add", {a, b});
  case AffineExprKind::Mul:
    return add("Mul", {a, b});
  case AffineExprKind::Mod:
    return add("Mod", {a, b});
  case AffineExprKind::FloorDiv:
    // ONNX rounds towards zero.
    if (solver.isNonNegative(binary.getLHS()))
      return add("Div", {a, b});
    return add("Div", {add("Sub", {a, add("Mod", {a, b})}), b});
  case AffineExprKind::CeilDiv:
    return add("Div", {add("Add", {a, add("Mod", {add("Neg", {a}), b})}), b});
  default:
    return "";
  }
}

Name Writer::size(AffineExpr expr) {
  if (auto fixed = dyn_cast_or_null<AffineConstantExpr>(expr))
    return integers({fixed.getValue()});
  for (const Scope &scope : llvm::reverse(scopes))
    if (auto found = expr ? scope.sizes.find(expr) : scope.sizes.end(); expr && found != scope.sizes.end())
      return found->second;
  Name result = expr ? compute(expr) : "";
  if (result.empty()) {
    std::string node = current ? graph::describeNode(current->getLoc()) : "";
    diagnostics
        .error("export-open-size", place + (node.empty() ? "" : ": " + node),
               "the size " + (expr ? graph::printDim(expr) : "?") + " of a tensor is not known in this place")
        .note("write the model with 'lathe compile --stop-after optimize -o FILE.mlir', and convert that");
    failed = true;
    result = integers({1});
  }
  if (expr)
    scopes.back().sizes[expr] = result;
  return result;
}

Name Writer::shape(llvm::ArrayRef<AffineExpr> sizes) {
  Names parts;
  llvm::SmallVector<int64_t> run;
  auto flush = [&] {
    if (!run.empty())
      parts.push_back(integers(run));
    run.clear();
  };
  for (AffineExpr expr : sizes) {
    if (auto fixed = dyn_cast_or_null<AffineConstantExpr>(expr)) {
      run.push_back(fixed.getValue());
      continue;
    }
    flush();
    parts.push_back(size(expr));
  }
  flush();
  if (parts.empty())
    return integers({});
  return parts.size() == 1 ? parts.front() : add("Concat", parts, {{"axis", 0}});
}

Name Writer::reshapeTo(llvm::ArrayRef<AffineExpr> sizes) {
  auto isOpen = [](AffineExpr expr) { return !isa_and_nonnull<AffineConstantExpr>(expr); };
  auto isZero = [](AffineExpr expr) {
    auto fixed = dyn_cast_or_null<AffineConstantExpr>(expr);
    return fixed && fixed.getValue() == 0;
  };
  if (llvm::count_if(sizes, isOpen) != 1 || llvm::any_of(sizes, isZero))
    return shape(sizes);
  return integers(llvm::map_to_vector(
      sizes, [&](AffineExpr expr) { return isOpen(expr) ? int64_t(-1) : cast<AffineConstantExpr>(expr).getValue(); }));
}

Name Writer::reshape(Name x, llvm::ArrayRef<AffineExpr> sizes) {
  return add("Reshape", {x, reshapeTo(sizes)}, {{"allowzero", 1}});
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

void Writer::describeType(::onnx::TypeProto &proto, Type type, bool withDims) {
  if (auto sequence = dyn_cast<graph::SequenceType>(type))
    return describeType(*proto.mutable_sequence_type()->mutable_elem_type(), sequence.getElement(), false);
  if (auto optional = dyn_cast<graph::OptionalType>(type))
    return describeType(*proto.mutable_optional_type()->mutable_elem_type(), optional.getContent(), false);
  auto &tensor = *proto.mutable_tensor_type();
  tensor.set_elem_type(dataType(getElementTypeOrSelf(type)));
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked)
    return;
  auto symbols = func->getAttrOfType<ArrayAttr>("graph.symbols");
  auto encoding = dyn_cast_or_null<graph::DimsAttr>(ranked.getEncoding());
  tensor.mutable_shape();
  for (auto [i, size] : llvm::enumerate(ranked.getShape())) {
    auto &dim = *tensor.mutable_shape()->add_dim();
    if (ShapedType::isStatic(size)) {
      dim.set_dim_value(size);
      continue;
    }
    AffineExpr expr = encoding && withDims ? encoding.getMap().getResult(i) : AffineExpr();
    auto symbol = dyn_cast_or_null<AffineSymbolExpr>(expr);
    if (!symbol || !symbols || symbol.getPosition() >= symbols.size())
      continue;
    auto definition = cast<graph::SymbolAttr>(symbols[symbol.getPosition()]);
    if (definition.isInputDim())
      dim.set_dim_param(definition.getName().empty() ? "s" + std::to_string(symbol.getPosition())
                                                     : definition.getName().str());
  }
}

void Writer::describe(::onnx::ValueInfoProto &info, StringRef name, Type type, bool withDims) {
  info.set_name(name.str());
  describeType(*info.mutable_type(), type, withDims);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static const OpTable &opTable() {
  static const OpTable table = [] {
    OpTable rows;
    addElementwiseOps(rows);
    addLayerOps(rows);
    addShapeOps(rows);
    addIndexingOps(rows);
    addControlOps(rows);
    return rows;
  }();
  return table;
}

void Writer::write(Operation *op) {
  auto row = opTable().find(op->getName().getStringRef());
  if (row == opTable().end())
    return refuse(op, "no operator computes it");
  row->second(*this, op);
}

void Writer::writeBlock(Block &block) {
  Operation *outer = current;
  for (Operation &op : block.without_terminator()) {
    current = &op;
    write(&op);
    current = &op; // A region inside has ended.
  }
  current = outer;
}
