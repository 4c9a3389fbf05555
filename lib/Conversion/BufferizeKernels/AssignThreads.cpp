// lib/Conversion/BufferizeKernels/AssignThreads.cpp: the threads of a block share the elements of a task.
//
// A reduction is shared where it is of one operation that may be regrouped: each
// thread sums up every n-th element, the lanes of a warp by exchanges of registers,
// and the warps through the memory of the block. The order is that of the threads,
// so each run gives the same bits.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AssignThreads.h"
#include "ScalarLoops.h"
#include "lathe/Target/Target.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace lathe {

/// Parts of a long sum that stands alone, each for a block: with fewer than `fewSums`
/// such sums, and more than `longSum` terms, one block for each would leave the GPU idle.
static constexpr int64_t partsOfSum = 128, fewSums = 64, longSum = 1 << 15;

/// Elements of a task, for each thread, of an op that is no task of its own; and what is
/// too little to do, or to read, for more than one block.
static constexpr int64_t elementsOfThread = 4, fewElements = 4096;

namespace {

/// What a result is reduced by, and what changes nothing in it.
struct Combiner {
  Operation *op;
  TypedAttr neutral;
};

/// Builds code that all threads of a block run.
class BlockCode {
public:
  BlockCode(OpBuilder &builder, Location loc, int64_t threads) : b(builder), loc(loc), threads(threads) {}

  Value index(int64_t n) { return arith::ConstantIndexOp::create(b, loc, n); }
  Value word(int64_t n) { return arith::ConstantIntOp::create(b, loc, n, 32); }
  /// The number of the thread in its block, as an index.
  Value thread() {
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), NVVM::ThreadIdXOp::create(b, loc, b.getI32Type()));
  }
  void barrier() { NVVM::Barrier0Op::create(b, loc); }
  /// Runs `body` in the first thread alone.
  void inFirst(llvm::function_ref<void(OpBuilder &)> body) {
    Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, thread(), index(0));
    auto branch = scf::IfOp::create(b, loc, isFirst, /*withElseRegion=*/false);
    OpBuilder inner = branch.getThenBodyBuilder();
    body(inner);
  }
  Value combine(const Combiner &combiner, Value x, Value y);
  /// `value` of all threads as one, in each of them.
  Value combineAll(const Combiner &combiner, Value value);

private:
  Value exchange(Value value, int64_t lanes);

  OpBuilder &b;
  Location loc;
  int64_t threads;
};

} // namespace

Value BlockCode::combine(const Combiner &combiner, Value x, Value y) {
  Operation *made = b.clone(*combiner.op);
  made->setOperands({x, y});
  return made->getResult(0);
}

/// What the thread whose number differs by `lanes` has.
Value BlockCode::exchange(Value value, int64_t lanes) {
  Type type = value.getType(), i32 = b.getI32Type();
  unsigned bits = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  Type number = b.getIntegerType(bits), whole = b.getIntegerType(bits <= 32 ? 32 : 64);
  Value as = type.isIndex()         ? Value(arith::IndexCastOp::create(b, loc, number, value))
             : isa<FloatType>(type) ? Value(arith::BitcastOp::create(b, loc, number, value))
                                    : value;
  if (number != whole)
    as = arith::ExtUIOp::create(b, loc, whole, as);
  auto shuffle = [&](Value part) -> Value {
    return NVVM::ShflOp::create(b, loc, i32, word(-1), part, word(lanes), word(warpLanes - 1), NVVM::ShflKind::bfly,
                                UnitAttr());
  };
  if (bits <= 32) {
    as = shuffle(as);
  } else {
    Value shift = arith::ConstantIntOp::create(b, loc, 32, 64);
    Value low = shuffle(arith::TruncIOp::create(b, loc, i32, as));
    Value high = shuffle(arith::TruncIOp::create(b, loc, i32, arith::ShRUIOp::create(b, loc, as, shift)));
    high = arith::ShLIOp::create(b, loc, arith::ExtUIOp::create(b, loc, whole, high), shift);
    as = arith::OrIOp::create(b, loc, high, arith::ExtUIOp::create(b, loc, whole, low));
  }
  if (number != whole)
    as = arith::TruncIOp::create(b, loc, number, as);
  if (type.isIndex())
    return arith::IndexCastOp::create(b, loc, type, as);
  return isa<FloatType>(type) ? Value(arith::BitcastOp::create(b, loc, type, as)) : as;
}

