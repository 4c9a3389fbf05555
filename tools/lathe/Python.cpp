// tools/lathe/Python.cpp: finds a Python that has what is needed, and runs it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Python.h"
#include "Command.h"
#include "Console.h"

#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

/// Paths of interpreters, the best first.
static std::vector<std::string> interpreters() {
  std::vector<std::string> found;
  // `python -m lathe` says which Python it is.
  if (const char *chosen = std::getenv("LATHE_PYTHON"); chosen && *chosen)
    found.push_back(chosen);
  std::string self = llvm::sys::fs::getMainExecutable(nullptr, nullptr);
  llvm::SmallString<128> beside = llvm::sys::path::parent_path(self);
  llvm::sys::path::append(beside, "python3");
  if (llvm::sys::fs::can_execute(beside))
    found.push_back(beside.str().str());
  if (auto path = llvm::sys::findProgramByName("python3"))
    found.push_back(*path);
  return found;
}

/// The first of `packages` that `python` cannot find; "" if all are there.
static std::string missingPackage(const std::string &python, llvm::ArrayRef<std::string> packages) {
  // The exit code is the place of the package, so that no output is needed. -P:
  // a folder "lathe" where the user happens to be is not the package.
  std::vector<StringRef> words = {python, "-P", "-c",
                                  "import sys\n"
                                  "from importlib.util import find_spec\n"
                                  "names = sys.argv[1:]\n"
                                  "missing = [i for i, n in enumerate(names) if find_spec(n) is None]\n"
                                  "sys.exit(10 + missing[0] if missing else 0)\n"};
  words.insert(words.end(), packages.begin(), packages.end());
  int code = llvm::sys::ExecuteAndWait(python, words);
  if (code == 0)
    return "";
  size_t index = size_t(code) - 10;
  return index < packages.size() ? packages[index] : packages.front();
}

int cli::runPython(StringRef place, StringRef module, const std::vector<std::string> &arguments,
                   llvm::ArrayRef<std::string> packages) {
  std::vector<std::string> wanted = {"lathe"};
  wanted.insert(wanted.end(), packages.begin(), packages.end());
  Diagnostics diagnostics;
  std::string python, missing;
  for (const std::string &candidate : interpreters()) {
    std::string lacks = missingPackage(candidate, wanted);
    // The most useful message is about the one that got furthest.
    if (python.empty() || lacks.empty() || missing == wanted.front()) {
      python = candidate;
      missing = lacks;
    }
    if (missing.empty())
      break;
  }
  if (python.empty()) {
    diagnostics.error("cli-no-python", place, "this needs Python, but there is no python3 on PATH")
        .note("install Debian's package python3");
    return printDiagnostics(diagnostics);
  }
  if (missing == wanted.front()) {
    diagnostics
        .error("cli-no-python-package", place,
               "this needs Lathe's Python package, but " + quoted(python) + " cannot import 'lathe'")
        .note("activate the environment it is installed in: tools/quickstart "
              "makes .venv");
    return printDiagnostics(diagnostics);
  }
  if (!missing.empty()) {
    diagnostics
        .error("cli-no-engine", place,
               "this compares with " + missing + ", but " + quoted(python) + " cannot import it: it is not installed")
        .note("install it: " + python + " -m pip install " + missing);
    return printDiagnostics(diagnostics);
  }

  std::vector<StringRef> words = {python, "-P", "-m", module};
  words.insert(words.end(), arguments.begin(), arguments.end());
  llvm::outs().flush();
  std::string error;
  int code = llvm::sys::ExecuteAndWait(python, words, std::nullopt, {}, 0, 0, &error);
  if (code >= 0)
    return code;
  diagnostics.error("cli-python-failed", place,
                    "python3 -m " + module +
                        " did not end by itself: " + (error.empty() ? "it could not be run" : error));
  return printDiagnostics(diagnostics);
}
