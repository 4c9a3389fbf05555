// tools/lathe/Manual.cpp: `lathe manual`: the help of the commands as pages for `man`.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

/// `text` for the typesetter: a backslash, a hyphen and a dot at the beginning mean themselves.
static std::string roff(StringRef text) {
  std::string result;
  for (char c : text) {
    if (result.empty() ? c == '.' || c == '\'' : result.back() == '\n' && (c == '.' || c == '\''))
      result += "\\&";
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else
      result += c;
  }
  return result;
}

/// Lines as they are: tables and examples have their columns.
static void printLines(llvm::raw_ostream &os, StringRef text) { os << ".nf\n" << roff(text) << "\n.fi\n"; }

static void printHead(llvm::raw_ostream &os, StringRef name, StringRef summary) {
  os << ".TH " << name.upper() << " 1 \"\" \"lathe " << compilerVersion() << "\" \"User Commands\"\n"
     << ".SH NAME\n"
     << roff(name) << " \\- " << roff(summary) << "\n";
}

static void printExitStatus(llvm::raw_ostream &os) {
  os << ".SH EXIT STATUS\n0 if all is well, 1 after an error, 2 for wrong usage.\n";
}

static void printCommand(llvm::raw_ostream &os, const Command &command) {
  printHead(os, ("lathe-" + command.name).str(), command.summary);
  os << ".SH SYNOPSIS\n.B lathe " << command.name << "\n[\\fIOPTIONS\\fR] " << roff(command.operands) << "\n"
     << ".SH DESCRIPTION\n";
  printLines(os, command.about);
  os << ".SH OPTIONS\n";
  for (const Option &option : command.options) {
    os << ".TP\n.B ";
    if (!option.letter.empty())
      os << roff(option.letter) << ", ";
    os << roff(option.name);
    if (!option.value.empty())
      os << " \\fI" << roff(option.value) << "\\fR";
    os << "\n" << roff(option.help) << (option.repeats ? " (repeats)" : "") << "\n";
  }
  os << ".TP\n.B \\-h, \\-\\-help\nprint the help and stop\n";
  if (!command.examples.empty()) {
    os << ".SH EXAMPLES\n";
    printLines(os, command.examples);
  }
  printExitStatus(os);
  os << ".SH SEE ALSO\n.BR lathe (1)\n";
}

static void printOverview(llvm::raw_ostream &os) {
  printHead(os, "lathe", "compile deep learning models to native code and run them");
  os << ".SH SYNOPSIS\n.B lathe\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR] \\fIFILE\\fR...\n.SH COMMANDS\n";
  std::string also;
  for (const Command *command : allCommands()) {
    os << ".TP\n.B " << command->name << "\n" << roff(command->summary) << "\n";
    also += (also.empty() ? "" : ",\n") + (".BR lathe\\-" + command->name + " (1)").str();
  }
  os << ".SH FILES\nModels are ONNX files or Lathe's own format (.mlir, .lathe), told apart by content; \\- is "
        "standard "
        "input.\n"
        ".SH ENVIRONMENT\n"
        ".TP\n.B LATHE_CACHE_DIR\nthe folder of compiled models\n"
        ".TP\n.B LATHE_CACHE_MAX_BYTES\nhow large it may become\n"
        ".TP\n.B LATHE_DEBUGGER\n1: debuggers learn the names of kernels that are run\n"
        ".TP\n.B LATHE_PERF_MAP\n1: so does perf, by /tmp/perf-PID.map\n"
        ".TP\n.B LATHE_PYTHON\nthe Python that comparisons with other engines run in\n";
  printExitStatus(os);
  os << ".SH SEE ALSO\n" << also << "\n";
}

static int run(const Arguments &arguments) {
  if (arguments.operands.empty()) {
    printOverview(llvm::outs());
    return Ok;
  }
  StringRef wanted = arguments.operands.front();
  llvm::SmallVector<StringRef> names;
  for (const Command *command : allCommands()) {
    if (wanted == command->name) {
      printCommand(llvm::outs(), *command);
      return Ok;
    }
    names.push_back(command->name);
  }
  return usageError("cli-unknown-command", "lathe manual",
                    "no command is called " + quoted(wanted) + didYouMean(wanted, names));
}

const Command &cli::manualCommand() {
  static const Command command = {
      "manual",
      "print a page for man",
      "[COMMAND]",
      0,
      1,
      "Prints the page of a command, or of the program, as man reads it. The installation puts "
      "the\npages where man looks for them: man lathe, man lathe-compile.",
      "  lathe manual compile | man -l -",
      {},
      run};
  return command;
}
