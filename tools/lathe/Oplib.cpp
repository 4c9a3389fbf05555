// tools/lathe/Oplib.cpp: `lathe oplib`: libraries of operators from a specification.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Cache.h"
#include "Command.h"
#include "Console.h"
#include "Options.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/OpLibrary/OpLibrary.h"
#include "lathe/Support/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static constexpr llvm::StringLiteral place = "lathe oplib";

/// "3 of them cached, ", or nothing.
static std::string cachedText(const oplib::BuildSummary &summary) {
  return summary.cached ? std::to_string(summary.cached) + " of them cached, " : "";
}

/// "a library of 1.2 MB", or "libraries of 1.2 MB for x86_64 and 0.9 MB for aarch64".
static std::string librariesText(const oplib::BuildSummary &summary) {
  if (summary.libraryBytes.size() == 1)
    return "a library of " + formatBytes(summary.libraryBytes.front().second);
  std::vector<std::string> parts;
  for (const auto &[arch, bytes] : summary.libraryBytes)
    parts.push_back(formatBytes(bytes) + " for " + arch);
  return "libraries of " + llvm::join(parts, " and ");
}

static int runBuild(const Arguments &arguments, Diagnostics &diagnostics) {
  if (!arguments.has("--output"))
    return usageError("cli-no-output", place, "name the folder to write: -o FOLDER");
  double begin = now();
  Progress progress(arguments.operands[1], arguments.has("--progress"));
  oplib::BuildOptions options;
  options.spec = arguments.operands[1];
  options.folder = arguments.get("--output").str();
  options.compilers = arguments.all("--cc").vec();
  options.arch = arguments.get("--arch").str();
  options.threads = static_cast<unsigned>(arguments.count("--threads", 0));
  options.budgetBytes = static_cast<uint64_t>(arguments.count("--budget-bytes", 0));
  options.cache = arguments.get("--cache").str();
  if (!options.cache.empty())
    options.compilerId = compilerBuild();
  options.limits = arguments.all("--limit").vec();
  options.progress = progress.callback();
  oplib::BuildSummary summary;
  bool done = oplib::build(options, summary, diagnostics);
  progress.stop();
  if (done)
    llvm::outs() << options.folder << ": the library " << summary.name << ", " << summary.ops << " operators, "
                 << summary.kernels << " kernels, " << cachedText(summary) << formatBytes(summary.codeBytes)
                 << " of objects, " << librariesText(summary) << ", built in "
                 << llvm::format("%.1f s\n", now() - begin);
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

static int runTest(const Arguments &arguments, Diagnostics &diagnostics) {
  Progress progress(arguments.operands[1], arguments.has("--progress"));
  oplib::TestOptions options;
  options.folder = arguments.operands[1];
  options.compilers = arguments.all("--cc").vec();
  options.arch = arguments.get("--arch").str();
  options.emulator = arguments.get("--emulator").str();
  options.threads = static_cast<unsigned>(arguments.count("--threads", 0));
  options.progress = progress.callback();
  std::vector<oplib::TestResult> results;
  bool hasPassed = oplib::test(options, results, diagnostics);
  progress.stop();
  std::vector<std::vector<std::string>> table = {{"test", "", "variants", "skipped", "calls", "wrong", "seconds"}};
  for (const oplib::TestResult &result : results) {
    table.push_back({result.name, result.hasPassed ? "passed" : "FAILED", std::to_string(result.variants),
                     std::to_string(result.skipped), std::to_string(result.calls), std::to_string(result.wrong),
                     llvm::formatv("{0:F1}", result.seconds).str()});
    if (!result.hasPassed)
      diagnostics.error("oplib-test", result.name, "failed:\n" + result.output)
          .note("its program in " + options.folder + "/test compares each variant with an oracle; please report it");
  }
  if (!results.empty())
    llvm::outs() << formatTable("llrrrrr", table)
                 << llvm::count_if(results, [](const oplib::TestResult &result) { return result.hasPassed; }) << " of "
                 << results.size() << " tests passed\n";
  int status = printDiagnostics(diagnostics);
  return hasPassed ? status : Failed;
}

static int runHarvest(const Arguments &arguments, Diagnostics &diagnostics) {
  if (!arguments.has("--output"))
    return usageError("cli-no-output", place, "name the specification to write: -o SPEC.yaml");
  oplib::HarvestOptions options{arguments.operands[1], arguments.get("--output").str(), arguments.all("--dim").vec(),
                                arguments.all("--limit").vec()};
  oplib::HarvestSummary summary;
  if (oplib::harvest(options, summary, diagnostics))
    llvm::outs() << options.output << ": a specification of " << summary.taken << " operations, " << summary.hot
                 << " shapes of products and " << summary.convolutions << " of convolutions; " << summary.leftOut
                 << " are left out\n";
  return printDiagnostics(diagnostics);
}

static int runCheck(const Arguments &arguments, Diagnostics &diagnostics) {
  oplib::check(arguments.operands[1], arguments.all("--limit").vec(), llvm::outs(), diagnostics);
  return printDiagnostics(diagnostics);
}

static int runDiff(const Arguments &arguments, Diagnostics &diagnostics) {
  if (arguments.operands.size() != 3)
    return usageError("cli-no-operand", place, "diff wants two libraries, the old one first");
  std::optional<oplib::Compatibility> found =
      oplib::diff(arguments.operands[1], arguments.operands[2], llvm::outs(), diagnostics);
  int status = printDiagnostics(diagnostics);
  auto least = arguments.has("--binary") ? oplib::Compatibility::Binary : oplib::Compatibility::Source;
  return found && *found >= least ? status : Failed;
}

namespace {
struct Action {
  StringRef name;
  int (*run)(const Arguments &arguments, Diagnostics &diagnostics);
  StringRef takes = "one file"; ///< Behind the action; empty: any number of words.
  size_t most = 1;
};

/// An option, and the actions that take it.
struct OptionOf {
  StringRef name;
  llvm::ArrayRef<StringRef> actions;
};
} // namespace

static constexpr Action actions[] = {
    {"check", runCheck}, {"build", runBuild}, {"explain", runExplain, ""},           {"bench", runExplain, ""},
    {"tune", runTune},   {"test", runTest},   {"diff", runDiff, "two libraries", 2}, {"harvest", runHarvest},
};
static constexpr StringRef ofBuild[] = {"build"}, ofTune[] = {"tune"}, ofDiff[] = {"diff"}, ofTest[] = {"test"},
                           ofHarvest[] = {"harvest"}, ofModels[] = {"check", "build", "harvest"};
static constexpr StringRef ofOutput[] = {"build", "tune", "harvest"}, ofCompiler[] = {"build", "test"};
static constexpr OptionOf optionsOf[] = {
    {"--output", ofOutput}, {"--cc", ofCompiler},  {"--threads", ofCompiler}, {"--arch", ofCompiler},
    {"--cache", ofBuild},   {"--minutes", ofTune}, {"--binary", ofDiff},      {"--budget-bytes", ofBuild},
    {"--emulator", ofTest}, {"--dim", ofHarvest},  {"--limit", ofModels},
};

static int run(const Arguments &arguments) {
  StringRef wanted = arguments.operands.front();
  llvm::SmallVector<StringRef> names;
  const Action *action = nullptr;
  for (const Action &each : actions) {
    names.push_back(each.name);
    if (each.name == wanted)
      action = &each;
  }
  if (!action) {
    std::string hint = didYouMean(wanted, names);
    return usageError("cli-oplib-action", place,
                      "there is no action " + quoted(wanted) +
                          (hint.empty() ? "; there are " + llvm::join(names, ", ") : hint));
  }
  size_t count = arguments.operands.size() - 1;
  if (count == 0)
    return usageError("cli-no-operand", place, wanted + " wants the path of a file or a folder");
  if (!action->takes.empty() && count > action->most)
    return usageError("cli-many-operands", place, wanted + " takes " + action->takes + ", but got more");
  for (const OptionOf &option : optionsOf)
    if (arguments.has(option.name) && !llvm::is_contained(option.actions, wanted))
      return usageError("cli-oplib-option", place,
                        option.name + " is of " + llvm::join(option.actions, " and ") + " alone");
  Diagnostics diagnostics;
  return action->run(arguments, diagnostics);
}

static constexpr Option options[] = {
    {"--output", "-o", Form::Text, "FOLDER",
     "build, tune, harvest: what to write; a library that is there is replaced"},
    fixedDimOption,
    limitOption,
    {"--minutes", "", Form::Count, "N", "tune: how long it may measure [10]", false, 1, 1440},
    {"--arch", "", Form::Text, "ARCH", "build, test: only for this architecture, such as x86_64 [all]"},
    {"--cc", "", Form::Text, "[ARCH=]COMPILER",
     "build, test: the C compiler, which knows C11, of an architecture; may be repeated [cc, aarch64-linux-gnu-gcc]",
     true},
    {"--cache", "", Form::Text, "FOLDER",
     "build: keeps what was compiled, so that only what changes is compiled again"},
    {"--budget-bytes", "", Form::Count, "N", "build: the most that the shared library may have [what SPEC says]", false,
     1},
    {"--threads", "", Form::Count, "N", "build, test: threads that compilers may use [all]", false, 1, 256},
    {"--emulator", "", Form::Text, "COMMAND",
     "test: runs programs for another architecture [qemu-aarch64 -L /usr/aarch64-linux-gnu]"},
    {"--binary", "", Form::Flag, "", "diff: programs shall run with NEW without being compiled again"},
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
      "  tune FOLDER -o TABLE        measure, and write a dispatch table for NAME_load_table\n"
      "  test FOLDER                 build and run the tests that ship with the library\n"
      "  harvest MODEL -o SPEC       write a specification of the operators that a model needs\n"
      "  diff OLD NEW                say what differs; 0 if programs can go from OLD to NEW",
      "  lathe oplib check ops.yaml\n"
      "  lathe oplib build ops.yaml -o ops\n"
      "  lathe oplib explain ops gemm_f32 m=1 n=512 k=512\n"
      "  lathe oplib tune ops -o ops.table.yaml --minutes 5\n"
      "  lathe oplib test ops\n"
      "  lathe oplib harvest resnet50.onnx -o ops.yaml --dim batch=1\n"
      "  lathe oplib diff ops.old ops --binary",
      options,
      run};
  return command;
}
