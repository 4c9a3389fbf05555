// tools/lathe/Cache.h: the folder of compiled models that the command line and the Python package share.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_CACHE_H
#define LATHE_TOOLS_LATHE_CACHE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace lathe {
class Artifact;
} // namespace lathe

namespace lathe::cli {

/// The folder, bound and format of `lathe.cache` in Python, with keys of its own. A folder that
/// cannot be used is a warning, never an error.
class Cache {
public:
  /// Reads LATHE_CACHE_DIR, XDG_CACHE_HOME, HOME and LATHE_CACHE_MAX_BYTES. What is wrong with
  /// them goes to stderr.
  Cache();

  struct Entry {
    std::string path;
    bool isKernel; ///< Of any model, or a model itself.
    uint64_t size;
    std::chrono::system_clock::time_point used;
  };

  /// "" for a user without a home: nothing is kept then.
  const std::string &folder() const { return directory; }
  uint64_t maxBytes() const { return bound; }

  /// Models and kernels, the last used first.
  std::vector<Entry> entries() const;
  /// Deletes all of them; returns how many could not be.
  size_t clear() const;

  /// The artifact of `key` from the folder, or what `build` makes, which is kept. `found` tells
  /// which. Null if `build` fails.
  std::unique_ptr<Artifact> get(llvm::StringRef key, llvm::function_ref<std::unique_ptr<Artifact>()> build,
                                bool &found) const;

private:
  void keep(llvm::StringRef path, const Artifact &artifact) const;
  void prune() const;

  std::string directory;
  uint64_t bound;
};

/// The key for `parts`, in which their borders and their order count.
std::string cacheKey(llvm::ArrayRef<std::string> parts);

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_CACHE_H
