// lib/Import/ONNX/ImportONNX.cpp: walks a checked ONNX graph and builds @main.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Import/ONNX.h"

#include "Importer.h"
#include "Sequence.h"

#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace mlir;
using ::onnx::TensorProto;

/// Dimension names that exporters write where they know none.
static bool isSymbolName(StringRef name) {
  return llvm::any_of(name, [](char c) { return llvm::isAlpha(c); }) && name != "None";
}

/// Sequences were for the importer only; nothing uses them now.
static void eraseSequences(func::FuncOp func) {
  func.walk([](UnrealizedConversionCastOp cast) {
    if (cast.getNumResults() == 1 && isa<TupleType>(cast.getType(0)) && cast.use_empty())
      cast.erase();
  });
}

FailureOr<OwningOpRef<ModuleOp>> Importer::run() {
  place = file.name().str();
  GraphScope main{{place, ""}, getOpsetImports(file.model().opset_import()), {}, &graph};
  addInitializers(main);
  size_t before = diagnostics.getNumErrors();
  reportSparse(graph, place);
  checkInputs(main);
  if (diagnostics.getNumErrors() != before)
    return failure();
  if (!countNodes(graph.node_size()))
    return failure();
  recordMetadata();
  func::FuncOp func = makeFunction(main);
  ImportContext context{diagnostics, OpBuilder::atBlockEnd(func.addEntryBlock()), graph::ShapeSolver(func)};
  main.block = context.builder.getInsertionBlock();
  nameArguments(context, main, func);
  for (auto [index, node] : llvm::enumerate(graph.node()))
    importNode(context, main, node, index);
  place = file.name().str();
  makeReturn(context, main, func);
  eraseSequences(func);
  reportGaps();
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

/// An input with an initializer has a default; like a constant, it is not asked
/// for, unless the options say that programs give it.
bool Importer::isConstant(const GraphScope &scope, StringRef input) const {
  return scope.tensors.contains(input) && !llvm::is_contained(options.inputs, input);
}

void Importer::checkInputs(const GraphScope &scope) {
  for (const std::string &name : options.inputs) {
    bool isInput = llvm::any_of(graph.input(), [&](const auto &input) { return input.name() == name; });
    if (!isInput || !scope.tensors.contains(name))
      diagnostics
          .error("onnx-no-default", file.name(),
                 quoted(name) + " is " +
                     (isInput                        ? "an input, but without a default"
                      : scope.tensors.contains(name) ? "an initializer, but not listed as an input"
                                                     : "neither an input nor an initializer") +
                     ", so calls cannot override it")
          .note("name an initializer that is among the inputs of the graph");
  }
}

void Importer::reportSparse(const ::onnx::GraphProto &graph, StringRef where) {
  for (const auto &tensor : graph.sparse_initializer())
    diagnostics
        .error("onnx-unsupported-dtype", where,
               "initializer " + quoted(tensor.values().name()) + " is a sparse tensor, which is not supported")
        .note("save the model with dense initializers");
}

/// A function whose arguments still have no symbols in their types.
func::FuncOp Importer::makeFunction(const GraphScope &scope) {
  SmallVector<Type> inputs;
  for (const auto &input : graph.input()) {
    if (isConstant(scope, input.name()))
      continue;
    if (Type value = importValueType(&mlir, input.type())) {
      inputs.push_back(value);
      continue;
    }
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
      messages.symbolNames[dims.back()] = dim.dim_param();
    } else {
      dims.push_back(context.solver.fresh(""));
      messages.symbolNames[dims.back()] = "?";
    }
  }
  return context.solver.type(dims, toMLIRType(&mlir, type.elem_type()));
}

void Importer::nameArguments(ImportContext &context, GraphScope &scope, func::FuncOp func) {
  SmallVector<Type> types;
  unsigned index = 0;
  for (const auto &input : graph.input()) {
    if (isConstant(scope, input.name()))
      continue;
    BlockArgument argument = func.getArgument(index);
    if (isa<RankedTensorType>(argument.getType()))
      argument.setType(inputType(context, input));
    func.setArgAttr(index++, "graph.name", StringAttr::get(&mlir, input.name()));
    scope.values[input.name()] = argument;
    types.push_back(argument.getType());
  }
  func.setType(FunctionType::get(&mlir, types, {}));
}

void Importer::addInitializers(GraphScope &scope) {
  for (const TensorProto &tensor : scope.graph->initializer())
    scope.tensors[tensor.name()] = [this, &tensor](StringRef at) { return importTensor(tensors, tensor, at); };
}

/// The type that the program gives: optional where the model declares it so; null for
/// tensors.
static Type runtimeTypeOfOutput(Value value, Type declared) {
  if (!value)
    return declared;
  bool isOptional = isa<graph::OptionalType>(value.getType());
  if (!isSequence(value) && !isa_and_nonnull<graph::OptionalType>(declared))
    return {};
  Type type = runtimeType(value);
  return isOptional || !isa_and_nonnull<graph::OptionalType>(declared)
             ? type
             : Type(graph::OptionalType::get(type.getContext(), type));
}

void Importer::makeReturn(ImportContext &context, GraphScope &scope, func::FuncOp func) {
  SmallVector<Value> results;
  SmallVector<Type> types;
  for (const auto &output : graph.output()) {
    std::optional<Value> found = lookUp(context, scope, output.name());
    Value value = found.value_or(Value());
    if (found && !value)
      return;
    Type declared = importValueType(&mlir, output.type());
    if (!value && !isa_and_nonnull<graph::OptionalType>(declared)) {
      diagnostics
          .error("onnx-output-type", place,
                 "output " + quoted(output.name()) + " is an empty optional, but its type is not declared as one")
          .note("declare the output as an optional value");
      return;
    }
    if (Type type = runtimeTypeOfOutput(value, declared))
      value = toRuntime(context.builder, fileLoc(), value, type);
    results.push_back(value);
    types.push_back(value.getType());
  }
  func::ReturnOp::create(context.builder, fileLoc(), results);
  func.setType(FunctionType::get(&mlir, func.getArgumentTypes(), types));
  for (auto [index, output] : llvm::enumerate(graph.output()))
    func.setResultAttr(index, "graph.name", StringAttr::get(&mlir, output.name()));
}

static FailureOr<OwningOpRef<ModuleOp>> importFile(FailureOr<std::unique_ptr<ModelFile>> file, MLIRContext &context,
                                                   Diagnostics &diagnostics, const ImportOptions &options) {
  if (failed(file))
    return failure();
  context.loadDialect<graph::GraphDialect, func::FuncDialect>();
  if (!(*file)->giveRanks(options.ranks, diagnostics))
    return failure();
  CheckedModel checked = checkModel((*file)->model(), (*file)->name(), options.customOps, diagnostics);
  if (!checked.isSound)
    return failure();
  return Importer(**file, context, diagnostics, options, std::move(checked)).run();
}

FailureOr<OwningOpRef<ModuleOp>> lathe::importONNX(StringRef path, MLIRContext &context, Diagnostics &diagnostics,
                                                   const ImportOptions &options) {
  return importFile(ModelFile::open(path, options, diagnostics), context, diagnostics, options);
}

FailureOr<OwningOpRef<ModuleOp>> lathe::importONNX(std::unique_ptr<llvm::MemoryBuffer> bytes, StringRef name,
                                                   MLIRContext &context, Diagnostics &diagnostics,
                                                   const ImportOptions &options) {
  return importFile(ModelFile::parse(std::move(bytes), name, options.limits, diagnostics), context, diagnostics,
                    options);
}
