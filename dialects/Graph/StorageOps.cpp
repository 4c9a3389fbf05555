// dialects/Graph/StorageOps.cpp: how many bytes there are on both sides.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Graph.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe::graph {

static LogicalResult inferDeclared(Operation *op, ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  for (Value result : op->getResults())
    results.push_back(solver.dims(result));
  return success();
}

LogicalResult ReinterpretOp::verify() {
  auto from = getX().getType(), to = getY().getType();
  if (!from.hasStaticShape() || !to.hasStaticShape())
    return success();
  int64_t before = bytesInMemory(from.getElementType(), from.getNumElements());
  int64_t after = bytesInMemory(to.getElementType(), to.getNumElements());
  if (before != after) // reinterpret_c1
    return emitOpError("has an operand of ") << before << " bytes and a result of " << after;
  return success();
}

LogicalResult ReinterpretOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return inferDeclared(*this, solver, results);
}

/// Enforces what `graph.unpack` and `graph.pack` have in common.
static LogicalResult verifyPacked(Operation *op, RankedTensorType packed, RankedTensorType elements, uint64_t bits) {
  if (bits % 2) // unpack_c1, pack_c1
    return op->emitOpError("has elements of ") << bits << " bits, but 2, 4 or 6 are expected";
  if (!packed.hasStaticShape() || !elements.hasStaticShape())
    return success();
  int64_t bytes = llvm::divideCeil(elements.getNumElements() * bits, 8);
  if (packed.getNumElements() != bytes) // unpack_c2, pack_c2
    return op->emitOpError("has ") << packed.getNumElements() << " bytes for " << elements.getNumElements()
                                   << " elements of " << bits << " bits, which take " << bytes;
  return success();
}

LogicalResult UnpackOp::verify() { return verifyPacked(*this, getX().getType(), getY().getType(), getBits()); }

LogicalResult UnpackOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return inferDeclared(*this, solver, results);
}

LogicalResult PackOp::verify() {
  if (getX().getType().getRank() != 1 || getY().getType().getRank() != 1) // pack_c2
    return emitOpError("packs vectors, not ") << getX().getType();
  return verifyPacked(*this, getY().getType(), getX().getType(), getBits());
}

LogicalResult PackOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return inferDeclared(*this, solver, results);
}

} // namespace lathe::graph
