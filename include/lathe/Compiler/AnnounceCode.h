// include/lathe/Compiler/AnnounceCode.h: what hosts of the compiler may ask about code that is linked in process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_COMPILER_ANNOUNCECODE_H
#define LATHE_COMPILER_ANNOUNCECODE_H

#include "lathe/Codegen/AnnounceCode.h" // IWYU pragma: export

#endif // LATHE_COMPILER_ANNOUNCECODE_H
