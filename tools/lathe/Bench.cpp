// tools/lathe/Bench.cpp: `lathe bench`: how long calls take.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Choices.h"
#include "Command.h"
#include "Console.h"
#include "Inputs.h"
#include "LoadedModel.h"
#include "Options.h"
#include "Python.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static constexpr StringRef place = "lathe bench";

/// Timed before the first round: caches and clocks settle.
static constexpr double warmSeconds = 0.5;
/// Of one round. Between rounds, the machine's other work gets its turn.
static constexpr double roundSeconds = 0.2;

/// What --against may name; the last one has no models, only operators of --ops.
static constexpr StringRef opEngines[] = {"onnxruntime", "openvino", "torch"};

namespace {
/// Figures of one model.
struct Row {
  std::string model, inputs;
  size_t iterations;
  double median, least,
      spread; ///< Seconds; the spread is a part of the median.
  double loadSeconds;
  bool fromCache; ///< So that the seconds are not those of a compilation.
};
} // namespace

static double quantile(llvm::ArrayRef<double> sorted, double part) {
  double at = part * double(sorted.size() - 1);
  size_t below = size_t(at);
  size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], at - double(below));
}

/// Calls again and again. The outputs' memory is made by the first call and
/// used by all.
static bool timeCalls(const LoadedModel &model, const ValueViews &inputs, const Arguments &arguments,
                      std::vector<double> &times, const char *&obstacle) {
  const lathe_function_desc &function = model.function();
  std::vector<lathe_value> outputs(function.output_count);
  lathe_call_options options = {};
  options.struct_size = sizeof options;
  options.threads = int(arguments.count("--threads", 1));
  options.max_bytes = model.callBytes;
  options.flags = (arguments.has("--flush-denormals") ? LATHE_CALL_FLUSH_DENORMALS : 0) |
                  (arguments.has("--replay") ? LATHE_CALL_REPLAY : 0);
  options.replay_obstacle = &obstacle;
  int64_t rounds = arguments.count("--rounds", 10);
  auto call = [&] {
    for (uint32_t i = 0; i < function.output_count; ++i)
      if (function.outputs[i]->kind != LATHE_KIND_TENSOR)
        lathe_value_free(&outputs[i]);
    return lathe_module_call_values(model.module(), function.name, inputs.data(), inputs.size(), outputs.data(),
                                    outputs.size(), &options) == LATHE_OK;
  };
  llvm::scope_exit freeOutputs([&] {
    for (lathe_value &output : outputs)
      lathe_value_free(&output);
  });
  if (!call())
    return false;
  double begin = now();
  for (int i = 0; i < 3 || now() - begin < warmSeconds; ++i)
    if (!call())
      return false;
  for (int64_t round = 0; round < rounds; ++round) {
    double end = now() + roundSeconds;
    do {
      double start = now();
      if (!call())
        return false;
      times.push_back(now() - start);
    } while (now() < end);
  }
  return true;
}

static std::optional<Row> measure(StringRef path, const Arguments &arguments, Diagnostics &diagnostics) {
  auto model = LoadedModel::open(path, arguments, diagnostics);
  if (!model)
    return std::nullopt;
  auto inputs = makeInputs(model->function(), InputOptions::from(arguments, model->indexBounds), path, diagnostics);
  if (!inputs)
    return std::nullopt;
  Progress progress(path, arguments.has("--progress"));
  progress.step("time calls");
  std::vector<double> times;
  const char *obstacle = nullptr;
  if (!timeCalls(*model, ValueViews(*inputs), arguments, times, obstacle)) {
    addRuntimeError(diagnostics, path);
    return std::nullopt;
  }
  if (arguments.has("--replay") && obstacle)
    diagnostics.warning("call-no-replay", path, std::string("--replay: kernels began one by one: ") + obstacle);
  llvm::sort(times);
  double median = quantile(times, 0.5);
  std::string shapes;
  for (const Value &value : *inputs)
    shapes += (shapes.empty() ? "" : ", ") + formatShape(value);
  return Row{llvm::sys::path::filename(path).str(),
             shapes,
             times.size(),
             median,
             times.front(),
             (quantile(times, 0.75) - quantile(times, 0.25)) / median,
             model->loadSeconds,
             model->fromCache};
}

static std::string text(const char *format, double value) {
  std::string result;
  llvm::raw_string_ostream(result) << llvm::format(format, value);
  return result;
}

