// lib/Conversion/TileToThreads/CheckRings.cpp: whether threads of different roles hand slots to each other as they
// must.
//
// The roles are run on numbers, for few and many steps and several tiles: a list of what each warp asks of the
// barriers, and does with the memory of the block. The lists are then played against each other, with those who copy
// as far ahead as waits let them, and then the others: what may happen too early does so in one of the two.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Product.h"
#include "dialects/Device/Device.h"
#include "lathe/Conversion/TileToThreads.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <map>

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CHECKRINGSPASS
#include "lathe/Conversion/TileToThreads.h.inc"

namespace {

constexpr int64_t tilesTried = 3;

/// Something that a warp does, at an address of the memory of the block.
struct Step {
  enum Kind { Init, Fence, Meet, Wait, Arrive, Expect, Copy, Read, Settle } kind;
  Operation *op;
  int64_t address = 0; ///< Of the barrier, or of what is copied or read.
  int64_t number = 0;  ///< The parity, the threads or the bytes.
  int64_t barrier = 0; ///< Of a copy.
};

bool isSettle(Operation *op) {
  auto assembly = dyn_cast<LLVM::InlineAsmOp>(op);
  return assembly && assembly.getAsmString().starts_with("wgmma.wait_group");
}

/// Runs regions for one thread, on those numbers that follow from its own, the turn and the steps.
class Player {
public:
  Player(int64_t thread, int64_t terms, const DenseMap<Operation *, int64_t> &memories, Value steps)
      : thread(thread), terms(terms), memories(memories), steps(steps) {}

  SmallVector<Step> done;
  Operation *unclear = nullptr; ///< What could not be followed.

  void run(Block &block, std::optional<int64_t> turn) {
    if (turn)
      known[block.getArgument(0)] = *turn;
    runOps(block);
  }

  /// Whether something in `op` is asked of barriers, or done with slots.
  static bool hasSteps(Operation *op) {
    return op
        ->walk([](Operation *inner) {
          bool is = isa<NVVM::MBarrierInitOp, NVVM::MBarrierTryWaitParityOp, NVVM::MBarrierArriveOp,
                        NVVM::MBarrierArriveExpectTxOp, NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp,
                        NVVM::WgmmaMmaAsyncOp>(inner) ||
                    isSettle(inner);
          return is ? WalkResult::interrupt() : WalkResult::advance();
        })
        .wasInterrupted();
  }

private:
  std::optional<int64_t> valueOf(Value value) {
    if (auto found = known.find(value); found != known.end())
      return found->second;
    Operation *op = value.getDefiningOp();
    std::optional<int64_t> result = op ? evaluate(op) : std::nullopt;
    if (result)
      known[value] = *result;
    return result;
  }

