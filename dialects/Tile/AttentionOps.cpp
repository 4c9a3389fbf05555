// dialects/Tile/AttentionOps.cpp: the constraints of tile.attention.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Tile/Attention.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::tile;

#define GET_OP_CLASSES
#include "dialects/Tile/AttentionOps.cpp.inc"

/// Places of operands in `heads_inside`.
static Value operandAt(AttentionOp op, unsigned operand) {
  return operand < 3 ? op->getOperand(operand) : op.getInit();
}

int64_t AttentionOp::sizeOf(unsigned operand, unsigned dim) {
  if (getHeadsInside()[operand] && (dim == 1 || dim == 2))
    dim = 3 - dim;
  return cast<ShapedType>(operandAt(*this, operand).getType()).getDimSize(dim);
}

int64_t AttentionOp::scratchElements(TilingAttr tiling, int64_t size, int64_t width) {
  int64_t queries = tiling.getVectors() * tiling.getLanes();
  // A vector of masks may begin before the block and end behind it.
  int64_t keys = tiling.getBlock(), masks = keys + 2 * tiling.getLanes();
  int64_t converted = tiling.getUnit() ? keys * (size + width) : 0;
  return queries * (size + width + 2 + keys + 2 * masks) + converted;
}

LogicalResult AttentionOp::verify() {
  auto type = [](Value value) { return cast<ShapedType>(value.getType()); };
  SmallVector<Value> buffers = {getQ(), getK(), getV(), getInit()};
  for (Value optional : {Value(getBias()), Value(getMask()), Value(getScratch())})
    if (optional)
      buffers.push_back(optional);
  bool isTensor = isa<TensorType>(getInit().getType());
  for (Value buffer : buffers) // attention_c1
    if (isa<TensorType>(buffer.getType()) != isTensor)
      return emitOpError("mixes tensors and memrefs");
  if (isTensor != bool(getResult())) // attention_c1
    return emitOpError() << (isTensor ? "on tensors needs a result" : "on memrefs has no result");
  if (getHeadsInside().size() != 4) // attention_c2
    return emitOpError("has ") << getHeadsInside().size() << " entries of 'heads_inside', but 4 are expected";
  auto agree = [](int64_t a, int64_t b) { return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b; };
  enum { q, k, v, y };
  int64_t size = sizeOf(q, 3), width = sizeOf(v, 3), heads = sizeOf(q, 1), shared = sizeOf(k, 1);
  bool sharesHeads = heads != shared;
  bool hasStatic = !ShapedType::isDynamic(size) && !ShapedType::isDynamic(width) &&
                   (!sharesHeads || (!ShapedType::isDynamic(heads) && !ShapedType::isDynamic(shared)));
  bool fits = agree(sizeOf(q, 0), sizeOf(k, 0)) && agree(sizeOf(q, 0), sizeOf(v, 0)) &&
              agree(sizeOf(q, 0), sizeOf(y, 0)) && agree(heads, sizeOf(y, 1)) && agree(shared, sizeOf(v, 1)) &&
              agree(sizeOf(q, 2), sizeOf(y, 2)) && agree(sizeOf(k, 2), sizeOf(v, 2)) && size == sizeOf(k, 3) &&
              width == sizeOf(y, 3);
  int64_t scores[] = {sizeOf(q, 0), heads, sizeOf(q, 2), sizeOf(k, 2)};
  for (Value mask : {Value(getBias()), Value(getMask())})
    for (auto [dim, wanted] : llvm::enumerate(scores))
      fits = fits && (!mask || type(mask).getDimSize(dim) == 1 || agree(type(mask).getDimSize(dim), wanted));
  if (!hasStatic || !fits || (sharesHeads && (shared < 1 || heads % shared))) // attention_c3
    return emitOpError("has sizes that do not go together, or sizes of heads that are not known");
  const DotUnit *unit = getTiling().getDotUnit();
  Type element = unit ? toType(unit->a, getContext()) : Float32Type::get(getContext());
  bool isOne = unit ? unit->step == 1 && unit->a == unit->b && unit->sum == DotType::F32 : true;
  for (Value value : {getQ(), getK(), getV(), getInit()}) // attention_c4
    if (!isOne || type(value).getElementType() != element)
      return emitOpError("has ") << type(value) << ", but its unit takes " << element << " one term at a time";
  int64_t block = getTiling().getBlock();
  bool isOnCores = unit && unit->isOnTensorCores(), hasRoom = isOnCores && !getScratch();
  if (!isOnCores && getScratch())
    hasRoom = type(getScratch()).hasStaticShape() &&
              type(getScratch()).getDimSize(0) >= scratchElements(getTiling(), size, width);
  if (block < 1 || block % getTiling().getLanes() || !hasRoom) { // attention_c5
    InFlightDiagnostic error = emitOpError("has blocks of ") << block << " keys and ";
    return (getScratch() ? error << "scratch of " << getScratch().getType() : error << "no scratch")
           << ", which do not go together";
  }
  return success();
}
