// lib/Import/ONNX/BlockQuantized.cpp: operators of ONNX Runtime's domain
// com.microsoft on weights of 2, 4 or 8 bits that share a scale in blocks: integers, and the numbers
// that a table has for each code.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "ElementType.h"
#include "MachineLearning.h"
#include "OpTable.h"
#include "Quantize.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::Twine;
using mlir::AffineExpr;

/// The bytes of `packed`, whose last dimension holds elements of `bits` bits, as one
/// byte for each of them.
static Value unpackLast(Node &node, Value packed, int64_t bits) {
  if (node.failed() || bits == 8)
    return packed;
  graph::ShapeSolver &solver = node.solver();
  Dims dims = node.dims(packed);
  Value bytes = node.reshape(packed, {solver.product(dims)});
  dims.back() = solver.product({dims.back(), solver.constant(8 / bits)});
  return node.createTyped<graph::UnpackOp>(solver.type(dims, node.element(packed)), bytes, bits);
}

/// Requires 2, 4 or 8 bits and blocks of whole bytes.
static bool checkBlocks(Node &node, int64_t bits, int64_t block) {
  if (bits != 2 && bits != 4 && bits != 8)
    node.unsupported("bits", Twine(bits), "2, 4 and 8 are");
  else if (block < 8 || block > int64_t(1) << 31)
    node.unsupported("block_size", Twine(block), "8 and more are");
  return !node.failed();
}

/// Requires that an input has as many elements as are read from it.
static void checkCount(Node &node, unsigned input, int64_t count, llvm::StringRef what) {
  if (node.failed())
    return;
  graph::ShapeSolver &solver = node.solver();
  AffineExpr given = solver.product(node.dims(node.input(input))), wanted = solver.constant(count);
  if (!solver.equal(given, wanted).value_or(false))
    node.check(node.size(given), given, wanted, "the elements of '" + node.inputName(input) + "' and " + what);
}

/// [N, K] of the type of 'scales', from B of [N, blocks, bytes].
static Value readWeights(Node &node, int64_t rows, int64_t columns) {
  int64_t bits = node.integer("bits"), block = node.integer("block_size");
  Value b = node.input(1), scales = node.input(2), zeros = node.input(3), groups = node.input(4);
  if (!checkBlocks(node, bits, block))
    return {};
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1), n = solver.constant(rows);
  int64_t blocks = llvm::divideCeil(columns, block);
  AffineExpr count = solver.constant(blocks), width = solver.constant(block);
  Type type = node.element(scales);
  checkCount(node, 1, rows * blocks * (block * bits / 8), "the bytes of N rows of blocks");
  checkCount(node, 2, rows * blocks, "the scales of these blocks");
  if (zeros)
    checkCount(node, 3, rows * (node.isFloat(zeros) ? blocks : llvm::divideCeil(blocks * bits, 8)),
               "the zero points of these blocks");
  if (node.failed())
    return {};
  b = node.reshape(unpackLast(node, node.reshape(b, {n, count, solver.constant(block * bits / 8)}), bits),
                   {n, count, width});
  scales = node.reshape(scales, {n, count, one});
  if (zeros && !node.isFloat(zeros)) { // Packed, too; each row begins a byte.
    zeros = unpackLast(node, node.reshape(zeros, {n, solver.constant(llvm::divideCeil(blocks * bits, 8))}), bits);
    zeros = lastPart(node, zeros, 0, blocks);
  }
  if (zeros)
    zeros = node.reshape(zeros, {n, count, one});
  auto all = [&](Value value) {
    return lastPart(node, node.reshape(value, {n, solver.constant(blocks * block)}), 0, columns);
  };
  if (!groups && !(zeros && node.isFloat(zeros))) {
    Value middle = zeros ? zeros : node.scalar(node.element(b), std::exp2(bits - 1));
    return node.failed() ? Value() : all(node.createAs<graph::DequantizeOp>(type, b, scales, middle));
  }
  // With 'g_idx', each column says which block's scale it has.
  auto spread = [&](Value value) {
    if (!groups)
      return all(node.broadcast(value, {n, count, width}));
    return node.create<graph::GatherOp>(node.reshape(value, {n, count}), groups, int64_t(1));
  };
  Value x = node.cast(all(b), type);
  Value zero = zeros ? node.cast(spread(zeros), type) : node.scalar(type, std::exp2(bits - 1));
  return node.mul(node.sub(x, zero), spread(scales));
}

