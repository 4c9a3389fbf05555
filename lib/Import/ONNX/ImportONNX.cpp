// lib/Import/ONNX/ImportONNX.cpp: walks a checked ONNX graph and builds @main.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Import/ONNX.h"

#include "CheckModel.h"
#include "ElementType.h"
#include "Node.h"
#include "OpTable.h"

#include "dialects/Graph/Graph.h"
#include "dialects/Graph/NodeLocation.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace mlir;
using ::onnx::GraphProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;

namespace {

class Importer {
public:
  Importer(ModelFile &file, MLIRContext &mlir, Diagnostics &diagnostics)
      : file(file), graph(file.model().graph()), mlir(mlir), diagnostics(diagnostics),
        module(ModuleOp::create(fileLoc())) {}

  FailureOr<OwningOpRef<ModuleOp>> run();

private:
  ModelFile &file;
  const GraphProto &graph;
  MLIRContext &mlir;
  Diagnostics &diagnostics;
  OwningOpRef<ModuleOp> module;
  OpsetImports opsets;
  llvm::StringMap<const TensorProto *> initializers;
  llvm::StringMap<Value> values;
  /// Operators without a row in the order of appearance, each with the places
  /// of its nodes.
  llvm::MapVector<StringAttr, SmallVector<std::string>> unsupported;
  /// Names of the symbols of input dims, for messages.
  llvm::DenseMap<AffineExpr, std::string> symbolNames;
  /// The node that is being imported and its operands, for notes.
  const NodeProto *current = nullptr;
  ArrayRef<Value> currentOperands;
  /// Where errors that MLIR reports belong to.
  std::string place;

  Location fileLoc() { return FileLineColLoc::get(&mlir, file.name(), 0, 0); }
  void recordMetadata();
  func::FuncOp makeFunction();
  void nameArguments(ImportContext &context, func::FuncOp func);
  RankedTensorType inputType(ImportContext &context, const ::onnx::ValueInfoProto &input);
  Value lookUp(ImportContext &context, StringRef name);
  void importNode(ImportContext &context, const NodeProto &node, int index);
  bool checkTypes(const NodeProto &node, const OpSchema &schema, ArrayRef<Value> operands);
  void addPlaceholders(ImportContext &context, const NodeProto &node);
  std::string formatDim(AffineExpr expr);
  std::string describeOperand(unsigned index);
  void makeReturn(ImportContext &context, func::FuncOp func);
  void reportUnsupported();
  void translate(mlir::Diagnostic &diagnostic);
};

/// Dimension names that exporters write where they know none.
bool isSymbolName(StringRef name) {
  return llvm::any_of(name, [](char c) { return llvm::isAlpha(c); }) && name != "None";
}

FailureOr<OwningOpRef<ModuleOp>> Importer::run() {
  ScopedDiagnosticHandler handler(&mlir, [&](mlir::Diagnostic &diagnostic) { translate(diagnostic); });
  place = file.name().str();
  opsets = getOpsetImports(file.model().opset_import());
  for (const TensorProto &tensor : graph.initializer())
    initializers[tensor.name()] = &tensor;
  for (const auto &tensor : graph.sparse_initializer())
    diagnostics
        .error("onnx-unsupported-dtype", file.name(),
               "initializer " + quoted(tensor.values().name()) + " is a sparse tensor, which is not supported")
        .note("save the model with dense initializers");
  recordMetadata();
  func::FuncOp func = makeFunction();
  ImportContext context{file, diagnostics, OpBuilder::atBlockEnd(func.addEntryBlock()), graph::ShapeSolver(func)};
  nameArguments(context, func);
  for (auto [index, node] : llvm::enumerate(graph.node()))
    importNode(context, node, index);
  place = file.name().str();
  current = nullptr;
  makeReturn(context, func);
  reportUnsupported();
  if (diagnostics.hasErrors())
    return failure();
  context.solver.commit();
  return std::move(module);
}

/// What programs ask a model about besides its graph: `graph.metadata` holds
/// the custom properties, `graph.model` the standard ones.
void Importer::recordMetadata() {
  Builder b(&mlir);
  SmallVector<NamedAttribute> custom;
  llvm::StringSet<> seen;
  for (const auto &entry : file.model().metadata_props())
    if (!entry.key().empty() && seen.insert(entry.key()).second)
      custom.push_back(b.getNamedAttr(entry.key(), b.getStringAttr(entry.value())));
  (*module)->setAttr("graph.metadata", b.getDictionaryAttr(custom));
  const ::onnx::ModelProto &model = file.model();
  (*module)->setAttr("graph.model",
                     b.getDictionaryAttr({b.getNamedAttr("description", b.getStringAttr(model.doc_string())),
                                          b.getNamedAttr("domain", b.getStringAttr(model.domain())),
                                          b.getNamedAttr("graph_description", b.getStringAttr(graph.doc_string())),
                                          b.getNamedAttr("name", b.getStringAttr(graph.name())),
                                          b.getNamedAttr("producer_name", b.getStringAttr(model.producer_name())),
                                          b.getNamedAttr("version", b.getI64IntegerAttr(model.model_version()))}));
}

/// A function whose arguments still have no symbols in their types.
func::FuncOp Importer::makeFunction() {
  SmallVector<Type> inputs;
  for (const auto &input : graph.input()) {
    // An input with an initializer has a default; like a constant, it is not
    // asked for.
    if (initializers.contains(input.name()))
      continue;
    const auto &type = input.type().tensor_type();
    SmallVector<int64_t> shape(type.shape().dim_size(), ShapedType::kDynamic);
    inputs.push_back(RankedTensorType::get(shape, toMLIRType(&mlir, type.elem_type())));
  }
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  return func::FuncOp::create(builder, fileLoc(), "main", builder.getFunctionType(inputs, {}));
}

RankedTensorType Importer::inputType(ImportContext &context, const ::onnx::ValueInfoProto &input) {
  const auto &type = input.type().tensor_type();
  graph::Dims dims;
  for (const auto &dim : type.shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() >= 0) {
      dims.push_back(context.solver.constant(dim.dim_value()));
    } else if (isSymbolName(dim.dim_param())) {
      dims.push_back(context.solver.named(dim.dim_param()));
      symbolNames[dims.back()] = dim.dim_param();
    } else {
      dims.push_back(context.solver.fresh(""));
      symbolNames[dims.back()] = "?";
    }
  }
  return context.solver.type(dims, toMLIRType(&mlir, type.elem_type()));
}

