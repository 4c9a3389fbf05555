// include/lathe/Codegen/KernelCache.h: the code of kernels that other models had, too, in a folder.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CODEGEN_KERNELCACHE_H
#define LATHE_CODEGEN_KERNELCACHE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace lathe {

class Diagnostics;

/// A folder of `.kernel` files, each the object of one kernel behind a header
/// with its checksum. Who owns the folder bounds it; any program may delete files
/// of it at any time.
class KernelCache {
public:
  /// An empty `folder` is a cache that has nothing and keeps nothing. `build` tells
  /// builds of the compiler apart, whose kernels are not shared. What is damaged
  /// becomes a warning in `diagnostics`.
  KernelCache(std::string folder, std::string build, Diagnostics &diagnostics)
      : folder(std::move(folder)), build(std::move(build)), diagnostics(diagnostics) {}

  /// The object of `key`, null if there is none. Counts as a use.
  std::unique_ptr<llvm::MemoryBuffer> find(llvm::StringRef key);
  /// Keeps `object`. A folder that cannot be written to costs the entry alone: who
  /// keeps models in it says so.
  void keep(llvm::StringRef key, llvm::StringRef object);

private:
  std::string pathOf(llvm::StringRef key) const;

  std::string folder, build;
  Diagnostics &diagnostics;
};

} // namespace lathe

#endif // LATHE_CODEGEN_KERNELCACHE_H
