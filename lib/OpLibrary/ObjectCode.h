// lib/OpLibrary/ObjectCode.h: what ELF relocatables put into memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_OBJECTCODE_H
#define LATHE_LIB_OPLIBRARY_OBJECTCODE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace lathe::oplib {

/// The bytes that an ELF relocatable puts into memory; 0 if `object` is none.
uint64_t loadedBytes(llvm::StringRef object);

/// A hash of all that `objects` put into memory, in which what they define has numbers for names: those of two kernels
/// are the same if one can take the place of the other. Empty if one is no ELF relocatable.
std::string fingerprintOf(llvm::ArrayRef<std::string> objects);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_OBJECTCODE_H
