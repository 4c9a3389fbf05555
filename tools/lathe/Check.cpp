// tools/lathe/Check.cpp: `lathe check`: all that a model needs and Lathe lacks,
// in a second.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"
#include "Options.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;

static int run(const Arguments &arguments) {
  int code = Ok;
  for (const std::string &path : arguments.operands) {
    Diagnostics diagnostics;
    bool complete = requireModel(path, diagnostics);
    if (complete) {
      Progress progress(path, arguments.has("--progress"));
      CompileOptions options;
      options.target = arguments.get("--target", "host").str();
      options.dims = arguments.all("--dim").vec();
      options.progress = progress.callback();
      complete = check(path, options, diagnostics, {arguments.has("--allow-links")});
    }
    code = std::max(code, printDiagnostics(diagnostics));
    if (complete)
      llvm::outs() << path << ": ok, Lathe has all that it needs\n";
  }
  return code;
}

static constexpr Option options[] = {targetOption, fixedDimOption, allowLinksOption, progressOption};

const Command &cli::checkCommand() {
  static const Command command = {"check",
                                  "list what a model needs and Lathe lacks",
                                  "MODEL...",
                                  1,
                                  ~0u,
                                  "Lists every operator, attribute and dtype of a model that Lathe does "
                                  "not support, and\nwhatever is wrong with the file; as remarks, the products that "
                                  "only plain loops compute,\nand why. Generates no code.",
                                  "  lathe check model.onnx\n"
                                  "  lathe check model.onnx --target x86_64:v3 --dim batch=1\n"
                                  "  lathe check models/*.onnx",
                                  options,
                                  run};
  return command;
}
