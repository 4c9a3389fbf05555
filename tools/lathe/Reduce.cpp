// tools/lathe/Reduce.cpp: `lathe reduce`: cuts what is wrong with a model down to the smallest graph.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"
#include "Options.h"
#include "Python.h"

#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallVector.h"

#include <csignal>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static constexpr StringRef place = "lathe reduce";

/// Whether `name` is a function of Python, as MODULE:FUNCTION.
static bool isFunction(StringRef name) {
  auto [module, function] = name.split(':');
  return !module.empty() && !function.empty();
}

static int run(const Arguments &arguments) {
  static const StringRef known[] = {"onnxruntime", "reference"};
  llvm::SmallVector<StringRef> peers;
  arguments.get("--against", "onnxruntime").split(peers, ',');
  // The package onnx takes models apart, and has the reference.
  std::vector<std::string> packages = {"onnx"};
  for (StringRef peer : peers) {
    if (!llvm::is_contained(known, peer) && !isFunction(peer)) {
      std::string hint = didYouMean(peer, known);
      return usageError("cli-unknown-engine", place,
                        "--against: no peer is called " + quoted(peer) +
                            (hint.empty() ? "; there are onnxruntime, reference and MODULE:FUNCTION" : hint));
    }
    if (peer == "onnxruntime")
      packages.push_back(peer.str());
  }
  if (std::vector<std::string> ranges = arguments.ranges("--dim"); !ranges.empty())
    return usageError("cli-dim-range", place,
                      "outputs are compared for inputs of one size; give --dim NAME=SIZE in place of " +
                          ranges.front());
  StringRef path = arguments.operands.front(), output = arguments.get("--output");
  if (!output.empty() && !output.ends_with(".onnx"))
    return usageError("cli-output-ending", place, "-o names the ONNX file to write, as in -o small.onnx");
  Diagnostics diagnostics;
  if (!requireOnnxFile(path, place, diagnostics) || (!output.empty() && !checkWritable(output, diagnostics)))
    return printDiagnostics(diagnostics);
  std::vector<std::string> words;
  for (StringRef option :
       {"--output", "--against", "--target", "--isa", "--accuracy", "--precision", "--threads", "--atol", "--rtol",
        "--dim", "--shape", "--input", "--seed", "--minutes", "--seconds", "--limit", "--custom-op"})
    for (const std::string &value : arguments.all(option))
      words.push_back((option + "=" + value).str());
  if (arguments.has("--allow-links"))
    words.push_back("--allow-links");
  words.push_back("--");
  words.push_back(path.str());
  // On Ctrl-C, Python writes what it has so far; this process waits for it. A handler that does nothing is not handed
  // on to programs that a process runs, as ignoring the signal would be.
  auto before = std::signal(SIGINT, [](int) {});
  llvm::scope_exit restore([before] { std::signal(SIGINT, before); });
  return runPython(place, "lathe.reduce", words, packages);
}

static constexpr Option options[] = {
    {"--output", "-o", Form::Text, "SMALL.onnx", "the model to write [MODEL.reduced.onnx]"},
    {"--against", "", Form::Text, "PEERS",
     "onnxruntime, reference (of the package onnx) or MODULE:FUNCTION of your own; of several, as in "
     "onnxruntime,reference, the first that has an answer [onnxruntime]"},
    {"--input", "", Form::Pair, "NAME=FILE.npy",
     "what to feed an input; random numbers where there is none; for a sequence, once for each tensor", true},
    dimSizeOption,
    shapeOption,
    seedOption,
    {"--threads", "", Form::Count, "N", "threads whose bits are compared with those of one [2]", false, 1,
     LATHE_MAX_THREADS},
    targetOption,
    isaOption,
    accuracyOption,
    precisionOption,
    {"--atol", "", Form::Text, "NUMBER", "absolute tolerance, times the largest magnitude or 1 [1e-4]"},
    {"--rtol", "", Form::Text, "NUMBER", "relative tolerance of an element [1e-3]"},
    {"--minutes", "", Form::Text, "NUMBER", "after which the smallest so far is written, as on Ctrl-C [5]"},
    {"--seconds", "", Form::Text, "NUMBER", "of the processor that one trial may have: beyond, it hangs [60]"},
    allowLinksOption,
    limitOption,
    customOpOption,
};

const Command &cli::reduceCommand() {
  static const Command command = {
      "reduce",
      "cut what is wrong with a model down to the smallest graph",
      "MODEL",
      1,
      1,
      "Looks for an error, a crash or a hang of the compiler or of the compiled code, for other bits "
      "on several\nthreads, and for outputs that differ from a peer's. Then it leaves out of the model whatever "
      "the fault does\nnot need, writes what is left, with its inputs as .npy files, and says the first phase that "
      "differs, the\nkernels, and the command that shows the fault. Ends with 0 if nothing is wrong, and writes "
      "nothing then;\nwith 1 if a fault was found. MODEL is an ONNX file. Needs the Python package, and the "
      "packages onnx and, as\na peer, onnxruntime.",
      "  lathe reduce model.onnx\n"
      "  lathe reduce model.onnx -o small.onnx --input image=cat.npy --target x86_64:v3\n"
      "  lathe reduce model.onnx --against onnxruntime,reference --dim batch=2 --minutes 20",
      options,
      run};
  return command;
}
