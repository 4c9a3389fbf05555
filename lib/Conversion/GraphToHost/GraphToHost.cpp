// lib/Conversion/GraphToHost/GraphToHost.cpp: the function that calls kernels becomes the launch program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Converter.h"
#include "lathe-runtime/module_abi.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using lathe::graph::CheckAttr;
using lathe::graph::Dims;
using lathe::graph::SymbolAttr;

namespace lathe {
#define GEN_PASS_DEF_CONVERTGRAPHTOHOSTPASS
#include "lathe/Conversion/Buffers.h.inc"

static int64_t bytesOfElement(Type element) { return std::max<int64_t>(8, element.getIntOrFloatBitWidth()) / 8; }

/// No machine has more bytes; sizes that overflow are larger.
constexpr int64_t mostBytes = int64_t(1) << 47;

Converter::Converter(ModuleOp module, func::FuncOp func)
    : module(module), func(func), context(func.getContext()), loc(func.getLoc()), builder(context),
      buffer(host::BufferType::get(context)), index(builder.getIndexType()), lifetimes(func) {
  if (auto list = func->getAttrOfType<ArrayAttr>("graph.symbols"))
    llvm::append_range(symbols, list.getAsRange<SymbolAttr>());
  if (auto list = func->getAttrOfType<ArrayAttr>("graph.checks"))
    llvm::append_range(checks, list.getAsRange<CheckAttr>());
  for (CheckAttr check : checks)
    messages.push_back(check.getMessage());
  sizes = std::make_unique<Sizes>(builder, symbols);
  blocks.emplace_back();
}

unsigned Converter::addMessage(const Twine &text) {
  messages.push_back(builder.getStringAttr(text));
  return messages.size() - 1;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Dims Converter::dimsOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  auto encoding = dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding());
  Dims dims;
  for (auto [i, size] : llvm::enumerate(tensor.getShape()))
    dims.push_back(ShapedType::isDynamic(size) ? encoding.getMap().getResult(i) : getAffineConstantExpr(size, context));
  return dims;
}

AffineExpr Converter::bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  AffineExpr bytes = getAffineConstantExpr(bytesOfElement(tensor.getElementType()), context);
  for (AffineExpr dim : dimsOf(type))
    bytes = bytes * dim;
  return simplifyAffineExpr(bytes, 0, symbols.size());
}

bool Converter::isKnownAtEntry(Type type) {
  return llvm::all_of(dimsOf(type), [&](AffineExpr dim) { return sizes->isKnownAtEntry(dim); });
}

/// What a tensor needs at most, in symbols that are known at entry, or null: a
/// size from data may have a bound.
AffineExpr Converter::mostBytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  AffineExpr bytes = getAffineConstantExpr(bytesOfElement(tensor.getElementType()), context);
  for (AffineExpr dim : dimsOf(type)) {
    auto symbol = dyn_cast<AffineSymbolExpr>(dim);
    if (symbol && !sizes->isKnownAtEntry(dim)) {
      AffineMapAttr bound = symbols[symbol.getPosition()].getBound();
      dim = bound ? bound.getAffineMap().getResult(0) : dim;
    }
    if (!sizes->isKnownAtEntry(dim))
      return {};
    bytes = bytes * dim;
  }
  return simplifyAffineExpr(bytes, 0, symbols.size());
}

std::string Converter::addConstant(graph::ConstantOp constant, kernel::PackOp pack) {
  std::string name = "constant_" + std::to_string(constantCount++);
  OpBuilder at = OpBuilder::atBlockBegin(module.getBody());
  host::ConstantOp::create(at, (pack ? pack.getLoc() : constant.getLoc()), name, constant.getValue(),
                           pack ? pack.getTiledAttr() : IntegerAttr(), pack ? pack.getOrderAttr() : DenseI64ArrayAttr(),
                           pack ? pack.getTileAttr() : IntegerAttr(), pack ? pack.getStepAttr() : IntegerAttr(),
                           pack ? pack.getRunAttr() : IntegerAttr());
  return name;
}