Value BlockCode::combineAll(const Combiner &combiner, Value value) {
  for (int64_t lanes = warpLanes / 2; lanes > 0; lanes /= 2)
    value = combine(combiner, value, exchange(value, lanes));
  int64_t warps = threads / warpLanes;
  if (warps == 1)
    return value;
  Value parts = kernel::BlockMemoryOp::create(b, loc, MemRefType::get({warps}, value.getType()));
  Value lane = arith::RemUIOp::create(b, loc, thread(), index(warpLanes));
  Value warp = arith::DivUIOp::create(b, loc, thread(), index(warpLanes));
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, lane, index(0));
  auto branch = scf::IfOp::create(b, loc, isFirst, /*withElseRegion=*/false);
  OpBuilder inner = branch.getThenBodyBuilder();
  memref::StoreOp::create(inner, loc, value, parts, warp);
  barrier();
  Value all = memref::LoadOp::create(b, loc, parts, index(0));
  for (int64_t i = 1; i < warps; ++i)
    all = combine(combiner, all, memref::LoadOp::create(b, loc, parts, index(i)));
  // Before the next sum is there.
  barrier();
  return all;
}

/// How each result of `op` that is reduced may be regrouped; nothing if one may not.
static std::optional<SmallVector<Combiner>> findCombiners(linalg::GenericOp op) {
  SmallVector<Combiner> combiners;
  for (auto [i, out] : llvm::enumerate(op.getDpsInitsMutable())) {
    if (!op.payloadUsesValueFromOperand(&out)) {
      combiners.push_back({});
      continue;
    }
    SmallVector<Operation *, 4> ops;
    if (!matchReduction(op.getRegionOutputArgs(), i, ops) || ops.size() != 1)
      return std::nullopt;
    std::optional<TypedAttr> neutral = arith::getNeutralElement(ops.front());
    if (!neutral)
      return std::nullopt;
    combiners.push_back({ops.front(), *neutral});
  }
  return combiners;
}

namespace {

/// The loops of one linalg op.
class ThreadLoops {
public:
  ThreadLoops(linalg::GenericOp op, int64_t threads)
      : loops(op), threads(threads), builder(op), code(builder, op.getLoc(), threads) {}
  void build();

private:
  Value sizeOf(ArrayRef<unsigned> dims);
  /// Positions of `dims` from the number of one of all their steps.
  void place(OpBuilder &b, ArrayRef<unsigned> dims, Value number);
  void shareElements();
  void makeTasks();
  void shareReduction(ArrayRef<Combiner> combiners);
  /// The sums of a block in each of its threads, over the terms from `begin` to `end`.
  SmallVector<Value> sumUp(OpBuilder &b, ArrayRef<Combiner> combiners, Value begin, Value end);
  void splitReduction(ArrayRef<Combiner> combiners);
  Value bound(OpBuilder &b, unsigned dim) {
    return getValueOrCreateConstantIndexOp(b, loops.loc, loops.getRange(dim).size);
  }

  ScalarLoops loops;
  int64_t threads;
  OpBuilder builder;
  BlockCode code;
};

} // namespace

Value ThreadLoops::sizeOf(ArrayRef<unsigned> dims) {
  Value size = code.index(1);
  for (unsigned dim : dims)
    size = arith::MulIOp::create(builder, loops.loc, size, bound(builder, dim));
  return size;
}

void ThreadLoops::place(OpBuilder &b, ArrayRef<unsigned> dims, Value number) {
  SmallVector<unsigned> wide;
  for (unsigned dim : dims) {
    if (isConstantIntValue(loops.getRange(dim).size, 1))
      loops.setPosition(dim, arith::ConstantIndexOp::create(b, loops.loc, 0));
    else
      wide.push_back(dim);
  }
  for (size_t i = wide.size(); i-- > 0;) {
    Value size = bound(b, wide[i]);
    loops.setPosition(wide[i], i == 0 ? number : Value(arith::RemUIOp::create(b, loops.loc, number, size)));
    if (i > 0)
      number = arith::DivUIOp::create(b, loops.loc, number, size);
  }
}

/// Each thread computes every n-th element, whatever that takes.
void ThreadLoops::shareElements() {
  auto loop = scf::ForOp::create(builder, loops.loc, code.thread(), sizeOf(loops.getParallel()), code.index(threads));
  OpBuilder inner = OpBuilder::atBlockBegin(loop.getBody());
  place(inner, loops.getParallel(), loop.getInductionVar());
  loops.store(inner, loops.reduce(inner, loops.starts(inner)));
}

