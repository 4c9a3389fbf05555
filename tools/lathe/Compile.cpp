// tools/lathe/Compile.cpp: `lathe compile`: a model to machine code, or to the
// IR after a phase.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Choices.h"
#include "Command.h"
#include "Console.h"
#include "Options.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Target/Title.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static constexpr StringRef place = "lathe compile";

/// Endings of artifacts, and of the native graph format.
static const StringRef artifactEndings[] = {".so", ".a", ".o", ".lathebin", ".ptx"};
static const StringRef graphEndings[] = {".mlir", ".lathe"};

/// A phase as --start-at and --stop-after name it; its place in the order, the
/// number of phases if the word is none.
static size_t phaseIndex(StringRef word) {
  std::vector<std::string> names = phaseNames();
  return size_t(llvm::find(names, word) - names.begin());
}

static int checkPhase(StringRef option, StringRef word) {
  std::vector<std::string> names = phaseNames();
  if (word.empty() || phaseIndex(word) < names.size())
    return Ok;
  std::vector<StringRef> known(names.begin(), names.end());
  std::string hint = didYouMean(word, known);
  if (hint.empty())
    hint = "; there are " + llvm::join(known, ", ");
  return usageError("cli-unknown-phase", place, option + ": no phase is called " + quoted(word) + hint);
}

static int checkPhases(const Arguments &arguments) {
  StringRef start = arguments.get("--start-at"), stop = arguments.get("--stop-after");
  if (int code = checkPhase("--start-at", start))
    return code;
  if (int code = checkPhase("--stop-after", stop))
    return code;
  if (!start.empty() && !stop.empty() && phaseIndex(start) > phaseIndex(stop))
    return usageError("cli-phase-order", place,
                      "--start-at " + start + " comes after --stop-after " + stop + ", so no phase is left to run");
  return Ok;
}

namespace {
/// What the output is, by the options and the ending.
enum class OutputKind { Artifact, Graph, Ir };
} // namespace

/// The last phase produces machine code; all before it, IR.
static bool stopsEarly(const Arguments &arguments) {
  StringRef stop = arguments.get("--stop-after");
  return !stop.empty() && phaseIndex(stop) + 1 < phaseNames().size();
}

/// Sets `kind` or returns WrongUsage: all that can be known before any work.
static int chooseOutput(const Arguments &arguments, OutputKind &kind) {
  StringRef output = arguments.get("--output");
  StringRef ending = llvm::sys::path::extension(output);
  bool early = stopsEarly(arguments);
  if (output.empty() && !early)
    return usageError("cli-no-output", place,
                      "name the file to write: -o FILE.so, .a, .o, .lathebin, .ptx, "
                      ".mlir or .lathe");
  if (early) {
    kind = OutputKind::Ir;
    if (!output.empty() && output != "-" && ending != ".mlir")
      return usageError("cli-output-ending", place,
                        "after --stop-after " + arguments.get("--stop-after") + " there is only IR, but " +
                            quoted(output) + " does not end in .mlir");
  } else if (llvm::is_contained(artifactEndings, ending)) {
    kind = OutputKind::Artifact;
  } else if (llvm::is_contained(graphEndings, ending)) {
    kind = OutputKind::Graph;
    for (StringRef option : {"--dim", "--donate", "--start-at", "--stop-after", "--dump-phases", "--target",
                             "--accuracy", "--precision", "--choices", "--no-choices"})
      if (arguments.has(option))
        return usageError("cli-graph-option", place,
                          option + " changes nothing in " + quoted(output) +
                              ", which holds the model as it is read; add "
                              "--stop-after to write a later phase");
  } else {
    std::vector<StringRef> known(std::begin(artifactEndings), std::end(artifactEndings));
    known.insert(known.end(), std::begin(graphEndings), std::end(graphEndings));
    return usageError("cli-output-ending", place,
                      "the ending of " + quoted(output) + " says no kind of output; there are " +
                          llvm::join(known, ", ") + (ending.empty() ? "" : didYouMean(ending, known)));
  }
  if (arguments.has("--header") && kind != OutputKind::Artifact)
    return usageError("cli-header-of-ir", place,
                      "--header describes machine code, but the output is IR; "
                      "leave it out");
  return Ok;
}

