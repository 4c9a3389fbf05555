// lib/OpLibrary/Types.cpp: the element types that operators of a library have.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Types.h"
#include "llvm/ADT/STLExtras.h"

using llvm::StringRef;

namespace lathe::oplib {

static constexpr ElementType table[] = {
    {"f32", "f32", "float", "KIND_F32", 4, "f32"},    {"f64", "f64", "double", "KIND_F64", 8, "f64"},
    {"f16", "f16", "uint16_t", "KIND_F16", 2, "f32"}, {"bf16", "bf16", "uint16_t", "KIND_BF16", 2, "f32"},
    {"i8", "i8", "int8_t", "KIND_I8", 1, "i32"},      {"u8", "ui8", "uint8_t", "KIND_U8", 1, "i32"},
    {"i32", "i32", "int32_t", "KIND_I32", 4, "i32"},  {"i64", "i64", "int64_t", "KIND_I64", 8, "i64"},
    {"bool", "i1", "uint8_t", "KIND_U8", 1, "bool"},
};

const ElementType &elementType(StringRef name) {
  const auto *found = llvm::find_if(table, [&](const ElementType &row) { return row.name == name; });
  return found == std::end(table) ? table[0] : *found;
}

llvm::ArrayRef<StringRef> floatTypes() {
  static constexpr StringRef names[] = {"f32", "f64", "f16", "bf16"};
  return names;
}

llvm::ArrayRef<StringRef> allTypes() {
  static constexpr StringRef names[] = {"f32", "f64", "f16", "bf16", "i8", "u8", "i32", "i64"};
  return names;
}

} // namespace lathe::oplib