void Importer::nameArguments(ImportContext &context, func::FuncOp func) {
  SmallVector<Type> types;
  unsigned index = 0;
  for (const auto &input : graph.input()) {
    if (initializers.contains(input.name()))
      continue;
    BlockArgument argument = func.getArgument(index);
    argument.setType(inputType(context, input));
    func.setArgAttr(index++, "graph.name", StringAttr::get(&mlir, input.name()));
    values[input.name()] = argument;
    types.push_back(argument.getType());
  }
  func.setType(FunctionType::get(&mlir, types, {}));
}

/// The value of a name; initializers become constants at their first use.
/// Null if the value could not be made, which has then been reported.
Value Importer::lookUp(ImportContext &context, StringRef name) {
  if (auto known = values.find(name); known != values.end())
    return known->second;
  auto initializer = initializers.find(name);
  if (initializer == initializers.end())
    return {};
  const TensorProto &tensor = *initializer->second;
  Value &value = values[name];
  if (tensor.dims_size() > maxRank) {
    diagnostics
        .error("onnx-rank-limit", place,
               "initializer " + quoted(name) + " has rank " + Twine(tensor.dims_size()) + ", but at most " +
                   Twine(maxRank) + " are supported")
        .note("reshape the tensor");
    return {};
  }
  if (ElementsAttr elements = importTensor(context, tensor, place)) {
    Location loc = graph::getNodeLocation(&mlir, file.name(), name, "initializer");
    value = graph::ConstantOp::create(context.builder, loc, elements.getType(), elements);
  }
  return value;
}

/// "float32, float64 or bool" for a mask of element types.
static std::string formatTypes(uint32_t mask) {
  SmallVector<std::string> names;
  for (int32_t type = 1; type < 32; ++type)
    if (mask & (1u << type))
      if (const ElementType *known = findElementType(type))
        names.push_back(known->name.str());
  return llvm::join(names, ", ");
}

