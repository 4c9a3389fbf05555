// tools/lathe/CommandLine.cpp: finds the command of a command line and runs it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CommandLine.h"
#include "Command.h"
#include "Console.h"

#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static const Command *findCommand(StringRef name) {
  for (const Command *command : allCommands())
    if (name == command->name)
      return command;
  return nullptr;
}

static int unknownCommand(StringRef name) {
  llvm::SmallVector<StringRef> known = {"help"};
  for (const Command *command : allCommands())
    known.push_back(command->name);
  return usageError("cli-unknown-command", "lathe", "no command is called " + quoted(name) + didYouMean(name, known));
}

static bool asksForHelp(llvm::ArrayRef<const char *> words) {
  for (StringRef word : words) {
    if (word == "--")
      return false;
    if (word == "--help" || word == "-h")
      return true;
  }
  return false;
}

static int runCommandLine(llvm::ArrayRef<const char *> words) {
  if (words.empty()) {
    llvm::errs() << overviewText();
    return WrongUsage;
  }
  StringRef name = words.front();
  words = words.drop_front();
  if (name == "--help" || name == "-h" || name == "help") {
    if (name != "help" || words.empty()) {
      llvm::outs() << overviewText();
      return Ok;
    }
    const Command *command = findCommand(words.front());
    if (!command)
      return unknownCommand(words.front());
    llvm::outs() << helpText(*command);
    return Ok;
  }
  if (name == "--version")
    name = "version";
  const Command *command = findCommand(name);
  if (!command)
    return unknownCommand(name);
  if (asksForHelp(words)) {
    llvm::outs() << helpText(*command);
    return Ok;
  }
  std::optional<Arguments> arguments = parseArguments(*command, words);
  return arguments ? command->run(*arguments) : int(WrongUsage);
}

int lathe_command_line(int argc, char **argv) {
  llvm::SmallVector<const char *> words(argv + std::min(argc, 1), argv + argc);
  int code = runCommandLine(words);
  // A full disk behind a redirected stdout is an error like any other; left in
  // the stream, it would end the process with a crash report.
  llvm::outs().flush();
  if (std::error_code error = llvm::outs().error()) {
    llvm::outs().clear_error();
    Diagnostics diagnostics;
    diagnostics.error("cli-stdout", "lathe", "cannot write to standard output: " + error.message());
    code = std::max(code, printDiagnostics(diagnostics));
  }
  return code;
}
