// lib/Conversion/GraphToLinalg/Reshape.cpp: reshaping as dimensions that merge
// and split, which moves no element.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

namespace {
/// Dimensions `[x, xEnd)` of the operand and `[y, yEnd)` of the result that
/// hold the same number of elements.
struct Section {
  unsigned x, xEnd, y, yEnd;
};
} // namespace

static Dims dimsOf(RankedTensorType type) {
  if (auto dims = dyn_cast_or_null<DimsAttr>(type.getEncoding()))
    return Dims(dims.getMap().getResults());
  Dims result;
  for (int64_t size : type.getShape())
    result.push_back(getAffineConstantExpr(size, type.getContext()));
  return result;
}

/// Whether two products are equal whatever the sizes are, as far as can be
/// seen; equal zeros say nothing of the dimensions behind.
static bool areEqual(AffineExpr a, AffineExpr b, unsigned numSymbols) {
  AffineExpr difference = simplifyAffineExpr(a - b, 0, numSymbols);
  return difference == getAffineConstantExpr(0, a.getContext()) && a != difference;
}

/// The shortest next section. All that is left is always one.
static Section nextSection(const Dims &xs, const Dims &ys, unsigned x, unsigned y, unsigned numSymbols) {
  unsigned left = xs.size() - x + ys.size() - y;
  for (unsigned length = 2; length < left; ++length)
    for (unsigned count = 1; count < length; ++count) {
      unsigned xEnd = x + count, yEnd = y + length - count;
      if (xEnd > xs.size() || yEnd > ys.size())
        continue;
      AffineExpr before = xs[x], after = ys[y];
      for (unsigned i = x + 1; i < xEnd; ++i)
        before = before * xs[i];
      for (unsigned i = y + 1; i < yEnd; ++i)
        after = after * ys[i];
      if (areEqual(before, after, numSymbols))
        return {x, xEnd, y, yEnd};
    }
  return {x, static_cast<unsigned>(xs.size()), y, static_cast<unsigned>(ys.size())};
}

/// Sections that cover both shapes. Dimensions that remain on one side when the
/// other has ended are of size one and join the last section.
static SmallVector<Section> sections(const Dims &xs, const Dims &ys, unsigned numSymbols) {
  SmallVector<Section> result;
  for (unsigned x = 0, y = 0; x < xs.size() && y < ys.size();) {
    result.push_back(nextSection(xs, ys, x, y, numSymbols));
    x = result.back().xEnd;
    y = result.back().yEnd;
  }
  if (!result.empty()) {
    result.back().xEnd = xs.size();
    result.back().yEnd = ys.size();
  }
  return result;
}

static ReassociationIndices range(unsigned first, unsigned end) {
  return llvm::to_vector<2>(llvm::seq<int64_t>(first, end));
}

static Lowered lowerReshape(ReshapeOp op, LinalgBuilder &b, ValueRange operands) {
  Value x = operands[0];
  RankedTensorType from = op.getX().getType(), to = op.getType();
  // Nothing merges with nothing: bufferization would not agree on the types.
  if (llvm::is_contained(from.getShape(), 0) || llvm::is_contained(to.getShape(), 0))
    return SmallVector<Value>{b.empty(to)};
  unsigned numSymbols = 0;
  for (RankedTensorType type : {from, to})
    if (auto dims = dyn_cast_or_null<DimsAttr>(type.getEncoding()))
      numSymbols = std::max(numSymbols, dims.getMap().getNumSymbols());

  SmallVector<ReassociationIndices> merged, split;
  // A scalar has no dimensions to match: all others have size one.
  if (from.getRank() && to.getRank())
    for (const Section &part : sections(dimsOf(from), dimsOf(to), numSymbols)) {
      merged.push_back(range(part.x, part.xEnd));
      split.push_back(range(part.y, part.yEnd));
    }
  if (static_cast<int64_t>(merged.size()) != from.getRank()) {
    if (merged.empty())
      x = castShape(b, x, SmallVector<int64_t>(from.getRank(), 1));
    x = collapse(b, x, merged);
  }
  if (static_cast<int64_t>(split.size()) != to.getRank()) {
    Sizes sizes = b.sizesOf(to);
    if (split.empty())
      sizes.assign(to.getRank(), b.getIndexAttr(1));
    x = expand(b, x, split, sizes);
  }
  return SmallVector<Value>{x};
}

void attachReshape(MLIRContext *context) { attach<&lowerReshape>(context); }

} // namespace lathe::lowering
