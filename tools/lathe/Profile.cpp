// tools/lathe/Profile.cpp: `lathe profile`: where the time of a call goes, kernel by kernel.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Choices.h"
#include "Command.h"
#include "Console.h"
#include "Inputs.h"
#include "LoadedModel.h"
#include "Options.h"

#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

/// Letters of the names of nodes that a table has room for.
static constexpr size_t widthOfNodes = 60;

namespace {
/// One phase of a kernel that ran.
struct Event {
  lathe_task_fn body;
  int64_t tasks, begin, end; ///< Nanoseconds.
};

/// What `lathe_call_options.observe` fills.
struct Recording {
  std::vector<Event> events;

  static void observe(void *context, lathe_task_fn body, int64_t tasks, int64_t begin, int64_t end) {
    static_cast<Recording *>(context)->events.push_back({body, tasks, begin, end});
  }
};

/// The figures of one kernel over all rounds.
struct Figures {
  const lathe_kernel_desc *kernel;
  int64_t nanoseconds = 0;
  uint64_t phases = 0;
  int64_t mostTasks = 0;
};

/// Calls of one model.
class Profile {
public:
  explicit Profile(const LoadedModel &model) : variant(model.variant()) {
    for (uint32_t i = 0; i < variant.kernel_count; ++i) {
      figures.push_back({variant.kernels[i]});
      for (uint32_t phase = 0; phase < variant.kernels[i]->phase_count; ++phase)
        places[reinterpret_cast<uintptr_t>(variant.kernels[i]->phases[phase]->body)] = i;
    }
  }

  bool run(const LoadedModel &model, const ValueViews &inputs, lathe_call_options options, int64_t rounds);
  std::string table() const;
  llvm::json::Value trace() const;
  llvm::json::Value figuresAsJson() const;

private:
  const Figures *find(lathe_task_fn body) const {
    auto found = places.find(reinterpret_cast<uintptr_t>(body));
    return found == places.end() ? nullptr : &figures[found->second];
  }
  double perRound(double nanoseconds) const { return nanoseconds / 1e6 / double(rounds); }

  const lathe_variant_desc &variant;
  std::vector<Figures> figures;
  llvm::DenseMap<uintptr_t, size_t> places;
  Recording last; ///< Of the last round.
  int64_t rounds = 0, threads = 1, whole = 0, inKernels = 0;
};
} // namespace

bool Profile::run(const LoadedModel &model, const ValueViews &inputs, lathe_call_options options, int64_t count) {
  const lathe_function_desc &function = model.function();
  std::vector<lathe_value> outputs(function.output_count);
  auto clear = [&] {
    for (lathe_value &output : outputs)
      lathe_value_free(&output);
  };
  llvm::scope_exit freeOutputs(clear);
  options.observe = Recording::observe;
  options.observe_context = &last;
  rounds = count;
  threads = options.threads;
  for (int64_t round = -1; round < rounds; ++round) { // The first is to warm up.
    clear();
    last.events.clear();
    double begin = now();
    if (lathe_module_call_values(model.module(), function.name, inputs.data(), inputs.size(), outputs.data(),
                                 outputs.size(), &options) != LATHE_OK)
      return false;
    if (round < 0)
      continue;
    whole += int64_t((now() - begin) * 1e9);
    for (const Event &event : last.events) {
      inKernels += event.end - event.begin;
      if (auto *own = const_cast<Figures *>(find(event.body))) {
        own->nanoseconds += event.end - event.begin;
        own->phases += 1;
        own->mostTasks = std::max(own->mostTasks, event.tasks);
      }
    }
  }
  llvm::stable_sort(figures, [](const Figures &a, const Figures &b) { return a.nanoseconds > b.nanoseconds; });
  places.clear();
  for (auto [i, own] : llvm::enumerate(figures))
    for (uint32_t phase = 0; phase < own.kernel->phase_count; ++phase)
      places[reinterpret_cast<uintptr_t>(own.kernel->phases[phase]->body)] = i;
  return true;
}

static std::string number(const char *format, double value) {
  std::string result;
  llvm::raw_string_ostream(result) << llvm::format(format, value);
  return result;
}

/// The strategy without its parameters.
static StringRef strategyOf(const lathe_kernel_desc &kernel) { return StringRef(kernel.strategy).split(' ').first; }

std::string Profile::table() const {
  std::vector<std::vector<std::string>> rows = {{"kernel", "strategy", "ms", "share", "launches", "tasks", "nodes"}};
  auto share = [&](double nanoseconds) { return number("%.1f %%", 100 * nanoseconds / double(whole)); };
  for (const Figures &own : figures) {
    if (!own.phases)
      continue;
    StringRef nodes = own.kernel->nodes;
    std::string shown = nodes.size() <= widthOfNodes ? nodes.str() : nodes.take_front(widthOfNodes - 3).str() + "...";
    rows.push_back({own.kernel->name, strategyOf(*own.kernel).str(), number("%.3f", perRound(double(own.nanoseconds))),
                    share(double(own.nanoseconds)), std::to_string(own.phases / uint64_t(rounds)),
                    std::to_string(own.mostTasks), shown});
  }
  rows.push_back({"outside of kernels", "", number("%.3f", perRound(double(whole - inKernels))),
                  share(double(whole - inKernels)), "", "", ""});
  rows.push_back({"all", "", number("%.3f", perRound(double(whole))), "100.0 %", "", "", ""});
  return formatTable("llrrrrl", rows);
}

