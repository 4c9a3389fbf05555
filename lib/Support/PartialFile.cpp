// lib/Support/PartialFile.cpp: files that are there as a whole or not at all, whoever writes them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Support/PartialFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"

using namespace llvm;

namespace lathe {

PartialFile::PartialFile(StringRef path) : path(path) {
  SmallString<128> unique;
  sys::fs::createUniquePath(path + ".%%%%%%.partial", unique, /*MakeAbsolute=*/false);
  partial = std::string(unique);
  sys::RemoveFileOnSignal(partial);
}

PartialFile::~PartialFile() {
  if (partial.empty())
    return;
  (void)sys::fs::remove(partial); // The first error is the one to report.
  sys::DontRemoveFileOnSignal(partial);
}

std::error_code PartialFile::keep() {
  if (std::error_code error = sys::fs::rename(partial, path))
    return error;
  sys::DontRemoveFileOnSignal(partial);
  partial.clear();
  return {};
}

static std::error_code writeTo(StringRef path, function_ref<void(raw_ostream &)> write, sys::fs::OpenFlags flags) {
  std::error_code error;
  raw_fd_ostream out(path, error, flags);
  if (error)
    return error;
  write(out);
  out.close();
  error = out.error();
  out.clear_error(); // Left in place, it would end the process.
  return error;
}

std::error_code writeBytes(StringRef path, ArrayRef<StringRef> parts, sys::fs::OpenFlags flags) {
  return writeTo(
      path,
      [&](raw_ostream &out) {
        for (StringRef part : parts)
          out << part;
      },
      flags);
}

void markUsed(StringRef path) {
  int descriptor = -1;
  if (sys::fs::openFileForReadWrite(path, descriptor, sys::fs::CD_OpenExisting, sys::fs::OF_None))
    return;
  sys::fs::setLastAccessAndModificationTime(descriptor, std::chrono::system_clock::now());
  sys::Process::SafelyCloseFileDescriptor(descriptor);
}

std::error_code replaceFile(StringRef path, function_ref<void(raw_ostream &)> write, function_ref<bool()> isWanted) {
  PartialFile file(path);
  if (std::error_code error = writeTo(file.name(), write, sys::fs::OF_None))
    return error;
  return isWanted() ? file.keep() : std::error_code();
}

std::error_code replaceFile(StringRef path, ArrayRef<StringRef> parts) {
  PartialFile file(path);
  if (std::error_code error = writeBytes(file.name(), parts))
    return error;
  return file.keep();
}

bool reportWriteError(StringRef path, std::error_code error, Diagnostics &diagnostics) {
  if (error == std::errc::no_space_on_device || error == std::errc::io_error || error == std::errc::file_too_large)
    diagnostics.error("output-write-failed", path, "writing failed: " + error.message())
        .note("free some disk space and try again");
  else
    diagnostics.error("output-not-writable", path, "cannot write: " + error.message())
        .note("choose a folder that exists and is writable");
  return false;
}

} // namespace lathe
