// tools/lathe/Inspect.cpp: `lathe inspect`: what a compiled model is made of.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"
#include "Inputs.h"
#include "LoadedModel.h"
#include "Options.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static std::string signature(const lathe_function_desc &function) {
  auto list = [&](const lathe_value_desc *values, uint32_t count) {
    std::string text = "(";
    for (uint32_t i = 0; i < count; ++i)
      text += (i ? ", " : "") + std::string(values[i].name) + ": " + formatValue(function, values[i]);
    return text + ")";
  };
  return std::string(function.name) + list(function.inputs, function.input_count) + " -> " +
         list(function.outputs, function.output_count);
}

/// The words of a check with the values that it was not content with.
static std::string checkMessage(const lathe_function_desc &function, int64_t code, const lathe_call &call) {
  if (code < 1 || code > int64_t(function.check_count))
    return "the sizes cannot be planned";
  std::string text = function.check_messages[code - 1];
  for (int64_t value : call.error_values) {
    size_t at = text.find("%lld");
    if (at != std::string::npos)
      text.replace(at, 4, std::to_string(value));
  }
  return text;
}

/// Prints the workspace and the outputs for the sizes that the user gave.
static bool printPlan(const LoadedModel &model, const Arguments &arguments, StringRef path, Diagnostics &diagnostics) {
  const lathe_function_desc &function = model.function();
  InputOptions options = InputOptions::from(arguments);
  if (!hasAllSizes(function, options) && options.dims.empty() && options.shapes.empty()) {
    llvm::outs() << "workspace  by the free dims; give them with --dim "
                    "NAME=SIZE\n";
    return true;
  }
  auto inputs = makeInputs(function, options, path, diagnostics);
  if (!inputs)
    return false;
  llvm::SmallVector<const void *> data;
  llvm::SmallVector<const int64_t *> dims;
  std::string shapes;
  for (const Tensor &tensor : *inputs) {
    data.push_back(tensor.view.data);
    dims.push_back(tensor.view.dims);
    shapes += (shapes.empty() ? "" : ", ") + formatShape(tensor.view);
  }
  std::vector<int64_t> outputDims(size_t(function.output_count) * LATHE_MAX_RANK);
  llvm::SmallVector<int64_t *> outputs;
  for (uint32_t i = 0; i < function.output_count; ++i)
    outputs.push_back(&outputDims[size_t(i) * LATHE_MAX_RANK]);
  lathe_call call = {};
  call.imports = lathe_default_imports();
  call.inputs = data.data();
  call.input_dims = dims.data();
  call.weights = model.description().weights;
  uint64_t bytes = 0;
  if (int64_t code = function.plan(&call, outputs.data(), &bytes)) {
    addForeignError(diagnostics, "inspect-plan", path,
                    "with inputs " + shapes + ": " + checkMessage(function, code, call));
    return false;
  }
  llvm::outs() << "workspace  " << formatBytes(bytes) << " for inputs " << (shapes.empty() ? "none" : shapes) << "\n";
  for (uint32_t i = 0; i < function.output_count; ++i) {
    lathe_tensor view = {};
    view.rank = function.outputs[i].rank;
    llvm::copy(llvm::ArrayRef(outputs[i], view.rank), view.dims);
    llvm::outs() << "output     " << quoted(function.outputs[i].name) << " " << formatShape(view) << "\n";
  }
  return true;
}

/// `text`, cut to what a column of the table holds.
static std::string cut(StringRef text) {
  constexpr size_t longest = 60;
  return text.size() > longest ? text.take_front(longest - 3).str() + "..." : text.str();
}

/// "cpu.gemm.packed {rows = 14, ...}": the types of the numbers say nothing.
static std::string strategyText(StringRef strategy) {
  std::string text;
  for (StringRef part : llvm::split(strategy, " : i64"))
    text += part;
  return text;
}

static void printKernels(const LoadedModel &model) {
  const lathe_module_desc &module = model.description();
  llvm::raw_ostream &os = llvm::outs();
  std::vector<std::vector<std::string>> table = {{"  kernel", "calls", "nodes", "strategy"}};
  uint64_t calls = 0;
  for (uint32_t i = 0; i < module.kernel_count; ++i) {
    const lathe_kernel_desc &kernel = module.kernels[i];
    calls += kernel.calls;
    table.push_back({"  " + std::string(kernel.name), std::to_string(kernel.calls), cut(kernel.nodes),
                     strategyText(kernel.strategy)});
  }
  os << "kernels    " << module.kernel_count << " in " << calls << " calls\n";
  if (module.kernel_count)
    os << formatTable("lrll", table);
}

static void inspect(const Arguments &arguments, Diagnostics &diagnostics) {
  StringRef path = arguments.operands.front();
  auto model = LoadedModel::open(path, arguments, diagnostics);
  if (!model)
    return;
  const lathe_module_desc &module = model->description();
  llvm::raw_ostream &os = llvm::outs();
  os << "model      " << module.model << "\n"
     << "target     " << module.target << "\n"
     << "compiler   lathe " << module.compiler << ", ABI " << module.abi_version << "\n";
  for (uint32_t i = 0; i < module.function_count; ++i)
    os << "signature  " << signature(module.functions[i]) << "\n";
  uint64_t fileBytes = 0;
  if (model->artifact())
    os << "code       " << formatBytes(model->artifact()->codeBytes()) << "\n";
  if (model->kind != FileKind::Model && !llvm::sys::fs::file_size(path, fileBytes))
    os << "file       " << formatBytes(fileBytes) << "\n";
  os << "weights    " << formatBytes(module.weights_size) << "\n";
  for (size_t i = 0; i < module.metadata_count; ++i)
    os << "metadata   " << quoted(module.metadata[2 * i]) << " = "
       << quoted(StringRef(module.metadata[2 * i + 1]).take_front(80)) << "\n";
  if (printPlan(*model, arguments, path, diagnostics))
    printKernels(*model);
}

static int run(const Arguments &arguments) {
  Diagnostics diagnostics;
  inspect(arguments, diagnostics);
  return printDiagnostics(diagnostics);
}

static constexpr Option options[] = {dimSizeOption, shapeOption, targetOption, progressOption};

const Command &cli::inspectCommand() {
  static const Command command = {"inspect",
                                  "show signature, kernels and sizes of a model or an artifact",
                                  "FILE",
                                  1,
                                  1,
                                  "Prints signature, target, sizes of code, weights and workspace, and "
                                  "each kernel with its\nstrategy and the nodes that it computes. FILE is "
                                  "a model, which is compiled first, a .so\nor a .lathebin.",
                                  "  lathe inspect resnet50.onnx\n"
                                  "  lathe inspect bert.so --dim batch=4 --dim seq=128",
                                  options,
                                  run};
  return command;
}
