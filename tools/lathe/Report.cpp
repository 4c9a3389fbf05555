// tools/lathe/Report.cpp: `lathe report`: what became of a model, as a page to look at.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"
#include "Options.h"
#include "Python.h"

#include "lathe/Support/Diagnostics.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static constexpr StringRef place = "lathe report";

static int run(const Arguments &arguments) {
  StringRef output = arguments.get("--output"), model = arguments.operands.front();
  if (output.empty())
    return usageError("cli-no-output", place, "name the file to write: -o FILE.html");
  if (model == "-")
    return usageError("cli-report-pipe", place, "reads its model several times; write it to a file and name that");
  Diagnostics diagnostics;
  if (!requireModel(model, diagnostics) || !checkWritable(output, diagnostics))
    return printDiagnostics(diagnostics);
  std::vector<std::string> words = {("--output=" + output).str()};
  for (StringRef option : {"--target", "--dim", "--profile", "--limit"})
    for (const std::string &value : arguments.all(option))
      words.push_back((option + "=" + value).str());
  if (arguments.has("--allow-links"))
    words.push_back("--allow-links");
  words.push_back("--");
  words.push_back(model.str());
  return runPython(place, "lathe.report", words, {});
}

static constexpr Option options[] = {
    {"--output", "-o", Form::Text, "FILE.html", "the page to write"},
    targetOption,
    fixedDimOption,
    {"--profile", "", Form::Text, "FILE", "show the times in FILE, which 'lathe profile --json' wrote, too"},
    allowLinksOption,
    limitOption,
    rankOption,
    customOpOption,
};

const Command &cli::reportCommand() {
  static const Command command = {
      "report",
      "write a page that shows what became of a model",
      "MODEL -o FILE.html",
      1,
      1,
      "Writes one page that needs no network: the model as a graph of the kernels that compute "
      "it, with\ntheir strategies, shapes and nodes, and the IR after each phase, two of them "
      "side by side. Needs the\nPython package.",
      "  lathe report resnet50.onnx -o resnet50.html\n"
      "  lathe report bert.onnx -o bert.html --dim batch=1 --target x86_64:v4\n"
      "  lathe profile resnet50.onnx --json times.json && lathe report resnet50.onnx -o r.html --profile times.json",
      options,
      run};
  return command;
}
