// lib/Conversion/TileToVector/CodePanels.cpp: from codes to factors, in registers.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CodePanels.h"

#include "Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;

CodePanels::CodePanels(tile::ContractOp op, Value codes, const DotEmitter &dot)
    : codes(codes), scales(op.getScales()), zeros(op.getZeros()), scratch(op.getScratch()), dot(dot),
      lanes(op.getTiling().getLanes()), vectors(op.getTiling().getVectors()), codesOfBlock(op.getCodesOfBlock()),
      blocks(cast<ShapedType>(op.getScales().getType()).getDimSize(1)) {}

CodePanels::Block CodePanels::load(Emitter &e, Value panel, Value block, ArrayRef<int64_t> lanesOfVectors) const {
  Block result;
  for (auto [vector, width] : llvm::enumerate(lanesOfVectors)) {
    SmallVector<Value> place{panel, block, e.index(vector * lanes)};
    result.scales.push_back(loadVector(e, scales, place, width, nullptr));
    Value bytes = loadVector(e, zeros, place, width, nullptr);
    Value zero = arith::ExtUIOp::create(e.b, e.loc, VectorType::get(width, e.b.getI32Type()), bytes);
    result.zeros.push_back(arith::SIToFPOp::create(e.b, e.loc, VectorType::get(width, e.b.getF32Type()), zero));
  }
  return result;
}

Value CodePanels::loadCodes(Emitter &e, Value panel, Value step, int64_t vector, int64_t width) const {
  return dot.loadB(e, {codes, {panel, step, e.index(vector * lanes * dot.storedTerms())}}, width, nullptr);
}

SmallVector<Value> CodePanels::decode(Emitter &e, const Block &block, int64_t vector, ArrayRef<Value> codes) {
  return llvm::map_to_vector(codes, [&](Value code) -> Value {
    Value difference = arith::SubFOp::create(e.b, e.loc, code, block.zeros[vector]);
    return arith::MulFOp::create(e.b, e.loc, difference, block.scales[vector]);
  });
}

void CodePanels::unpack(Emitter &e, Value panel, IndexRange terms) const {
  SmallVector<int64_t> widths(vectors, lanes);
  bool isOne = blocks == 1;
  IndexRange range = isOne ? IndexRange{e.index(0), e.index(1)}
                           : IndexRange{e.floorDiv(terms.begin, codesOfBlock), e.floorDiv(terms.end, codesOfBlock)};
  e.loop(range, 1, [&](Value number) {
    Block block = load(e, panel, number, widths);
    Value first = isOne ? terms.begin : e.mul(number, codesOfBlock);
    Value last = isOne ? terms.end : e.add(first, codesOfBlock);
    e.loop({first, last}, dot.step(), [&](Value term) {
      for (int64_t vector = 0; vector < vectors; ++vector) {
        Value stored = loadCodes(e, panel, e.floorDiv(term, dot.step()), vector, lanes);
        for (auto [i, weight] : llvm::enumerate(decode(e, block, vector, dot.spreadB(e, stored))))
          vector::StoreOp::create(e.b, e.loc, weight, scratch,
                                  ValueRange{e.add(e.sub(term, terms.begin), i), e.index(vector * lanes)});
      }
    });
  });
}
