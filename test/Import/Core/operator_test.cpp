// test/Import/Core/operator_test.cpp: a model that is in no file and of no known
// format is imported by the core alone: tables, scopes, attributes, graphs as
// attributes, and errors.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/ImportOperator.h"

#include "dialects/Graph/Graph.h"
#include "dialects/Graph/NodeLocation.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"

#include <cstdio>

using namespace lathe;
using namespace lathe::importer;
using llvm::StringRef;

static int failures = 0;

static void expect(bool condition, const char *what, StringRef got) {
  if (condition)
    return;
  ++failures;
  std::printf("FAILED: %s; got \"%s\"\n", what, got.str().c_str());
}

//===----------------------------------------------------------------------===//
// A format of four operators
//===----------------------------------------------------------------------===//

static constexpr ParameterSchema anyTwo[] = {{"x", ParameterKind::Single, true, "", ~0u},
                                             {"bias", ParameterKind::Optional, true, "", ~0u}};
static constexpr AttributeSchema scaleAttributes[] = {{"factor", 0, false, true, 0, 2.0f, {}, {}}};
static constexpr OpSchema scaleSchema = {"toy", "Scale", 1, false, 1, 2, 1, 1, anyTwo, anyTwo, scaleAttributes};
static constexpr OpSchema scaleLater = {"toy", "Scale", 3, false, 1, 2, 1, 1, anyTwo, anyTwo, scaleAttributes};
static constexpr OpSchema flipSchema = {"toy", "Flip", 1, false, 1, 1, 1, 1, anyTwo, anyTwo, {}};
static constexpr OpSchema callSchema = {"toy", "Call", 1, false, 1, 1, 1, 1, anyTwo, anyTwo, {}};

static Value importScale(Node &node) {
  Value x = node.mul(node.input(0), node.number("factor"));
  return node.input(1) ? node.add(x, node.input(1)) : x;
}

static Value importFlip(Node &node) {
  llvm::SmallVector<int64_t> order = node.integers("order");
  return node.transpose(node.input(0), node.normalizeAxes(order, node.rank(node.input(0)), "order").size() == 2
                                           ? llvm::ArrayRef<int64_t>({1, 0})
                                           : llvm::ArrayRef<int64_t>({0, 1}));
}

static void importCall(Node &node) {
  llvm::SmallVector<Value> results;
  if (node.importGraph("body", {node.input(0)}, results, 1))
    node.setOutput(0, results.front());
}

static OpTable makeTable() {
  OpTable table;
  table.add({"toy", "Scale"}, {1}, importScale);
  table.add({"toy", "Flip"}, {1}, importFlip);
  table.add({"toy", "Call"}, {1}, importCall);
  return table;
}

/// A function of one argument x, f32 [n, 3], and what imports nodes into it.
struct Model {
  mlir::MLIRContext mlir;
  Diagnostics diagnostics;
  OpTable table = makeTable();
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp func;
  std::optional<ImportContext> context;
  std::optional<Messages> messages;
  Scope scope{"memory", ""};

  Model() {
    mlir.loadDialect<graph::GraphDialect, mlir::func::FuncDialect>();
    mlir::OpBuilder b(&mlir);
    module = mlir::ModuleOp::create(b.getUnknownLoc());
    b.setInsertionPointToEnd(module->getBody());
    auto type = mlir::RankedTensorType::get({mlir::ShapedType::kDynamic, 3}, b.getF32Type());
    func = mlir::func::FuncOp::create(b, b.getUnknownLoc(), "main", b.getFunctionType({type}, {}));
    context.emplace(
        ImportContext{diagnostics, mlir::OpBuilder::atBlockEnd(func.addEntryBlock()), graph::ShapeSolver(func)});
    messages.emplace(mlir, diagnostics);
    graph::Dims dims = {context->solver.named("n"), context->solver.constant(3)};
    messages->symbolNames[dims.front()] = "n";
    func.getArgument(0).setType(context->solver.type(dims, b.getF32Type()));
    scope.values["x"] = func.getArgument(0);
    scope.block = context->builder.getInsertionBlock();
  }

  bool import(const OpSchema &schema, const Operator &op) { return import(scope, schema, op); }

  bool import(Scope &into, const OpSchema &schema, const Operator &op) {
    messages->place = into.place + ": node \"" + op.outputs.front().str() + "\" (" + schema.label() + ")";
    const OpRow *row = table.find(schema);
    if (!row)
      return false;
    llvm::SmallVector<Value> operands;
    if (!into.lookUpAll(context->builder, op.inputs, "memory", messages->place, operands))
      return false;
    mlir::Location loc = graph::getNodeLocation(&mlir, "memory", op.outputs.front(), schema.label());
    return importOperator(*context, *messages, into, op, schema, *row, loc, operands,
                          [](StringRef) { return std::nullopt; });
  }

