// lib/Conversion/TileToThreads/WarpgroupMultiplier.cpp: products of four warps together, of factors in shared memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Product.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

namespace {

/// `wgmma`: four warps multiply 64 rows by all columns of the tile, and 32 bytes of terms at
/// once. Tensor cores read both factors themselves, beside what the threads do meanwhile: the
/// left one as rows of 128 bytes of terms, the right one as panels of 128 bytes of columns,
/// both with their chunks in the order that the hardware calls a swizzle of 128 bytes. Of bytes, the right one is rows
/// of terms, too.
class WarpgroupMultiplier final : public Multiplier {
public:
  static constexpr int64_t groupThreads = 128, groupRows = 64, termBytes = 32;
  /// Eight rows, after which the order of chunks starts again.
  static constexpr int64_t atomBytes = 8 * SlotLayout::panelBytes;

  WarpgroupMultiplier(Emitter &e, const DotUnit &unit, const ProductTile &tile, Value thread)
      : unit(unit), tile(tile), bytes(bytesOf(unit.a)) {
    group = e.floorDiv(thread, groupThreads);
    Value lane = e.rem(thread, 32), warp = e.floorDiv(e.rem(thread, groupThreads), 32);
    row = e.add(e.add(e.mul(group, groupRows), e.mul(warp, 16)), e.floorDiv(lane, 4));
    column = e.mul(e.rem(lane, 4), 2);
  }

  SlotLayout layoutOfA() const override { return panels(tile.rows, tile.terms); }
  SlotLayout layoutOfB() const override {
    return hasTermsInside(unit) ? panels(tile.columns, tile.terms) : panels(tile.terms, tile.columns);
  }
  int64_t sums() const override { return tile.columns / 2; }

  /// What a thread has copied, tensor cores see behind this only.
  void publish(Emitter &e) override {
    auto space = NVVM::SharedSpaceAttr::get(e.b.getContext(), NVVM::SharedSpace::shared_cta);
    NVVM::FenceProxyOp::create(e.b, e.loc, NVVM::ProxyKind::async_shared, space);
  }

  SmallVector<Value> multiply(Emitter &e, Value a, Value b, ValueRange sums,
                              llvm::function_ref<void()> meanwhile) override {
    // Of one panel of terms, eight rows are followed by the next eight.
    Value ofA = descriptor(e, addressAt(e, a, e.mul(group, groupRows * SlotLayout::panelBytes)), /*leading=*/16);
    bool isLikeA = hasTermsInside(unit);
    Value ofB = descriptor(e, b, isLikeA ? 16 : layoutOfB().outer * SlotLayout::panelBytes);
    NVVM::WgmmaFenceAlignedOp::create(e.b, e.loc);
    Value all = pack(e, sums);
    for (int64_t term = 0; term < tile.terms; term += termBytes / bytes)
      all = multiplyOnce(e, all, forward(e, ofA, term * bytes),
                         forward(e, ofB, term * (isLikeA ? bytes : SlotLayout::panelBytes)));
    NVVM::WgmmaGroupSyncAlignedOp::create(e.b, e.loc);
    meanwhile();
    return settle(e, all);
  }

  SmallVector<SumPlace> places(Emitter &e) override {
    SmallVector<SumPlace> result;
    for (int64_t half = 0; half < 2; ++half) {
      Value ofHalf = e.add(row, half * 8);
      for (int64_t j = 0; j < tile.columns; j += 8)
        for (int64_t n = 0; n < 2; ++n)
          result.push_back({ofHalf, e.add(column, j + n)});
    }
    return result;
  }
  int64_t neighbours() const override { return 2; }

private:
  SlotLayout panels(int64_t outer, int64_t inner) const {
    return {outer, inner, bytes, /*shift=*/0, /*permutesPairs=*/false, /*hasPanels=*/true};
  }

  /// The place of sum `i`, in the order of `places`, among the registers of an instruction: of each eight columns
  /// a lane has two of one row and two of the eighth row behind it.
  int64_t registerOf(int64_t i) const {
    int64_t ofRow = tile.columns / 4, half = i / ofRow, within = i % ofRow;
    return within / 2 * 4 + half * 2 + within % 2;
  }

  Type sumType(Emitter &e) const { return isInteger(unit.sum) ? Type(e.b.getI32Type()) : e.b.getF32Type(); }

  LLVM::LLVMStructType sumsType(Emitter &e) const {
    return LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(sums(), sumType(e)));
  }

  static Value constant(Emitter &e, int64_t value) {
    return LLVM::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }

