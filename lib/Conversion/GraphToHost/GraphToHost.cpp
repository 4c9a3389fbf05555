// lib/Conversion/GraphToHost/GraphToHost.cpp: the function that calls kernels becomes the launch program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Converter.h"
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Graph/Sequence.h"
#include "dialects/Kernel/Views.h"
#include "lathe-runtime/custom_op.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using lathe::graph::CheckAttr;
using lathe::graph::Dims;
using lathe::graph::SymbolAttr;

namespace lathe {
#define GEN_PASS_DEF_CONVERTGRAPHTOHOSTPASS
#include "lathe/Conversion/Buffers.h.inc"

/// `elements` as bytes.
static AffineExpr inBytes(AffineExpr elements, Type element) {
  unsigned bits = graph::bitsInMemory(element);
  return bits < 8 ? (elements * bits).ceilDiv(8) : elements * (bits / 8);
}

/// No machine has more bytes; sizes that overflow are larger.
constexpr int64_t mostBytes = int64_t(1) << 47;

Converter::Converter(ModuleOp module, func::FuncOp func, ModuleState &state)
    : module(module), state(state), inplace(state.forms.inplace), joined(state.forms.joined),
      strided(state.forms.strided), func(func), context(func.getContext()), loc(func.getLoc()), builder(context),
      buffer(host::BufferType::get(context)), index(builder.getIndexType()), spaces(module, func), lifetimes(func) {
  if (auto list = func->getAttrOfType<ArrayAttr>("graph.symbols"))
    llvm::append_range(symbols, list.getAsRange<SymbolAttr>());
  ranges = graph::SizeRanges(symbols);
  checkRanges();
  if (auto list = func->getAttrOfType<ArrayAttr>("graph.checks"))
    llvm::append_range(checks, list.getAsRange<CheckAttr>());
  for (CheckAttr check : checks)
    messages.push_back(check.getMessage());
  sizes = std::make_unique<Sizes>(builder, symbols);
  blocks.emplace_back();
}

/// What code counts on is checked first.
void Converter::checkRanges() {
  for (auto [i, symbol] : llvm::enumerate(symbols)) {
    AffineExpr size = getAffineSymbolExpr(i, context);
    auto hasSize = [&](Type type) { return llvm::is_contained(dimsOf(type), size); };
    if (!symbol.getRange() || llvm::none_of(func.getArgumentTypes(), hasSize))
      continue;
    SizeRange range = symbol.getRange().getValue();
    auto add = [&](StringRef relation, AffineExpr a, AffineExpr b, const Twine &what) {
      std::string message = ("dim '" + symbol.getName().getValue() + "' " + what + ", as the model was compiled for " +
                             range.str() + "; pass another size, or compile it for this one [call-dim-range]")
                                .str();
      checks.push_back(CheckAttr::get(context, relation, AffineMap::get(0, symbols.size(), {a, b}, context),
                                      builder.getStringAttr(message)));
    };
    if (range.least > 0)
      add("ge", size, getAffineConstantExpr(range.least, context), "is %lld, but must be at least %lld");
    if (range.isBounded())
      add("ge", getAffineConstantExpr(range.most, context), size, "must be at most %lld, but is %lld");
    if (range.divisor > 1)
      add("eq", size, size.floorDiv(range.divisor) * range.divisor,
          "is %lld, which is no multiple of " + Twine(range.divisor) + " (%lld is the one below)");
  }
}

unsigned Converter::addMessage(const Twine &text) {
  messages.push_back(builder.getStringAttr(text));
  return messages.size() - 1;
}

unsigned Converter::addNodeMessage(Location at, const Twine &text) {
  std::string node = graph::describeNode(at);
  StringAttr whole = builder.getStringAttr((node.empty() ? "" : node + ": ") + text);
  auto [found, isNew] = nodeMessages.try_emplace(whole, messages.size());
  if (isNew)
    messages.push_back(whole);
  return found->second;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Dims Converter::dimsOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) // A sequence or an optional value.
    return {};
  auto encoding = dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding());
  Dims dims;
  for (auto [i, size] : llvm::enumerate(tensor.getShape()))
    dims.push_back(ShapedType::isDynamic(size) ? encoding.getMap().getResult(i) : getAffineConstantExpr(size, context));
  return dims;
}

