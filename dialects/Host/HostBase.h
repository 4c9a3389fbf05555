// dialects/Host/HostBase.h: spaces of memory, for levels that name them and have no host ops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_HOST_HOSTBASE_H
#define LATHE_DIALECTS_HOST_HOSTBASE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"

#include "dialects/Host/HostDialect.h.inc"

#include "dialects/Host/HostEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Host/HostAttrs.h.inc"

namespace lathe::host {

/// Of an argument or a result of a model's function: the space where callers have it.
inline constexpr llvm::StringLiteral spaceAttrName = "host.space";

/// Of a result of a model's function: the number of the argument whose memory callers may give for it.
inline constexpr llvm::StringLiteral aliasAttrName = "host.alias";

} // namespace lathe::host

#endif // LATHE_DIALECTS_HOST_HOSTBASE_H