static bool prepareFolders(const Arguments &arguments, Diagnostics &diagnostics) {
  for (StringRef option : {"--output", "--header"}) {
    StringRef path = arguments.get(option);
    if (!path.empty() && path != "-" && !checkWritable(path, diagnostics))
      return false;
  }
  StringRef folder = arguments.get("--dump-phases");
  if (folder.empty())
    return true;
  if (std::error_code error = llvm::sys::fs::create_directories(folder)) {
    diagnostics.error("cli-output-unwritable", folder, "cannot make the folder for --dump-phases: " + error.message());
    return false;
  }
  return checkWritable((folder + "/phase.mlir").str(), diagnostics);
}

static bool writeIr(StringRef path, StringRef ir, Diagnostics &diagnostics) {
  if (!path.empty() && path != "-")
    return writeFile(path, {ir}, diagnostics);
  llvm::outs() << ir;
  return true;
}

static bool writeArtifact(const Arguments &arguments, const Artifact &artifact, StringRef target, double begin,
                          Diagnostics &diagnostics) {
  StringRef output = arguments.get("--output"), header = arguments.get("--header");
  if (!artifact.save(output.str(), diagnostics))
    return false;
  if (!header.empty() && !artifact.saveHeader(header.str(), diagnostics))
    return false;
  size_t tuned = llvm::count_if(artifact.kernels(), [](const KernelInfo &kernel) { return kernel.isTuned; });
  llvm::outs() << output << ": " << formatBytes(artifact.codeBytes()) << " of code in " << artifact.kernels().size()
               << " kernels " << (tuned ? "(" + std::to_string(tuned) + " as tuned) " : "") << "and "
               << formatBytes(artifact.weightBytes()) << " of weights for " << target
               << llvm::format(", compiled in %.1f s\n", now() - begin);
  return true;
}

/// "MODEL" or "NAME=MODEL"; what is there as a file is one.
static FunctionSource parseSource(const std::string &text) {
  auto [name, path] = StringRef(text).split('=');
  if (path.empty() || name.empty() || name.contains('/') || llvm::sys::fs::exists(text))
    return {text};
  return {path.str(), name.str()};
}

static bool compileTo(const Arguments &arguments, OutputKind kind, Diagnostics &diagnostics) {
  double begin = now();
  StringRef output = arguments.get("--output");
  // Mistakes that cost nothing to find come before the model is read.
  std::vector<Target> targets = Target::parseList(arguments.get("--target", "host"), diagnostics, place);
  std::vector<FunctionSource> sources;
  llvm::transform(arguments.operands, std::back_inserter(sources), parseSource);
  auto isModel = [&](const FunctionSource &source) { return requireModel(source.path, diagnostics); };
  CompileOptions options;
  if (targets.empty() || !llvm::all_of(sources, isModel) || !prepareFolders(arguments, diagnostics) ||
      !addChoices(arguments, options, diagnostics))
    return false;

  Progress progress(llvm::join(arguments.operands, ", "), arguments.has("--progress"),
                    2 + phaseNames().size() * targets.size());
  progress.step("load");
  std::unique_ptr<Program> program = Program::loadAll(sources, diagnostics, loadOptions(arguments));
  if (!program)
    return false;
  if (kind == OutputKind::Graph)
    return program->save(output.str(), diagnostics);

  options.target = arguments.get("--target", "host").str();
  options.dims = arguments.all("--dim").vec();
  options.donations = arguments.all("--donate").vec();
  // After the file that programs link, as scripts name models "model.onnx".
  options.name = arguments.get("--name", output == "-" ? "" : llvm::sys::path::stem(output)).str();
  options.startAt = arguments.get("--start-at").str();
  options.stopAfter = arguments.get("--stop-after").str();
  options.dumpPhasesTo = arguments.get("--dump-phases").str();
  // What goes to a screen is to be read by people, a file by --start-at, too.
  options.wholeConstants = !output.empty() && output != "-";
  options.threads = unsigned(arguments.count("--threads", 0));
  options.accuracy = arguments.get("--accuracy", "standard").str();
  options.precision = arguments.get("--precision", "f32").str();
  options.progress = progress.callback();
  options.remarks = arguments.has("--verbose");
  std::unique_ptr<Artifact> artifact = compile(*program, options, diagnostics);
  if (!artifact)
    return false;
  progress.step("write");
  if (kind == OutputKind::Ir) {
    progress.stop();
    return writeIr(output, artifact->ir(), diagnostics);
  }
  progress.stop();
  std::string names;
  for (const Target &target : targets)
    names += (names.empty() ? "" : ", ") + titleOf(target);
  return writeArtifact(arguments, *artifact, names, begin, diagnostics);
}