AffineExpr Converter::bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  AffineExpr elements = getAffineConstantExpr(1, context);
  for (AffineExpr dim : dimsOf(type))
    elements = elements * dim;
  return simplifyAffineExpr(inBytes(elements, tensor.getElementType()), 0, symbols.size());
}

bool Converter::isKnownAtEntry(Type type) {
  return isa<RankedTensorType>(type) &&
         llvm::all_of(dimsOf(type), [&](AffineExpr dim) { return sizes->isKnownAtEntry(dim); });
}

/// What a tensor needs at most, in symbols that are known at entry, or null: a
/// size from data may have a bound.
AffineExpr Converter::mostBytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  AffineExpr elements = getAffineConstantExpr(1, context);
  for (AffineExpr dim : dimsOf(type)) {
    auto symbol = dyn_cast<AffineSymbolExpr>(dim);
    if (symbol && !sizes->isKnownAtEntry(dim)) {
      AffineMapAttr bound = symbols[symbol.getPosition()].getBound();
      dim = bound ? bound.getAffineMap().getResult(0) : dim;
    }
    if (!sizes->isKnownAtEntry(dim))
      return {};
    elements = elements * dim;
  }
  return simplifyAffineExpr(inBytes(elements, tensor.getElementType()), 0, symbols.size());
}

std::string Converter::addConstant(graph::ConstantOp constant, kernel::PackOp pack) {
  std::string name = "constant_" + std::to_string(state.constantCount++);
  OpBuilder at = OpBuilder::atBlockBegin(module.getBody());
  host::ConstantOp::create(at, (pack ? pack.getLoc() : constant.getLoc()), name, constant.getValue(),
                           pack ? pack.getTiledAttr() : IntegerAttr(), pack ? pack.getOrderAttr() : DenseI64ArrayAttr(),
                           pack ? pack.getTileAttr() : IntegerAttr(), pack ? pack.getStepAttr() : IntegerAttr(),
                           pack ? pack.getRunAttr() : IntegerAttr(), pack ? pack.getWinogradAttr() : IntegerAttr(),
                           pack ? pack.getBitsAttr() : IntegerAttr(), pack && pack.getKeepsDenormals(),
                           /*offset=*/IntegerAttr());
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
    } else if (kernel::isView(&op)) {
      continue;
    } else if (isa<kernel::CallOp, kernel::CopyOp, graph::TextOp>(op)) {
      // What the caller takes has memory of its own, unless the caller brought it.
      auto isTaken = [&](Value value) {
        return !isKnownAtEntry(value.getType()) && llvm::any_of(value.getUsers(), llvm::IsaPred<func::ReturnOp>);
      };
      for (Value result : op.getResults()) {
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
    } else if (graph::isValueOp(&op)) {
      placeValues(op);
    } else if (!isa<graph::ReshapeOp, graph::ReinterpretOp, graph::DefineSymbolOp, graph::CheckOp>(op)) {
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
    bool isWhole = places[owner].kind == Place::Workspace && lifetimes.isWhole(value) &&
                   owner.getParentBlock() == &func.getBody().front();
    if (isWhole)
      places[owner] = {Place::Output, static_cast<unsigned>(i), ""};
    else
      copies.push_back({i, value});
  }
}

unsigned Converter::addTemporary(AffineExpr bytes, unsigned first, unsigned last, host::Space space) {
  temporaries.push_back({bytes, first, last, static_cast<unsigned>(space)});
  return temporaries.size() - 1;
}

void Converter::placeTemporary(Value result, Place &place) {
  unsigned first = firstWithParts(result), last = lastWithParts(result);
  if (Value other = sharesWith.lookup(result)) {
    place.index = places[other].index;
    temporaries[place.index].last = std::max(temporaries[place.index].last, last);
    return;
  }
  place.index = addTemporary(mostBytesOf(result.getType()), first, last, spaces.of(result));
}

