// dialects/Graph/GraphAttrs.h: the attributes and enums of the dialect, which the shape solver needs without the ops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_GRAPHATTRS_H
#define LATHE_DIALECTS_GRAPH_GRAPHATTRS_H

#include "lathe/Support/SizeRange.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TensorEncoding.h"

#include "dialects/Graph/GraphEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Graph/GraphAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Graph/GraphTypes.h.inc"

#endif // LATHE_DIALECTS_GRAPH_GRAPHATTRS_H
