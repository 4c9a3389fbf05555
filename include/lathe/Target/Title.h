// include/lathe/Target/Title.h: what messages call a target.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_TARGET_TITLE_H
#define LATHE_TARGET_TITLE_H

#include "lathe/Target/Target.h"

namespace lathe {

/// The canonical form where that is short; else the architecture, the highest level, and
/// those of the other features that products are computed with: "x86_64:v4+amx",
/// "x86_64:v4,avx512vnni". Target::parseList reads it, as no more than that.
std::string titleOf(const Target &target);

/// The same for the one target that `text` names, as Target::parse reads it; any other text
/// as it is.
std::string titleOf(llvm::StringRef text);

} // namespace lathe

#endif // LATHE_TARGET_TITLE_H
