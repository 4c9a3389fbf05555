// lib/Import/ONNX/BlockedLayout.cpp: operators of ONNX Runtime's domain
// com.microsoft.nchwc, whose channels lie in blocks.
//
// Tensors between them keep the shape [N, C, H, W] with C rounded up to whole
// blocks; only memory is in another order, so what is imported is in the plain
// order. Filters are in the file, in blocks: they are put into the plain order,
// which folds. How large blocks are is not in the file: as large as ONNX Runtime has
// them on this machine, which it, too, takes for granted.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "ElementType.h"
#include "OpTable.h"

#include "llvm/TargetParser/Host.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::Twine;

/// Channels in a block: as many floats as a register has.
static int64_t blockSize() {
  static const int64_t size = [] {
    llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
    return features.lookup("avx512f") || features.lookup("neon") ? 16 : 8;
  }();
  return size;
}

static int64_t roundUp(int64_t channels) { return llvm::alignTo(channels, blockSize()); }

static void reportBlocks(Node &node, const Twine &message) {
  node.error("onnx-blocked-layout", message + ", but on this machine ONNX Runtime has blocks of " + Twine(blockSize()))
      .note("write the model with ORT_ENABLE_EXTENDED, which leaves the layout as it is");
}

/// Channels rounded up by zeros.
static Value importReorderInput(Node &node) {
  Value x = node.input(0);
  if (node.flag("channels_last"))
    x = channelsToSecond(node, x);
  int64_t rank = node.rank(x), channels = rank > 1 ? node.staticDim(x, 1, "ReorderInput") : 0;
  if (node.failed() || channels == roundUp(channels))
    return x;
  graph::ShapeSolver &solver = node.solver();
  Dims amounts(size_t(2) * rank, solver.constant(0));
  amounts[rank + 1] = solver.constant(roundUp(channels) - channels);
  return node.create<graph::PadOp>(x, Value(), Value(), graph::PadMode::constant,
                                   graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts)));
}

static Value importReorderOutput(Node &node) {
  Value x = node.input(0);
  int64_t channels = node.integer("channels"), given = node.rank(x) > 1 ? node.staticDim(x, 1, "ReorderOutput") : 0;
  if (!node.failed() && (channels < 1 || roundUp(channels) != given))
    reportBlocks(node, "'X' has " + Twine(given) + " channels for 'channels' = " + Twine(channels));
  if (node.failed())
    return {};
  x = node.slice(x, 1, node.solver().constant(0), node.solver().constant(channels));
  return node.flag("channels_last") ? channelsToLast(node, x) : x;
}

/// A filter as [O, I, H, W]. In the file it is [O/b, I/b, H, W, b of I, b of O], or
/// [O/b, I, H, W, b of O] for images whose channels are in no blocks and where each
/// channel has a filter of its own.
static Value plainFilter(Node &node, Value filter, Value x) {
  if (node.rank(filter) != 4) {
    if (!node.failed())
      reportBlocks(node, "'W' has rank " + Twine(node.rank(filter)) + " and no blocks");
    return {};
  }
  int64_t sizes[4], block = blockSize();
  for (unsigned i = 0; i < 4; ++i)
    sizes[i] = node.staticDim(filter, i, "Conv");
  bool hasInputBlocks = sizes[1] > 1 && !(node.integer("group") == 1 && sizes[1] < block);
  if (!node.failed() && (sizes[0] % block != 0 || (hasInputBlocks && sizes[1] % block != 0)))
    reportBlocks(node, "'W' has dims " + formatDims(sizes));
  if (node.failed())
    return {};
  auto reshape = [&](Value value, std::initializer_list<int64_t> dims) {
    return node.reshape(value, llvm::to_vector(llvm::map_range(dims, [&](int64_t size) -> mlir::AffineExpr {
                          return node.solver().constant(size);
                        })));
  };
  auto [out, in, height, width] = sizes;
  Value plain =
      hasInputBlocks
          ? node.transpose(reshape(filter, {out / block, in / block, height, width, block, block}), {0, 5, 1, 4, 2, 3})
          : node.transpose(reshape(filter, {out / block, in, height, width, block}), {0, 4, 1, 2, 3});
  return reshape(plain, {out, in, height, width});
}

static Value importConv(Node &node) {
  Value x = node.input(0);
  Value y = makeConvWithBias(node, x, plainFilter(node, node.input(1), x), node.input(2));
  if (Value sum = node.input(3))
    y = node.add(y, sum);
  return activate(node, y, node.numbers("activation_params"));
}

static Value importMaxPool(Node &node) {
  node.ignore({"storage_order"}); // There are no indices.
  return maxPool(node, node.input(0));
}

static Value importAveragePool(Node &node) { return averagePool(node, node.input(0)); }

template <graph::ReduceKind kind> static Value importGlobalPool(Node &node) {
  Value x = node.input(0);
  return node.reduce(kind, x, llvm::to_vector(llvm::seq<int64_t>(2, std::max<int64_t>(node.rank(x), 2))),
                     /*keepDims=*/true);
}

static Value importUpsample(Node &node) {
  SmallVector<int64_t> scales = node.integers("scales");
  return upsample(node, node.input(0), SmallVector<double>(scales.begin(), scales.end()));
}

void onnx_import::registerBlockedLayoutOps(OpTable &ops) {
  llvm::StringRef domain = "com.microsoft.nchwc";
  ops.add({domain, "ReorderInput"}, {1}, importReorderInput);
  ops.add({domain, "ReorderOutput"}, {1}, importReorderOutput);
  ops.add({domain, "Conv"}, {1}, importConv);
  ops.add({domain, "MaxPool"}, {1}, importMaxPool);
  ops.add({domain, "AveragePool"}, {1}, importAveragePool);
  ops.add({domain, "GlobalMaxPool"}, {1}, importGlobalPool<graph::ReduceKind::max>);
  ops.add({domain, "GlobalAveragePool"}, {1}, importGlobalPool<graph::ReduceKind::mean>);
  ops.add({domain, "Upsample"}, {1}, importUpsample);
}