/// Beyond, bounds of sizes are no plan: the calls that there are may be far below them.
constexpr int64_t mostPlannedBytes = int64_t(1) << 26;

/// With the bounds that the user states, all places are planned, and nothing is computed in a call.
MemoryPlan Converter::plan(unsigned space) {
  MemoryPlan computed = planMemory(temporaries, space);
  if (!ranges.areStated() || computed.slots.empty())
    return computed;
  SmallVector<Temporary> bounded = temporaries;
  for (Temporary &temporary : bounded)
    if (int64_t most = ranges.of(temporary.bytes).most; most <= mostPlannedBytes)
      temporary.bytes = getAffineConstantExpr(most, context);
  MemoryPlan planned = planMemory(bounded, space);
  int64_t added = planned.staticBytes - computed.staticBytes;
  if (added <= mostPlannedBytes)
    return planned;
  func.emitRemark("each call plans its memory: with the largest sizes that are stated it would take ")
      << added << " bytes, and up to " << mostPlannedBytes << " are planned beforehand [memory-planned-in-calls]";
  return computed;
}

/// Gives temporaries to what is still to be in the workspace.
void Converter::addTemporaries() {
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    for (Value result : op->getResults())
      if (auto found = places.find(result); found != places.end() && found->second.kind == Place::Workspace)
        placeTemporary(result, found->second);
    auto loop = dyn_cast<graph::LoopOp>(op);
    if (!loop)
      return;
    LoopPlan &loopPlan = loops[loop];
    unsigned begin = lifetimes.begin(loop), end = lifetimes.end(loop);
    if (!loop.turn().use_empty())
      loopPlan.turn = addTemporary(getAffineConstantExpr(8, context), begin, end, host::Space::host);
    for (auto [carried, argument, result] :
         llvm::zip_equal(loopPlan.carried, loop.carriedArguments(), loop.carriedResults()))
      if (carried.kind == Carried::Swapped) {
        AffineExpr whole = bytesOf(argument.getType()).ceilDiv(LATHE_ALIGNMENT) * (2 * LATHE_ALIGNMENT);
        carried.temporary = addTemporary(simplifyAffineExpr(whole, 0, symbols.size()), begin, lifetimes.last(result),
                                         spaces.of(argument));
      }
  });
  for (unsigned space = 0; space <= host::getMaxEnumValForSpace(); ++space)
    plans.push_back(plan(space));
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
  for (MemoryPlan &plan : plans)
    if (plan.isNeeded || &plan == &plans.front())
      computeOffsets(plan);
}

void Converter::computeOffsets(MemoryPlan &plan) {
  plan.slotOffsets.clear();
  plan.totalBytes = sizes->get(loc, plan.staticBytes);
  for (const Slot &slot : plan.slots) {
    Value size;
    for (AffineExpr bytes : slot.sizes) {
      AffineExpr whole = bytes.ceilDiv(LATHE_ALIGNMENT) * LATHE_ALIGNMENT;
      Value next = sizes->get(loc, simplifyAffineExpr(whole, 0, symbols.size()));
      size = size ? arith::MaxSIOp::create(builder, loc, size, next) : next;
    }
    plan.slotOffsets.push_back(plan.totalBytes);
    plan.totalBytes = host::AddOp::create(builder, loc, index, plan.totalBytes, size);
  }
}

/// `bytes`, which are checked to be as many as there may be.
Value Converter::limited(Location at, Value bytes) {
  unsigned id = addNodeMessage(at, "the sizes of this call need more memory than there can be: %lld bytes are less "
                                   "than %lld; pass smaller inputs [call-size-overflow]");
  host::CheckOp::create(builder, at, host::Relation::ge, sizes->get(at, mostBytes), bytes, id);
  return bytes;
}