bool Importer::checkTypes(const NodeProto &node, const OpSchema &schema, ArrayRef<Value> operands) {
  bool good = true;
  llvm::StringMap<int> first;
  for (auto [index, operand] : llvm::enumerate(operands)) {
    const ParameterSchema *parameter = schema.input(index);
    if (!operand || !parameter)
      continue;
    int32_t type = toONNXType(getElementTypeOrSelf(operand.getType()));
    if (!(parameter->types & (1u << type))) {
      good = false;
      diagnostics
          .error("onnx-input-dtype", place,
                 "input '" + parameter->name + "' is " + elementTypeName(type) + ", but the operator takes " +
                     formatTypes(parameter->types))
          .note("add a Cast before the node");
      continue;
    }
    bool shared =
        !parameter->typeVariable.empty() && (parameter->kind != ParameterKind::Variadic || parameter->homogeneous);
    if (!shared)
      continue;
    auto [entry, isFirst] = first.try_emplace(parameter->typeVariable, index);
    int32_t expected = toONNXType(getElementTypeOrSelf(operands[entry->second].getType()));
    if (isFirst || expected == type)
      continue;
    good = false;
    diagnostics
        .error("onnx-input-dtype", place,
               "input '" + parameter->name + "' is " + elementTypeName(type) + ", but input '" +
                   schema.input(entry->second)->name + "' is " + elementTypeName(expected))
        .note("both must have one type; add a Cast before the node");
  }
  return good;
}

void Importer::importNode(ImportContext &context, const NodeProto &node, int index) {
  StringRef domain = canonicalDomain(node.domain());
  const OpSchema *schema = findSchema(domain, node.op_type(), opsets.lookup(domain));
  std::string description = describeNode(node, index, schema);
  place = file.name().str() + ": " + description;
  const OpRow *row = schema ? OpTable::get().find(*schema) : nullptr;
  for (const std::string &output : node.output())
    values[output] = Value();
  if (!row) {
    std::string label = schema ? schema->label() : node.op_type();
    unsupported[StringAttr::get(&mlir, label)].push_back(place);
    addPlaceholders(context, node);
    return;
  }

  SmallVector<Value> operands;
  for (const std::string &input : node.input()) {
    Value value = input.empty() ? Value() : lookUp(context, input);
    // What the node needs could not be made, which has been reported.
    if (!value && !input.empty())
      return addPlaceholders(context, node);
    operands.push_back(value);
  }
  if (!checkTypes(node, *schema, operands))
    return addPlaceholders(context, node);

  std::string name = nodeName(node, index);
  Location loc = graph::getNodeLocation(&mlir, file.name(), name, schema->label());
  current = &node;
  currentOperands = operands;
  Node view(context, node, *schema, place, loc, operands);
  if (row->import)
    view.setOutput(0, row->import(view));
  else
    row->importMany(view);
  if (StringRef unread = view.unreadAttribute(); !view.failed() && !unread.empty())
    view.unsupported(unread, "given", "leave the attribute out");
  if (view.failed())
    return addPlaceholders(context, node);
  for (auto [position, output] : llvm::enumerate(node.output())) {
    if (output.empty())
      continue;
    values[output] = view.output(position);
    if (!view.output(position))
      diagnostics
          .error("onnx-unsupported-output", place, "output '" + schema->output(position)->name + "' is not supported")
          .note("remove what uses " + quoted(output));
  }
}

/// Lets the import go on after an error, so that later gaps are found too:
/// outputs whose type the model declares get a value of that type.
void Importer::addPlaceholders(ImportContext &context, const NodeProto &node) {
  for (const std::string &output : node.output()) {
    auto declared = llvm::find_if(graph.value_info(), [&](const auto &info) { return info.name() == output; });
    if (declared == graph.value_info().end())
      continue;
    const auto &tensor = declared->type().tensor_type();
    Type element = toMLIRType(&mlir, tensor.elem_type());
    if (!element || !tensor.has_shape() || tensor.shape().dim_size() > maxRank)
      continue;
    Type type = inputType(context, *declared);
    values[output] = UnrealizedConversionCastOp::create(context.builder, fileLoc(), type, ValueRange()).getResult(0);
  }
}

/// `batch`, `3` or `(seq + 1)`: an expression with the names of the model.
std::string Importer::formatDim(AffineExpr expr) {
  if (auto name = symbolNames.find(expr); name != symbolNames.end())
    return name->second;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return graph::printDim(expr);
  StringRef sign;
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    sign = " + ";
    break;
  case AffineExprKind::Mul:
    sign = " * ";
    break;
  case AffineExprKind::FloorDiv:
    sign = " floordiv ";
    break;
  case AffineExprKind::CeilDiv:
    sign = " ceildiv ";
    break;
  default:
    sign = " mod ";
  }
  return "(" + formatDim(binary.getLHS()) + sign.str() + formatDim(binary.getRHS()) + ")";
}

