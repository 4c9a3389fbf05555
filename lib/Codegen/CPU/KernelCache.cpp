// lib/Codegen/CPU/KernelCache.cpp: reads and writes the objects of kernels, and takes none that is damaged.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Codegen/KernelCache.h"
#include "lathe-runtime/seal.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/PartialFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

using namespace llvm;

namespace lathe {

namespace {
struct KernelHeader {
  char magic[8] = {'L', 'A', 'T', 'H', 'E', 'K', 'R', 'N'};
  uint64_t version = 1;
  uint64_t size = 0;     ///< Bytes of the object.
  uint64_t checksum = 0; ///< Of the object.
};
} // namespace

std::string KernelCache::pathOf(StringRef key) const {
  SHA256 digest;
  digest.update((Twine(build) + ":" + key).str());
  SmallString<128> path(folder);
  sys::path::append(path, toHex(digest.final(), /*LowerCase=*/true) + ".kernel");
  return path.str().str();
}

std::unique_ptr<MemoryBuffer> KernelCache::find(StringRef key) {
  if (folder.empty())
    return nullptr;
  std::string path = pathOf(key);
  auto file = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return nullptr;
  StringRef bytes = (*file)->getBuffer();
  KernelHeader header, expected;
  bool isWhole = bytes.size() >= sizeof(header);
  if (isWhole) {
    memcpy(&header, bytes.data(), sizeof(header));
    bytes = bytes.drop_front(sizeof(header));
    isWhole = !memcmp(header.magic, expected.magic, sizeof(header.magic)) && header.version == expected.version &&
              header.size == bytes.size() && header.checksum == lathe_checksum_of(bytes.data(), bytes.size());
  }
  if (!isWhole) {
    diagnostics.warning("cache-damaged", path,
                        "cannot be used and will be replaced: it is not what was written for a kernel");
    (void)sys::fs::remove(path);
    return nullptr;
  }
  markUsed(path);
  // A copy: the file may be cut short by another process while it is mapped.
  return MemoryBuffer::getMemBufferCopy(bytes, "kernel.o");
}

void KernelCache::keep(StringRef key, StringRef object) {
  if (folder.empty() || sys::fs::create_directories(folder))
    return;
  KernelHeader header;
  header.size = object.size();
  header.checksum = lathe_checksum_of(object.data(), object.size());
  (void)replaceFile(pathOf(key), {StringRef(reinterpret_cast<const char *>(&header), sizeof(header)), object});
}

} // namespace lathe
