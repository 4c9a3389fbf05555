// tools/lathe/CacheCommand.cpp: `lathe cache`: what compiled models are kept, and where.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Cache.h"
#include "Command.h"
#include "Console.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Target/Title.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Chrono.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

/// "1 model", "2 models".
static std::string count(size_t number, StringRef what) {
  return (llvm::Twine(number) + " " + what + (number == 1 ? "" : "s")).str();
}

static std::string formatTime(std::chrono::system_clock::time_point time) {
  return llvm::formatv("{0:%Y-%m-%d %H:%M}", llvm::sys::TimePoint<>(time));
}

static int list(const Cache &cache) {
  std::vector<std::vector<std::string>> table = {{"model", "target", "bytes", "last used", "file"}};
  Cache::Entry kernels = {};
  size_t kernelCount = 0;
  for (const Cache::Entry &entry : cache.entries()) {
    if (entry.isKernel) {
      kernels.size += entry.size;
      kernels.used = std::max(kernels.used, entry.used);
      ++kernelCount;
      continue;
    }
    Diagnostics damage;
    // Its name is all that is wanted: the weights may stay on disk.
    auto artifact = Artifact::load(entry.path, damage, /*uncheckedWeights=*/true);
    table.push_back({artifact ? artifact->name() : "damaged", artifact ? titleOf(artifact->target()) : "",
                     formatBytes(entry.size), formatTime(entry.used), llvm::sys::path::filename(entry.path).str()});
  }
  if (kernelCount)
    table.push_back(
        {count(kernelCount, "kernel"), "", formatBytes(kernels.size), formatTime(kernels.used), "*.kernel"});
  if (table.size() > 1)
    llvm::outs() << formatTable("llrll", table);
  return Ok;
}

static int size(const Cache &cache) {
  std::vector<Cache::Entry> entries = cache.entries();
  uint64_t total = 0;
  for (const Cache::Entry &entry : entries)
    total += entry.size;
  size_t kernels = llvm::count_if(entries, [](const Cache::Entry &entry) { return entry.isKernel; });
  llvm::outs() << formatBytes(total) << " in " << count(entries.size() - kernels, "model")
               << (kernels ? " and " + count(kernels, "kernel") : "") << " of at most " << formatBytes(cache.maxBytes())
               << "\n";
  return Ok;
}

static int clear(const Cache &cache) {
  size_t left = cache.clear();
  if (!left)
    return Ok;
  Diagnostics diagnostics;
  diagnostics
      .error("cache-not-cleared", cache.folder(),
             llvm::Twine(left) + (left == 1 ? " file" : " files") + " could not be deleted")
      .note("delete the folder as the user who made it");
  return printDiagnostics(diagnostics);
}

static int path(const Cache &cache) {
  llvm::outs() << cache.folder() << "\n";
  return cache.folder().empty() ? Failed : Ok;
}

namespace {
struct Action {
  llvm::StringLiteral name;
  int (*run)(const Cache &cache);
};
} // namespace

static constexpr Action actions[] = {{"list", list}, {"size", size}, {"clear", clear}, {"path", path}};

static int run(const Arguments &arguments) {
  StringRef wanted = arguments.operands.front();
  llvm::SmallVector<StringRef> names;
  for (const Action &action : actions) {
    if (wanted == action.name)
      return action.run(Cache());
    names.push_back(action.name);
  }
  std::string hint = didYouMean(wanted, names);
  return usageError("cli-unknown-action", "lathe cache",
                    "there is no action " + quoted(wanted) +
                        (hint.empty() ? "; there are " + llvm::join(names, ", ") : hint));
}

const Command &cli::cacheCommand() {
  static const Command command = {
      "cache",
      "list, measure or clear the compiled models that are kept",
      "list|size|clear|path",
      1,
      1,
      "What 'lathe run', 'bench', 'inspect' and 'profile' compiled is kept, and what lathe.compile in\n"
      "Python did, each for itself, and the kernels of both, which other models may have, too: in\n"
      "$LATHE_CACHE_DIR, else in lathe under $XDG_CACHE_HOME, else in ~/.cache/lathe. It takes at most\n"
      "$LATHE_CACHE_MAX_BYTES, 8589934592 if that is not set: what was not used for longest goes first.\n"
      "Any program may delete the folder at any time.\n"
      "  list   each model with its target, size and last use, and all kernels in one line\n"
      "  size   how much there is, and how much there may be\n"
      "  clear  delete all of it\n"
      "  path   print the folder",
      "  lathe cache list\n"
      "  LATHE_CACHE_DIR=/tmp/models lathe cache clear",
      {},
      run};
  return command;
}
