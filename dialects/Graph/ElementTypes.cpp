// dialects/Graph/ElementTypes.cpp: the table, and what its types are in memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe::graph {

static constexpr ElementType table[] = {
#define LATHE_ELEMENT_TYPE(ID, NUMBER, KIND, BITS, NAME, NUMPY, C, ONNX, ONNX_NAME, MLIR)                              \
  {LATHE_DTYPE_##ID, ElementKind::KIND, BITS, NAME, NUMPY, C, ONNX, ONNX_NAME},
#include "lathe-runtime/element_types.def"
};

ArrayRef<ElementType> elementTypes() { return table; }

/// The type of a float, by its row; null for other rows.
static Type getFloat(MLIRContext *context, lathe_dtype dtype) {
  struct Other {
    static Type get(MLIRContext *) { return {}; }
  };
  using OtherType = Other;
  switch (dtype) {
#define LATHE_ELEMENT_TYPE(ID, NUMBER, KIND, BITS, NAME, NUMPY, C, ONNX, ONNX_NAME, MLIR)                              \
  case LATHE_DTYPE_##ID:                                                                                               \
    return MLIR##Type::get(context);
#include "lathe-runtime/element_types.def"
  case LATHE_DTYPE_INVALID:
    break;
  }
  return {};
}

Type getElementType(MLIRContext *context, const ElementType &row) {
  switch (row.kind) {
  case ElementKind::Float:
    return getFloat(context, row.dtype);
  case ElementKind::Signed:
    return IntegerType::get(context, row.bits);
  case ElementKind::Unsigned:
    return IntegerType::get(context, row.bits, IntegerType::Unsigned);
  case ElementKind::Bool:
    return IntegerType::get(context, 1);
  case ElementKind::Complex:
    return ComplexType::get(row.bits == 64 ? Type(Float32Type::get(context)) : Type(Float64Type::get(context)));
  case ElementKind::String:
    return StringType::get(context);
  }
  llvm_unreachable("a kind without a type");
}

const ElementType *findElementType(Type element) {
  for (const ElementType &row : table)
    if (getElementType(element.getContext(), row) == element)
      return &row;
  return nullptr;
}

Type getStorageType(Type element) {
  if (element.isF16() || element.isBF16() || element.isF32() || element.isF64())
    return element;
  MLIRContext *context = element.getContext();
  if (auto integer = dyn_cast<IntegerType>(element)) {
    bool isNarrow = integer.getWidth() < 8 && integer.getWidth() > 1;
    return isNarrow ? IntegerType::get(context, 8, integer.getSignedness()) : integer;
  }
  // No integer of 128 bits has a sign in the dialect.
  unsigned bits = std::max(8u, bitsInMemory(element));
  return IntegerType::get(context, bits, bits > 64 ? IntegerType::Signless : IntegerType::Unsigned);
}

unsigned bitsInMemory(Type element) {
  if (const ElementType *row = findElementType(element))
    return row->bits;
  return std::max(8u, element.getIntOrFloatBitWidth());
}

bool isPacked(Type element) { return bitsInMemory(element) < 8; }

int64_t bytesInMemory(Type element, int64_t elements) {
  unsigned bits = bitsInMemory(element);
  return bits < 8 ? llvm::divideCeil(elements * bits, 8) : elements * (bits / 8);
}

} // namespace lathe::graph
