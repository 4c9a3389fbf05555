// lib/Compiler/ExtractNode.cpp: one node of a model as a program of its own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Functions.h"
#include "Implementation.h"
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/NodeLocation.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace lathe {

namespace {

/// The operations of a node of `main`, what they take and what others take of them.
struct Part {
  Part(func::FuncOp main, StringRef node);

  llvm::SetVector<Operation *> operations;
  llvm::SetVector<Value> inputs;
  llvm::SetVector<Operation *> constants; ///< That they take.
  SmallVector<Value> results;
  SmallVector<std::string> names; ///< Of all nodes.
};

/// Gives each open size of the inputs a symbol, and says all other sizes by those.
class Symbols {
public:
  explicit Symbols(func::FuncOp main);
  void define(ArrayRef<Value> inputs);
  /// False if a size of `type` follows from something that no input has.
  bool rewrite(func::FuncOp func);
  ArrayAttr list(MLIRContext *context) const;

private:
  void add(AffineExpr size);
  AffineMap rewrite(AffineMap map);

  /// Positions from here on are those of new symbols, as long as old ones are there, too.
  static constexpr unsigned firstNew = 1u << 20;
  SmallVector<StringRef> oldNames;
  SmallVector<std::string> names;
  DenseMap<AffineExpr, AffineExpr> known;
  bool isComplete = true;
};

} // namespace

Part::Part(func::FuncOp main, StringRef node) {
  llvm::StringSet<> seen;
  for (Operation &op : main.getBody().front().without_terminator()) {
    SmallVector<std::string> own = graph::getNodeNames(op.getLoc());
    if (isa<graph::ConstantOp>(op))
      continue;
    for (const std::string &name : own)
      if (seen.insert(name).second)
        names.push_back(name);
    if (llvm::is_contained(own, node))
      operations.insert(&op);
  }
  auto take = [&](Value value) {
    Operation *producer = value.getDefiningOp();
    if (isa_and_nonnull<graph::ConstantOp>(producer))
      constants.insert(producer);
    else if (!operations.contains(producer))
      inputs.insert(value);
  };
  for (Operation *op : operations) {
    llvm::for_each(op->getOperands(), take);
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    llvm::for_each(captured, take);
  }
  auto isOutside = [&](Operation *user) { return !operations.contains(main.getBody().findAncestorOpInRegion(*user)); };
  for (Operation *op : operations)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), isOutside))
        results.push_back(result);
}

Symbols::Symbols(func::FuncOp main) {
  if (auto list = main->getAttrOfType<ArrayAttr>("graph.symbols"))
    for (auto symbol : list.getAsRange<graph::SymbolAttr>())
      oldNames.push_back(symbol.getName());
}

/// Gives `size` the next symbol, of the name that it has in the model or of one that nothing has there.
void Symbols::add(AffineExpr size) {
  auto symbol = dyn_cast<AffineSymbolExpr>(size);
  std::string name =
      symbol && symbol.getPosition() < oldNames.size() ? oldNames[symbol.getPosition()].str() : std::string();
  auto isTaken = [&] { return llvm::is_contained(oldNames, name) || llvm::is_contained(names, name); };
  if (name.empty())
    for (size_t number = names.size(); name.empty() || isTaken(); ++number)
      name = "size" + std::to_string(number);
  known[size] = getAffineSymbolExpr(firstNew + names.size(), size.getContext());
  names.push_back(name);
}

void Symbols::define(ArrayRef<Value> inputs) {
  SmallVector<AffineExpr> computed;
  for (Value input : inputs) {
    auto type = dyn_cast<RankedTensorType>(input.getType());
    auto dims = type ? dyn_cast_or_null<graph::DimsAttr>(type.getEncoding()) : graph::DimsAttr();
    for (AffineExpr expr : dims ? dims.getMap().getResults() : ArrayRef<AffineExpr>()) {
      if (!isa<AffineSymbolExpr>(expr))
        computed.push_back(expr);
      else if (!known.contains(expr))
        add(expr);
    }
  }
  // What is computed of sizes that no input has is a size like others.
  auto isOpen = [](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    return symbol && symbol.getPosition() < firstNew;
  };
  for (AffineExpr expr : computed) {
    bool needsSymbol = false;
    expr.replace(known).walk([&](AffineExpr part) { needsSymbol |= isOpen(part); });
    if (needsSymbol)
      add(expr);
  }
}

AffineMap Symbols::rewrite(AffineMap map) {
  SmallVector<AffineExpr> results;
  for (AffineExpr expr : map.getResults()) {
    AffineExpr replaced = expr.replace(known);
    replaced.walk([&](AffineExpr part) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
        isComplete &= symbol.getPosition() >= firstNew;
    });
    DenseMap<AffineExpr, AffineExpr> positions;
    for (unsigned i = 0; i < names.size(); ++i)
      positions[getAffineSymbolExpr(firstNew + i, map.getContext())] = getAffineSymbolExpr(i, map.getContext());
    results.push_back(replaced.replace(positions));
  }
  return AffineMap::get(0, isComplete ? names.size() : map.getNumSymbols(), results, map.getContext());
}