void Converter::defineSymbol(Location at, unsigned symbol, Value value) {
  sizes->define(symbol, value);
  AffineMapAttr bound = symbols[symbol].getBound();
  if (!bound || !sizes->isKnown(bound.getAffineMap().getResult(0)))
    return;
  unsigned id = addNodeMessage(at, "a size from data is above what it can be at most: %lld is less than %lld "
                                   "[call-size-overflow]");
  host::CheckOp::create(builder, at, host::Relation::ge, sizes->get(at, bound.getAffineMap().getResult(0)), value, id);
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

void Converter::checkSizes() {
  DenseSet<AffineExpr> checked;
  auto check = [&](Value value) {
    if (!isKnownAtEntry(value.getType()))
      return;
    AffineExpr bytes = bytesOf(value.getType());
    if (ranges.of(bytes).most > mostBytes && checked.insert(bytes).second)
      (void)limited(value.getLoc(), sizes->get(loc, bytes));
  };
  // In the order in which they are computed; those in branches and loops may never be.
  for (Operation &op : func.getBody().front().without_terminator())
    for (Value result : op.getResults())
      if (auto place = places.find(result);
          place != places.end() && (place->second.kind == Place::Workspace || place->second.kind == Place::Output))
        check(result);
}

LogicalResult Converter::emitPlan() {
  auto program = host::ProgramOp::create(builder, loc, host::ProgramKind::plan, func.getSymName());
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&program.getBody());
  defineEntrySymbols();
  if (failed(checkWhatIsKnown(loc, /*isEntry=*/true)))
    return failure();
  checkSizes();
  for (auto [i, value] : llvm::enumerate(func.getBody().front().getTerminator()->getOperands()))
    if (isKnownAtEntry(value.getType()))
      for (auto [dim, expr] : llvm::enumerate(dimsOf(value.getType())))
        host::SetDimOp::create(builder, loc, i, dim, sizes->get(loc, expr));
  computeOffsets();
  for (auto [space, plan] : llvm::enumerate(plans))
    if (plan.isNeeded || space == 0)
      host::SetWorkspaceOp::create(builder, loc, plan.slots.empty() ? plan.totalBytes : limited(loc, plan.totalBytes),
                                   static_cast<host::Space>(space));
  return success();
}

Value Converter::workspace(Location at, unsigned temporary) {
  unsigned space = temporaries[temporary].space;
  const MemoryPlan &plan = plans[space];
  int slot = plan.slotOf[temporary];
  Value offset = slot < 0 ? sizes->get(at, plan.offsets[temporary]) : plan.slotOffsets[slot];
  return host::WorkspaceOp::create(builder, at, bufferIn(static_cast<host::Space>(space)), offset);
}

Value Converter::address(Location at, Value value) {
  Value owner = lifetimes.ownerOf(value);
  for (; value != owner; value = value.getDefiningOp()->getOperand(0)) {
    auto start = value.getDefiningOp()->getAttrOfType<AffineMapAttr>(kernel::viewAttrName);
    if (!start)
      continue;
    AffineExpr bytes = inBytes(start.getValue().getResult(0), getElementTypeOrSelf(value));
    Value whole = address(at, value.getDefiningOp()->getOperand(0));
    return host::OffsetOp::create(builder, at, whole.getType(), whole, sizes->get(at, bytes));
  }
  const Place &place = places[owner];
  switch (place.kind) {
  case Place::Input:
    return host::InputOp::create(builder, at, bufferOf(owner), place.index);
  case Place::Output:
    return host::OutputOp::create(builder, at, bufferOf(owner), place.index);
  case Place::Constant:
    return host::AddressOfOp::create(builder, at, buffer, place.constant);
  case Place::Workspace:
    return workspace(at, place.index);
  case Place::Part: {
    auto [result, begin] = partOf.lookup(owner);
    Value whole = address(at, result);
    return begin == 0 ? whole : host::OffsetOp::create(builder, at, whole.getType(), whole, sizes->get(at, begin));
  }
  case Place::Heap:
  case Place::Buffer:
    break;
  }
  return buffers.lookup(owner);
}

Value Converter::allocate(Location at, Type type, host::Space space) {
  return allocate(at, bufferIn(space), limited(at, sizes->get(at, bytesOf(type))));
}

