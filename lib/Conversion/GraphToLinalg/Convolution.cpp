// lib/Conversion/GraphToLinalg/Convolution.cpp: convolution and its transpose,
// for any number of spatial dimensions, groups and both layouts.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

using namespace lathe::graph;

namespace lathe::lowering {

namespace {

/// The roles of loops. Those that would run once are null: groups of one, and
/// the channels of a group in a depthwise convolution.
struct Nest {
  AffineExpr batch, group, out, in;
  SmallVector<AffineExpr> kernel, spatial;
  unsigned numLoops = 0;

  /// Innermost are the dimensions that are contiguous in the result: the last
  /// spatial one, or the channels.
  Nest(MLIRContext *context, unsigned numSpatial, bool isGrouped, bool isDepthwise, bool channelsLast) {
    auto next = [&]() { return getAffineDimExpr(numLoops++, context); };
    auto addChannels = [&](bool outInnermost) {
      group = isGrouped ? next() : AffineExpr();
      if (isDepthwise)
        return;
      if (!outInnermost)
        out = next();
      in = next();
      if (outInnermost)
        out = next();
    };
    auto addAll = [&](SmallVectorImpl<AffineExpr> &list) {
      for (unsigned i = 0; i < numSpatial; ++i)
        list.push_back(next());
    };
    batch = next();
    if (channelsLast) {
      addAll(spatial);
      addAll(kernel);
      addChannels(/*outInnermost=*/true);
    } else {
      addChannels(/*outInnermost=*/false);
      addAll(kernel);
      addAll(spatial);
    }
  }
};

/// What both directions have in common.
struct Conv {
  unsigned numSpatial;
  int64_t groups;
  bool channelsLast, isDepthwise;
  Type element;        ///< Of the result, signless.
  Type input, weights; ///< Of the factors, with signs.
  Nest nest;

  unsigned channelDim() const { return channelsLast ? numSpatial + 1 : 1; }
  unsigned firstSpatial() const { return channelsLast ? 1 : 2; }