static int run(const Arguments &arguments) {
  OutputKind kind = OutputKind::Artifact;
  if (int code = checkPhases(arguments))
    return code;
  if (int code = chooseOutput(arguments, kind))
    return code;
  if (int code = checkChoices(arguments, place))
    return code;
  Diagnostics diagnostics;
  compileTo(arguments, kind, diagnostics);
  return printDiagnostics(diagnostics);
}

static constexpr Option options[] = {
    {"--output", "-o", Form::Text, "FILE", "what to write; its ending says the kind"},
    {"--header", "", Form::Text, "FILE.h", "write a C header with the model's shapes and dtypes"},
    {"--name", "", Form::Text, "NAME", "of the model in symbols and the header [that of FILE]"},
    targetOption,
    accuracyOption,
    precisionOption,
    choicesOption,
    noChoicesOption,
    knownDimOption,
    {"--donate", "", Form::Pair, "INPUT=OUTPUT",
     "callers may give the memory of the input for the output, of which a call then writes what changes; of several "
     "functions, FUNCTION:INPUT=OUTPUT",
     true},
    {"--threads", "", Form::Count, "N", "threads that the compiler may use [all]", false, 1, LATHE_MAX_THREADS},
    {"--stop-after", "", Form::Text, "PHASE",
     "write the IR after a phase, to -o FILE.mlir or, less large constants, to stdout"},
    {"--start-at", "", Form::Text, "PHASE", "the model is the IR that the phase before this one wrote"},
    {"--dump-phases", "", Form::Text, "DIR", "write the IR after every phase, less large constants, into a folder"},
    allowLinksOption,
    overridableOption,
    limitOption,
    rankOption,
    customOpOption,
    {"--verbose", "-v", Form::Flag, "", "say which products only plain loops compute, and why"},
    progressOption,
};

const Command &cli::compileCommand() {
  static const Command command = {"compile",
                                  "compile a model to a library, an object file or IR",
                                  "MODEL... -o FILE",
                                  1,
                                  ~0u,
                                  "Compiles a model, or several into one file with a function for each, which share "
                                  "equal weights\nand kernels. A function is called after its file, or NAME with "
                                  "NAME=MODEL; that of one model is\n\"main\". The ending of FILE says what to "
                                  "write:\n"
                                  "  .so        shared library with one symbol, lathe_module_query\n"
                                  "  .a, .o     the same for linking into a program\n"
                                  "  .lathebin  for 'lathe run' and Python; needs no linker\n"
                                  "  .ptx       the kernels for a GPU: --target cuda:sm_80 and the like\n"
                                  "  .mlir      the model in Lathe's own format, as text\n"
                                  "  .lathe     the same as bytecode\n"
                                  "Phases: import, optimize, partition, lower, schedule, bufferize, "
                                  "codegen, emit.",
                                  "  lathe compile resnet50.onnx -o resnet50.so\n"
                                  "  lathe compile bert.onnx -o bert.a --header bert.h --dim batch=1\n"
                                  "  lathe compile prefill.onnx decode=step.onnx -o llm.so\n"
                                  "  lathe compile step.onnx -o step.so --donate past=present\n"
                                  "  lathe compile bert.onnx --stop-after schedule | less\n"
                                  "  lathe compile bert.onnx -o bert.so --target x86_64:avx2,fma\n"
                                  "  lathe compile bert.onnx -o bert.so --target x86_64:v2+v3+v4+amx",
                                  options,
                                  run};
  return command;
}