Value Converter::allocate(Location at, Type type, Value bytes) {
  auto memory = host::AllocOp::create(builder, at, type, bytes);
  if (!graph::describeNode(at).empty())
    memory.setId(addNodeMessage(at, "what it computes needs %lld bytes"));
  return memory;
}

void Converter::copy(Location at, Value value, Value target, bool unlessSame) {
  host::CopyOp::create(builder, at, address(at, value), target, sizes->get(at, bytesOf(value.getType())), unlessSame);
}

Value Converter::target(Location at, Value result) {
  if (places[result].kind == Place::Heap) {
    buffers[result] = allocate(at, result.getType(), spaces.of(result));
    own(result, buffers[result]);
  }
  return address(at, result);
}

/// The name of the function and its parameters, as a constant.
std::string Converter::addTexts(graph::TextOp op) {
  SmallVector<uint8_t> bytes;
  auto add = [&](StringRef text) {
    llvm::append_range(bytes, text);
    bytes.push_back(0);
  };
  add(op.getFunction());
  for (auto parameter : op.getParameters().getAsRange<StringAttr>())
    add(parameter.getValue());
  auto type = RankedTensorType::get(static_cast<int64_t>(bytes.size()), builder.getIntegerType(8, /*isSigned=*/false));
  std::string name = "text_" + std::to_string(state.constantCount++);
  OpBuilder start = OpBuilder::atBlockBegin(module.getBody());
  host::ConstantOp::create(start, op.getLoc(), name, DenseElementsAttr::get(type, ArrayRef<uint8_t>(bytes)),
                           IntegerAttr(), DenseI64ArrayAttr(), IntegerAttr(), IntegerAttr(), IntegerAttr(),
                           IntegerAttr(), IntegerAttr(), /*keeps_denormals=*/false, /*offset=*/IntegerAttr());
  return name;
}

void Converter::emitText(graph::TextOp op) {
  Location at = op.getLoc();
  SmallVector<Value> buffers, counts, widths;
  SmallVector<Attribute> types;
  auto add = [&](Value value, Value buffer) {
    auto tensor = cast<RankedTensorType>(value.getType());
    AffineExpr count = getAffineConstantExpr(1, context);
    Dims dims = dimsOf(tensor);
    for (AffineExpr dim : dims)
      count = count * dim;
    buffers.push_back(buffer);
    counts.push_back(sizes->get(at, simplifyAffineExpr(count, 0, symbols.size())));
    widths.push_back(sizes->get(at, dims.empty() ? getAffineConstantExpr(1, context) : dims.back()));
    types.push_back(TypeAttr::get(tensor.getElementType()));
  };
  for (Value operand : op.getArguments())
    add(operand, address(at, operand));
  for (Value result : op.getResults())
    add(result, target(at, result));
  std::string node = graph::describeNode(op.getLoc());
  bool isCustom = op.getFunction() == "custom";
  bool isImage = op.getFunction().ends_with("image") || op.getFunction().starts_with("image");
  unsigned message = addMessage(
      node + (node.empty() ? "" : ": ") +
      (isCustom ? "the function of this operator failed with status %lld and value %lld; what they mean, its author "
                  "knows [call-custom-op]"
       : isImage
           ? "the image is not decoded: reason %lld (1: no known format, 2: the library for the format is not "
             "installed, 3: damaged, 4: a form that is not supported, 5: too large), format %lld (1: BMP, 2: PNM, "
             "3: PNG by libpng16, 4: JPEG by libjpeg, 5: JPEG 2000 by libopenjp2, 6: TIFF by libtiff, 7: WebP by "
             "libwebp); check the bytes of the file [call-image]"
           : "element %lld is text that is no number, of %lld bytes; check the values of the operand "
             "[call-text-number]"));
  Value texts = host::AddressOfOp::create(builder, at, buffer, addTexts(op));
  host::TextOp::create(builder, at, texts, buffers, counts, widths, builder.getArrayAttr(types),
                       op.getParameters().size(), op.getArguments().size(), message);
}