LogicalResult Converter::assignPlaces(Block &block) {
  bool isEntry = block.getParentOp() == func;
  for (BlockArgument argument : block.getArguments())
    places[argument] = {isEntry ? Place::Input : Place::Buffer, argument.getArgNumber(), ""};
  for (Operation &op : block.without_terminator()) {
    if (auto constant = dyn_cast<graph::ConstantOp>(op)) {
      // Constants that are only packed are written in packed order alone.
      bool onlyPacked = llvm::all_of(constant->getUsers(), [](Operation *user) { return isa<kernel::PackOp>(user); });
      if (!constant->use_empty() && !onlyPacked)
        places[constant] = {Place::Constant, 0, addConstant(constant, {})};
    } else if (auto pack = dyn_cast<kernel::PackOp>(op)) {
      auto constant = pack.getX().getDefiningOp<graph::ConstantOp>();
      if (!constant)
        return pack.emitOpError("packs a value that is not a constant [host-pack]");
      places[pack] = {Place::Constant, 0, addConstant(constant, pack)};
    } else if (auto call = dyn_cast<kernel::CallOp>(op)) {
      // What the caller takes has memory of its own, unless the caller brought it.
      auto isTaken = [&](Value value) {
        return !isKnownAtEntry(value.getType()) && llvm::any_of(value.getUsers(), llvm::IsaPred<func::ReturnOp>);
      };
      for (Value result : call.getResults()) {
        bool isPlanned = mostBytesOf(result.getType()) && !isTaken(result);
        places[result] = {isPlanned ? Place::Workspace : Place::Heap, 0, ""};
      }
    } else if (isa<graph::IfOp, graph::LoopOp>(op)) {
      for (Value result : op.getResults())
        places[result] = {Place::Buffer, 0, ""};
      for (Region &region : op.getRegions())
        if (failed(assignPlaces(region.front())))
          return failure();
      if (auto loop = dyn_cast<graph::LoopOp>(op))
        planLoop(loop);
    } else if (!isa<graph::ReshapeOp, graph::DefineSymbolOp, graph::CheckOp>(op)) {
      return op.emitOpError("is left in the host function [host-unexpected-op]");
    }
  }
  return success();
}

/// A result that a kernel computes goes straight to the output; inputs,
/// constants and values returned twice are copied.
void Converter::assignOutputs() {
  for (auto [i, value] : llvm::enumerate(func.getBody().front().getTerminator()->getOperands())) {
    if (!isKnownAtEntry(value.getType()))
      continue;
    Value owner = lifetimes.ownerOf(value);
    bool isWhole = places[owner].kind == Place::Workspace && owner.getParentBlock() == &func.getBody().front();
    if (isWhole)
      places[owner] = {Place::Output, static_cast<unsigned>(i), ""};
    else
      copies.push_back({i, value});
  }
}

unsigned Converter::addTemporary(AffineExpr bytes, unsigned first, unsigned last) {
  temporaries.push_back({bytes, first, last});
  return temporaries.size() - 1;
}

/// Gives temporaries to what is still to be in the workspace.
void Converter::addTemporaries() {
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    for (Value result : op->getResults())
      if (auto found = places.find(result); found != places.end() && found->second.kind == Place::Workspace)
        found->second.index = addTemporary(mostBytesOf(result.getType()), lifetimes.begin(op), lifetimes.last(result));
    auto loop = dyn_cast<graph::LoopOp>(op);
    if (!loop)
      return;
    LoopPlan &loopPlan = loops[loop];
    unsigned begin = lifetimes.begin(loop), end = lifetimes.end(loop);
    if (!loop.turn().use_empty())
      loopPlan.turn = addTemporary(getAffineConstantExpr(8, context), begin, end);
    for (auto [carried, argument, result] :
         llvm::zip_equal(loopPlan.carried, loop.carriedArguments(), loop.carriedResults()))
      if (carried.kind == Carried::Swapped) {
        AffineExpr whole = bytesOf(argument.getType()).ceilDiv(LATHE_ALIGNMENT) * (2 * LATHE_ALIGNMENT);
        carried.temporary = addTemporary(simplifyAffineExpr(whole, 0, symbols.size()), begin, lifetimes.last(result));
      }
  });
  plan = planMemory(temporaries);
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// Reads every symbol that is known when a program starts.
void Converter::defineEntrySymbols() {
  sizes = std::make_unique<Sizes>(builder, symbols);
  isChecked.assign(checks.size(), false);
  for (BlockArgument argument : func.getArguments())
    for (auto [dim, expr] : llvm::enumerate(dimsOf(argument.getType())))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(expr); symbol && !sizes->isDefined(expr))
        sizes->define(symbol.getPosition(), host::DimOp::create(builder, loc, index, argument.getArgNumber(), dim));
  for (auto [i, symbol] : llvm::enumerate(symbols))
    if (symbol.getInput() >= 0)
      sizes->define(i, host::ElementOp::create(builder, loc, index, symbol.getInput(), symbol.getElement(),
                                               getElementTypeOrSelf(func.getArgument(symbol.getInput()))));
}

void Converter::computeOffsets() {
  slotOffsets.clear();
  totalBytes = sizes->get(loc, plan.staticBytes);
  for (const Slot &slot : plan.slots) {
    Value size;
    for (AffineExpr bytes : slot.sizes) {
      AffineExpr whole = bytes.ceilDiv(LATHE_ALIGNMENT) * LATHE_ALIGNMENT;
      Value next = sizes->get(loc, simplifyAffineExpr(whole, 0, symbols.size()));
      size = size ? arith::MaxSIOp::create(builder, loc, size, next) : next;
    }
    slotOffsets.push_back(totalBytes);
    totalBytes = host::AddOp::create(builder, loc, index, totalBytes, size);
  }
}