static Value importMatMulNBits(Node &node) {
  int64_t rows = node.integer("N"), columns = node.integer("K");
  node.ignore({"accuracy_level"}); // What is computed here is as exact as can be asked for.
  if (node.integer("weight_prepacked") != 0)
    return node.unsupported("weight_prepacked", "1", "0 is");
  constexpr int64_t most = int64_t(1) << 31;
  if (rows < 1 || columns < 1 || rows > most || columns > most) {
    node.error("onnx-shape-mismatch", "'N' is " + Twine(rows) + " and 'K' is " + Twine(columns))
        .note("give the rows and columns of the weights");
    return {};
  }
  Value weights = node.transpose(readWeights(node, rows, columns), {1, 0});
  Value y = makeMatmul(node, node.input(0), weights);
  return node.input(5) ? node.add(y, node.input(5)) : y;
}

/// What a code of MatMulBnb4 stands for, as a part of the largest of its block: floats of two bits of the exponent and
/// one of the mantissa, and quantiles of the normal distribution (Dettmers et al., QLoRA, 2023).
static constexpr double floatCodes[] = {
    0,    0.0052083333333333,  0.6666666666666667,  1,  0.3333333333333333,  0.5,  0.1666666666666667,  0.25,
    -0.0, -0.0052083333333333, -0.6666666666666667, -1, -0.3333333333333333, -0.5, -0.1666666666666667, -0.25};
static constexpr double normalCodes[] = {-1,
                                         -0.6961928009986877,
                                         -0.5250730514526367,
                                         -0.39491748809814453,
                                         -0.28444138169288635,
                                         -0.18477343022823334,
                                         -0.09105003625154495,
                                         0,
                                         0.07958029955625534,
                                         0.16093020141124725,
                                         0.24611230194568634,
                                         0.33791524171829224,
                                         0.44070982933044434,
                                         0.5626170039176941,
                                         0.7229568362236023,
                                         1};

static Value importMatMulBnb4(Node &node) {
  int64_t rows = node.integer("N"), columns = node.integer("K"), block = node.integer("block_size"),
          kind = node.integer("quant_type");
  if (node.failed())
    return {};
  if (kind != 0 && kind != 1)
    return node.unsupported("quant_type", Twine(kind), "0 (floats) and 1 (normal floats) are");
  if (node.flag("training_mode"))
    return node.unsupported("training_mode", "1", "0 is");
  constexpr int64_t most = int64_t(1) << 31;
  if (rows < 1 || columns < 1 || block < 1 || rows > most || columns > most || block > most) {
    node.error("onnx-shape-mismatch",
               "'N' is " + Twine(rows) + ", 'K' is " + Twine(columns) + " and 'block_size' is " + Twine(block))
        .note("give the rows and columns of the weights, and how many share a scale");
    return {};
  }
  // Each byte has two codes, the first one in its high bits.
  graph::ShapeSolver &solver = node.solver();
  llvm::SmallVector<double> pairs;
  for (int64_t byte = 0; byte < 256; ++byte)
    for (int64_t code : {byte >> 4, byte & 15})
      pairs.push_back(kind == 0 ? floatCodes[code] : normalCodes[code]);
  Type type = node.element(node.input(2));
  Value table = node.cast(numbersOf(node, node.builder().getF32Type(), pairs, {256, 2}), type);
  int64_t bytes = llvm::divideCeil(rows * columns, 2), blocks = llvm::divideCeil(rows * columns, block);
  checkCount(node, 1, bytes, "the bytes of N * K codes");
  checkCount(node, 2, blocks, "the scales of N * K numbers");
  if (node.failed())
    return {};
  Value b = node.reshape(node.cast(node.input(1), node.builder().getI32Type()), {solver.constant(bytes)});
  Value parts = node.reshape(node.create<graph::GatherOp>(table, b, int64_t(0)), {solver.constant(2 * bytes)});
  parts = node.slice(parts, 0, solver.constant(0), solver.constant(rows * columns));
  Value scales = node.reshape(node.input(2), {solver.constant(blocks)});
  Value weights = node.mul(parts, repeatBlocks(node, scales, parts, 0, block));
  // [N, K] in any case: 'transB' says whether 'A' has rows of K or of N numbers.
  weights = node.reshape(weights, {solver.constant(rows), solver.constant(columns)});
  return makeMatmul(node, node.input(0), node.flag("transB") ? node.transpose(weights, {1, 0}) : weights);
}

