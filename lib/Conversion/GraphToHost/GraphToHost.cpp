// lib/Conversion/GraphToHost/GraphToHost.cpp: the function that calls kernels becomes the launch program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MemoryPlan.h"
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe-runtime/module_abi.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using lathe::graph::CheckAttr;
using lathe::graph::Dims;
using lathe::graph::SymbolAttr;

namespace lathe {
#define GEN_PASS_DEF_CONVERTGRAPHTOHOSTPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

int64_t bytesOfElement(Type element) { return std::max<int64_t>(8, element.getIntOrFloatBitWidth()) / 8; }

/// Where the elements of a value are.
struct Place {
  enum Kind { Input, Output, Constant, Workspace } kind;
  unsigned index = 0;   ///< Of the input, output or temporary.
  std::string constant; ///< Symbol of the constant.
};

/// One conversion of one function.
class Converter {
public:
  Converter(ModuleOp module, func::FuncOp func)
      : module(module), func(func), context(func.getContext()), loc(func.getLoc()), builder(context) {
    auto symbolList = func->getAttrOfType<ArrayAttr>("graph.symbols");
    auto checkList = func->getAttrOfType<ArrayAttr>("graph.checks");
    if (symbolList)
      llvm::append_range(symbols, symbolList.getAsRange<SymbolAttr>());
    if (checkList)
      llvm::append_range(checks, checkList.getAsRange<CheckAttr>());
  }

  LogicalResult convert();

private:
  AffineExpr bytesOf(Type type);
  LogicalResult assignPlaces();
  void assignOutputs();
  void planTemporaries();
  std::string addConstant(graph::ConstantOp constant, kernel::PackOp pack);
  LogicalResult defineSymbols();
  Value materialize(AffineExpr expr);
  SmallVector<Value> offsets(Value &total);
  LogicalResult emitPlan();
  LogicalResult emitRun();
  Value address(Value value, ArrayRef<Value> slotOffsets);
  void writeSignature();

  ModuleOp module;
  func::FuncOp func;
  MLIRContext *context;
  Location loc;
  OpBuilder builder;
  SmallVector<SymbolAttr> symbols;
  SmallVector<CheckAttr> checks;
  DenseMap<Value, Place> places;
  SmallVector<Temporary> temporaries;
  DenseMap<Value, unsigned> temporaryOf;          ///< Of the value that owns it.
  DenseMap<Value, Value> ownerOf;                 ///< Through reshapes.
  SmallVector<std::pair<unsigned, Value>> copies; ///< To outputs.
  MemoryPlan plan;
  llvm::StringMap<std::string> constantNames;
  unsigned constantCount = 0;
  SmallVector<Value> symbolValues;
};

} // namespace

AffineExpr Converter::bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  AffineExpr bytes = getAffineConstantExpr(bytesOfElement(tensor.getElementType()), context);
  auto encoding = dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding());
  for (auto [i, size] : llvm::enumerate(tensor.getShape()))
    bytes =
        bytes * (ShapedType::isDynamic(size) ? encoding.getMap().getResult(i) : getAffineConstantExpr(size, context));
  return simplifyAffineExpr(bytes, 0, symbols.size());
}

std::string Converter::addConstant(graph::ConstantOp constant, kernel::PackOp pack) {
  std::string name = "constant_" + std::to_string(constantCount++);
  OpBuilder at = OpBuilder::atBlockBegin(module.getBody());
  host::ConstantOp::create(at, (pack ? pack.getLoc() : constant.getLoc()), name, constant.getValue(),
                           pack ? pack.getTiledAttr() : IntegerAttr(), pack ? pack.getOrderAttr() : DenseI64ArrayAttr(),
                           pack ? pack.getTileAttr() : IntegerAttr());
  return name;
}

LogicalResult Converter::assignPlaces() {
  Block &body = func.getBody().front();
  for (BlockArgument argument : body.getArguments()) {
    places[argument] = {Place::Input, argument.getArgNumber(), ""};
    ownerOf[argument] = argument;
  }
  for (Operation &op : body.without_terminator()) {
    if (auto constant = dyn_cast<graph::ConstantOp>(op)) {
      ownerOf[constant] = constant;
      // Constants that are only packed are written in packed order alone.
      bool onlyPacked = llvm::all_of(constant->getUsers(), [](Operation *user) { return isa<kernel::PackOp>(user); });
      if (!constant->use_empty() && !onlyPacked)
        places[constant] = {Place::Constant, 0, addConstant(constant, {})};
    } else if (auto pack = dyn_cast<kernel::PackOp>(op)) {
      auto constant = pack.getX().getDefiningOp<graph::ConstantOp>();
      if (!constant)
        return pack.emitOpError("packs a value that is not a constant [host-pack]");
      ownerOf[pack] = pack;
      places[pack] = {Place::Constant, 0, addConstant(constant, pack)};
    } else if (auto reshape = dyn_cast<graph::ReshapeOp>(op)) {
      ownerOf[reshape] = ownerOf.lookup(reshape.getX());
    } else if (auto call = dyn_cast<kernel::CallOp>(op)) {
      for (Value result : call.getResults()) {
        ownerOf[result] = result;
        places[result] = {Place::Workspace, 0, ""};
      }
    } else {
      return op.emitOpError("is left in the host function [host-unexpected-op]");
    }
  }
  return success();
}