void Converter::emitCall(kernel::CallOp call) {
  Location at = call.getLoc();
  if (kernel::isView(call))
    return;
  if (auto found = joined.find(call); found != joined.end()) {
    Value whole = address(at, call.getResult(0));
    for (auto [operand, begin] : found->second.copies)
      copy(at, operand, host::OffsetOp::create(builder, at, whole.getType(), whole, sizes->get(at, begin)));
    return;
  }
  SmallVector<Value> numbers, arguments;
  for (AffineExpr expr : call.getSizes().getResults())
    numbers.push_back(sizes->get(at, expr));
  if (auto found = startsDonated.find(call); found != startsDonated.end()) {
    Value operand = call.getOperands()[inplace.lookup(call)];
    host::CopyOp::create(builder, at, address(at, operand),
                         host::OutputOp::create(builder, at, bufferOf(operand), found->second),
                         sizes->get(at, bytesOf(operand.getType())), /*unless_same=*/true);
  }
  for (Value operand : call.getOperands()) {
    // Constants are in every space.
    const Place &place = places[lifetimes.ownerOf(operand)];
    bool isConstant = place.kind == Place::Constant && lifetimes.isWhole(operand);
    arguments.push_back(isConstant ? Value(host::AddressOfOp::create(
                                         builder, at, bufferIn(spaces.of(call.getResult(0))), place.constant))
                                   : address(at, operand));
  }
  for (Value result : call.getResults())
    arguments.push_back(target(at, result));
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
  if (auto text = dyn_cast<graph::TextOp>(op)) {
    emitText(text);
    return success();
  }
  if (auto moved = dyn_cast<kernel::CopyOp>(op)) {
    Value to = target(at, moved.getY());
    copy(at, moved.getX(), to);
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
  if (graph::isValueOp(&op))
    emitValue(op);
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
  auto program = host::ProgramOp::create(builder, loc, host::ProgramKind::run, func.getSymName());
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
  for (auto [output, value] : copies) {
    // A branch may hand on the input itself.
    bool unlessSame = donated.contains(output);
    copy(loc, value, host::OutputOp::create(builder, loc, bufferOf(value), output), unlessSame);
  }
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
  SmallVector<Attribute> inputs, outputs;
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
    auto name = func.getArgAttrOfType<StringAttr>(i, "graph.name");
    inputs.push_back(host::ValueAttr::get(context, name ? name : builder.getStringAttr("input" + std::to_string(i)),
                                          type, spaces.of(func.getArgument(i)), /*sized_by_run=*/false,
                                          spaces.isFree(func.getArgAttr(i, host::spaceAttrName), type), /*alias=*/-1));
  }
  for (auto [i, type] : llvm::enumerate(func.getResultTypes())) {
    auto name = func.getResultAttrOfType<StringAttr>(i, "graph.name");
    BlockArgument input = donated.lookup(i);
    outputs.push_back(host::ValueAttr::get(context, name ? name : builder.getStringAttr("output" + std::to_string(i)),
                                           type, spaces.ofResult(i), !isKnownAtEntry(type),
                                           spaces.isFree(func.getResultAttr(i, host::spaceAttrName), type),
                                           input ? static_cast<int64_t>(input.getArgNumber()) : -1));
  }
  SmallVector<Attribute> symbolNames;
  SmallVector<int64_t> limits;
  for (auto [i, symbol] : llvm::enumerate(symbols)) {
    symbolNames.push_back(symbol.isInputDim() ? symbol.getName() : builder.getStringAttr(""));
    SizeRange range = symbol.getRange() ? symbol.getRange().getValue() : SizeRange();
    llvm::append_values(limits, range.least, range.most, range.divisor);
  }
  bool hasText = false;
  host::ProgramOp::find(module, func.getSymName(), host::ProgramKind::run).walk([&](host::TextOp) { hasText = true; });
  auto isValue = [](Type type) { return graph::isValueType(type); };
  bool hasValues =
      usesValues || llvm::any_of(func.getArgumentTypes(), isValue) || llvm::any_of(func.getResultTypes(), isValue);
  int64_t features = (hasText ? LATHE_FEATURE_TEXT : 0) | (hasValues ? LATHE_FEATURE_VALUES : 0) |
                     (state.hasCustomOps ? LATHE_FEATURE_CUSTOM_OPS : 0);
  // In the order of the functions.
  builder.setInsertionPointToStart(module.getBody());
  for (auto before : module.getOps<host::SignatureOp>())
    builder.setInsertionPointAfter(before);
  host::SignatureOp::create(
      builder, loc, func.getSymNameAttr(), builder.getArrayAttr(inputs), builder.getArrayAttr(outputs),
      builder.getArrayAttr(symbolNames), builder.getArrayAttr(messages),
      ranges.areStated() ? builder.getDenseI64ArrayAttr(limits) : DenseI64ArrayAttr(), features, spaces.mask(),
      /*plan=*/FlatSymbolRefAttr(), /*run=*/FlatSymbolRefAttr());
}

