// dialects/Host/RuntimeTypes.cpp: element types as the module ABI numbers them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Host/RuntimeTypes.h"
#include "dialects/Graph/ElementTypes.h"

namespace lathe::host {

lathe_dtype getRuntimeType(mlir::Type type) {
  const graph::ElementType *row = graph::findElementType(type);
  return row ? row->dtype : LATHE_DTYPE_INVALID;
}

} // namespace lathe::host