static bool writeJson(StringRef path, const Arguments &arguments, const std::vector<Row> &rows,
                      Diagnostics &diagnostics) {
  llvm::json::Array list;
  for (const Row &row : rows)
    list.push_back(llvm::json::Object{
        {"model", llvm::json::fixUTF8(row.model)},
        {"engine", "lathe"},
        {"version", compilerVersion()},
        {"threads", arguments.count("--threads", 1)},
        {"inputs", row.inputs},
        {"iterations", int64_t(row.iterations)},
        {"median_ms", row.median * 1e3},
        {"min_ms", row.least * 1e3},
        {"spread", row.spread},
        {"load_s", row.loadSeconds},
        {"cached", row.fromCache},
    });
  std::string contents;
  llvm::raw_string_ostream os(contents);
  os << llvm::formatv("{0:2}\n", llvm::json::Value(llvm::json::Object{
                                     {"rounds", arguments.count("--rounds", 10)},
                                     {"rows", std::move(list)},
                                 }));
  return writeFile(path, {contents}, diagnostics);
}

static int benchAlone(const Arguments &arguments) {
  Diagnostics first;
  StringRef json = arguments.get("--json");
  if (!json.empty() && !checkWritable(json, first))
    return printDiagnostics(first);
  std::vector<Row> rows;
  std::vector<std::vector<std::string>> table = {
      {"model", "median ms", "min ms", "spread", "calls", "load s", "inputs"}};
  int code = Ok;
  for (const std::string &path : arguments.operands) {
    // A model that fails does not keep the others from being timed.
    Diagnostics diagnostics;
    if (std::optional<Row> row = measure(path, arguments, diagnostics)) {
      table.push_back({row->model, text("%.3f", row->median * 1e3), text("%.3f", row->least * 1e3),
                       text("%.1f%%", row->spread * 100), std::to_string(row->iterations),
                       text("%.2f", row->loadSeconds), row->inputs});
      rows.push_back(std::move(*row));
    }
    code = std::max(code, printDiagnostics(diagnostics));
  }
  if (!rows.empty())
    llvm::outs() << formatTable("lrrrrrl", table);
  Diagnostics last;
  if (!json.empty())
    writeJson(json, arguments, rows, last);
  return std::max(code, printDiagnostics(last));
}

/// The engines of --against, each a Python package; nothing if a name is none of
/// `known`, which is printed.
static std::optional<std::vector<std::string>> readEngines(const Arguments &arguments,
                                                           llvm::ArrayRef<StringRef> known) {
  std::vector<std::string> engines;
  if (!arguments.has("--against"))
    return engines;
  llvm::SmallVector<StringRef> names;
  arguments.get("--against").split(names, ',');
  for (StringRef name : names) {
    if (llvm::is_contained(engines, name)) {
      usageError("cli-engine-twice", place, "--against: " + quoted(name) + " is given twice; leave one out");
      return std::nullopt;
    }
    if (!llvm::is_contained(known, name)) {
      std::string all = llvm::join(known.drop_back(), ", ") + " and " + known.back().str();
      std::string hint = didYouMean(name, known);
      usageError("cli-unknown-engine", place,
                 llvm::is_contained(opEngines, name)
                     ? "--against: " + name.str() + " reads no models, only operators of --ops; there are " + all
                     : "--against: no engine is called " + quoted(name) + (hint.empty() ? "; there are " + all : hint));
      return std::nullopt;
    }
    engines.push_back(name.str());
  }
  return engines;
}

static std::vector<std::string> handOn(const Arguments &arguments, llvm::ArrayRef<StringRef> options) {
  std::vector<std::string> words;
  for (StringRef option : options)
    for (const std::string &value : arguments.all(option))
      words.push_back((option + "=" + value).str());
  return words;
}

static int benchAgainst(const Arguments &arguments) {
  std::optional<std::vector<std::string>> packages = readEngines(arguments, llvm::ArrayRef(opEngines).drop_back());
  if (!packages)
    return WrongUsage;
  for (StringRef option : {"--overridable", "--device", "--replay", "--unchecked-weights"})
    if (arguments.has(option))
      return usageError("cli-against-option", place,
                        "--against gives every engine the same model and inputs, on the CPU; leave out " + option);
  if (std::vector<std::string> ranges = arguments.ranges("--dim"); !ranges.empty())
    return usageError("cli-dim-range", place,
                      "--against gives every engine inputs of one size; give --dim NAME=SIZE in place of " +
                          ranges.front());
  Diagnostics diagnostics;
  for (StringRef option : {"--json", "--html"})
    if (arguments.has(option))
      checkWritable(arguments.get(option), diagnostics);
  for (const std::string &path : arguments.operands)
    requireOnnxFile(path, "--against", diagnostics);
  if (diagnostics.hasErrors())
    return printDiagnostics(diagnostics);
  std::vector<std::string> words =
      handOn(arguments, {"--against", "--suite", "--threads", "--rounds", "--target", "--accuracy", "--precision",
                         "--isa", "--json", "--html", "--dim", "--shape", "--limit", "--choices"});
  for (StringRef flag : {"--allow-links", "--no-cache", "--no-choices"})
    if (arguments.has(flag))
      words.push_back(flag.str());
  if (arguments.has("--flush-denormals"))
    words.push_back("--denormals=flush");
  words.push_back("--");
  llvm::append_range(words, arguments.operands);
  return runPython(place, "lathe.bench", words, *packages);
}

