// tools/lathe/Run.cpp: `lathe run`: calls a model once and shows what comes
// out.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Choices.h"
#include "Command.h"
#include "Console.h"
#include "Inputs.h"
#include "LoadedModel.h"
#include "Npy.h"
#include "Options.h"
#include "Python.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static constexpr StringRef place = "lathe run";

/// `name` as the name of a file: names in models may hold anything.
static std::string fileName(StringRef name, llvm::StringSet<> &taken) {
  std::string base;
  for (char c : name.take_front(100))
    base += llvm::isAlnum(c) || c == '-' || c == '.' || c == '_' ? c : '_';
  if (base.empty() || base.front() == '.')
    base.insert(0, "_");
  std::string unique = base;
  for (unsigned i = 2; !taken.insert(unique).second; ++i)
    unique = base + "-" + std::to_string(i);
  return unique + ".npy";
}

static bool saveOutputs(StringRef folder, const lathe_function_desc &function, const std::vector<Value> &outputs,
                        Diagnostics &diagnostics) {
  llvm::StringSet<> taken;
  for (uint32_t i = 0; i < function.output_count; ++i) {
    for (const auto &[number, part] : llvm::enumerate(outputs[i].parts)) {
      std::string name = function.outputs[i]->name;
      if (outputs[i].kind != LATHE_KIND_TENSOR)
        name += "." + std::to_string(number);
      llvm::SmallString<128> path = folder;
      llvm::sys::path::append(path, fileName(name, taken));
      if (!writeNpy(path, part, diagnostics))
        return false;
      llvm::outs() << "wrote " << path << "\n";
    }
  }
  return true;
}

/// A line for each tensor.
static void print(StringRef kind, const char *name, const Value &value) {
  bool isMap = value.kind == LATHE_KIND_MAP, isSequence = value.kind == LATHE_KIND_SEQUENCE || isMap;
  if (isSequence || value.parts.empty())
    llvm::outs() << kind << " " << quoted(name) << " "
                 << (isMap        ? "keys, and values of " + std::to_string(value.parts.size() - 1)
                     : isSequence ? "sequence of " + std::to_string(value.parts.size())
                                  : "none")
                 << "\n";
  for (const auto &[i, part] : llvm::enumerate(value.parts)) {
    llvm::outs() << kind << " " << quoted(name);
    if (isSequence)
      llvm::outs() << "[" << i << "]";
    llvm::outs() << " " << lathe_dtype_name(part.view.dtype) << formatShape(part.view) << ": " << summarize(part.view)
                 << "\n";
  }
}

static bool makeFolder(StringRef folder, Diagnostics &diagnostics) {
  if (folder.empty())
    return true;
  if (std::error_code error = llvm::sys::fs::create_directories(folder)) {
    diagnostics.error("cli-output-unwritable", folder, "cannot make the folder for --save-outputs: " + error.message());
    return false;
  }
  return checkWritable((folder + "/output.npy").str(), diagnostics);
}

static bool runOnce(const Arguments &arguments, Diagnostics &diagnostics) {
  StringRef path = arguments.operands.front();
  StringRef folder = arguments.get("--save-outputs");
  if (!makeFolder(folder, diagnostics))
    return false;
  auto model = LoadedModel::open(path, arguments, diagnostics);
  if (!model)
    return false;
  const lathe_function_desc &function = model->function();
  auto inputs = makeInputs(function, InputOptions::from(arguments, model->indexBounds), path, diagnostics);
  if (!inputs)
    return false;

  ValueViews views(*inputs);
  std::vector<lathe_value> results(function.output_count);
  lathe_call_options options = {};
  options.struct_size = sizeof options;
  options.threads = int(arguments.count("--threads", 0));
  options.max_loop_steps = arguments.count("--max-loop-steps", 0);
  options.max_bytes = model->callBytes;
  options.flags = arguments.has("--flush-denormals") ? LATHE_CALL_FLUSH_DENORMALS : 0;
  double begin = now();
  if (lathe_module_call_values(model->module(), function.name, views.data(), views.size(), results.data(),
                               results.size(), &options) != LATHE_OK) {
    addRuntimeError(diagnostics, path);
    return false;
  }
  double seconds = now() - begin;
  std::vector<Value> outputs;
  for (lathe_value &result : results)
    outputs.push_back(Value::take(result));

  for (uint32_t i = 0; i < function.input_count; ++i)
    print("input", function.inputs[i]->name, (*inputs)[i]);
  for (uint32_t i = 0; i < function.output_count; ++i)
    print("output", function.outputs[i]->name, outputs[i]);
  bool compiled = model->kind == FileKind::Model && !model->fromCache;
  llvm::outs() << (compiled           ? "compiled in "
                   : model->fromCache ? "loaded from the cache in "
                                      : "loaded in ")
               << llvm::format("%.2f s, ran in %.3f ms\n", model->loadSeconds, seconds * 1e3);
  return folder.empty() || saveOutputs(folder, function, outputs, diagnostics);
}

