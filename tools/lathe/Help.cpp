// tools/lathe/Help.cpp: prints the tables of the commands as help.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"

#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

std::vector<const Command *> cli::allCommands() {
  return {&compileCommand(), &runCommand(),        &benchCommand(),   &profileCommand(),
          &tuneCommand(),    &checkCommand(),      &convertCommand(), &inspectCommand(),
          &reduceCommand(),  &oplibCommand(),      &reportCommand(),  &gpuSelftestCommand(),
          &cacheCommand(),   &completionCommand(), &manualCommand(),  &versionCommand()};
}

static const char exitCodes[] = "Exit codes: 0 all is well, 1 an error, 2 wrong usage.\n";

/// `left` in a column, then `right`; on a line of its own where it is long.
static void printRow(llvm::raw_ostream &os, const std::string &left, StringRef right) {
  constexpr size_t column = 26;
  os << "  " << left;
  if (left.size() + 2 > column)
    os << "\n" << std::string(column + 2, ' ');
  else
    os << std::string(column - left.size(), ' ');
  os << right << "\n";
}

std::string cli::helpText(const Command &command) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "usage: lathe " << command.name << " [OPTIONS]";
  if (!command.operands.empty())
    os << " " << command.operands;
  os << "\n\n" << command.about << "\n\nOptions:\n";
  for (const Option &option : command.options) {
    std::string left;
    if (!option.letter.empty())
      left = option.letter.str() + ", ";
    left += option.name;
    if (!option.value.empty())
      left += " " + option.value.str();
    printRow(os, left, option.help.str() + (option.repeats ? " (repeats)" : ""));
  }
  printRow(os, "-h, --help", "print this and stop");
  if (!command.examples.empty())
    os << "\nExamples:\n" << command.examples << "\n";
  os << "\n" << exitCodes;
  return text;
}

std::string cli::overviewText() {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "usage: lathe COMMAND [OPTIONS] FILE...\n\n"
        "Compiles deep learning models to native code and runs them.\n\n"
        "Commands:\n";
  for (const Command *command : allCommands())
    printRow(os, command->name.str(), command->summary);
  os << "\nModels are ONNX files or Lathe's own format (.mlir, .lathe), told "
        "apart by content.\n"
        "'lathe COMMAND --help' has the options of a command, and examples.\n\n"
     << exitCodes;
  return text;
}
