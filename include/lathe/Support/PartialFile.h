// include/lathe/Support/PartialFile.h: files that are there as a whole or not at all, whoever writes them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_SUPPORT_PARTIALFILE_H
#define LATHE_SUPPORT_PARTIALFILE_H

#include "lathe/Support/Diagnostics.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

namespace lathe {

/// A file beside `path` that takes its name when all of it is written, and is
/// gone otherwise, also when the process is interrupted.
class PartialFile {
public:
  explicit PartialFile(llvm::StringRef path);
  PartialFile(const PartialFile &) = delete;
  ~PartialFile();

  const std::string &name() const { return partial; }
  /// Gives the file its name; what had it before is gone.
  std::error_code keep();

private:
  std::string path, partial;
};

/// Writes `parts` one after another to a file of its own, or to the end of one.
std::error_code writeBytes(llvm::StringRef path, llvm::ArrayRef<llvm::StringRef> parts,
                           llvm::sys::fs::OpenFlags flags = llvm::sys::fs::OF_None);

/// The same through a PartialFile, which is then kept.
std::error_code replaceFile(llvm::StringRef path, llvm::ArrayRef<llvm::StringRef> parts);
/// Without an error and a new file where `isWanted`, which is asked at the end, says no.
std::error_code replaceFile(
    llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write,
    llvm::function_ref<bool()> isWanted = [] { return true; });

/// Sets the time of a file to now: of what is kept, that which was not used for longest is deleted first.
void markUsed(llvm::StringRef path);

/// Reports what went wrong while `path` was written. False, for callers to return.
bool reportWriteError(llvm::StringRef path, std::error_code error, Diagnostics &diagnostics);

} // namespace lathe

#endif // LATHE_SUPPORT_PARTIALFILE_H
