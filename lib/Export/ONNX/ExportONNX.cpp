// lib/Export/ONNX/ExportONNX.cpp: a model as a file: inputs, outputs, metadata, versions.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Writer.h"
#include "lathe/Export/ONNX.h"

#include "dialects/Graph/Sequence.h"

using namespace lathe;
using namespace lathe::onnx_export;
using namespace mlir;
using llvm::StringRef;
using llvm::Twine;

/// The version of the format in which a version of the operators came.
static int formatVersion(int operators) {
  if (operators <= 22)
    return 10;
  return operators == 23 ? 11 : operators == 24 ? 12 : 13;
}

static std::string stringOf(DictionaryAttr attributes, StringRef name) {
  auto text = attributes ? attributes.getAs<StringAttr>(name) : StringAttr();
  return text ? text.str() : "";
}

static void writeMetadata(::onnx::ModelProto &model, ModuleOp module) {
  auto standard = module->getAttrOfType<DictionaryAttr>("graph.model");
  model.set_producer_name("lathe");
  model.set_producer_version(LATHE_VERSION);
  model.set_domain(stringOf(standard, "domain"));
  model.set_doc_string(stringOf(standard, "description"));
  std::string name = stringOf(standard, "name");
  model.mutable_graph()->set_name(name.empty() ? "main" : name);
  if (auto custom = module->getAttrOfType<DictionaryAttr>("graph.metadata"))
    for (NamedAttribute entry : custom)
      if (auto text = dyn_cast<StringAttr>(entry.getValue())) {
        ::onnx::StringStringEntryProto &property = *model.add_metadata_props();
        property.set_key(entry.getName().str());
        property.set_value(text.str());
      }
}

static std::string nameOf(Attribute name, StringRef kind, unsigned index) {
  auto text = dyn_cast_or_null<StringAttr>(name);
  return text && !text.empty() ? text.str() : (kind + Twine(index)).str();
}

/// Maps are no values that operators of ONNX itself take.
static bool isPlain(Type type) {
  if (auto optional = dyn_cast<graph::OptionalType>(type))
    type = optional.getContent();
  return !isa<graph::MapType>(type);
}

std::optional<std::string> lathe::exportONNX(ModuleOp module, StringRef place, Diagnostics &diagnostics) {
  auto functions = module.getOps<func::FuncOp>();
  if (!functions.empty() && !llvm::hasSingleElement(functions)) {
    diagnostics.error("export-functions", place, "there are several functions, but an ONNX model is one")
        .note("write the functions as .mlir or .lathe, or each of them by itself");
    return std::nullopt;
  }
  auto func = functions.empty() ? func::FuncOp() : *functions.begin();
  if (!func || func.isExternal()) {
    diagnostics.error("export-no-model", place, "there is no function, whose operations a model would be")
        .note("kernels without a model, and IR behind 'partition', have no form in ONNX");
    return std::nullopt;
  }
  for (Type type : llvm::concat<const Type>(func.getArgumentTypes(), func.getResultTypes()))
    if (!isPlain(type)) {
      std::string text;
      llvm::raw_string_ostream(text) << type;
      diagnostics.error("export-no-form", place, "an input or output is a " + text + ", which only ai.onnx.ml has")
          .note("write the model as .mlir or .lathe, which hold every type");
      return std::nullopt;
    }
  ::onnx::ModelProto model;
  writeMetadata(model, module);
  ::onnx::GraphProto &graph = *model.mutable_graph();
  Writer writer(graph, func, place, diagnostics);
  Block &body = func.getBody().front();
  // First all names that programs use.
  std::vector<Name> outputs;
  for (unsigned i = 0; i < func.getNumResults(); ++i)
    outputs.push_back(writer.fresh(nameOf(func.getResultAttr(i, "graph.name"), "output", i)));
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    writer.setName(argument, writer.fresh(nameOf(func.getArgAttr(i, "graph.name"), "input", i)));
    writer.describe(*graph.add_input(), writer.name(argument), argument.getType(), /*withDims=*/true);
  }
  for (BlockArgument argument : body.getArguments())
    writer.defineDims(argument);
  writer.writeBlock(body);
  for (auto [name, value] : llvm::zip(outputs, body.getTerminator()->getOperands())) {
    writer.node("Identity", {writer.name(value)}, {name});
    writer.describe(*graph.add_output(), name, value.getType(), /*withDims=*/true);
  }
  if (writer.hasFailed())
    return std::nullopt;
  model.add_opset_import()->set_version(writer.version());
  model.set_ir_version(formatVersion(writer.version()));
  if (uint64_t bytes = writer.constantBytes(); bytes > mostFileBytes || model.ByteSizeLong() > mostFileBytes) {
    diagnostics
        .error("export-too-large", place,
               "the model has " + Twine(bytes) + " bytes of constants, but an ONNX file has at most " +
                   Twine(mostFileBytes))
        .note("write the model as .lathe, which has no such limit");
    return std::nullopt;
  }
  return model.SerializeAsString();
}