/// `bytes`, which are checked to be as many as there may be.
Value Converter::limited(Location at, Value bytes) {
  if (!tooLarge)
    tooLarge = addMessage("the sizes of this call need more memory than there can be: %lld bytes are less than %lld; "
                          "pass smaller inputs [call-size-overflow]");
  host::CheckOp::create(builder, at, host::Relation::ge, sizes->get(at, mostBytes), bytes, *tooLarge);
  return bytes;
}

void Converter::defineSymbol(Location at, unsigned symbol, Value value) {
  sizes->define(symbol, value);
  AffineMapAttr bound = symbols[symbol].getBound();
  if (!bound || !sizes->isKnown(bound.getAffineMap().getResult(0)))
    return;
  if (!aboveBound)
    aboveBound = addMessage("a size from data is above what it can be at most: %lld is less than %lld "
                            "[call-size-overflow]");
  host::CheckOp::create(builder, at, host::Relation::ge, sizes->get(at, bound.getAffineMap().getResult(0)), value,
                        *aboveBound);
}

LogicalResult Converter::check(Location at, CheckAttr check, unsigned id) {
  std::optional<host::Relation> relation = host::symbolizeRelation(check.getRelation());
  if (!relation)
    return func.emitError() << "has a check of relation '" << check.getRelation()
                            << "'; the relations are 'eq', 'ge' and 'broadcast' [host-relation]";
  host::CheckOp::create(builder, at, *relation, sizes->get(at, check.getMap().getResult(0)),
                        sizes->get(at, check.getMap().getResult(1)), id);
  return success();
}

/// Makes the checks whose symbols are all known by now: those known at entry, or
/// the others.
LogicalResult Converter::checkWhatIsKnown(Location at, bool isEntry) {
  for (auto [id, entry] : llvm::enumerate(checks)) {
    ArrayRef<AffineExpr> sides = entry.getMap().getResults();
    bool ofEntry = llvm::all_of(sides, [&](AffineExpr side) { return sizes->isKnownAtEntry(side); });
    bool isKnown = llvm::all_of(sides, [&](AffineExpr side) { return sizes->isKnown(side); });
    if (isChecked[id] || ofEntry != isEntry || !isKnown)
      continue;
    isChecked[id] = true;
    if (failed(check(at, entry, id)))
      return failure();
  }
  return success();
}

LogicalResult Converter::emitPlan() {
  auto program = host::ProgramOp::create(builder, loc, "plan");
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&program.getBody());
  defineEntrySymbols();
  if (failed(checkWhatIsKnown(loc, /*isEntry=*/true)))
    return failure();
  for (auto [i, value] : llvm::enumerate(func.getBody().front().getTerminator()->getOperands()))
    if (isKnownAtEntry(value.getType()))
      for (auto [dim, expr] : llvm::enumerate(dimsOf(value.getType())))
        host::SetDimOp::create(builder, loc, i, dim, sizes->get(loc, expr));
  computeOffsets();
  host::SetWorkspaceOp::create(builder, loc, plan.slots.empty() ? totalBytes : limited(loc, totalBytes));
  return success();
}

Value Converter::workspace(Location at, unsigned temporary) {
  int slot = plan.slotOf[temporary];
  Value offset = slot < 0 ? sizes->get(at, plan.offsets[temporary]) : slotOffsets[slot];
  return host::WorkspaceOp::create(builder, at, buffer, offset);
}

Value Converter::address(Location at, Value value) {
  Value owner = lifetimes.ownerOf(value);
  const Place &place = places[owner];
  switch (place.kind) {
  case Place::Input:
    return host::InputOp::create(builder, at, buffer, place.index);
  case Place::Output:
    return host::OutputOp::create(builder, at, buffer, place.index);
  case Place::Constant:
    return host::AddressOfOp::create(builder, at, buffer, place.constant);
  case Place::Workspace:
    return workspace(at, place.index);
  case Place::Heap:
  case Place::Buffer:
    break;
  }
  return buffers.lookup(owner);
}

Value Converter::allocate(Location at, Type type) {
  return host::AllocOp::create(builder, at, buffer, limited(at, sizes->get(at, bytesOf(type))));
}

void Converter::copy(Location at, Value value, Value target) {
  host::CopyOp::create(builder, at, address(at, value), target, sizes->get(at, bytesOf(value.getType())));
}

