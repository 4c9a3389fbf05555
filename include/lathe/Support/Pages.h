// include/lathe/Support/Pages.h: memory that the system can give back, because it is still in a file.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_SUPPORT_PAGES_H
#define LATHE_SUPPORT_PAGES_H

#include "llvm/ADT/ArrayRef.h"

namespace lathe {

/// Gives the whole pages of `bytes`, which are part of a read-only mapping of a
/// file, back to the system; who reads them later reads the file again. Where
/// that fails, memory stays as full as it was.
void releasePages(llvm::ArrayRef<char> bytes);

} // namespace lathe

#endif // LATHE_SUPPORT_PAGES_H
