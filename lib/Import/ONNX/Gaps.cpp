// lib/Import/ONNX/Gaps.cpp: what a model needs and the importer lacks: one message
// for each operator, with how often the model has it, also in graphs that could not
// be imported since something in front of them is lacking.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CustomOps.h"
#include "ElementType.h"
#include "Importer.h"
#include "OpTable.h"

#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace mlir;
using ::onnx::AttributeProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;

void Importer::noteUnsupported(StringRef label, const std::string &at) {
  if (unsupportedPlaces.insert(at).second)
    unsupported[StringAttr::get(&mlir, label)].push_back(at);
}

/// Skips a node that reads what could not be made.
void Importer::skipUnread(ImportContext &context, GraphScope &scope, const NodeProto &node) {
  if (skipped++ == 0)
    firstSkipped = place;
  skipNode(context, scope, node, std::string(place));
}

/// Lets the import go on after an error, so that later gaps are found too:
/// outputs whose type the model declares get a value of that type.
void Importer::skipNode(ImportContext &context, GraphScope &scope, const NodeProto &node, const std::string &at) {
  findGaps(scope.opsets, node, at);
  if (!scope.graph) // The model declares types of its own values only.
    return;
  auto declaredType = [&](StringRef name) -> const ::onnx::ValueInfoProto * {
    for (const auto *list : {&scope.graph->value_info(), &scope.graph->output()})
      for (const auto &info : *list)
        if (info.name() == name)
          return &info;
    return nullptr;
  };
  for (const std::string &output : node.output()) {
    const ::onnx::ValueInfoProto *declared = declaredType(output);
    if (!declared)
      continue;
    const auto &tensor = declared->type().tensor_type();
    Type element = toMLIRType(&mlir, tensor.elem_type());
    if (!element || !tensor.has_shape() || tensor.shape().dim_size() > maxRank)
      continue;
    Type type = inputType(context, *declared);
    scope.values[output] =
        UnrealizedConversionCastOp::create(context.builder, fileLoc(), type, ValueRange()).getResult(0);
  }
}

/// Looks for operators that are lacking among nodes that are not imported, and in
/// their graphs. `at` is where the nodes are.
void Importer::findGaps(const OpsetImports &opsets, const Nodes &nodes, const std::string &at) {
  for (auto [index, node] : llvm::enumerate(nodes)) {
    StringRef domain = canonicalDomain(node.domain());
    const OpSchema *schema = findSchema(domain, node.op_type(), opsets.lookup(domain));
    std::string place = at + ": " + describeNode(node, index, schema);
    if (findCustomOps(options.customOps, node).empty() && !findFunction(node) && schema &&
        !checked.badNodes.contains(&node) && !getOpTable().find(*schema) && !findBody(*schema))
      noteUnsupported(schema->label(), place);
    findGaps(opsets, node, place);
  }
}

void Importer::findGaps(const OpsetImports &opsets, const NodeProto &node, const std::string &at) {
  for (const AttributeProto &attribute : node.attribute()) {
    std::string place = at + ": attribute " + quoted(attribute.name());
    if (attribute.has_g())
      findGaps(opsets, attribute.g().node(), place);
    for (const GraphProto &graph : attribute.graphs())
      findGaps(opsets, graph.node(), place);
  }
}

/// Whether a node cannot be imported, or one in its graphs.
bool Importer::hasBadNodes(const Nodes &nodes) const {
  auto isBad = [&](const AttributeProto &attribute) {
    return hasBadNodes(attribute.g().node()) ||
           llvm::any_of(attribute.graphs(), [&](const GraphProto &graph) { return hasBadNodes(graph.node()); });
  };
  return !checked.badNodes.empty() && llvm::any_of(nodes, [&](const NodeProto &node) {
    return checked.badNodes.contains(&node) || llvm::any_of(node.attribute(), isBad);
  });
}

void Importer::reportGaps() {
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
  if (last) {
    last->note(Twine(total) + " of " + Twine(graph.node_size()) +
               " nodes are unsupported: " + llvm::join(counts, ", "));
    last->note("docs/recipes/add-onnx-op.md shows how to add one");
  }
  if (skipped && diagnostics.hasErrors())
    diagnostics
        .warning("onnx-not-looked-into", firstSkipped,
                 "what it reads was not made, so it was not looked into" +
                     (skipped > 1 ? ", nor were " + std::to_string(skipped - 1) + " more nodes" : ""))
        .note("onnx.shape_inference.infer_shapes writes types into the model, with which it can be");
}
