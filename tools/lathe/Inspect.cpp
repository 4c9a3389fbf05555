// tools/lathe/Inspect.cpp: `lathe inspect`: what a compiled model is made of.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Choices.h"
#include "Command.h"
#include "Console.h"
#include "Inputs.h"
#include "LoadedModel.h"
#include "Options.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Target/Title.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static std::string signature(const lathe_function_desc &function) {
  auto list = [&](const lathe_value_desc *const *values, uint32_t count) {
    std::string text = "(";
    for (uint32_t i = 0; i < count; ++i)
      text += (i ? ", " : "") + std::string(values[i]->name) + ": " + formatValue(function, *values[i]);
    return text + ")";
  };
  return std::string(function.name) + list(function.inputs, function.input_count) + " -> " +
         list(function.outputs, function.output_count);
}

/// "batch = 8..512%8, seq = %16": what the model was compiled for; "" if for any sizes.
static std::string knownDims(const lathe_function_desc &function) {
  std::string text;
  for (uint32_t s = 0; s < function.symbol_count; ++s)
    if (std::optional<SizeRange> range = rangeOf(function, s))
      text += (text.empty() ? "" : ", ") + std::string(function.symbol_names[s]) + " = " + range->str();
  return text;
}

/// A line for each output that may have the memory of an input.
static void printDonations(const lathe_function_desc &function) {
  for (uint32_t i = 0; i < function.output_count; ++i)
    if (function.outputs[i]->alias >= 0)
      llvm::outs() << "donation   " << function.inputs[function.outputs[i]->alias]->name << " to "
                   << function.outputs[i]->name << "\n";
}