  std::optional<int64_t> evaluate(Operation *op) {
    if (op->getNumResults() != 1 || op->getNumRegions() != 0)
      return std::nullopt;
    if (op->getResult(0) == steps)
      return terms;
    if (isa<NVVM::ThreadIdXOp>(op))
      return thread;
    if (auto memory = memories.find(op); memory != memories.end())
      return memory->second;
    SmallVector<std::optional<int64_t>> of;
    for (Value operand : op->getOperands())
      of.push_back(valueOf(operand));
    auto two = [&](llvm::function_ref<int64_t(int64_t, int64_t)> compute) -> std::optional<int64_t> {
      return of[0] && of[1] ? std::optional<int64_t>(compute(*of[0], *of[1])) : std::nullopt;
    };
    if (isa<arith::IndexCastOp, arith::IndexCastUIOp, LLVM::AddrSpaceCastOp, LLVM::IntToPtrOp, LLVM::PtrToIntOp,
            LLVM::ZExtOp, memref::ExtractAlignedPointerAsIndexOp>(op))
      return of[0];
    if (auto gep = dyn_cast<LLVM::GEPOp>(op))
      return of.size() == 2 ? two(std::plus<int64_t>()) : std::nullopt;
    if (isa<arith::AddIOp, LLVM::AddOp>(op))
      return two(std::plus<int64_t>());
    if (isa<arith::SubIOp>(op))
      return two(std::minus<int64_t>());
    if (isa<arith::MulIOp>(op))
      return two(std::multiplies<int64_t>());
    if (isa<arith::DivUIOp>(op))
      return two([](int64_t a, int64_t b) { return b ? a / b : 0; });
    if (isa<arith::RemUIOp>(op))
      return two([](int64_t a, int64_t b) { return b ? a % b : 0; });
    if (isa<LLVM::LShrOp>(op))
      return two([](int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) >> b); });
    if (isa<LLVM::AndOp>(op))
      return two(std::bit_and<int64_t>());
    if (isa<LLVM::OrOp>(op))
      return two(std::bit_or<int64_t>());
    if (isa<arith::XOrIOp>(op))
      return two(std::bit_xor<int64_t>());
    if (auto compare = dyn_cast<arith::CmpIOp>(op))
      return two([&](int64_t a, int64_t b) {
        return arith::applyCmpPredicate(compare.getPredicate(), APInt(64, a, true), APInt(64, b, true));
      });
    IntegerAttr number;
    if (matchPattern(op->getResult(0), m_Constant(&number)))
      return number.getInt();
    return std::nullopt;
  }

  /// What is computed in `block` is computed anew.
  void forget(Block &block) {
    block.walk([&](Operation *op) {
      for (Value result : op->getResults())
        known.erase(result);
    });
  }

  void runOps(Block &block) {
    forget(block);
    for (Operation &op : block) {
      if (unclear)
        return;
      if (auto loop = dyn_cast<scf::ForOp>(op))
        runLoop(loop);
      else if (auto branch = dyn_cast<scf::IfOp>(op))
        runBranch(branch);
      else
        note(&op);
    }
  }

  void runLoop(scf::ForOp loop) {
    std::optional<int64_t> from = valueOf(loop.getLowerBound()), to = valueOf(loop.getUpperBound()),
                           by = valueOf(loop.getStep());
    if (!from || !to || !by || *by <= 0) {
      unclear = hasSteps(loop) ? loop.getOperation() : nullptr;
      return;
    }
    // Sums are carried, and nothing that barriers depend on.
    for (int64_t at = *from; at < *to && !unclear; at += *by) {
      known[loop.getInductionVar()] = at;
      runOps(*loop.getBody());
    }
  }

  void runBranch(scf::IfOp branch) {
    std::optional<int64_t> condition = valueOf(branch.getCondition());
    if (!condition) {
      unclear = hasSteps(branch) ? branch.getOperation() : nullptr;
      return;
    }
    Region &side = *condition & 1 ? branch.getThenRegion() : branch.getElseRegion();
    if (!side.empty())
      runOps(side.front());
  }

  void add(Step::Kind kind, Operation *op, Value address, std::optional<int64_t> number, Value barrier = Value()) {
    std::optional<int64_t> at = valueOf(address), full = barrier ? valueOf(barrier) : 0;
    if (!at || !number || !full)
      unclear = op;
    else
      done.push_back({kind, op, *at, *number, *full});
  }

  /// Where a factor is that a descriptor of `wgmma` tells.
  void addRead(Operation *op, Value descriptor) {
    constexpr int64_t mask = 0x3fff;
    if (std::optional<int64_t> bits = valueOf(descriptor))
      done.push_back({Step::Read, op, (*bits & mask) * chunkBytes, 0, 0});
    else
      unclear = op;
  }

  void note(Operation *op) {
    if (auto init = dyn_cast<NVVM::MBarrierInitOp>(op))
      add(Step::Init, op, init.getAddr(), valueOf(init.getCount()));
    else if (isa<NVVM::FenceMbarrierInitOp>(op))
      done.push_back({Step::Fence, op});
    else if (isa<NVVM::Barrier0Op>(op))
      done.push_back({Step::Meet, op});
    else if (auto wait = dyn_cast<NVVM::MBarrierTryWaitParityOp>(op))
      add(Step::Wait, op, wait.getAddr(), valueOf(wait.getPhase()));
    else if (auto arrive = dyn_cast<NVVM::MBarrierArriveOp>(op))
      add(Step::Arrive, op, arrive.getAddr(), 1);
    else if (auto expect = dyn_cast<NVVM::MBarrierArriveExpectTxOp>(op))
      add(Step::Expect, op, expect.getAddr(), valueOf(expect.getTxcount()));
    else if (auto copy = dyn_cast<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(op))
      add(Step::Copy, op, copy.getDstMem(), bytesOf(copy.getTmaDescriptor()), copy.getMbar());
    else if (auto product = dyn_cast<NVVM::WgmmaMmaAsyncOp>(op)) {
      addRead(op, product.getDescriptorA());
      addRead(op, product.getDescriptorB());
    } else if (isSettle(op))
      done.push_back({Step::Settle, op});
  }

  static std::optional<int64_t> bytesOf(Value map) {
    auto made = map.getDefiningOp<device::TensorMapOp>();
    if (!made)
      return std::nullopt;
    int64_t bytes = cast<BaseMemRefType>(made.getMemref().getType()).getElementTypeBitWidth() / 8;
    for (int64_t size : made.getBox())
      bytes *= size;
    return bytes;
  }

  int64_t thread, terms;
  const DenseMap<Operation *, int64_t> &memories;
  Value steps;
  DenseMap<Value, int64_t> known;
};