void Converter::emitCall(kernel::CallOp call) {
  Location at = call.getLoc();
  SmallVector<Value> numbers, arguments;
  for (AffineExpr expr : call.getSizes().getResults())
    numbers.push_back(sizes->get(at, expr));
  for (Value operand : call.getOperands())
    arguments.push_back(address(at, operand));
  for (Value result : call.getResults()) {
    if (places[result].kind == Place::Heap) {
      buffers[result] = allocate(at, result.getType());
      own(result, buffers[result]);
    }
    arguments.push_back(address(at, result));
  }
  ArrayAttr made = call.getChecksAttr();
  host::LaunchOp::create(builder, at, call.getCalleeAttr(), numbers, arguments,
                         builder.getI64IntegerAttr(made ? messages.size() : 0));
  if (made)
    llvm::append_range(messages, made);
}

LogicalResult Converter::emit(Operation &op) {
  Location at = op.getLoc();
  if (auto call = dyn_cast<kernel::CallOp>(op)) {
    emitCall(call);
    return success();
  }
  if (auto defines = dyn_cast<graph::DefineSymbolOp>(op)) {
    Type element = getElementTypeOrSelf(defines.getTensor());
    defineSymbol(
        at, defines.getSymbol(),
        host::LoadOp::create(builder, at, index, address(at, defines.getTensor()), defines.getElement(), element));
    return checkWhatIsKnown(at, /*isEntry=*/false);
  }
  if (auto asks = dyn_cast<graph::CheckOp>(op))
    return check(at, asks.getCheck(), addMessage(asks.getCheck().getMessage().getValue()));
  if (auto branch = dyn_cast<graph::IfOp>(op))
    return emitIf(branch);
  if (auto loop = dyn_cast<graph::LoopOp>(op))
    return emitLoop(loop);
  return success(); // Constants are data, and reshapes only say how to see some.
}

LogicalResult Converter::emitBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (failed(emit(op)))
      return failure();
    freeAfter(op.getLoc(), lifetimes.end(&op));
  }
  return success();
}

LogicalResult Converter::emitRun() {
  auto program = host::ProgramOp::create(builder, loc, "run");
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&program.getBody());
  defineEntrySymbols();
  computeOffsets();
  if (failed(emitBlock(func.getBody().front())))
    return failure();
  emitOutputs();
  if (sizes->hasFailed())
    return func.emitError("internal: a size is needed before it is known [host-sizes]");
  return success();
}

void Converter::emitOutputs() {
  for (auto [output, value] : copies)
    copy(loc, value, host::OutputOp::create(builder, loc, buffer, output));
  for (auto [i, value] : llvm::enumerate(func.getBody().front().getTerminator()->getOperands())) {
    if (isKnownAtEntry(value.getType()))
      continue;
    for (auto [dim, expr] : llvm::enumerate(dimsOf(value.getType())))
      host::SetDimOp::create(builder, loc, i, dim, sizes->get(loc, expr));
    host::SetOutputOp::create(builder, loc, i, handOn(loc, value).first);
  }
}

/// What descriptors and headers say of the model; the function is gone then.
void Converter::writeSignature() {
  auto describe = [&](StringAttr name, Type type, bool isSizedByRun) {
    NamedAttrList entry;
    entry.append("name", name);
    if (isSizedByRun)
      entry.append("sized_by_run", builder.getUnitAttr());
    entry.append("type", TypeAttr::get(type));
    return entry.getDictionary(context);
  };
  SmallVector<Attribute> inputs, outputs, symbolNames;
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
    auto name = func.getArgAttrOfType<StringAttr>(i, "graph.name");
    inputs.push_back(describe(name ? name : builder.getStringAttr("input" + std::to_string(i)), type, false));
  }
  for (auto [i, type] : llvm::enumerate(func.getResultTypes())) {
    auto name = func.getResultAttrOfType<StringAttr>(i, "graph.name");
    outputs.push_back(
        describe(name ? name : builder.getStringAttr("output" + std::to_string(i)), type, !isKnownAtEntry(type)));
  }
  for (SymbolAttr symbol : symbols)
    symbolNames.push_back(symbol.isInputDim() ? symbol.getName() : builder.getStringAttr(""));
  module->setAttr("host.inputs", builder.getArrayAttr(inputs));
  module->setAttr("host.outputs", builder.getArrayAttr(outputs));
  module->setAttr("host.symbols", builder.getArrayAttr(symbolNames));
  module->setAttr("host.checks", builder.getArrayAttr(messages));
}

LogicalResult Converter::convert() {
  if (failed(assignPlaces(func.getBody().front())))
    return failure();
  assignOutputs();
  addTemporaries();
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
    // Kernels without a model have nothing that launches them.
    if (getOperation().getOps<func::FuncOp>().empty() && !getOperation().getOps<kernel::FuncOp>().empty())
      return;
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
