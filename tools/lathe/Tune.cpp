// tools/lathe/Tune.cpp: `lathe tune`: measures the ways to compute each kernel of a model.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"
#include "Options.h"
#include "Python.h"
#include "lathe/Support/Diagnostics.h"
#include <csignal>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static constexpr StringRef place = "lathe tune";

namespace {
/// While it lives, Ctrl-C is for the program that this one waits for, which ends its search and says what it knows.
class InterruptsForChild {
public:
  InterruptsForChild() {
    // A handler, as a signal that is ignored would be ignored by the child, too.
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    sigaction(SIGINT, &action, &before);
  }
  ~InterruptsForChild() { sigaction(SIGINT, &before, nullptr); }

private:
  struct sigaction before = {};
};
} // namespace

static int run(const Arguments &arguments) {
  StringRef model = arguments.operands.front(), minutes = arguments.get("--minutes", "1");
  if (double value = 0; minutes.getAsDouble(value) || !(value > 0 && value < 1e6))
    return usageError("cli-minutes", place, "--minutes is " + quoted(minutes) + ", which is no number above 0");
  Diagnostics diagnostics;
  if (!requireModel(model, diagnostics))
    return printDiagnostics(diagnostics);
  for (StringRef option : {"--output", "--json"})
    if (arguments.has(option) && !checkWritable(arguments.get(option), diagnostics))
      return printDiagnostics(diagnostics);
  if (std::vector<std::string> ranges = arguments.ranges("--dim"); !ranges.empty())
    return usageError("cli-dim-range", place,
                      "--dim gives the size of a dim in the inputs that are timed; give " + ranges.front() +
                          " with --fixed-dim");
  std::vector<std::string> words;
  for (StringRef option : {"--output", "--threads", "--minutes", "--json", "--dim", "--fixed-dim", "--shape", "--seed",
                           "--accuracy", "--precision", "--function", "--limit", "--rank", "--custom-op"})
    for (const std::string &value : arguments.all(option))
      words.push_back((option + "=" + value).str());
  for (StringRef flag : {"--allow-links", "--progress"})
    if (arguments.has(flag))
      words.push_back(flag.str());
  words.push_back("--");
  words.push_back(model.str());
  InterruptsForChild interrupts;
  return runPython(place, "lathe._tune_command", words, {});
}

static constexpr Option options[] = {
    {"--output", "-o", Form::Text, "FILE", "the table to write to [choices.json beside the compiled models]"},
    {"--threads", "", Form::Count, "N", "threads of each call [1]", false, 1, LATHE_MAX_THREADS},
    {"--minutes", "", Form::Text, "N", "when to end the search, also 0.5 and the like [when all is measured]"},
    {"--json", "", Form::Text, "FILE", "write the figures to a file, too"},
    dimSizeOption,
    {"--fixed-dim", "", Form::Range, "NAME=SIZE",
     "fix a free dim for good, or say what it can be, as --dim of 'lathe compile' does", true},
    shapeOption,
    seedOption,
    accuracyOption,
    precisionOption,
    functionOption,
    allowLinksOption,
    limitOption,
    rankOption,
    customOpOption,
    progressOption,
};

const Command &cli::tuneCommand() {
  static const Command command = {
      "tune",
      "measure the ways to compute each kernel, and keep the fastest",
      "MODEL",
      1,
      1,
      "Calls a model with random inputs on this machine, with other tiles, tasks and algorithms for its\n"
      "kernels than Lathe chooses, and writes down what is faster twice by more than 3 %. Whatever is\n"
      "compiled here later looks in that table, any model that has the same kernel: 'lathe compile',\n"
      "'run', 'bench', 'inspect', 'profile' and lathe.compile in Python; --no-choices leaves it out. What\n"
      "computes something else than the model as it was is never kept. Ctrl-C ends the search and keeps what\n"
      "is known. Needs the Python package.",
      "  lathe tune resnet50.onnx\n"
      "  lathe tune bert.onnx --fixed-dim batch=1 --fixed-dim seq=128 --threads 2 --minutes 5\n"
      "  lathe tune resnet50.onnx -o choices.json && lathe compile resnet50.onnx --choices choices.json -o r.so",
      options,
      run};
  return command;
}