/// Plays the lists of all warps against each other.
class Game {
public:
  /// What is wrong, with the op that is; empty if nothing is. The first list is of those who copy, who are first or
  /// last.
  std::pair<Operation *, std::string> play(ArrayRef<Step> setup, ArrayRef<SmallVector<Step>> warps, bool copiesFirst) {
    for (const Step &step : setup)
      if (step.kind == Step::Init)
        barriers[step.address] = {step.number, step.number, 0, 0};
      else if (step.kind == Step::Fence)
        isFenced = true;
      else if (step.kind == Step::Meet)
        isShared = isFenced;
    reading.resize(warps.size());
    SmallVector<size_t> at(warps.size(), 0);
    for (bool goesOn = true; goesOn && problem.empty();) {
      goesOn = false;
      for (size_t turn = 0; turn < warps.size(); ++turn) {
        size_t warp = copiesFirst ? turn : warps.size() - 1 - turn;
        while (at[warp] < warps[warp].size() && problem.empty() && take(warps[warp][at[warp]], warp)) {
          ++at[warp];
          goesOn = true;
        }
      }
    }
    for (size_t warp = 0; warp < warps.size() && problem.empty(); ++warp)
      if (at[warp] < warps[warp].size())
        fail(warps[warp][at[warp]].op, "waits for ever");
    for (auto &[address, slot] : slots)
      if (problem.empty() && !isRead(slot))
        fail(slot.op, "fills a slot that is not read by all");
    return {faulty, problem};
  }

private:
  struct Barrier {
    int64_t arrivals, pending, bytes, phase;
  };
  /// What is copied in one phase of a barrier.
  struct Slot {
    Operation *op = nullptr; ///< The first copy.
    int64_t phase = 0;
    SmallVector<std::pair<int64_t, int64_t>> ranges; ///< Addresses and bytes.
    DenseSet<size_t> readers;                        ///< Warps that have read it, and waited for that.
  };

  void fail(Operation *op, const Twine &what) {
    faulty = op;
    problem = what.str();
  }

  static void endPhase(Barrier &barrier) {
    if (barrier.pending == 0 && barrier.bytes == 0) {
      ++barrier.phase;
      barrier.pending = barrier.arrivals;
    }
  }

  /// False if it has to wait.
  bool take(const Step &step, size_t warp) {
    if (step.kind == Step::Read)
      return read(step, warp);
    if (step.kind == Step::Settle) {
      for (Slot *slot : reading[warp])
        slot->readers.insert(warp);
      reading[warp].clear();
      return true;
    }
    if (step.kind == Step::Meet) {
      fail(step.op, "waits for threads of the other role");
      return false;
    }
    if (step.kind == Step::Copy)
      return copy(step, warp);
    auto found = barriers.find(step.address);
    if (found == barriers.end()) {
      fail(step.op, "is about a barrier that the setup does not make");
      return false;
    }
    if (isFenced && !isShared) {
      fail(step.op, "uses a barrier that another thread may not have made yet");
      return false;
    }
    Barrier &barrier = found->second;
    if (step.kind == Step::Wait) {
      if (barrier.phase % 2 == step.number)
        return false;
      // Of full ones, the warp then sees what came in the phase that is over.
      seen[{warp, step.address}] = barrier.phase;
      return true;
    }
    // Others may use what a warp that arrives has read.
    if (step.kind == Step::Arrive && !reading[warp].empty()) {
      fail(step.op, "releases a slot before the wait for what reads it");
      return false;
    }
    if (barrier.pending == 0) {
      fail(step.op, "arrives more often in a phase than the barrier expects");
      return false;
    }
    barrier.bytes += step.kind == Step::Expect ? step.number : 0;
    --barrier.pending;
    endPhase(barrier);
    return true;
  }

  bool isRead(const Slot &slot) const { return slot.readers.size() == reading.size() - 1; }

  bool copy(const Step &step, size_t warp) {
    auto found = barriers.find(step.barrier);
    if (found == barriers.end() || !isFenced) {
      fail(step.op, "counts bytes at a barrier that is not made, or that the hardware does not see");
      return false;
    }
    Barrier &barrier = found->second;
    for (auto &[address, slot] : slots) {
      bool isSame = address == step.barrier && slot.phase == barrier.phase;
      auto overlaps = [&](std::pair<int64_t, int64_t> range) {
        return step.address < range.first + range.second && range.first < step.address + step.number;
      };
      if ((isSame || !isRead(slot)) && llvm::any_of(slot.ranges, overlaps)) {
        fail(step.op, "fills a slot before all warps have read what was there");
        return false;
      }
    }
    auto [slot, isNew] = slots.try_emplace(step.barrier);
    if (isNew || slot->second.phase != barrier.phase) {
      if (!isNew && !isRead(slot->second)) {
        fail(step.op, "fills a slot before all warps have read what was there");
        return false;
      }
      slot->second = {step.op, barrier.phase, {}, {}};
    }
    slot->second.ranges.push_back({step.address, step.number});
    barrier.bytes -= step.number;
    endPhase(barrier);
    return true;
  }