/// The same with tasks of their own, for other blocks, too.
void ThreadLoops::makeTasks() {
  Location loc = loops.loc;
  Value total = sizeOf(loops.getParallel()), chunk = code.index(threads * elementsOfThread);
  Value tasks = arith::CeilDivSIOp::create(builder, loc, total, chunk);
  auto forall = scf::ForallOp::create(builder, loc, SmallVector<OpFoldResult>{getAsOpFoldResult(tasks)}, ValueRange(),
                                      std::nullopt);
  OpBuilder inner = OpBuilder::atBlockBegin(forall.getBody());
  BlockCode innerCode(inner, loc, threads);
  Value begin = arith::MulIOp::create(inner, loc, forall.getInductionVar(0), chunk);
  Value end = arith::MinSIOp::create(inner, loc, arith::AddIOp::create(inner, loc, begin, chunk), total);
  begin = arith::AddIOp::create(inner, loc, begin, innerCode.thread());
  auto loop = scf::ForOp::create(inner, loc, begin, end, innerCode.index(threads));
  OpBuilder body = OpBuilder::atBlockBegin(loop.getBody());
  place(body, loops.getParallel(), loop.getInductionVar());
  loops.store(body, loops.reduce(body, loops.starts(body)));
}

SmallVector<Value> ThreadLoops::sumUp(OpBuilder &b, ArrayRef<Combiner> combiners, Value begin, Value end) {
  Location loc = loops.loc;
  BlockCode blockCode(b, loc, threads);
  SmallVector<Value> neutral;
  for (const Combiner &combiner : combiners)
    if (combiner.op)
      neutral.push_back(arith::ConstantOp::create(b, loc, combiner.neutral));
  Value first = arith::AddIOp::create(b, loc, begin, blockCode.thread());
  auto own = scf::ForOp::create(b, loc, first, end, blockCode.index(threads), neutral);
  OpBuilder body = OpBuilder::atBlockBegin(own.getBody());
  place(body, loops.getReduced(), own.getInductionVar());
  SmallVector<Value> values, next;
  auto argument = own.getRegionIterArgs().begin();
  for (const Combiner &combiner : combiners)
    values.push_back(combiner.op ? Value(*argument++) : Value());
  for (Value value : loops.step(body, values))
    if (value)
      next.push_back(value);
  if (!next.empty())
    scf::YieldOp::create(body, loc, next);
  for (unsigned dim : loops.getReduced())
    loops.setPosition(dim, Value());
  SmallVector<Value> sums;
  auto made = own.getResults().begin();
  for (const Combiner &combiner : combiners)
    sums.push_back(combiner.op ? blockCode.combineAll(combiner, *made++) : Value());
  return sums;
}

/// One element after the other, each by all threads.
void ThreadLoops::shareReduction(ArrayRef<Combiner> combiners) {
  Location loc = loops.loc;
  Value steps = sizeOf(loops.getReduced());
  auto elements = scf::ForOp::create(builder, loc, code.index(0), sizeOf(loops.getParallel()), code.index(1));
  OpBuilder inner = OpBuilder::atBlockBegin(elements.getBody());
  BlockCode innerCode(inner, loc, threads);
  place(inner, loops.getParallel(), elements.getInductionVar());
  // Read by all before the first writes the result: there is a barrier in between.
  SmallVector<Value> results = loops.starts(inner);
  SmallVector<Value> sums = sumUp(inner, combiners, innerCode.index(0), steps);
  for (auto [result, sum, combiner] : llvm::zip_equal(results, sums, combiners))
    if (result)
      result = innerCode.combine(combiner, result, sum);
  innerCode.inFirst([&](OpBuilder &first) { loops.store(first, results); });
}

