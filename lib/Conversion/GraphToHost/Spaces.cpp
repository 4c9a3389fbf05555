// lib/Conversion/GraphToHost/Spaces.cpp: spaces of values, and copies from one to another.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Spaces.h"

using namespace mlir;
using lathe::host::Space;
using lathe::host::SpaceAttr;

namespace lathe {

static Space spaceOf(Attribute attr) {
  auto space = dyn_cast_or_null<SpaceAttr>(attr);
  return space ? space.getValue() : Space::host;
}

bool Spaces::isFree(Attribute given, Type type) const {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return runsOnGpu && !given && tensor && !isa<graph::StringType>(tensor.getElementType());
}

/// Whether kernels read `value` in that space.
bool Spaces::isReadBySpace(Value value, Space space) const {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (auto call = dyn_cast<kernel::CallOp>(user))
      return of(call) == space;
    return isa<graph::ReshapeOp>(user) && isReadBySpace(user->getResult(0), space);
  });
}

/// Of an input that holds sizes, the program reads elements.
Space Spaces::findInput(BlockArgument input) {
  Attribute given = func.getArgAttr(input.getArgNumber(), host::spaceAttrName);
  auto symbols = func->getAttrOfType<ArrayAttr>("graph.symbols");
  bool holdsSize = symbols && llvm::any_of(symbols.getAsRange<graph::SymbolAttr>(), [&](graph::SymbolAttr symbol) {
                     return symbol.getInput() == input.getArgNumber();
                   });
  bool isOnDevice = isFree(given, input.getType()) && !holdsSize && isReadBySpace(input, Space::cuda);
  return isOnDevice ? Space::cuda : spaceOf(given);
}

Spaces::Spaces(ModuleOp module, func::FuncOp func) : func(func) {
  auto use = [&](Space space) { used |= 1u << static_cast<unsigned>(space); };
  for (auto kernel : module.getOps<kernel::FuncOp>()) {
    use(kernels[kernel.getSymName()] = kernel.getSpace());
    runsOnGpu |= kernel.getTargetAttr() && kernel.getTargetAttr().getValue().kind() == TargetKind::Gpu;
  }
  for (BlockArgument argument : func.getArguments())
    use(spaces[argument] = findInput(argument));
  for (unsigned i = 0; i < func.getNumResults(); ++i)
    use(results.emplace_back(spaceOf(func.getResultAttr(i, host::spaceAttrName))));
  if (areOne())
    return;
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Value argument : block.getArguments())
          find(argument);
    for (Value result : op->getResults())
      find(result);
  });
  for (auto [i, value] : llvm::enumerate(func.getBody().front().getTerminator()->getOperands()))
    if (isFree(func.getResultAttr(i, host::spaceAttrName), value.getType()))
      results[i] = of(value);
}

Space Spaces::find(Value value) {
  if (auto found = spaces.find(value); found != spaces.end())
    return found->second;
  // What a loop carries may lead back to itself; then its first value decides.
  auto argument = dyn_cast<BlockArgument>(value);
  auto loop = argument ? dyn_cast<graph::LoopOp>(argument.getOwner()->getParentOp()) : graph::LoopOp();
  if (loop)
    for (auto [carried, init] : llvm::zip_equal(loop.carriedArguments(), loop.getInits()))
      if (carried == value)
        spaces[value] = find(init);
  Space space = findSource(value);
  spaces[value] = space;
  return space;
}

/// By what computes `value`.
Space Spaces::findSource(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<graph::LoopOp>(argument.getOwner()->getParentOp());
    if (loop)
      for (auto [carried, next] : llvm::zip_equal(loop.carriedArguments(), loop.nextCarried()))
        if (carried == value)
          return find(next);
    return Space::host; // The number of a turn.
  }
  Operation *op = value.getDefiningOp();
  unsigned result = cast<OpResult>(value).getResultNumber();
  if (auto call = dyn_cast<kernel::CallOp>(op))
    return of(call);
  if (auto copy = dyn_cast<kernel::CopyOp>(op))
    return copy.getSpace();
  if (auto reshape = dyn_cast<graph::ReshapeOp>(op))
    return find(reshape.getX());
  if (auto branch = dyn_cast<graph::IfOp>(op))
    return find(branch.thenYield().getValues()[result]);
  if (auto loop = dyn_cast<graph::LoopOp>(op)) {
    unsigned carried = loop.carriedResults().size();
    return find(result < carried ? Value(loop.carriedArguments()[result]) : loop.scanned()[result - carried]);
  }
  return Space::host;
}

namespace {
class CopyInserter {
public:
  CopyInserter(ModuleOp module, func::FuncOp func) : spaces(module, func), func(func), builder(func.getContext()) {}

  void run() {
    if (spaces.areOne())
      return;
    SmallVector<Operation *> ops;
    func.walk([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : ops)
      for (OpOperand &operand : op->getOpOperands())
        if (isa<TensorType>(operand.get().getType()))
          move(operand);
  }

private:
  /// Where `operand` is needed; where it is, if that does not matter.
  Space wanted(OpOperand &operand);
  void move(OpOperand &operand);

  Spaces spaces;
  func::FuncOp func;
  OpBuilder builder;
  DenseMap<std::pair<Value, Space>, Value> copies;
};
} // namespace

Space CopyInserter::wanted(OpOperand &operand) {
  Operation *op = operand.getOwner();
  Value value = operand.get();
  unsigned number = operand.getOperandNumber();
  if (auto call = dyn_cast<kernel::CallOp>(op)) {
    bool isConstant = isa_and_nonnull<graph::ConstantOp, kernel::PackOp>(value.getDefiningOp());
    return isConstant ? spaces.of(value) : spaces.of(call);
  }
  if (isa<kernel::CopyOp, kernel::PackOp, graph::ReshapeOp>(op))
    return spaces.of(value);
  if (isa<func::ReturnOp>(op))
    return spaces.ofResult(number);
  if (auto loop = dyn_cast<graph::LoopOp>(op)) {
    unsigned first = op->getNumOperands() - loop.getInits().size();
    return number < first ? Space::host : spaces.of(loop.carriedArguments()[number - first]);
  }
  if (isa<graph::YieldOp>(op)) {
    if (auto branch = dyn_cast<graph::IfOp>(op->getParentOp()))
      return spaces.of(branch.getResult(number));
    auto loop = cast<graph::LoopOp>(op->getParentOp());
    unsigned first = loop.nextCondition() ? 1 : 0, carried = loop.carriedArguments().size();
    if (number < first)
      return Space::host;
    return number < first + carried ? spaces.of(loop.carriedArguments()[number - first]) : spaces.of(value);
  }
  return Space::host;
}

void CopyInserter::move(OpOperand &operand) {
  Value value = operand.get();
  Space space = wanted(operand);
  if (spaces.of(value) == space)
    return;
  Value &copy = copies[{value, space}];
  if (!copy) {
    builder.setInsertionPointAfterValue(value);
    copy = kernel::CopyOp::create(builder, value.getLoc(), value.getType(), value,
                                  SpaceAttr::get(func.getContext(), space));
  }
  operand.set(copy);
}

void insertSpaceCopies(ModuleOp module, func::FuncOp func) { CopyInserter(module, func).run(); }

} // namespace lathe