  /// `[batch, channels..., spatial...]` in the order of the layout.
  template <typename T> SmallVector<T> inLayout(T batch, ArrayRef<T> channels, ArrayRef<T> spatial) const {
    SmallVector<T> result = {batch};
    llvm::append_range(result, channelsLast ? spatial : channels);
    llvm::append_range(result, channelsLast ? channels : spatial);
    return result;
  }
};

template <typename OpT> Conv describe(OpT op, bool isDepthwise) {
  unsigned numSpatial = op.getType().getRank() - 2;
  bool isGrouped = op.getGroups() != 1;
  return {numSpatial,
          static_cast<int64_t>(op.getGroups()),
          op.getChannelsLast(),
          isDepthwise,
          getSignlessType(op.getType().getElementType()),
          op.getX().getType().getElementType(),
          op.getFilter().getType().getElementType(),
          Nest(op.getContext(), numSpatial, isGrouped, isDepthwise, op.getChannelsLast())};
}

} // namespace

/// `{0}, {1}, ... ` with dimension `split` of `rank` becoming two.
static SmallVector<ReassociationIndices> splitDim(unsigned rank, unsigned split) {
  SmallVector<ReassociationIndices> groups;
  for (unsigned i = 0, at = 0; i < rank; ++i) {
    groups.push_back({at++});
    if (i == split)
      groups.back().push_back(at++);
  }
  return groups;
}

/// Splits dimension `dim` into `groups` and the rest, `sizes` being those of
/// `tensor`.
static Value splitGroups(LinalgBuilder &b, const Conv &conv, Value tensor, unsigned dim, int64_t perGroup) {
  if (conv.groups == 1 || conv.isDepthwise)
    return tensor;
  SmallVector<int64_t> shape(typeOf(tensor).getShape());
  shape[dim] = conv.groups * perGroup;
  tensor = castShape(b, tensor, shape);
  Sizes sizes = tensor::getMixedSizes(b, b.getLoc(), tensor);
  sizes[dim] = b.getIndexAttr(perGroup);
  sizes.insert(sizes.begin() + dim, b.getIndexAttr(conv.groups));
  return expand(b, tensor, splitDim(shape.size(), dim), sizes);
}

/// The filter as loops over the nest read it best, and how they read it.
/// `leadsWithOut`: the first dimension of `filter` holds output channels (the
/// second then input channels), else the other way round.
static std::pair<Value, AffineMap> prepareFilter(LinalgBuilder &b, const Conv &conv, Value filter, bool leadsWithOut,
                                                 int64_t leadPerGroup) {
  const Nest &nest = conv.nest;
  SmallVector<AffineExpr> source;
  if (conv.isDepthwise) {
    // [G, 1, kernel...]: the unit dimension goes.
    SmallVector<ReassociationIndices> merged = {{0, 1}};
    for (unsigned i = 0; i < conv.numSpatial; ++i)
      merged.push_back({i + 2});
    filter = collapse(b, filter, merged);
    source = {nest.group};
  } else {
    filter = splitGroups(b, conv, filter, 0, leadPerGroup);
    if (nest.group)
      source.push_back(nest.group);
    source.push_back(leadsWithOut ? nest.out : nest.in);
    source.push_back(leadsWithOut ? nest.in : nest.out);
  }
  source.append(nest.kernel.begin(), nest.kernel.end());

  SmallVector<AffineExpr> order = source;
  if (conv.channelsLast) {
    order.assign(nest.kernel.begin(), nest.kernel.end());
    for (AffineExpr channel : {nest.group, nest.in, nest.out})
      if (channel)
        order.push_back(channel);
    SmallVector<int64_t> permutation;
    for (AffineExpr expr : order)
      permutation.push_back(llvm::find(source, expr) - source.begin());
    filter = permute(b, filter, permutation);
  }
  return {filter, loopMap(b.getContext(), nest.numLoops, order)};
}

static SmallVector<AffineExpr> present(AffineExpr first, AffineExpr second) {
  SmallVector<AffineExpr> result;
  for (AffineExpr expr : {first, second})
    if (expr)
      result.push_back(expr);
  return result;
}

/// Sums of products over the nest, from zero, in `sizes`.
static Value sumProducts(LinalgBuilder &b, const Conv &conv, Value x, AffineMap xMap,
                         std::pair<Value, AffineMap> filter, ArrayRef<OpFoldResult> sizes, AffineMap yMap,
                         ArrayRef<AffineExpr> reductions) {
  SmallVector<utils::IteratorType> iterators(conv.nest.numLoops, parallel);
  for (AffineExpr loop : reductions)
    if (loop)
      iterators[cast<AffineDimExpr>(loop).getPosition()] = reduction;
  Type accumulator = getAccumulatorType(conv.element);
  Value zero = constant(b, b.getLoc(), accumulator, 0);
  Value sum = b.generic({x, filter.first}, filledTensor(b, sizes, zero), {xMap, filter.second, yMap}, iterators,
                        [&](OpBuilder &body, Location loc, ValueRange args) {
                          return multiplyAdd(body, loc, args[2], widenTo(body, loc, args[0], conv.input, accumulator),
                                             widenTo(body, loc, args[1], conv.weights, accumulator));
                        });
  return b.castFloat(sum, conv.element);
}

/// The sizes of a result whose channels are `perGroup` in each group.
static Sizes groupedSizes(LinalgBuilder &b, const Conv &conv, OpFoldResult batch, int64_t perGroup,
                          ArrayRef<OpFoldResult> spatial) {
  Sizes channels;
  if (conv.nest.group)
    channels.push_back(b.getIndexAttr(conv.groups));
  if (conv.nest.out)
    channels.push_back(b.getIndexAttr(perGroup));
  return conv.inLayout<OpFoldResult>(batch, channels, spatial);
}

/// Merges groups and their channels, if they are apart.
static Value mergeGroups(LinalgBuilder &b, const Conv &conv, Value y) {
  if (conv.groups == 1 || conv.isDepthwise)
    return y;
  return collapse(b, y, splitDim(conv.numSpatial + 2, conv.channelDim()));
}

static Sizes spatialSizes(const Conv &conv, ArrayRef<OpFoldResult> sizes) {
  return Sizes(sizes.slice(conv.firstSpatial(), conv.numSpatial));
}

//===----------------------------------------------------------------------===//
// conv
//===----------------------------------------------------------------------===//

static Lowered lowerConv(ConvOp op, LinalgBuilder &b, ValueRange operands) {
  RankedTensorType filterType = op.getFilter().getType();
  int64_t groups = op.getGroups();
  int64_t outPerGroup = filterType.getDimSize(0) / groups;
  int64_t inPerGroup = filterType.getDimSize(1);
  Conv conv = describe(op, groups != 1 && outPerGroup == 1 && inPerGroup == 1);
  const Nest &nest = conv.nest;

  // The number of channels may be known from one operand only.
  if (ShapedType::isDynamic(inPerGroup)) {
    int64_t channels = typeOf(operands[0]).getDimSize(conv.channelDim());
    if (groups != 1 && ShapedType::isDynamic(channels))
      return op.emitOpError("with groups needs a static number of channels "
                            "[lower-dynamic-channels]");
    if (groups != 1)
      inPerGroup = channels / groups;
  }

  Value x = operands[0];
  Sizes low(conv.numSpatial + 2, b.getIndexAttr(0)), high = low;
  for (unsigned i = 0; i < conv.numSpatial; ++i) {
    low[conv.firstSpatial() + i] = b.getIndexAttr(op.getPads()[i]);
    high[conv.firstSpatial() + i] = b.getIndexAttr(op.getPads()[conv.numSpatial + i]);
  }
  x = pad(b, x, low, high, constant(b, b.getLoc(), getSignlessType(conv.input), 0));
  x = splitGroups(b, conv, x, conv.channelDim(), inPerGroup);

  SmallVector<AffineExpr> window;
  for (unsigned i = 0; i < conv.numSpatial; ++i)
    window.push_back(nest.spatial[i] * op.getStrides()[i] + nest.kernel[i] * op.getDilations()[i]);
  auto filter = prepareFilter(b, conv, operands[1], /*leadsWithOut=*/true, outPerGroup);
  AffineMap xMap = loopMap(b.getContext(), nest.numLoops,
                           conv.inLayout<AffineExpr>(nest.batch, present(nest.group, nest.in), window));
  AffineMap yMap = loopMap(b.getContext(), nest.numLoops,
                           conv.inLayout<AffineExpr>(nest.batch, present(nest.group, nest.out), nest.spatial));
  SmallVector<AffineExpr> reductions = llvm::to_vector(nest.kernel);
  reductions.push_back(nest.in);

  Sizes sizes = b.sizesOf(op.getType());
  Value y = sumProducts(b, conv, x, xMap, filter,
                        groupedSizes(b, conv, sizes[0], outPerGroup, spatialSizes(conv, sizes)), yMap, reductions);
  return SmallVector<Value>{mergeGroups(b, conv, y)};
}

//===----------------------------------------------------------------------===//
// conv_transpose
//===----------------------------------------------------------------------===//

/// Whether windows lie side by side: each result is in just one of them.
static bool isTiling(ConvTransposeOp op) {
  auto kernel = op.getFilter().getType().getShape().drop_front(2);
  for (auto [size, stride, dilation] : llvm::zip_equal(kernel, op.getStrides(), op.getDilations()))
    if (size != stride || (dilation != 1 && size != 1))
      return false;
  return true;
}

/// Windows side by side: every result is a dot product over channels. The
/// result has each spatial dimension split into window and place inside.
static Value tileWindows(ConvTransposeOp op, LinalgBuilder &b, const Conv &conv, Value x, AffineMap xMap,
                         std::pair<Value, AffineMap> filter, int64_t outPerGroup, ArrayRef<OpFoldResult> in) {
  const Nest &nest = conv.nest;
  SmallVector<AffineExpr> places;
  Sizes sizes;
  for (unsigned i = 0; i < conv.numSpatial; ++i) {
    places.append({nest.spatial[i], nest.kernel[i]});
    sizes.append({in[conv.firstSpatial() + i], b.getIndexAttr(op.getStrides()[i])});
  }
  AffineMap yMap = loopMap(b.getContext(), nest.numLoops,
                           conv.inLayout<AffineExpr>(nest.batch, present(nest.group, nest.out), places));
  Value y = sumProducts(b, conv, x, xMap, filter, groupedSizes(b, conv, in[0], outPerGroup, sizes), yMap, nest.in);

  // Merge window and place, and groups with their channels.
  SmallVector<ReassociationIndices> merged = {{0}};
  int64_t at = 1;
  auto mergeNext = [&](int64_t count) {
    merged.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(at, at + count)));
    at += count;
  };
  int64_t channelDims = present(nest.group, nest.out).size();
  if (!conv.channelsLast)
    mergeNext(channelDims);
  for (unsigned i = 0; i < conv.numSpatial; ++i)
    mergeNext(2);
  if (conv.channelsLast)
    mergeNext(channelDims);
  return collapse(b, y, merged);
}

