// tools/lathe/Oplib.cpp: `lathe oplib`: libraries of operators from a specification.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"
#include "lathe/OpLibrary/OpLibrary.h"
#include "lathe/Support/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static constexpr StringRef actions[] = {"check", "build", "explain", "bench", "tune"};
static constexpr llvm::StringLiteral place = "lathe oplib";

/// What tells this compiler from any other: the bytes of its program.
static std::string ownHash() {
  static int anchor = 0;
  std::string path = llvm::sys::fs::getMainExecutable("lathe", &anchor);
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  return buffer ? llvm::utohexstr(llvm::xxh3_64bits(llvm::arrayRefFromStringRef((*buffer)->getBuffer()))) : "";
}

/// "3 of them cached, ", or nothing.
static std::string cachedText(const oplib::BuildSummary &summary) {
  return summary.cached ? std::to_string(summary.cached) + " of them cached, " : "";
}

static int runBuild(const Arguments &arguments, Diagnostics &diagnostics) {
  if (!arguments.has("--output"))
    return usageError("cli-no-output", place, "name the folder to write: -o FOLDER");
  double begin = now();
  Progress progress(arguments.operands[1], arguments.has("--progress"));
  oplib::BuildOptions options;
  options.spec = arguments.operands[1];
  options.folder = arguments.get("--output").str();
  options.compiler = arguments.get("--cc", "cc").str();
  options.threads = static_cast<unsigned>(arguments.count("--threads", 0));
  options.cache = arguments.get("--cache").str();
  if (!options.cache.empty())
    options.compilerId = ownHash();
  options.progress = progress.callback();
  oplib::BuildSummary summary;
  bool done = oplib::build(options, summary, diagnostics);
  progress.stop();
  if (done)
    llvm::outs() << options.folder << ": the library " << summary.name << ", " << summary.ops << " operators, "
                 << summary.kernels << " kernels, " << cachedText(summary) << formatBytes(summary.codeBytes)
                 << " of objects, built in " << llvm::format("%.1f s\n", now() - begin);
  return printDiagnostics(diagnostics);
}

static int runExplain(const Arguments &arguments, Diagnostics &diagnostics) {
  std::vector<std::pair<std::string, int64_t>> sizes;
  if (arguments.operands.size() < 3)
    return usageError("cli-no-operand", place,
                      arguments.operands.front() + " wants a folder, an operator and sizes, as in gemm_f32 m=1 n=8");
  for (const std::string &word : llvm::ArrayRef(arguments.operands).drop_front(3)) {
    auto [name, text] = StringRef(word).split('=');
    std::optional<int64_t> size = parseSize(text);
    if (name.empty() || !size)
      return usageError("cli-bad-value", place, quoted(word) + " is no size; write one such as m=128");
    sizes.emplace_back(name.str(), *size);
  }
  auto *action = arguments.operands.front() == "bench" ? oplib::bench : oplib::explain;
  action(arguments.operands[1], arguments.operands[2], sizes, llvm::outs(), diagnostics);
  return printDiagnostics(diagnostics);
}

static int runTune(const Arguments &arguments, Diagnostics &diagnostics) {
  if (!arguments.has("--output"))
    return usageError("cli-no-output", place, "name the table to write: -o TABLE.yaml");
  Progress progress(arguments.operands[1], arguments.has("--progress"));
  oplib::TuneOptions options;
  options.folder = arguments.operands[1];
  options.output = arguments.get("--output").str();
  options.minutes = static_cast<double>(arguments.count("--minutes", 10));
  options.progress = progress.callback();
  size_t shapes = 0;
  bool done = oplib::tune(options, shapes, diagnostics);
  progress.stop();
  if (done)
    llvm::outs() << options.output << ": a table of " << shapes << " measured shapes\n";
  return printDiagnostics(diagnostics);
}

static int run(const Arguments &arguments) {
  Diagnostics diagnostics;
  StringRef action = arguments.operands.front();
  if (!llvm::is_contained(actions, action))
    return usageError("cli-oplib-action", place,
                      "there is no action " + quoted(action) + didYouMean(action, actions) +
                          "; there are check, build, explain, bench and tune");
  if (arguments.operands.size() < 2)
    return usageError("cli-no-operand", place, action + " wants the path of a file or a folder");
  bool takesSizes = action == "explain" || action == "bench";
  if (!takesSizes && arguments.operands.size() > 2)
    return usageError("cli-many-operands", place, action + " takes one file, but got more");
  for (StringRef option : {"--output", "--cc", "--threads", "--cache", "--minutes"}) {
    bool isOfTune = option == "--minutes", fits = action == (isOfTune ? "tune" : "build");
    if (arguments.has(option) && !fits && !(option == "--output" && action == "tune"))
      return usageError("cli-oplib-option", place, option + " is of " + (isOfTune ? "tune" : "build") + " alone");
  }
  if (action == "build")
    return runBuild(arguments, diagnostics);
  if (action == "tune")
    return runTune(arguments, diagnostics);
  if (takesSizes)
    return runExplain(arguments, diagnostics);
  oplib::check(arguments.operands[1], llvm::outs(), diagnostics);
  return printDiagnostics(diagnostics);
}

static constexpr Option options[] = {
    {"--output", "-o", Form::Text, "FOLDER", "build, tune: what to write; a library that is there is replaced"},
    {"--minutes", "", Form::Count, "N", "tune: how long it may measure [10]", false, 1, 1440},
    {"--cc", "", Form::Text, "COMPILER", "build: compiles the interface, which is C11 [cc]"},
    {"--cache", "", Form::Text, "FOLDER",
     "build: keeps what was compiled, so that only what changes is compiled again"},
    {"--threads", "", Form::Count, "N", "build: threads that the compiler may use [all]", false, 1, 256},
    {"--progress", "", Form::Flag, "", "say what is going on, also where stderr is not a terminal"},
};

const Command &cli::oplibCommand() {
  static const Command command = {
      "oplib",
      "make a library of operators for C programs from a specification",
      "ACTION FILE...",
      1,
      ~0u,
      "Makes libraries of operators for several processors.\n"
      "Actions:\n"
      "  check SPEC             list the operators and variants that SPEC asks for\n"
      "  build SPEC -o FOLDER   write the library: header, .a, .so, CMake package, tests\n"
      "  explain FOLDER OP SIZES...  say which variant computes OP for these sizes\n"
      "  bench FOLDER OP SIZES...    time each variant of OP for these sizes\n"
      "  tune FOLDER -o TABLE        measure, and write a dispatch table for NAME_load_table",
      "  lathe oplib check ops.yaml\n"
      "  lathe oplib build ops.yaml -o ops\n"
      "  lathe oplib explain ops gemm_f32 m=1 n=512 k=512\n"
      "  lathe oplib tune ops -o ops.table.yaml --minutes 5",
      options,
      run};
  return command;
}