  /// Where a factor is and how it lies, in units of 16 bytes: the address in bits 0 to 13, from one panel to the next
  /// in 16 to 29, from eight rows to the next in 32 to 45, and the order of chunks in 62 and 63. This is the lower
  /// half; the upper one is the same for all.
  static Value descriptor(Emitter &e, Value shared, int64_t panelStride) {
    constexpr int64_t unit = 16, mask = 0x3fff;
    Value address = LLVM::PtrToIntOp::create(e.b, e.loc, e.b.getI32Type(), shared);
    Value units = LLVM::LShrOp::create(e.b, e.loc, address, constant(e, llvm::Log2_64(unit)));
    Value low = LLVM::AndOp::create(e.b, e.loc, units, constant(e, mask));
    return LLVM::OrOp::create(e.b, e.loc, low, constant(e, (panelStride / unit) << 16));
  }

  /// The descriptor of what is `by` bytes further.
  static Value forward(Emitter &e, Value descriptor, int64_t by) {
    constexpr int64_t unit = 16, swizzleOf128 = int64_t(1) << 62, high = swizzleOf128 | (atomBytes / unit) << 32;
    if (by)
      descriptor = LLVM::AddOp::create(e.b, e.loc, descriptor, constant(e, by / unit));
    Value wide = LLVM::ZExtOp::create(e.b, e.loc, e.b.getI64Type(), descriptor);
    return LLVM::OrOp::create(e.b, e.loc, wide, LLVM::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(high)));
  }

  Value pack(Emitter &e, ValueRange sums) {
    Value all = LLVM::UndefOp::create(e.b, e.loc, sumsType(e));
    for (auto [i, sum] : llvm::enumerate(sums))
      all = LLVM::InsertValueOp::create(e.b, e.loc, all, sum, ArrayRef<int64_t>{registerOf(static_cast<int64_t>(i))});
    return all;
  }

  Value multiplyOnce(Emitter &e, Value sums, Value a, Value b) {
    MLIRContext *context = e.b.getContext();
    bool isWhole = isInteger(unit.sum);
    auto shape = NVVM::MMAShapeAttr::get(context, groupRows, tile.columns, termBytes / bytes);
    // Otherwise the columns of the right factor lie side by side, as its rows would in one that is not turned.
    auto layoutOfB = hasTermsInside(unit) ? NVVM::MMALayout::col : NVVM::MMALayout::row;
    auto overflow =
        isWhole ? NVVM::MMAIntOverflowAttr::get(context, NVVM::MMAIntOverflow::wrapped) : NVVM::MMAIntOverflowAttr();
    return NVVM::WgmmaMmaAsyncOp::create(e.b, e.loc, sums.getType(), sums, a, b, shape, typeOf(unit.a), typeOf(unit.b),
                                         isWhole ? NVVM::WGMMATypes::s32 : NVVM::WGMMATypes::f32,
                                         NVVM::WGMMAScaleOut::one, NVVM::WGMMAScaleIn::one, NVVM::WGMMAScaleIn::one,
                                         NVVM::MMALayout::row, layoutOfB, overflow);
  }

  static NVVM::WGMMATypes typeOf(DotType type) {
    switch (type) {
    case DotType::BF16:
      return NVVM::WGMMATypes::bf16;
    case DotType::S8:
      return NVVM::WGMMATypes::s8;
    case DotType::U8:
      return NVVM::WGMMATypes::u8;
    default:
      return NVVM::WGMMATypes::f16;
    }
  }

  /// Waits for tensor cores. The sums pass through what waits, so that nothing reads their registers before.
  SmallVector<Value> settle(Emitter &e, Value all) {
    SmallVector<Value> parts;
    std::string constraints;
    for (int64_t i = 0; i < sums(); ++i) {
      parts.push_back(LLVM::ExtractValueOp::create(e.b, e.loc, all, ArrayRef<int64_t>{i}));
      constraints += isInteger(unit.sum) ? "=r," : "=f,";
    }
    for (int64_t i = 0; i < sums(); ++i)
      constraints += llvm::utostr(static_cast<uint64_t>(i)) + ",";
    constraints.pop_back();
    Value settled = LLVM::InlineAsmOp::create(e.b, e.loc, sumsType(e), parts, "wgmma.wait_group.sync.aligned 0;",
                                              constraints, /*has_side_effects=*/true,
                                              /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                              LLVM::AsmDialectAttr(), ArrayAttr())
                        .getResult(0);
    SmallVector<Value> result;
    for (int64_t i = 0; i < sums(); ++i)
      result.push_back(LLVM::ExtractValueOp::create(e.b, e.loc, settled, ArrayRef<int64_t>{registerOf(i)}));
    return result;
  }

  const DotUnit &unit;
  ProductTile tile;
  int64_t bytes;            ///< Of a factor's element.
  Value group, row, column; ///< Of the block's warpgroups, and of the first sum of the thread.
};

} // namespace

std::unique_ptr<Multiplier> createWarpgroupMultiplier(Emitter &e, const DotUnit &unit, const ProductTile &tile,
                                                      Value thread) {
  return std::make_unique<WarpgroupMultiplier>(e, unit, tile, thread);
}

} // namespace lathe
