// tools/lathe/CommandLine.cpp: finds the command of a command line and runs it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CommandLine.h"
#include "Command.h"
#include "Console.h"

#include "lathe/Compiler/AnnounceCode.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <mutex>
#include <unistd.h>

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

/// LATHE_PERF_MAP=1 and LATHE_DEBUGGER=1 name kernels for `perf` and for debuggers; a profiler starts the program, so
/// the environment is where it can say so.
static bool announceCode(Diagnostics &diagnostics) {
  auto isSet = [](const char *name) {
    const char *value = std::getenv(name);
    return value && *value && StringRef(value) != "0";
  };
  unsigned listeners = (isSet("LATHE_PERF_MAP") ? ListenPerf : 0) | (isSet("LATHE_DEBUGGER") ? ListenDebugger : 0);
  return !listeners || lathe::announceCode(listeners, diagnostics);
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

/// Ends the process where an allocation fails; allocates nothing itself.
static void endWithoutMemory(void *, const char *, bool) {
  static constexpr char text[] =
      "lathe: error: there is no memory left: the system, a container or 'ulimit' gives this "
      "process no more [out-of-memory]\n"
      "lathe: note: use a machine with more memory; models with free dims and fewer "
      "--threads need less\n";
  // Nothing can be done about an error here.
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
  llvm::sys::RunInterruptHandlers(); // Removes files that are half written.
  _exit(Failed);
}

/// Ends the process where LLVM cannot go on, as when the system gives it no thread.
static void endWithReason(void *, const char *reason, bool) {
  Diagnostics diagnostics;
  diagnostics.error("llvm-fatal", "lathe", "LLVM cannot go on: " + llvm::Twine(reason))
      .note("with too little memory or too few threads left this is expected; else report it with the model");
  printDiagnostics(diagnostics);
  llvm::errs().flush();
  llvm::sys::RunInterruptHandlers();
  _exit(Failed);
}

/// LLVM takes these once; a program may run many command lines.
static void installHandlers() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::install_out_of_memory_new_handler();
    llvm::install_bad_alloc_error_handler(endWithoutMemory);
    llvm::install_fatal_error_handler(endWithReason);
  });
}

int lathe_command_line(int argc, char **argv) {
  installHandlers();
  llvm::SmallVector<const char *> words(argv + std::min(argc, 1), argv + argc);
  Diagnostics ofListeners;
  int code = announceCode(ofListeners) ? runCommandLine(words) : printDiagnostics(ofListeners);
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
