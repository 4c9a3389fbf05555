// tools/lathe/Command.h: what a command of `lathe` is: a row of tables that the
// parser, the help and "did you mean" all read.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_COMMAND_H
#define LATHE_TOOLS_LATHE_COMMAND_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace lathe::cli {

/// What the process ends with. Part of the interface: scripts rely on it.
enum ExitCode { Ok = 0, Failed = 1, WrongUsage = 2 };

/// What the value of an option must look like.
enum class Form {
  Flag,   ///< No value.
  Text,   ///< Anything but the empty string.
  Count,  ///< A whole number from `low` to `high`.
  Counts, ///< One or several, with commas between them.
  Pair,   ///< NAME=TEXT, neither of them empty.
  Dim,    ///< NAME=SIZE.
  Shape,  ///< NAME=1x3x48x320, or NAME= for a scalar.
  Range,  ///< NAME=SIZE, or NAME=8..512%8 as SizeRange::parse reads it.
};

struct Option {
  llvm::StringLiteral name;   ///< "--output"
  llvm::StringLiteral letter; ///< "-o", or "".
  Form form;
  llvm::StringLiteral value; ///< What the help calls the value, or "".
  llvm::StringLiteral help;
  bool repeats = false;
  int64_t low = 0;
  int64_t high = std::numeric_limits<int64_t>::max();
};

/// One name with its sizes: of --dim (one) or --shape (any number).
struct NamedSizes {
  std::string name;
  std::vector<int64_t> sizes;
};

/// A command line that fits its command's table.
class Arguments {
public:
  std::vector<std::string> operands;

  bool has(llvm::StringRef option) const { return values.contains(option); }
  /// The value of an option, or `otherwise` if it was not given.
  llvm::StringRef get(llvm::StringRef option, llvm::StringRef otherwise = "") const;
  /// All values of an option that repeats, in order.
  llvm::ArrayRef<std::string> all(llvm::StringRef option) const;
  int64_t count(llvm::StringRef option, int64_t otherwise) const;
  /// The values of a Dim or Shape option, and those of a Range option that are sizes.
  std::vector<NamedSizes> sizes(llvm::StringRef option) const;
  /// The other values of a Range option.
  std::vector<std::string> ranges(llvm::StringRef option) const;

  llvm::StringMap<std::vector<std::string>> values;
};

struct Command {
  llvm::StringLiteral name;
  llvm::StringLiteral summary;  ///< For the list of commands.
  llvm::StringLiteral operands; ///< "MODEL..."; all operands are files.
  unsigned fewest, most;        ///< How many of them.
  llvm::StringLiteral about;    ///< Paragraphs above the options.
  llvm::StringLiteral examples; ///< Lines below them.
  llvm::ArrayRef<Option> options;
  int (*run)(const Arguments &arguments);
};

const Command &compileCommand();
const Command &runCommand();
const Command &benchCommand();
const Command &checkCommand();
const Command &convertCommand();
const Command &inspectCommand();
const Command &reduceCommand();
const Command &reportCommand();
const Command &cacheCommand();
const Command &completionCommand();
const Command &manualCommand();
const Command &gpuSelftestCommand();
const Command &oplibCommand();
const Command &profileCommand();
const Command &tuneCommand();
const Command &versionCommand();

/// All of the above, in the order of the help.
std::vector<const Command *> allCommands();

/// Reads the words after the command's name. Prints what is wrong and returns
/// nothing if they do not fit.
std::optional<Arguments> parseArguments(const Command &command, llvm::ArrayRef<const char *> words);

std::string helpText(const Command &command);
std::string overviewText();

/// The size of "NAME=SIZE" and the like; nothing if `text` is not a whole
/// number of 0 or more.
std::optional<int64_t> parseSize(llvm::StringRef text);

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_COMMAND_H