/// A result that a kernel computes goes straight to the output; inputs,
/// constants and values returned twice are copied.
void Converter::assignOutputs() {
  for (auto [i, value] : llvm::enumerate(func.getBody().front().getTerminator()->getOperands())) {
    Value owner = ownerOf.lookup(value);
    if (places[owner].kind == Place::Workspace)
      places[owner] = {Place::Output, static_cast<unsigned>(i), ""};
    else
      copies.push_back({i, value});
  }
}

void Converter::planTemporaries() {
  DenseMap<Operation *, unsigned> steps;
  unsigned step = 0;
  for (Operation &op : func.getBody().front())
    steps[&op] = step++;
  for (Operation &op : func.getBody().front().without_terminator())
    for (Value result : op.getResults()) {
      if (ownerOf.lookup(result) != result || places[result].kind != Place::Workspace)
        continue;
      places[result].index = temporaries.size();
      temporaries.push_back({bytesOf(result.getType()), steps[&op], steps[&op]});
    }
  for (auto &[value, owner] : ownerOf) {
    if (places[owner].kind != Place::Workspace)
      continue;
    unsigned &last = temporaries[places[owner].index].last;
    for (Operation *user : value.getUsers())
      last = std::max(last, steps[user]);
  }
  plan = planMemory(temporaries);
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

Value Converter::materialize(AffineExpr expr) {
  if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
    return arith::ConstantIndexOp::create(builder, loc, fixed.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbolValues[symbol.getPosition()];
  // Only the symbols that the expression uses: later ones may not be defined yet.
  SmallVector<Value> used;
  DenseMap<AffineExpr, AffineExpr> renumbered;
  expr.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    if (symbol && renumbered.try_emplace(part, getAffineSymbolExpr(used.size(), context)).second)
      used.push_back(symbolValues[symbol.getPosition()]);
  });
  AffineMap map = AffineMap::get(0, used.size(), expr.replace(renumbered));
  return affine::AffineApplyOp::create(builder, loc, map, used);
}

/// Reads every symbol at the start of a program.
LogicalResult Converter::defineSymbols() {
  symbolValues.assign(symbols.size(), Value());
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  for (BlockArgument argument : func.getArguments()) {
    auto encoding = dyn_cast_or_null<graph::DimsAttr>(cast<RankedTensorType>(argument.getType()).getEncoding());
    if (!encoding)
      continue;
    for (auto [dim, expr] : llvm::enumerate(encoding.getMap().getResults()))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(expr); symbol && !symbolValues[symbol.getPosition()])
        symbolValues[symbol.getPosition()] =
            host::DimOp::create(builder, loc, builder.getIndexType(), argument.getArgNumber(), dim);
  }
  for (auto [i, symbol] : llvm::enumerate(symbols)) {
    if (symbolValues[i])
      continue;
    if (symbol.getInput() >= 0) {
      Type element = getElementTypeOrSelf(func.getArgument(symbol.getInput()));
      symbolValues[i] = host::ElementOp::create(builder, loc, builder.getIndexType(), symbol.getInput(),
                                                symbol.getElement(), element);
      continue;
    }
    AffineMapAttr map = symbol.getMin() ? symbol.getMin() : symbol.getMax();
    if (!map) { // A symbol that --dim fixed, or that nothing uses any more.
      symbolValues[i] = zero;
      continue;
    }
    Value a = materialize(map.getAffineMap().getResult(0)), b = materialize(map.getAffineMap().getResult(1));
    symbolValues[i] = symbol.getMin() ? Value(arith::MinSIOp::create(builder, loc, a, b))
                                      : Value(arith::MaxSIOp::create(builder, loc, a, b));
  }
  return success();
}

SmallVector<Value> Converter::offsets(Value &total) {
  SmallVector<Value> result;
  Value offset = arith::ConstantIndexOp::create(builder, loc, 0);
  for (const Slot &slot : plan.slots) {
    Value size;
    for (AffineExpr bytes : slot.sizes) {
      AffineExpr whole = bytes.ceilDiv(LATHE_ALIGNMENT) * LATHE_ALIGNMENT;
      Value next = materialize(simplifyAffineExpr(whole, 0, symbols.size()));
      size = size ? arith::MaxSIOp::create(builder, loc, size, next) : next;
    }
    result.push_back(offset);
    offset = arith::AddIOp::create(builder, loc, offset, size);
  }
  total = plan.slots.empty() ? Value(arith::ConstantIndexOp::create(builder, loc, plan.staticBytes)) : offset;
  return result;
}

