// include/lathe/Support/MappedFile.h: files in memory that may get shorter while they are read.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_SUPPORT_MAPPEDFILE_H
#define LATHE_SUPPORT_MAPPEDFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/ErrorOr.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace lathe {

/// The bytes of the regular file at `path`, without a zero behind them. Large files are mapped. Where a file is then
/// made shorter, or cannot be read any more, its bytes are zeros and `isAsMapped` says so: the system has a signal for
/// that, SIGBUS, which is handled while there are such mappings and handed on where it is for another address.
llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> mapFile(llvm::StringRef path);

/// The same of an open file, whose descriptor the caller may close; `path` says where it is.
llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> mapFile(int descriptor, llvm::StringRef path);

/// Whether all bytes of `file` could be read, and the file has the size and time that it had when it was mapped; a file
/// that took its path since does not count. True for buffers from elsewhere.
bool isAsMapped(const llvm::MemoryBuffer &file);

} // namespace lathe

#endif // LATHE_SUPPORT_MAPPEDFILE_H