static int verify(const Arguments &arguments) {
  // It chooses these itself.
  for (StringRef option : {"--save-outputs", "--threads", "--max-loop-steps", "--overridable", "--unchecked-weights",
                           "--device", "--flush-denormals", "--function"})
    if (arguments.has(option))
      return usageError("cli-verify-option", place,
                        "--verify compares what the model computes on 1 and on 2 threads with onnxruntime; leave out " +
                            option);
  if (std::vector<std::string> ranges = arguments.ranges("--dim"); !ranges.empty())
    return usageError("cli-dim-range", place,
                      "--verify compares outputs for inputs of one size; give --dim NAME=SIZE in place of " +
                          ranges.front());
  StringRef path = arguments.operands.front();
  Diagnostics diagnostics;
  if (!requireOnnxFile(path, "--verify", diagnostics))
    return printDiagnostics(diagnostics);
  std::vector<std::string> words;
  for (StringRef option : {"--dim", "--shape", "--target", "--accuracy", "--precision", "--isa", "--input", "--seed",
                           "--limit", "--choices"})
    for (const std::string &value : arguments.all(option))
      words.push_back((option + "=" + value).str());
  for (StringRef flag : {"--allow-links", "--no-cache", "--no-choices"})
    if (arguments.has(flag))
      words.push_back(flag.str());
  words.push_back("--");
  words.push_back(path.str());
  return runPython(place, "lathe.verify", words, {"onnxruntime"});
}

static int run(const Arguments &arguments) {
  if (int code = checkChoices(arguments, place))
    return code;
  if (arguments.has("--verify"))
    return verify(arguments);
  Diagnostics diagnostics;
  runOnce(arguments, diagnostics);
  return printDiagnostics(diagnostics);
}

static constexpr Option options[] = {
    {"--input", "", Form::Pair, "NAME=FILE.npy",
     "what to feed an input; random numbers where there is none; for a sequence, once for each tensor", true},
    {"--save-outputs", "", Form::Text, "DIR", "write each output to DIR/NAME.npy"},
    dimSizeOption,
    shapeOption,
    seedOption,
    threadsOption,
    loopStepsOption,
    targetOption,
    accuracyOption,
    precisionOption,
    choicesOption,
    noChoicesOption,
    functionOption,
    isaOption,
    deviceOption,
    uncheckedOption,
    flushOption,
    {"--verify", "", Form::Flag, "", "compare with onnxruntime instead, on three random inputs or those of --input"},
    allowLinksOption,
    overridableOption,
    limitOption,
    rankOption,
    customOpOption,
    noCacheOption,
    progressOption,
};

const Command &cli::runCommand() {
  static const Command command = {
      "run",
      "run a model or an artifact and show its outputs",
      "FILE",
      1,
      1,
      "Calls a model once and prints shape, dtype, range and first values of "
      "each output.\n"
      "FILE is a model, which is compiled first, or a .so or .lathebin that "
      "'lathe compile' wrote.\n"
      "Random floats are from the standard normal distribution, integers from "
      "0 to 99, or to the last\nrow of the table that they are ids of; integers whose names contain \"mask\" or "
      "\"type\" are\n0 or 1. A free first dim is 1.",
      "  lathe run resnet50.onnx\n"
      "  lathe run resnet50.so --input image=cat.npy --save-outputs out\n"
      "  lathe run bert.onnx --dim batch=2 --dim seq=77 --verify",
      options,
      run};
  return command;
}