/// `input 'A' is float32 [batch, 3], from node "conv1" (Conv-11)`.
std::string Importer::describeOperand(unsigned index) {
  Value value = currentOperands[index];
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<std::string> dims;
  if (auto encoding = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding()))
    for (AffineExpr dim : encoding.getMap().getResults())
      dims.push_back(formatDim(dim));
  else
    for (int64_t size : type.getShape())
      dims.push_back(ShapedType::isDynamic(size) ? "?" : std::to_string(size));
  std::string source = graph::describeNode(value.getLoc());
  if (isa<BlockArgument>(value))
    source = "the model's inputs";
  return quoted(current->input(index)) + " is " + elementTypeName(toONNXType(type.getElementType())) + " [" +
         llvm::join(dims, ", ") + "]" + (source.empty() ? "" : ", from " + source);
}

void Importer::makeReturn(ImportContext &context, func::FuncOp func) {
  SmallVector<Value> results;
  SmallVector<Type> types;
  for (const auto &output : graph.output()) {
    Value value = lookUp(context, output.name());
    if (!value)
      return;
    results.push_back(value);
    types.push_back(value.getType());
  }
  func::ReturnOp::create(context.builder, fileLoc(), results);
  func.setType(FunctionType::get(&mlir, func.getArgumentTypes(), types));
  for (auto [index, output] : llvm::enumerate(graph.output()))
    func.setResultAttr(index, "graph.name", StringAttr::get(&mlir, output.name()));
}

void Importer::reportUnsupported() {
  size_t total = 0;
  SmallVector<std::string> counts;
  for (auto &[label, places] : unsupported) {
    total += places.size();
    counts.push_back(label.str() + " (" + std::to_string(places.size()) + ")");
  }
  lathe::Diagnostic *last = nullptr;
  for (auto &[label, places] : unsupported) {
    last = &diagnostics.error("onnx-unsupported-op", places.front(), "operator is not supported");
    if (places.size() > 1)
      last->note("so for " + Twine(places.size() - 1) + " more nodes with this operator");
  }
  if (!last)
    return;
  last->note(Twine(total) + " of " + Twine(graph.node_size()) + " nodes are unsupported: " + llvm::join(counts, ", "));
  last->note("docs/recipes/add-onnx-op.md shows how to add one");
}

/// Turns an MLIR error of the shape solver or a verifier into one of ours:
/// the node in place of the op, and the id from the end of the message.
void Importer::translate(mlir::Diagnostic &diagnostic) {
  std::string message = diagnostic.str();
  StringRef text = message;
  if (text.consume_front("'"))
    text = text.drop_front(std::min(text.size(), text.find("' op ") + 5));
  std::string id = "onnx-unsupported-operand";
  if (text.ends_with("]"))
    if (size_t open = text.rfind('['); open != StringRef::npos) {
      id = text.slice(open + 1, text.size() - 1).str();
      text = text.take_front(open).rtrim();
    }
  if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
    return;
  lathe::Diagnostic &error = diagnostics.error(id, place, text);
  if (!current)
    return;
  for (unsigned i = 0; i < currentOperands.size(); ++i)
    if (currentOperands[i])
      error.note(describeOperand(i));
}

} // namespace

static FailureOr<OwningOpRef<ModuleOp>> importFile(FailureOr<std::unique_ptr<ModelFile>> file, MLIRContext &context,
                                                   Diagnostics &diagnostics) {
  if (failed(file))
    return failure();
  context.loadDialect<graph::GraphDialect, func::FuncDialect>();
  size_t before = diagnostics.getNumErrors();
  checkModel((*file)->model(), (*file)->name(), diagnostics);
  if (diagnostics.getNumErrors() != before)
    return failure();
  return Importer(**file, context, diagnostics).run();
}

FailureOr<OwningOpRef<ModuleOp>> lathe::importONNX(StringRef path, MLIRContext &context, Diagnostics &diagnostics) {
  return importFile(ModelFile::open(path, diagnostics), context, diagnostics);
}

FailureOr<OwningOpRef<ModuleOp>> lathe::importONNX(std::unique_ptr<llvm::MemoryBuffer> bytes, StringRef name,
                                                   MLIRContext &context, Diagnostics &diagnostics) {
  return importFile(ModelFile::parse(std::move(bytes), name, diagnostics), context, diagnostics);
}