/// The words of a check with the values that it was not content with.
static std::string checkMessage(const lathe_function_desc &function, int32_t code, const lathe_call &call) {
  if (code < 1 || uint32_t(code) > function.check_count)
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
static bool printPlan(const LoadedModel &model, const lathe_function_desc &function, const InputOptions &options,
                      const Arguments &arguments, StringRef path, Diagnostics &diagnostics) {
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
  ValueViews views(*inputs);
  for (uint32_t i = 0; i < function.input_count; ++i) {
    const lathe_value &view = views.data()[i];
    bool isTensor = function.inputs[i]->kind == LATHE_KIND_TENSOR;
    data.push_back(isTensor ? view.tensor.data : static_cast<const void *>(&view));
    dims.push_back(isTensor ? view.tensor.dims : nullptr);
    shapes += (shapes.empty() ? "" : ", ") + formatShape((*inputs)[i]);
  }
  std::vector<int64_t> outputDims(size_t(function.output_count) * LATHE_MAX_RANK);
  llvm::SmallVector<int64_t *> outputs;
  for (uint32_t i = 0; i < function.output_count; ++i)
    outputs.push_back(&outputDims[size_t(i) * LATHE_MAX_RANK]);
  int threads = int(arguments.count("--threads", lathe_get_threads()));
  lathe_call call = {};
  call.struct_size = sizeof call;
  call.workers = uint32_t(threads);
  call.imports = lathe_default_imports();
  call.inputs = data.data();
  call.input_dims = dims.data();
  call.output_dims = outputs.data();
  call.weights = model.description().weights;
  uint64_t bytes[LATHE_SPACE_COUNT] = {};
  if (int32_t code = function.plan(&call, bytes)) {
    addForeignError(diagnostics, "inspect-plan", path,
                    "with inputs " + shapes + ": " + checkMessage(function, code, call));
    return false;
  }
  std::string onDevice = bytes[LATHE_SPACE_CUDA] ? " and " + formatBytes(bytes[LATHE_SPACE_CUDA]) + " of a GPU" : "";
  llvm::outs() << "workspace  " << formatBytes(bytes[LATHE_SPACE_HOST]) << onDevice << " for inputs "
               << (shapes.empty() ? "none" : shapes) << " on " << threads
               << (threads == 1 ? " thread\n" : " threads\n");
  for (uint32_t i = 0; i < function.output_count; ++i) {
    const lathe_value_desc &output = *function.outputs[i];
    // What a call computes only `run` can tell.
    bool isPlanned = output.kind == LATHE_KIND_TENSOR && !(output.flags & LATHE_VALUE_SIZED_BY_RUN);
    lathe_tensor view = {};
    view.rank = isPlanned ? output.rank : 0;
    llvm::copy(llvm::ArrayRef(outputs[i], view.rank), view.dims);
    llvm::outs() << "output     " << quoted(output.name) << " "
                 << (isPlanned ? formatShape(view) : formatValue(function, output)) << "\n";
  }
  return true;
}

/// The plans of the function that the user wants, or of all, whose dims cannot be told apart by their names then.
static bool printPlans(const LoadedModel &model, const Arguments &arguments, StringRef path, Diagnostics &diagnostics) {
  const lathe_variant_desc &variant = model.variant();
  if (variant.function_count == 1 || arguments.has("--function"))
    return printPlan(model, model.function(), InputOptions::from(arguments), arguments, path, diagnostics);
  for (StringRef option : {"--dim", "--shape"})
    if (arguments.has(option) && arguments.ranges(option).size() < arguments.all(option).size()) {
      std::vector<StringRef> names;
      for (uint32_t i = 0; i < variant.function_count; ++i)
        names.push_back(variant.functions[i]->name);
      diagnostics.error("cli-function", path, "has several functions, but " + option + " is of the inputs of one")
          .note("choose one with --function: " + llvm::join(names, ", "));
      return false;
    }
  for (uint32_t i = 0; i < variant.function_count; ++i) {
    llvm::outs() << "function   " << variant.functions[i]->name << "\n";
    if (!printPlan(model, *variant.functions[i], {}, arguments, path, diagnostics))
      return false;
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
  const lathe_variant_desc &variant = model.variant();
  llvm::raw_ostream &os = llvm::outs();
  std::vector<std::vector<std::string>> table = {{"  kernel", "calls", "key", "nodes", "strategy"}};
  uint64_t calls = 0;
  for (uint32_t i = 0; i < variant.kernel_count; ++i) {
    const lathe_kernel_desc &kernel = *variant.kernels[i];
    calls += kernel.calls;
    table.push_back({"  " + std::string(kernel.name), std::to_string(kernel.calls), kernel.key, cut(kernel.nodes),
                     strategyText(kernel.strategy)});
  }
  os << "kernels    " << variant.kernel_count << " in " << calls << " calls\n";
  if (variant.kernel_count)
    os << formatTable("lrlll", table);
}

/// A line for each function of the images, of a variant for a device: a task is for a
/// thread or for a block of threads. Registers are what NVIDIA's assembler said, if it was there.
static void printDeviceKernels(const lathe_variant_desc &variant) {
  if (!LATHE_HAS(&variant, device_kernel_count) || variant.device_kernel_count == 0)
    return;
  std::vector<std::vector<std::string>> table = {
      {"  function", "a task is for", "threads", "shared", "registers", "spilled", "checks"}};
  for (uint32_t i = 0; i < variant.device_kernel_count; ++i) {
    const lathe_device_kernel_desc &kernel = *variant.device_kernels[i];
    bool isAssembled = LATHE_HAS(&kernel, spill_bytes) && kernel.registers > 0;
    bool isForBlocks = kernel.flags & LATHE_DEVICE_KERNEL_BLOCKS, checks = kernel.flags & LATHE_DEVICE_KERNEL_CHECKS;
    table.push_back({"  " + std::string(kernel.name), isForBlocks ? "a block" : "a thread",
                     std::to_string(kernel.block_threads), formatBytes(kernel.shared_bytes),
                     isAssembled ? std::to_string(kernel.registers) : "?",
                     isAssembled ? formatBytes(kernel.spill_bytes) : "?", checks ? "yes" : "no"});
  }
  llvm::outs() << "images     " << variant.image_count << " with " << variant.device_kernel_count << " functions\n"
               << formatTable("llrrrrl", table);
}

/// What --isa calls a variant, or what it is for where that is a long list.
static std::string variantName(const lathe_variant_desc &variant) {
  std::string title = titleOf(variant.target);
  return title == variant.target ? variant.name : StringRef(title).split(':').second.str();
}

/// One line a variant, the best first.
static void printVariants(const LoadedModel &model) {
  const lathe_module_desc &module = model.description();
  std::vector<std::vector<std::string>> table;
  for (uint32_t i = 0; i < module.variant_count; ++i) {
    const lathe_variant_desc &variant = *module.variants[i];
    uint64_t bytes = LATHE_HAS(&variant, code_bytes) ? variant.code_bytes : 0;
    table.push_back({i ? "         " : "variants ", variantName(variant), bytes ? formatBytes(bytes) : "?",
                     "in " + std::to_string(variant.kernel_count) + " kernels",
                     model.module() && &variant == &model.variant() ? "used here" : ""});
  }
  llvm::outs() << formatTable("llrll", table);
}

/// Why the code cannot be called from here: why this machine cannot run it, as the runtime says it, or that it is
/// to be linked.
static std::string foreignReason(const lathe_variant_desc &variant) {
  if (lathe_target_supported(variant.target) == LATHE_OK)
    return "this one, in a program that the file is linked into";
  return "another one: " + StringRef(lathe_last_error()).rsplit(" [").first.str();
}

static void inspect(const Arguments &arguments, Diagnostics &diagnostics) {
  StringRef path = arguments.operands.front();
  auto model = LoadedModel::open(path, arguments, diagnostics, /*onlyToShow=*/true);
  if (!model)
    return;
  const lathe_module_desc &module = model->description();
  const lathe_variant_desc &variant = model->variant();
  llvm::raw_ostream &os = llvm::outs();
  os << "model      " << module.model << "\n"
     << "target     " << titleOf(variant.target) << "\n";
  if (titleOf(variant.target) != variant.target)
    os << "features   " << StringRef(variant.target).split(':').second << "\n";
  os << "compiler   lathe " << module.compiler << ", ABI " << module.abi_version << "\n";
  for (uint32_t i = 0; i < variant.function_count; ++i) {
    os << "signature  " << signature(*variant.functions[i]) << "\n";
    if (std::string dims = knownDims(*variant.functions[i]); !dims.empty())
      os << "dims       " << dims << "\n";
    printDonations(*variant.functions[i]);
  }
  uint64_t fileBytes = 0;
  if (model->artifact())
    os << "code       " << formatBytes(model->artifact()->codeBytes()) << "\n";
  if (model->kind != FileKind::Model && !llvm::sys::fs::file_size(path, fileBytes))
    os << "file       " << formatBytes(fileBytes) << "\n";
  os << "weights    " << formatBytes(module.weights_size) << "\n";
  printVariants(*model);
  for (size_t i = 0; i < module.metadata_count; ++i)
    os << "metadata   " << quoted(module.metadata[2 * i]) << " = "
       << quoted(StringRef(module.metadata[2 * i + 1]).take_front(80)) << "\n";
  if (!model->module())
    os << "machine    " << foreignReason(variant) << "\n";
  if (!model->module() || !variant.function_count || printPlans(*model, arguments, path, diagnostics))
    printKernels(*model);
  printDeviceKernels(variant);
}

static int run(const Arguments &arguments) {
  if (int code = checkChoices(arguments, "lathe inspect"))
    return code;
  Diagnostics diagnostics;
  inspect(arguments, diagnostics);
  return printDiagnostics(diagnostics);
}

static constexpr Option options[] = {dimSizeOption,    shapeOption,       threadsOption,   targetOption, accuracyOption,
                                     precisionOption,  choicesOption,     noChoicesOption, isaOption,    functionOption,
                                     allowLinksOption, overridableOption, limitOption,     rankOption,   customOpOption,
                                     uncheckedOption,  noCacheOption,     progressOption,  deviceOption};

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
                                  "  lathe inspect bert.so --dim batch=4 --dim seq=128\n"
                                  "  lathe inspect bert.so --isa v3",
                                  options,
                                  run};
  return command;
}