static int benchOps(const Arguments &arguments) {
  static const StringRef taken[] = {"--against",  "--threads",   "--rounds", "--target", "--isa",
                                    "--accuracy", "--precision", "--json",   "--html"};
  if (!arguments.operands.empty())
    return usageError("cli-ops-model", place,
                      "--ops times operators of its own and no model; leave out " + quoted(arguments.operands.front()) +
                          ", or --ops");
  for (const Option &option : benchCommand().options)
    if (arguments.has(option.name) && option.name != "--ops" && !llvm::is_contained(taken, option.name))
      return usageError("cli-ops-option", place,
                        "--ops times operators of its own, compiled anew for the CPU; leave out " + option.name);
  std::optional<std::vector<std::string>> packages = readEngines(arguments, opEngines);
  if (!packages)
    return WrongUsage;
  Diagnostics diagnostics;
  for (StringRef option : {"--json", "--html"})
    if (arguments.has(option))
      checkWritable(arguments.get(option), diagnostics);
  if (diagnostics.hasErrors())
    return printDiagnostics(diagnostics);
  std::vector<std::string> words = handOn(arguments, taken);
  words.push_back("--");
  words.push_back(arguments.get("--ops").str());
  return runPython(place, "lathe.ops_bench", words, *packages);
}

static int run(const Arguments &arguments) {
  if (int code = checkChoices(arguments, place))
    return code;
  if (arguments.has("--ops"))
    return benchOps(arguments);
  if (arguments.operands.empty() && !arguments.has("--suite"))
    return usageError("cli-no-operand", place, "name a file: lathe bench FILE..., or a folder: --suite DIR");
  if (!arguments.has("--against")) {
    for (StringRef option : {"--suite", "--html"})
      if (arguments.has(option))
        return usageError("cli-bench-alone", place, option + " needs --against, as in --against onnxruntime");
    if (arguments.get("--threads").contains(','))
      return usageError("cli-bench-alone", place,
                        "several numbers of threads need --against, as in --against onnxruntime");
  }
  return arguments.has("--against") ? benchAgainst(arguments) : benchAlone(arguments);
}

static constexpr Option options[] = {
    {"--threads", "", Form::Counts, "N,...", "threads of each call; with --against or --ops also several [1]", false, 1,
     LATHE_MAX_THREADS},
    roundsOption,
    dimSizeOption,
    shapeOption,
    {"--against", "", Form::Text, "ENGINES",
     "compare with onnxruntime, openvino or both, as in onnxruntime,openvino; with --ops also torch"},
    {"--ops", "", Form::Text, "GROUPS",
     "time single operators in place of a model: all, or as in gemm,softmax or conv:64x56x56-64k3; list shows them"},
    {"--suite", "", Form::Text, "DIR", "all .onnx files in a folder, too; with --against"},
    {"--json", "", Form::Text, "FILE", "write the figures to a file, too"},
    {"--html", "", Form::Text, "FILE", "write a page with charts; with --against or --ops"},
    targetOption,
    accuracyOption,
    precisionOption,
    choicesOption,
    noChoicesOption,
    allowLinksOption,
    overridableOption,
    limitOption,
    rankOption,
    customOpOption,
    noCacheOption,
    functionOption,
    isaOption,
    deviceOption,
    uncheckedOption,
    flushOption,
    {"--replay", "", Form::Flag, "",
     "begin the kernels of a call on a GPU all at once, as the call before did; what keeps a model from it is said"},
    progressOption,
};

const Command &cli::benchCommand() {
  static const Command command = {"bench",
                                  "time a model, also beside other engines",
                                  "FILE...",
                                  0,
                                  ~0u,
                                  "Times calls with random inputs: median, minimum, and spread (the middle "
                                  "half of the\ntimes, as a part of the median). FILE is a model, a .so or "
                                  "a .lathebin.\n"
                                  "With --against, each engine has a process of its own and they take "
                                  "turns, round after\nround; this needs models, and the Python package.\n"
                                  "With --ops, operators of networks' sizes are timed in this way, also beside "
                                  "what this\nmachine can do: the share of the roof is of the speed of products in "
                                  "caches, or of copies.",
                                  "  lathe bench resnet50.onnx mobilenet_v2.so --threads 2\n"
                                  "  lathe bench bert.onnx --dim batch=1 --dim seq=128 --json bert.json\n"
                                  "  lathe bench resnet50.onnx --against onnxruntime,openvino\n"
                                  "  lathe bench --ops gemm,attention --against onnxruntime,torch --html ops.html",
                                  options,
                                  run};
  return command;
}