LogicalResult Converter::emitPlan() {
  auto program = host::ProgramOp::create(builder, loc, "plan");
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&program.getBody());
  if (failed(defineSymbols()))
    return failure();
  for (auto [id, check] : llvm::enumerate(checks)) {
    std::optional<host::Relation> relation = host::symbolizeRelation(check.getRelation());
    if (!relation)
      return func.emitError() << "has a check of relation '" << check.getRelation()
                              << "'; the relations are 'eq' and 'ge' [host-relation]";
    host::CheckOp::create(builder, loc, *relation, materialize(check.getMap().getResult(0)),
                          materialize(check.getMap().getResult(1)), id);
  }
  for (auto [i, value] : llvm::enumerate(func.getBody().front().getTerminator()->getOperands())) {
    auto tensor = cast<RankedTensorType>(value.getType());
    auto encoding = dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding());
    for (auto [dim, size] : llvm::enumerate(tensor.getShape())) {
      AffineExpr expr =
          ShapedType::isDynamic(size) ? encoding.getMap().getResult(dim) : getAffineConstantExpr(size, context);
      host::SetDimOp::create(builder, loc, i, dim, materialize(expr));
    }
  }
  Value total;
  offsets(total);
  host::SetWorkspaceOp::create(builder, loc, total);
  return success();
}

Value Converter::address(Value value, ArrayRef<Value> slotOffsets) {
  const Place &place = places[ownerOf.lookup(value)];
  Type buffer = host::BufferType::get(context);
  switch (place.kind) {
  case Place::Input:
    return host::InputOp::create(builder, loc, buffer, place.index);
  case Place::Output:
    return host::OutputOp::create(builder, loc, buffer, place.index);
  case Place::Constant:
    return host::AddressOfOp::create(builder, loc, buffer, place.constant);
  case Place::Workspace:
    break;
  }
  Value offset = plan.slots.empty() ? Value(arith::ConstantIndexOp::create(builder, loc, plan.offsets[place.index]))
                                    : slotOffsets[plan.slotOf[place.index]];
  return host::WorkspaceOp::create(builder, loc, buffer, offset);
}

LogicalResult Converter::emitRun() {
  auto program = host::ProgramOp::create(builder, loc, "run");
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&program.getBody());
  if (failed(defineSymbols()))
    return failure();
  Value total;
  SmallVector<Value> slotOffsets = offsets(total);
  for (auto call : func.getBody().front().getOps<kernel::CallOp>()) {
    SmallVector<Value> sizes, buffers;
    for (AffineExpr expr : call.getSizes().getResults())
      sizes.push_back(materialize(expr));
    for (Value value :
         llvm::concat<Value>(SmallVector<Value>(call.getOperands()), SmallVector<Value>(call.getResults())))
      buffers.push_back(address(value, slotOffsets));
    host::LaunchOp::create(builder, call.getLoc(), call.getCalleeAttr(), sizes, buffers);
  }
  for (auto [output, value] : copies) {
    Value source = address(value, slotOffsets);
    Value target = host::OutputOp::create(builder, loc, host::BufferType::get(context), output);
    host::CopyOp::create(builder, loc, source, target, materialize(bytesOf(value.getType())));
  }
  return success();
}

/// What descriptors and headers say of the model; the function is gone then.
void Converter::writeSignature() {
  auto describe = [&](StringAttr name, Type type) {
    NamedAttrList entry;
    entry.append("name", name);
    entry.append("type", TypeAttr::get(type));
    return entry.getDictionary(context);
  };
  SmallVector<Attribute> inputs, outputs, symbolNames, messages;
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
    auto name = func.getArgAttrOfType<StringAttr>(i, "graph.name");
    inputs.push_back(describe(name ? name : builder.getStringAttr("input" + std::to_string(i)), type));
  }
  for (auto [i, type] : llvm::enumerate(func.getResultTypes())) {
    auto name = func.getResultAttrOfType<StringAttr>(i, "graph.name");
    outputs.push_back(describe(name ? name : builder.getStringAttr("output" + std::to_string(i)), type));
  }
  for (SymbolAttr symbol : symbols)
    symbolNames.push_back(symbol.getMin() || symbol.getMax() || symbol.getInput() >= 0 ? builder.getStringAttr("")
                                                                                       : symbol.getName());
  for (CheckAttr check : checks)
    messages.push_back(check.getMessage());
  module->setAttr("host.inputs", builder.getArrayAttr(inputs));
  module->setAttr("host.outputs", builder.getArrayAttr(outputs));
  module->setAttr("host.symbols", builder.getArrayAttr(symbolNames));
  module->setAttr("host.checks", builder.getArrayAttr(messages));
}

LogicalResult Converter::convert() {
  if (failed(assignPlaces()))
    return failure();
  assignOutputs();
  planTemporaries();
  builder.setInsertionPoint(func);
  if (failed(emitPlan()) || failed(emitRun()))
    return failure();
  writeSignature();
  func.erase();
  return success();
}

namespace {
struct ConvertGraphToHostPass final : impl::ConvertGraphToHostPassBase<ConvertGraphToHostPass> {
  void runOnOperation() override {
    auto func = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!func || func.isExternal()) {
      getOperation().emitError("the module has no function 'main' with a body [graph-no-main]");
      return signalPassFailure();
    }
    if (failed(Converter(getOperation(), func).convert()))
      signalPassFailure();
  }
};
} // namespace
} // namespace lathe