llvm::json::Value Profile::figuresAsJson() const {
  llvm::json::Array list;
  for (const Figures &own : figures)
    if (own.phases)
      list.push_back(llvm::json::Object{
          {"kernel", own.kernel->name},
          {"key", own.kernel->key},
          {"strategy", own.kernel->strategy},
          {"nodes", llvm::json::fixUTF8(own.kernel->nodes)},
          {"ms", perRound(double(own.nanoseconds))},
          {"share", double(own.nanoseconds) / double(whole)},
          {"launches", int64_t(own.phases / uint64_t(rounds))},
          {"tasks", own.mostTasks},
      });
  return llvm::json::Object{
      {"ms", perRound(double(whole))}, {"rounds", rounds}, {"threads", threads}, {"kernels", std::move(list)}};
}

/// The last round, as chrome://tracing and Perfetto read it.
llvm::json::Value Profile::trace() const {
  llvm::json::Array events;
  int64_t start = last.events.empty() ? 0 : last.events.front().begin;
  for (const Event &event : last.events) {
    const Figures *own = find(event.body);
    events.push_back(llvm::json::Object{
        {"name", own ? own->kernel->name : "?"},
        {"cat", own ? strategyOf(*own->kernel).str() : ""},
        {"ph", "X"},
        {"ts", double(event.begin - start) / 1e3},
        {"dur", double(event.end - event.begin) / 1e3},
        {"pid", 1},
        {"tid", 1},
        {"args",
         llvm::json::Object{{"tasks", event.tasks}, {"nodes", llvm::json::fixUTF8(own ? own->kernel->nodes : "")}}},
    });
  }
  return llvm::json::Object{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
}

static bool writeJson(StringRef path, const llvm::json::Value &value, Diagnostics &diagnostics) {
  std::string contents;
  llvm::raw_string_ostream(contents) << llvm::formatv("{0:2}\n", value);
  return writeFile(path, {contents}, diagnostics);
}

static void profile(const Arguments &arguments, Diagnostics &diagnostics) {
  for (StringRef option : {"--trace", "--json"})
    if (StringRef path = arguments.get(option); !path.empty() && !checkWritable(path, diagnostics))
      return;
  StringRef path = arguments.operands.front();
  auto model = LoadedModel::open(path, arguments, diagnostics);
  if (!model)
    return;
  auto inputs = makeInputs(model->function(), InputOptions::from(arguments, model->indexBounds), path, diagnostics);
  if (!inputs)
    return;
  lathe_call_options options = {};
  options.struct_size = sizeof options;
  options.threads = int(arguments.count("--threads", 1));
  options.max_bytes = model->callBytes;
  options.flags = arguments.has("--flush-denormals") ? LATHE_CALL_FLUSH_DENORMALS : 0;
  Profile result(*model);
  if (!result.run(*model, ValueViews(*inputs), options, arguments.count("--rounds", 10)))
    return addRuntimeError(diagnostics, path);
  llvm::outs() << result.table();
  if (StringRef trace = arguments.get("--trace"); !trace.empty())
    writeJson(trace, result.trace(), diagnostics);
  if (StringRef json = arguments.get("--json"); !json.empty())
    writeJson(json, result.figuresAsJson(), diagnostics);
}

static int run(const Arguments &arguments) {
  if (int code = checkChoices(arguments, "lathe profile"))
    return code;
  Diagnostics diagnostics;
  profile(arguments, diagnostics);
  return printDiagnostics(diagnostics);
}

static constexpr Option options[] = {
    {"--threads", "", Form::Count, "N", "threads of each call [1]", false, 1, LATHE_MAX_THREADS},
    {"--rounds", "", Form::Count, "N", "calls to average [10]", false, 1, 1000000},
    {"--trace", "", Form::Text, "FILE", "write the last call for chrome://tracing or Perfetto"},
    {"--json", "", Form::Text, "FILE", "write the figures to a file, too"},
    dimSizeOption,
    shapeOption,
    seedOption,
    targetOption,
    accuracyOption,
    precisionOption,
    choicesOption,
    noChoicesOption,
    functionOption,
    isaOption,
    uncheckedOption,
    flushOption,
    allowLinksOption,
    overridableOption,
    limitOption,
    rankOption,
    customOpOption,
    noCacheOption,
    progressOption,
};

const Command &cli::profileCommand() {
  static const Command command = {"profile",
                                  "show which kernels the time of a call goes to",
                                  "FILE",
                                  1,
                                  1,
                                  "Calls a model with random inputs and shows the time of each kernel, with the\n"
                                  "nodes of the model that it computes and how many tasks it has for threads.\n"
                                  "FILE is a model, a .so or a .lathebin.",
                                  "  lathe profile resnet50.onnx\n"
                                  "  lathe profile bert.onnx --dim batch=1 --dim seq=128 --threads 2 --trace bert.json",
                                  options,
                                  run};
  return command;
}