/// Programs read elements that are sizes, and no memory but the host's.
LogicalResult Converter::checkSizesAreHere() {
  for (SymbolAttr symbol : symbols) {
    if (symbol.getInput() < 0)
      continue;
    host::Space space = spaces.of(func.getArgument(symbol.getInput()));
    if (space != host::Space::host)
      return func.emitError("input ") << symbol.getInput() << " holds a size, which the program has to read, but is in "
                                      << host::stringifySpace(space)
                                      << " memory; leave it in that of the host [host-space-size]";
  }
  return success();
}

LogicalResult Converter::place() {
  if (failed(checkSizesAreHere()) || failed(checkDonations()) || failed(assignPlaces(func.getBody().front())))
    return failure();
  assignOutputs();
  placeParts();
  return success();
}

LogicalResult Converter::emit() {
  addTemporaries();
  builder.setInsertionPoint(func);
  if (failed(emitPlan()) || failed(emitRun()))
    return failure();
  writeSignature();
  func.erase();
  return success();
}

/// Says in the metadata which operators the program that calls the model has to compute; false if there are none.
static bool describeCustomOps(ModuleOp module) {
  std::string names;
  module->walk([&](graph::TextOp op) {
    StringRef name = op.getFunction() == "custom" ? cast<StringAttr>(op.getParameters()[0]).getValue() : "";
    if (!name.empty() && !llvm::is_contained(llvm::split(names, '\n'), name))
      names += (names.empty() ? "" : "\n") + name.str();
  });
  if (names.empty())
    return false;
  NamedAttrList metadata(module->getAttrOfType<DictionaryAttr>("graph.metadata"));
  metadata.set(LATHE_CUSTOM_OPS_KEY, StringAttr::get(module.getContext(), names));
  module->setAttr("graph.metadata", metadata.getDictionary(module.getContext()));
  return true;
}

namespace {
struct ConvertGraphToHostPass final : impl::ConvertGraphToHostPassBase<ConvertGraphToHostPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    // Kernels without a model have nothing that launches them.
    if (functions.empty() && !module.getOps<kernel::FuncOp>().empty())
      return;
    if (functions.empty() || llvm::any_of(functions, [](func::FuncOp func) { return func.isExternal(); })) {
      module.emitError("the module has no function with a body [graph-no-main]");
      return signalPassFailure();
    }
    if (failed(convert(functions)))
      signalPassFailure();
  }

  LogicalResult convert(ArrayRef<func::FuncOp> functions) {
    ModuleState state(getOperation());
    state.hasCustomOps = describeCustomOps(getOperation());
    std::vector<std::unique_ptr<Converter>> converters;
    for (func::FuncOp func : functions) {
      insertSpaceCopies(getOperation(), func);
      converters.push_back(std::make_unique<Converter>(getOperation(), func, state));
      if (failed(converters.back()->place()))
        return failure();
    }
    state.forms.callStrided();
    for (auto &converter : converters)
      converter->reuseOperands();
    state.forms.callInPlace();
    state.forms.eraseUnused();
    for (auto &converter : converters)
      if (failed(converter->emit()))
        return failure();
    return success();
  }
};
} // namespace
} // namespace lathe
