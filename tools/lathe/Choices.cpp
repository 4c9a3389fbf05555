// tools/lathe/Choices.cpp: finds the table that `lathe tune` wrote.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Choices.h"
#include "Cache.h"
#include "Command.h"
#include "Console.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

/// As in the Python package (python/lathe/_choices.py).
static constexpr StringRef fileName = "choices.json";

int cli::checkChoices(const Arguments &arguments, StringRef place) {
  if (!arguments.has("--choices") || !arguments.has("--no-choices"))
    return Ok;
  return usageError("cli-choices", place, "--choices names a table and --no-choices leaves it out; give one of them");
}

bool cli::addChoices(const Arguments &arguments, CompileOptions &options, Diagnostics &diagnostics) {
  if (arguments.has("--no-choices"))
    return true;
  bool isGiven = arguments.has("--choices");
  llvm::SmallString<128> path(arguments.get("--choices"));
  if (!isGiven) {
    path = Cache().folder();
    if (path.empty())
      return true;
    llvm::sys::path::append(path, fileName);
  }
  auto file = llvm::MemoryBuffer::getFile(path);
  if (file) {
    options.choices = (*file)->getBuffer().str();
    options.choicesFile = path.str().str();
    options.choicesAreOptional = !isGiven;
    return true;
  }
  if (isGiven)
    diagnostics.error("choices-unreadable", path, "cannot read the table of choices: " + file.getError().message())
        .note("'lathe tune MODEL -o FILE' writes one");
  return !isGiven;
}