/// Windows that overlap or leave gaps: every input element adds the filter to
/// its window. Only the loops over batch and output channels are parallel; a
/// window is never shared between them.
static Value scatterWindows(ConvTransposeOp op, LinalgBuilder &b, const Conv &conv, Value x, AffineMap xMap,
                            std::pair<Value, AffineMap> filter, int64_t outPerGroup, ArrayRef<OpFoldResult> in) {
  const Nest &nest = conv.nest;
  auto kernel = op.getFilter().getType().getShape().drop_front(2);
  SmallVector<AffineExpr> places, reductions = llvm::to_vector(nest.kernel);
  Sizes sizes;
  for (unsigned i = 0; i < conv.numSpatial; ++i) {
    int64_t stride = op.getStrides()[i], dilation = op.getDilations()[i];
    places.push_back(nest.spatial[i] * stride + nest.kernel[i] * dilation);
    int64_t window = dilation * (kernel[i] - 1) + 1;
    sizes.push_back(apply(b, (b.getAffineDimExpr(0) - 1) * stride + window, in[conv.firstSpatial() + i]));
  }
  reductions.append(nest.spatial.begin(), nest.spatial.end());
  reductions.push_back(nest.in);
  AffineMap yMap = loopMap(b.getContext(), nest.numLoops,
                           conv.inLayout<AffineExpr>(nest.batch, present(nest.group, nest.out), places));
  Value y = sumProducts(b, conv, x, xMap, filter, groupedSizes(b, conv, in[0], outPerGroup, sizes), yMap, reductions);
  return mergeGroups(b, conv, y);
}