bool Symbols::rewrite(func::FuncOp func) {
  AttrTypeReplacer replacer;
  using Replaced = std::optional<std::pair<Type, WalkResult>>;
  replacer.addReplacement([&](RankedTensorType type) -> Replaced {
    auto dims = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding());
    if (!dims)
      return std::nullopt;
    AffineMap map = rewrite(dims.getMap());
    Attribute encoding = isComplete ? graph::DimsAttr::get(type.getContext(), map) : graph::DimsAttr();
    return {{RankedTensorType::get(type.getShape(), type.getElementType(), encoding), WalkResult::skip()}};
  });
  replacer.addReplacement([&](graph::DimsAttr dims) -> std::optional<Attribute> {
    AffineMap map = rewrite(dims.getMap());
    return isComplete ? graph::DimsAttr::get(dims.getContext(), map) : dims;
  });
  for (BlockArgument argument : func.getArguments())
    argument.setType(replacer.replace(argument.getType()));
  func.getBody().walk([&](Operation *op) {
    replacer.replaceElementsIn(op, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
  });
  return isComplete;
}

ArrayAttr Symbols::list(MLIRContext *context) const {
  Builder builder(context);
  SmallVector<Attribute> list;
  for (const std::string &name : names)
    list.push_back(graph::SymbolAttr::get(StringAttr::get(context, name)));
  return builder.getArrayAttr(list);
}

/// The function of `part`, in front of `main`.
static func::FuncOp makeFunction(func::FuncOp main, const Part &part) {
  OpBuilder builder(main);
  SmallVector<Type> inputs, results;
  for (Value value : part.inputs)
    inputs.push_back(value.getType());
  for (Value value : part.results)
    results.push_back(value.getType());
  auto func = func::FuncOp::create(builder, main.getLoc(), "node", builder.getFunctionType(inputs, results));
  Block *body = func.addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  for (auto [value, argument] : llvm::zip_equal(part.inputs, body->getArguments()))
    mapping.map(value, argument);
  for (Operation *op : part.constants)
    builder.clone(*op, mapping);
  for (Operation *op : part.operations)
    builder.clone(*op, mapping);
  SmallVector<Value> values;
  for (Value value : part.results)
    values.push_back(mapping.lookup(value));
  func::ReturnOp::create(builder, main.getLoc(), values);
  return func;
}

bool Program::keepNode(const std::string &node, Diagnostics &diagnostics) {
  auto functions = impl->module->getOps<func::FuncOp>();
  func::FuncOp main = llvm::hasSingleElement(functions) ? *functions.begin() : func::FuncOp();
  std::string place = impl->file;
  if (!main || !main.getBody().hasOneBlock()) {
    bool isSeveral = !functions.empty();
    diagnostics
        .error("model-node", place,
               isSeveral ? "holds several functions, and nodes of each" : "holds kernels, and no nodes")
        .note(isSeveral ? "keep one of them first" : "give the path of a model");
    return false;
  }
  Part part(main, node);
  if (part.operations.empty()) {
    SmallVector<StringRef> known(part.names.begin(), part.names.end());
    diagnostics.error("model-node", place, "has no node " + quoted(node) + didYouMean(node, known))
        .note(known.empty() ? "its nodes have no names, which native files give as loc(\"NAME\"(\"KIND\"))"
                            : "its nodes are " + shortList(known));
    return false;
  }
  Symbols symbols(main);
  symbols.define(part.inputs.getArrayRef());
  func::FuncOp func = makeFunction(main, part);
  if (!symbols.rewrite(func)) {
    diagnostics
        .error("model-node", place,
               "the node " + quoted(node) + " has sizes that do not follow from those of its inputs")
        .note("fix sizes of the model, or write the operator as a graph of its own");
    return false;
  }
  Builder builder(func.getContext());
  SmallVector<Type> results(func.getBody().front().getTerminator()->getOperandTypes());
  func.setFunctionType(builder.getFunctionType(func.getBody().getArgumentTypes(), results));
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    func.setArgAttr(i, "graph.name",
                    builder.getStringAttr(func.getNumArguments() == 1 ? "x" : "x" + std::to_string(i)));
  for (unsigned i = 0; i < func.getNumResults(); ++i)
    func.setResultAttr(i, "graph.name", builder.getStringAttr(i ? "y" + std::to_string(i) : "y"));
  func->setAttr("graph.checks", builder.getArrayAttr({}));
  func->setAttr("graph.symbols", symbols.list(func.getContext()));
  main.erase();
  func.setName("main");
  DiagnosticHandler handler(*impl->context, diagnostics, impl->file);
  handler.setErrorId("model-node");
  return succeeded(verify(*impl->module));
}

} // namespace lathe