  bool read(const Step &step, size_t warp) {
    for (auto &[barrier, slot] : slots)
      for (auto [begin, bytes] : slot.ranges) {
        if (step.address < begin || step.address >= begin + bytes)
          continue;
        auto found = seen.find({warp, barrier});
        if (found == seen.end() || found->second <= slot.phase) {
          fail(step.op, "reads a slot without the wait for what is copied there");
          return false;
        }
        reading[warp].insert(&slot);
        return true;
      }
    fail(step.op, "reads what nobody has copied");
    return false;
  }

  std::map<int64_t, Barrier> barriers;
  std::map<int64_t, Slot> slots; ///< By the barrier that counts their bytes.
  std::map<std::pair<size_t, int64_t>, int64_t> seen;
  SmallVector<DenseSet<Slot *>> reading; ///< By warps, what they read and have not waited for.
  bool isFenced = false;                 ///< The hardware that copies sees the barriers.
  bool isShared = false;                 ///< All threads have met behind that.
  Operation *faulty = nullptr;
  std::string problem;
};

struct CheckRingsPass final : impl::CheckRingsPassBase<CheckRingsPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    kernel.walk([&](device::RolesOp roles) {
      if (failed(check(kernel, roles)))
        signalPassFailure();
    });
  }

  LogicalResult check(kernel::FuncOp kernel, device::RolesOp roles) {
    // Addresses of all memory of the block, at multiples of what the order of chunks starts with.
    DenseMap<Operation *, int64_t> memories;
    int64_t bytes = 0;
    kernel.walk([&](kernel::BlockMemoryOp memory) {
      auto type = cast<MemRefType>(memory.getMemory().getType());
      memories[memory] = bytes;
      bytes += llvm::alignTo(type.getNumElements() * type.getElementTypeBitWidth() / 8, 1024);
    });
    // Whose steps are tried. Roles that hand nothing over need none.
    SmallVector<scf::ForOp> loops;
    roles.getCopy().walk([&](scf::ForOp found) { loops.push_back(found); });
    if (loops.size() != 1) {
      if (!Player::hasSteps(roles))
        return success();
      return roles.emitError("internal: nobody can tell whether slots are handed over, as those who copy have ")
             << loops.size() << " loops [ring-protocol]";
    }
    scf::ForOp loop = loops.front();
    int64_t slots = 0, threads = kernel.getBlockThreads() - roles.getCopiers();
    roles.getSetup().walk([&](NVVM::MBarrierInitOp) { ++slots; });
    slots /= 2;
    for (int64_t steps : {int64_t(0), int64_t(1), int64_t(2), slots - 1, slots, slots + 1})
      if (failed(check(roles, memories, loop.getUpperBound(), steps, threads)))
        return failure();
    ++numRings;
    return success();
  }

  static LogicalResult reportUnclear(Operation *op) {
    return op->emitError("internal: nobody can tell whether slots are handed over [ring-protocol]");
  }

  LogicalResult check(device::RolesOp roles, const DenseMap<Operation *, int64_t> &memories, Value stepCount,
                      int64_t steps, int64_t threads) {
    // First those who copy, then a warp of those who compute after the other.
    SmallVector<SmallVector<Step>> warps;
    auto play = [&](int64_t thread, Region &region) -> LogicalResult {
      Player player(thread, steps, memories, stepCount);
      for (int64_t turn = 0; turn < tilesTried; ++turn)
        player.run(region.front(), turn);
      warps.push_back(player.done);
      return player.unclear ? reportUnclear(player.unclear) : success();
    };
    Player setup(0, steps, memories, stepCount);
    setup.run(roles.getSetup().front(), std::nullopt);
    if (setup.unclear)
      return reportUnclear(setup.unclear);
    if (failed(play(threads, roles.getCopy())))
      return failure();
    for (int64_t thread = 0; thread < threads; thread += warpLanes)
      if (failed(play(thread, roles.getCompute())))
        return failure();
    for (bool copiesFirst : {true, false}) {
      auto [op, problem] = Game().play(setup.done, warps, copiesFirst);
      if (op)
        return op->emitError("internal: of ") << steps << " steps, " << problem << " [ring-protocol]";
    }
    return success();
  }
};

} // namespace
} // namespace lathe