static Lowered lowerConvTranspose(ConvTransposeOp op, LinalgBuilder &b, ValueRange operands) {
  RankedTensorType filterType = op.getFilter().getType();
  int64_t groups = op.getGroups();
  int64_t inPerGroup = filterType.getDimSize(0) / groups;
  int64_t outPerGroup = filterType.getDimSize(1);
  if (ShapedType::isDynamic(outPerGroup))
    return op.emitOpError("needs a static number of output channels "
                          "[lower-dynamic-channels]");
  // No window can be cut out of nothing.
  if (llvm::is_contained(op.getType().getShape(), 0))
    return SmallVector<Value>{b.filled(op.getType(), b.scalar(op.getType().getElementType(), 0))};
  Conv conv = describe(op, groups != 1 && outPerGroup == 1 && inPerGroup == 1);
  const Nest &nest = conv.nest;

  Value x = splitGroups(b, conv, operands[0], conv.channelDim(), inPerGroup);
  AffineMap xMap = loopMap(b.getContext(), nest.numLoops,
                           conv.inLayout<AffineExpr>(nest.batch, present(nest.group, nest.in), nest.spatial));
  auto filter = prepareFilter(b, conv, operands[1], /*leadsWithOut=*/false, inPerGroup);
  Sizes in = b.sizesOf(op.getX().getType());
  Value all = isTiling(op) ? tileWindows(op, b, conv, x, xMap, filter, outPerGroup, in)
                           : scatterWindows(op, b, conv, x, xMap, filter, outPerGroup, in);

  // `output_padding` beyond what `pads` cut off lies behind every window.
  Sizes none(conv.numSpatial + 2, b.getIndexAttr(0)), offsets = none, behind = none;
  for (unsigned i = 0; i < conv.numSpatial; ++i) {
    int64_t dim = conv.firstSpatial() + i;
    int64_t extra = op.getOutputPadding()[i] - op.getPads()[conv.numSpatial + i];
    offsets[dim] = b.getIndexAttr(op.getPads()[i]);
    behind[dim] = b.getIndexAttr(std::max<int64_t>(extra, 0));
  }
  all = pad(b, all, none, behind, constant(b, b.getLoc(), conv.element, 0));
  Value y = crop(b, all, offsets, b.sizesOf(op.getType()));
  return SmallVector<Value>{y};
}

void attachConvolution(MLIRContext *context) { attach<&lowerConv, &lowerConvTranspose>(context); }

} // namespace lathe::lowering
