// tools/lathe/Convert.cpp: `lathe convert`: a model in another format.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"
#include "Options.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static constexpr StringRef place = "lathe convert";

static void convert(StringRef model, StringRef output, const Arguments &arguments, Diagnostics &diagnostics) {
  if (!requireModel(model, diagnostics) || !checkWritable(output, diagnostics))
    return;
  Progress progress(model, arguments.has("--progress"), 2);
  progress.step("load");
  if (std::unique_ptr<Program> program = Program::load(model.str(), diagnostics, loadOptions(arguments))) {
    progress.step("write");
    program->save(output.str(), diagnostics);
  }
}

static int run(const Arguments &arguments) {
  StringRef output = arguments.get("--output");
  if (output.empty())
    return usageError("cli-no-output", place, "name the file to write: -o FILE.mlir, FILE.lathe or FILE.onnx");
  if (!output.ends_with(".mlir") && !output.ends_with(".lathe") && !output.ends_with(".onnx"))
    return usageError("cli-output-ending", place,
                      quoted(output) + " ends in neither .mlir (text) nor .lathe "
                                       "(bytecode) nor .onnx; 'lathe compile' writes machine code");
  Diagnostics diagnostics;
  convert(arguments.operands.front(), output, arguments, diagnostics);
  return printDiagnostics(diagnostics);
}

static constexpr Option options[] = {
    {"--output", "-o", Form::Text, "FILE", ".mlir for text, .lathe for bytecode, .onnx"},
    allowLinksOption,
    overridableOption,
    limitOption,
    rankOption,
    customOpOption,
    progressOption,
};

const Command &cli::convertCommand() {
  static const Command command = {
      "convert",
      "write a model in Lathe's own format, or as ONNX",
      "MODEL -o FILE",
      1,
      1,
      "Writes a model in the dialect 'graph': as text to read and edit (.mlir) "
      "or as bytecode\n(.lathe), which are accepted wherever an ONNX file is; or as ONNX (.onnx), "
      "with operators of\nONNX itself. An operation that these cannot compute is an error.",
      "  lathe convert resnet50.onnx -o resnet50.lathe\n"
      "  lathe convert resnet50.lathe -o resnet50.mlir\n"
      "  lathe convert resnet50.mlir -o edited.onnx",
      options,
      run};
  return command;
}
