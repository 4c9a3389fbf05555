// tools/lathe/Cache.cpp: finds, keeps and bounds compiled models on disk.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Cache.h"
#include "Command.h"
#include "Console.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/PartialFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

#include <cstdlib>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

/// As in the Python package.
static constexpr uint64_t defaultMaxBytes = uint64_t(8) << 30;
/// Partial files have names of their own; one this old has lost its writer.
static constexpr std::chrono::hours leftoverAge{24};

static void reportWarning(StringRef id, const llvm::Twine &place, const llvm::Twine &message) {
  Diagnostics diagnostics;
  diagnostics.warning(id, place, message);
  printDiagnostics(diagnostics);
}

/// The value of a variable of the environment; "" if it is not set.
static std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

static std::string defaultFolder() {
  if (std::string chosen = variable("LATHE_CACHE_DIR"); !chosen.empty())
    return chosen;
  llvm::SmallString<128> folder(variable("XDG_CACHE_HOME"));
  if (folder.empty()) {
    if (!llvm::sys::path::home_directory(folder)) {
      reportWarning("cache-no-home", "lathe",
                    "compiled models are not kept: the user has no home; set LATHE_CACHE_DIR");
      return "";
    }
    llvm::sys::path::append(folder, ".cache");
  }
  llvm::sys::path::append(folder, "lathe");
  return folder.str().str();
}

static uint64_t defaultBound() {
  std::string given = variable("LATHE_CACHE_MAX_BYTES");
  if (given.empty())
    return defaultMaxBytes;
  if (std::optional<int64_t> bytes = parseSize(given))
    return uint64_t(*bytes);
  reportWarning("cache-bound", "lathe",
                "LATHE_CACHE_MAX_BYTES is " + quoted(given) + ", which is no number of bytes; the cache may have " +
                    llvm::Twine(defaultMaxBytes));
  return defaultMaxBytes;
}

Cache::Cache() : directory(defaultFolder()), bound(defaultBound()) {}

/// Whether a file is named after a key, or is code for a GPU, which the runtime keeps there under names of its own
/// (lib/Runtime/CUDA/Code.c): what else is in the folder is somebody else's.
static bool isEntry(StringRef name) {
  constexpr size_t digits = 64;
  if (name.starts_with("gpu-"))
    return name.ends_with(".kernel");
  return (name.consume_back(".lathebin") || name.consume_back(".kernel")) && name.size() == digits &&
         llvm::all_of(name, llvm::isHexDigit);
}

std::vector<Cache::Entry> Cache::entries() const {
  std::vector<Entry> found;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    StringRef path = it->path();
    llvm::sys::fs::file_status status;
    if (isEntry(llvm::sys::path::filename(path)) && !llvm::sys::fs::status(path, status))
      found.push_back({path.str(), path.ends_with(".kernel"), status.getSize(), status.getLastModificationTime()});
  }
  llvm::sort(found, [](const Entry &a, const Entry &b) { return std::tie(b.used, a.path) < std::tie(a.used, b.path); });
  return found;
}

size_t Cache::clear() const {
  return llvm::count_if(entries(), [](const Entry &entry) { return bool(llvm::sys::fs::remove(entry.path)); });
}

std::unique_ptr<Artifact> Cache::get(StringRef key, llvm::function_ref<std::unique_ptr<Artifact>()> build,
                                     bool &found) const {
  found = false;
  if (directory.empty())
    return build();
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, key + ".lathebin");
  if (llvm::sys::fs::exists(path)) {
    Diagnostics damage;
    if (std::unique_ptr<Artifact> artifact = Artifact::load(path.str().str(), damage)) {
      markUsed(path);
      found = true;
      return artifact;
    }
    reportWarning("cache-damaged", path, "cannot be used and will be replaced: " + damage.begin()->message);
    llvm::sys::fs::remove(path);
  }
  std::unique_ptr<Artifact> artifact = build();
  if (artifact)
    keep(path, *artifact);
  return artifact;
}

void Cache::keep(StringRef path, const Artifact &artifact) const {
  Diagnostics problems;
  if (std::error_code error = llvm::sys::fs::create_directories(directory))
    problems.error("", directory, error.message());
  else
    artifact.save(path.str(), problems);
  if (!problems.hasErrors())
    return prune();
  reportWarning("cache-unusable", directory,
                "the compile cache cannot be used, so models are compiled each time: " + problems.begin()->message +
                    "; set LATHE_CACHE_DIR to a folder that you may write to");
}

void Cache::prune() const {
  uint64_t total = 0;
  for (const Entry &entry : entries()) {
    total += entry.size;
    if (total > bound)
      llvm::sys::fs::remove(entry.path);
  }
  auto now = std::chrono::system_clock::now();
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    llvm::sys::fs::file_status status;
    StringRef path = it->path();
    if ((path.ends_with(".tmp.lathebin") || path.ends_with(".partial")) && !llvm::sys::fs::status(it->path(), status) &&
        now - status.getLastModificationTime() > leftoverAge)
      llvm::sys::fs::remove(it->path());
  }
}

std::string cli::cacheKey(llvm::ArrayRef<std::string> parts) {
  llvm::SHA256 digest;
  for (const std::string &part : parts) {
    digest.update(std::to_string(part.size()) + ":");
    digest.update(part);
  }
  return llvm::toHex(digest.final(), /*LowerCase=*/true);
}