/// A block for each part of each sum, and then one for all parts of a sum.
void ThreadLoops::splitReduction(ArrayRef<Combiner> combiners) {
  Location loc = loops.loc;
  Value sumCount = sizeOf(loops.getParallel()), steps = sizeOf(loops.getReduced());
  Value parts = code.index(partsOfSum), chunk = arith::CeilDivSIOp::create(builder, loc, steps, parts);
  SmallVector<Value> memory;
  for (const Combiner &combiner : combiners) {
    auto type = MemRefType::get({ShapedType::kDynamic, partsOfSum}, combiner.op->getResult(0).getType());
    memory.push_back(memref::AllocOp::create(builder, loc, type, ValueRange(sumCount)));
  }
  auto tasks = [&](ArrayRef<OpFoldResult> sizes) {
    auto forall = scf::ForallOp::create(builder, loc, sizes, ValueRange(), std::nullopt);
    return std::pair(OpBuilder::atBlockBegin(forall.getBody()), SmallVector<Value>(forall.getInductionVars()));
  };
  {
    auto [inner, positions] = tasks({getAsOpFoldResult(sumCount), builder.getIndexAttr(partsOfSum)});
    BlockCode innerCode(inner, loc, threads);
    place(inner, loops.getParallel(), positions[0]);
    Value begin = arith::MulIOp::create(inner, loc, positions[1], chunk);
    Value end = arith::MinSIOp::create(inner, loc, arith::AddIOp::create(inner, loc, begin, chunk), steps);
    SmallVector<Value> sums = sumUp(inner, combiners, begin, end);
    innerCode.inFirst([&](OpBuilder &first) {
      for (auto [sum, target] : llvm::zip_equal(sums, memory))
        memref::StoreOp::create(first, loc, sum, target, positions);
    });
  }
  auto [inner, positions] = tasks({getAsOpFoldResult(sumCount)});
  BlockCode innerCode(inner, loc, threads);
  place(inner, loops.getParallel(), positions[0]);
  SmallVector<Value> results = loops.starts(inner), neutral;
  for (const Combiner &combiner : combiners)
    neutral.push_back(arith::ConstantOp::create(inner, loc, combiner.neutral));
  auto own = scf::ForOp::create(inner, loc, innerCode.thread(), innerCode.index(partsOfSum), innerCode.index(threads),
                                neutral);
  OpBuilder body = OpBuilder::atBlockBegin(own.getBody());
  BlockCode bodyCode(body, loc, threads);
  SmallVector<Value> next;
  for (auto [sum, source, combiner] : llvm::zip_equal(own.getRegionIterArgs(), memory, combiners)) {
    Value part = memref::LoadOp::create(body, loc, source, ValueRange{positions[0], own.getInductionVar()});
    next.push_back(bodyCode.combine(combiner, sum, part));
  }
  scf::YieldOp::create(body, loc, next);
  for (auto [result, sum, combiner] : llvm::zip_equal(results, own.getResults(), combiners))
    result = innerCode.combine(combiner, result, innerCode.combineAll(combiner, sum));
  innerCode.inFirst([&](OpBuilder &first) { loops.store(first, results); });
}

void ThreadLoops::build() {
  std::optional<SmallVector<Combiner>> combiners = findCombiners(loops.op);
  int64_t elements = 1;
  for (unsigned dim : loops.getParallel())
    elements *= std::min<int64_t>(getConstantIntValue(loops.getRange(dim).size).value_or(threads), threads);
  bool isReduction = !loops.getReduced().empty(), isAlone = isa<kernel::FuncOp>(loops.op->getParentOp());
  auto count = [&](ArrayRef<unsigned> dims, int64_t otherwise) {
    int64_t product = 1;
    for (unsigned dim : dims)
      product = std::min<int64_t>(
          product * std::max<int64_t>(getConstantIntValue(loops.getRange(dim).size).value_or(otherwise), 1), 1 << 30);
    return product;
  };
  bool regroupsAll = combiners && llvm::all_of(*combiners, [](const Combiner &one) { return one.op; });
  if (isReduction && isAlone && regroupsAll && count(loops.getParallel(), fewSums) < fewSums &&
      count(loops.getReduced(), longSum) >= longSum) {
    splitReduction(*combiners);
  } else if (isReduction && combiners && elements < threads) {
    shareReduction(*combiners);
    code.barrier();
  } else if (isAlone && count(loops.getParallel(), fewElements) * loops.op.getNumOperands() >= fewElements) {
    makeTasks();
  } else {
    shareElements();
    code.barrier();
  }
  loops.op.erase();
}

/// Runs in the first thread what threads do not know how to share.
static void runInFirst(Operation *op, int64_t threads) {
  OpBuilder builder(op);
  BlockCode code(builder, op->getLoc(), threads);
  code.inFirst([&](OpBuilder &inner) { op->moveBefore(inner.getInsertionBlock(), inner.getInsertionPoint()); });
  builder.setInsertionPoint(op->getParentOp()->getNextNode());
  code.barrier();
}

void assignThreads(kernel::FuncOp kernel) {
  int64_t threads = kernel.getBlockThreads();
  SmallVector<memref::CopyOp> copies;
  kernel.walk([&](memref::CopyOp copy) { copies.push_back(copy); });
  for (memref::CopyOp copy : copies) {
    OpBuilder builder(copy);
    linalg::makeMemRefCopyOp(builder, copy.getLoc(), copy.getSource(), copy.getTarget());
    copy.erase();
  }
  // Fills last: what they fill mostly takes them.
  SmallVector<Operation *> others;
  for (bool isFill : {false, true}) {
    SmallVector<linalg::LinalgOp> ops;
    kernel.walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      if (isa<linalg::FillOp>(op.getOperation()) != isFill)
        continue;
      FailureOr<linalg::GenericOp> generic = asGeneric(op);
      if (succeeded(generic) && ScalarLoops::fits(*generic))
        ThreadLoops(*generic, threads).build();
      else
        others.push_back(succeeded(generic) ? generic->getOperation() : op.getOperation());
    }
  }
  for (Operation *op : others)
    runInFirst(op, threads);
}

} // namespace lathe
