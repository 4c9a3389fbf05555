// lib/Conversion/KernelToLLVM/LowerChecks.cpp: positions are checked without a branch, so that loops still vectorize.
//
// What is wrong is collected as the unsigned maximum of all wrong positions, each
// with its highest bit set, which is 0 as long as there is none; LLVM keeps it in a
// register, and knows how to reduce it over vectors. The end of the range looks at
// it once.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LowerChecks.h"
#include "../HostToLLVM/CallHelpers.h"
#include "dialects/Kernel/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lathe {

bool hasChecks(Operation *op) {
  return op->walk([](kernel::CheckIndexOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

/// The memory that a view is of.
static Value rootOf(Value memory) {
  while (auto view = memory.getDefiningOp<ViewLikeOpInterface>())
    memory = view.getViewSource();
  return memory;
}

namespace {

/// Moves checks to where their positions are first known: an index that selects a
/// row is checked once a row. A loop without turns then checks it all the same,
/// as it is in the tensor of indices all the same.
class Hoister {
public:
  explicit Hoister(func::FuncOp func) {
    func.walk([&](MemoryEffectOpInterface op) {
      SmallVector<MemoryEffects::EffectInstance> effects;
      op.getEffects(effects);
      for (const auto &effect : effects)
        if (isa<MemoryEffects::Write>(effect.getEffect()) && effect.getValue())
          written.insert(rootOf(effect.getValue()));
    });
  }

  void hoist(kernel::CheckIndexOp check) {
    while (auto loop = dyn_cast<scf::ForOp>(check->getParentOp())) {
      llvm::SetVector<Operation *> needed;
      if (!collect(check, loop, needed))
        return;
      for (Operation *op : needed)
        op->moveBefore(loop);
    }
  }

private:
  /// Adds what `op` needs of the loop's body, operands first. False if some of it
  /// is the loop's own.
  bool collect(Operation *op, scf::ForOp loop, llvm::SetVector<Operation *> &needed) {
    if (needed.contains(op))
      return true;
    auto load = dyn_cast<memref::LoadOp>(op);
    bool isConstant = load && !written.contains(rootOf(load.getMemRef()));
    if (op->getNumRegions() || (!isPure(op) && !isConstant && !isa<kernel::CheckIndexOp>(op)))
      return false;
    for (Value operand : op->getOperands()) {
      if (!loop.getRegion().isAncestor(operand.getParentRegion()))
        continue;
      Operation *made = operand.getDefiningOp();
      if (!made || made->getBlock() != loop.getBody() || !collect(made, loop, needed))
        return false;
    }
    needed.insert(op);
    return true;
  }

  llvm::DenseSet<Value> written;
};

/// What a range has found wrong with one check: 0, or a position with its highest
/// bit set; and, where it is not known at the end, the size.
struct Found {
  Value position, size;
  IntegerAttr check;
  bool sizeIsSlot;
};

class Lowering {
public:
  Lowering(func::FuncOp body, Value call) : body(body), call(call) {}

  void lower() {
    SmallVector<kernel::CheckIndexOp> checks;
    body.walk([&](kernel::CheckIndexOp check) { checks.push_back(check); });
    Hoister hoister(body);
    for (kernel::CheckIndexOp check : checks)
      hoister.hoist(check);
    DominanceInfo dominance(body);
    for (kernel::CheckIndexOp check : checks)
      found.push_back(replace(check, dominance));
    OpBuilder end(body.getBody().back().getTerminator());
    for (const Found &each : found)
      report(end, each);
  }

private:
  Value slot(Location loc) {
    OpBuilder start = OpBuilder::atBlockBegin(&body.getBody().front());
    Type index = start.getIndexType();
    Value memory = memref::AllocaOp::create(start, loc, MemRefType::get({}, index));
    memref::StoreOp::create(start, loc, arith::ConstantIndexOp::create(start, loc, 0), memory);
    return memory;
  }

  static void raise(OpBuilder &b, Location loc, Value memory, Value value) {
    Value old = memref::LoadOp::create(b, loc, memory);
    memref::StoreOp::create(b, loc, arith::MaxUIOp::create(b, loc, old, value), memory);
  }

  Found replace(kernel::CheckIndexOp check, DominanceInfo &dominance) {
    Location loc = check.getLoc();
    OpBuilder b(check);
    Value position = check.getPosition(), size = check.getSize();
    Operation *end = body.getBody().back().getTerminator();
    Found made{slot(loc), size, check.getCheckAttr(), !dominance.properlyDominates(size, end)};
    if (made.sizeIsSlot)
      made.size = slot(loc);
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    Value top = arith::ConstantIndexOp::create(b, loc, std::numeric_limits<int64_t>::min());
    Value isNegative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, position, zero);
    Value fromEnd = arith::AddIOp::create(b, loc, position, size);
    Value at = arith::SelectOp::create(b, loc, isNegative, fromEnd, position);
    Value isInside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, at, size);
    Value marked = arith::OrIOp::create(b, loc, position, top);
    raise(b, loc, made.position, arith::SelectOp::create(b, loc, isInside, zero, marked));
    if (made.sizeIsSlot)
      raise(b, loc, made.size, arith::SelectOp::create(b, loc, isInside, zero, size));
    Value safe = arith::SelectOp::create(b, loc, isInside, at, zero);
    check.replaceAllUsesWith(safe);
    check.erase();
    return made;
  }

  void report(OpBuilder &b, const Found &each) {
    Location loc = body.getLoc();
    Value marked = memref::LoadOp::create(b, loc, each.position);
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    Value isWrong = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, marked, zero);
    auto branch = scf::IfOp::create(b, loc, isWrong, /*withElseRegion=*/false);
    OpBuilder then = branch.getThenBodyBuilder();
    auto asInt = [&](Value value) -> Value { return arith::IndexCastOp::create(then, loc, then.getI64Type(), value); };
    // The mark goes, and the sign comes back: no position is that far out.
    Value one = arith::ConstantIndexOp::create(then, loc, 1);
    Value position = arith::ShRSIOp::create(then, loc, arith::ShLIOp::create(then, loc, marked, one), one);
    Value size = each.sizeIsSlot ? Value(memref::LoadOp::create(then, loc, each.size)) : each.size;
    Value status =
        arith::ConstantOp::create(then, loc, then.getI32IntegerAttr(static_cast<int32_t>(each.check.getInt()) + 1));
    func::CallOp::create(then, loc, failHelper(body->getParentOfType<ModuleOp>()),
                         ValueRange{call, status, asInt(position), asInt(size)});
  }

  func::FuncOp body;
  Value call;
  SmallVector<Found> found;
};

} // namespace

void lowerChecks(func::FuncOp body, Value call) { Lowering(body, call).lower(); }

} // namespace lathe