/// Rows of a table whose elements share a scale in blocks along an axis; bytes hold
/// several elements of the last dimension.
static Value importGatherBlockQuantized(Node &node) {
  Value data = node.input(0), indices = node.input(1), scales = node.input(2), zeros = node.input(3);
  int64_t bits = node.integer("bits"), block = node.integer("block_size");
  int64_t rank = node.rank(data), gatherAxis = node.axis("gather_axis", data), axis = node.axis("quantize_axis", data);
  if (node.failed() || !checkBlocks(node, bits, block))
    return {};
  if (node.isFloat(data)) {
    node.error("onnx-input-dtype", "'data' has floats, but integers of 4 bits and bytes are supported")
        .note("quantize the table to integers");
    return {};
  }
  bool isPacked = node.element(data).getIntOrFloatBitWidth() == 8;
  if (!isPacked) {
    Type byte = graph::getStorageType(mlir::cast<mlir::IntegerType>(node.element(data)));
    data = node.cast(data, byte);
    zeros = zeros ? node.cast(zeros, byte) : zeros;
  }
  if (node.rank(scales) != rank || gatherAxis == axis || (isPacked && axis != rank - 1)) {
    node.error("onnx-shape-mismatch", "'scales' has rank " + Twine(node.rank(scales)) + ", 'quantize_axis' is " +
                                          Twine(axis) + " and 'gather_axis' " + Twine(gatherAxis) +
                                          " for 'data' of rank " + Twine(rank))
        .note("both need one rank, and what is quantized along one axis is gathered along another; bytes that hold "
              "several elements are quantized along the last");
    return {};
  }
  auto rows = [&](Value table) { return node.create<graph::GatherOp>(table, indices, gatherAxis); };
  data = rows(data);
  scales = rows(scales);
  zeros = zeros ? rows(zeros) : zeros;
  if (isPacked) {
    data = unpackLast(node, data, bits);
    zeros = zeros ? unpackLast(node, zeros, bits) : node.scalar(node.element(data), std::exp2(bits - 1));
  }
  if (node.failed())
    return {};
  // Gathering puts the dims of the indices in the place of one.
  axis += axis > gatherAxis ? node.rank(indices) - 1 : 0;
  if (zeros && node.rank(zeros) > 0) // The last byte of a row may hold more.
    zeros = node.slice(zeros, axis, node.solver().constant(0), node.dims(scales)[axis]);
  Type type = node.element(scales);
  scales = repeatBlocks(node, scales, data, axis, block);
  if (zeros && node.rank(zeros) > 0)
    zeros = repeatBlocks(node, zeros, data, axis, block);
  return node.createAs<graph::DequantizeOp>(type, data, scales, zeros);
}

void onnx_import::registerBlockQuantizedOps(OpTable &ops) {
  ops.add({"com.microsoft", "MatMulNBits"}, {1}, importMatMulNBits);
  ops.add({"com.microsoft", "MatMulBnb4"}, {1}, importMatMulBnb4);
  ops.add({"com.microsoft", "GatherBlockQuantized"}, {1}, importGatherBlockQuantized);
}