  /// Returns the value called `name` and gives the text of the function.
  std::string finish(StringRef name) {
    Value result = *scope.lookUp(context->builder, name, "memory", "memory");
    mlir::func::ReturnOp::create(context->builder, func.getLoc(), result);
    func.setType(mlir::FunctionType::get(&mlir, func.front().getArgumentTypes(), result.getType()));
    context->solver.commit();
    expect(llvm::succeeded(mlir::verify(*module)), "the module verifies", diagnostics.text());
    std::string text;
    llvm::raw_string_ostream os(text);
    module->print(os);
    return text;
  }
};

static void expectText(StringRef text, StringRef part) { expect(text.contains(part), part.data(), text); }

static TensorReader vectorOf(mlir::MLIRContext &context, std::initializer_list<float> values, int *reads) {
  auto type = mlir::RankedTensorType::get({static_cast<int64_t>(values.size())}, mlir::Float32Type::get(&context));
  auto dense = mlir::DenseElementsAttr::get(type, llvm::ArrayRef(values.begin(), values.size()));
  return [dense, reads](StringRef) {
    ++*reads;
    return mlir::ElementsAttr(dense);
  };
}

static void testNodes() {
  Model model;
  int reads = 0;
  model.scope.tensors["b"] = vectorOf(model.mlir, {1, 2, 3}, &reads);
  model.scope.tensors["unused"] = vectorOf(model.mlir, {1}, &reads);
  expect(model.import(scaleSchema, {{"x", "b"}, {"y"}, {{"factor", 0.5}}}), "Scale", model.diagnostics.text());
  expect(model.import(scaleSchema, {{"y", "b"}, {"z"}, {}}), "Scale by default", model.diagnostics.text());
  expect(reads == 1, "a tensor is read once, and only if used", std::to_string(reads));
  std::string text = model.finish("z");
  expectText(text, "graph.constant dense<5.000000e-01>");
  expectText(text, "graph.constant dense<2.000000e+00>");
  expectText(text, "graph.symbols = [#graph.symbol<\"n\">]");
}

static void testGraphAttribute() {
  Model model;
  int reads = 0;
  model.scope.tensors["b"] = vectorOf(model.mlir, {1, 2, 3}, &reads);
  GraphAttribute body{1, {mlir::Float32Type::get(&model.mlir)}, {}};
  body.import = [&](llvm::ArrayRef<Value> inputs, llvm::SmallVectorImpl<Value> &outputs) {
    // Names of the outer scope are seen, those of the inner one end with it.
    Scope inner{"memory: body", "", &model.scope, model.context->builder.getInsertionBlock()};
    inner.values["arg"] = inputs.front();
    if (!model.import(inner, scaleSchema, {{"arg", "b"}, {"res"}, {}}))
      return false;
    outputs.push_back(inner.values["res"]);
    return true;
  };
  expect(model.import(callSchema, {{"x"}, {"y"}, {{"body", body}}}), "Call", model.diagnostics.text());
  expect(!model.scope.values.contains("res"), "inner names end with their scope", "res");
  expectText(model.finish("y"), "graph.add");
}

static void expectError(const OpSchema &schema, const Operator &op, StringRef part) {
  Model model;
  int reads = 0;
  model.scope.tensors["five"] = vectorOf(model.mlir, {1, 2, 3, 4, 5}, &reads);
  bool good = model.import(schema, op);
  expect(!good, "an error fails", part);
  expectText(model.diagnostics.text(), part);
}

int main() {
  testNodes();
  testGraphAttribute();
  expectError(scaleSchema, {{"x"}, {"y"}, {{"color", llvm::StringRef("red")}}}, "attribute 'color' is given");
  expectError(flipSchema, {{"x"}, {"y"}, {{"order", llvm::SmallVector<int64_t>{0, 2}}}},
              "memory: node \"y\" (toy.Flip-1): error: 'order' is 2, but the operand has rank 2");
  expectError(scaleSchema, {{"x", "five"}, {"y"}, {}}, "\"x\" is float32 [n, 3]");
  expect(makeTable().find(scaleLater) == nullptr, "a version without a row is unsupported", "found");
  std::printf("%d failures\n", failures);
  return failures != 0;
}
