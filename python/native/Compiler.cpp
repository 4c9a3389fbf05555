// python/native/Compiler.cpp: programs and artifacts of the compiler, without
// the GIL while they work.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Bindings.h"
#include "Errors.h"
#include "Module.h"

#include "lathe-c/compiler.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <dlfcn.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace nb = nanobind;

namespace lathe::python {

/// Runs `work` without the GIL and with `mutex`, in this order: whoever waits
/// for the mutex must not keep the GIL from the one who has it.
template <typename Work> static auto runAlone(std::mutex &mutex, Work work) {
  nb::gil_scoped_release unlocked;
  std::lock_guard<std::mutex> lock(mutex);
  return work();
}

/// The compiler lets one object be used by one thread at a time; these make the
/// others wait.
class Artifact {
public:
  explicit Artifact(lathe_artifact *raw) : raw(raw) {}
  Artifact(const Artifact &) = delete;
  Artifact &operator=(const Artifact &) = delete;
  ~Artifact() { lathe_artifact_free(raw); }

  static Artifact *load(nb::handle path, bool uncheckedWeights) {
    std::string file = toPath(path);
    lathe_artifact_options options = {uncheckedWeights};
    Diagnostics diagnostics;
    lathe_artifact *raw;
    {
      nb::gil_scoped_release unlocked;
      raw = lathe_artifact_load(file.c_str(), &options, diagnostics.out());
    }
    if (!raw)
      diagnostics.raise();
    return new Artifact(raw);
  }

  void save(nb::handle path) { write(path, lathe_artifact_save); }
  void saveHeader(nb::handle path) { write(path, lathe_artifact_save_header); }

  std::optional<nb::str> ir() {
    char *text = runAlone(mutex, [&] { return lathe_artifact_ir(raw); });
    if (!text)
      return std::nullopt;
    std::unique_ptr<char, decltype(&lathe_string_free)> owner(text, lathe_string_free);
    return toText(text);
  }

  Module *module(const std::optional<std::string> &isa, uint32_t device) {
    return Module::fromDescription(&description(), isa, device);
  }

  nb::dict describe() {
    const lathe_module_desc &desc = description();
    return Module::describe(desc, *desc.variants[0]);
  }

private:
  const lathe_module_desc &description() {
    Diagnostics diagnostics;
    const lathe_module_desc *desc = runAlone(mutex, [&] { return lathe_artifact_module(raw, diagnostics.out()); });
    if (!desc)
      diagnostics.raise();
    return *desc;
  }

  using WriteFunction = int (*)(lathe_artifact *, const char *, lathe_diagnostics **);

  void write(nb::handle path, WriteFunction function) {
    std::string file = toPath(path);
    Diagnostics diagnostics;
    int status = runAlone(mutex, [&] { return function(raw, file.c_str(), diagnostics.out()); });
    if (status != 0)
      diagnostics.raise();
    diagnostics.emitWarnings();
  }

  lathe_artifact *raw;
  std::mutex mutex;
};

struct CompileArguments {
  std::string target, name, accuracy, precision;
  std::vector<std::string> dims, donations;
  std::optional<std::string> startAt, stopAfter, dumpPhases, kernelCache, choices;
  std::string choicesFile;
  bool choicesAreOptional;
  unsigned alternative, threads;
  nb::object progress;
};

/// Called from inside the compiler, so nothing may be thrown through it.
static void reportProgress(const char *phase, void *context) {
  nb::gil_scoped_acquire locked;
  try {
    (*static_cast<nb::object *>(context))(phase);
  } catch (nb::python_error &error) {
    error.discard_as_unraisable("the progress callback of lathe.compile");
  }
}

/// The options of loading, with the arrays that they refer to.
struct Options {
  Options(bool allowLinks, const std::vector<std::string> &inputNames, const std::vector<std::string> &limitTexts,
          const std::vector<std::string> &ops, const std::vector<std::string> &rankTexts)
      : inputs(pointersTo(inputNames)), limits(pointersTo(limitTexts)), customOps(pointersTo(ops)),
        ranks(pointersTo(rankTexts)) {
    raw.allow_links = allowLinks;
    raw.inputs = inputs.data();
    raw.input_count = inputs.size();
    raw.limits = limits.data();
    raw.limit_count = limits.size();
    raw.custom_ops = customOps.data();
    raw.custom_op_count = customOps.size();
    raw.ranks = ranks.data();
    raw.rank_count = ranks.size();
  }
  static std::vector<const char *> pointersTo(const std::vector<std::string> &texts) {
    std::vector<const char *> pointers;
    pointers.reserve(texts.size());
    for (const std::string &text : texts)
      pointers.push_back(text.c_str());
    return pointers;
  }
  std::vector<const char *> inputs, limits, customOps, ranks;
  lathe_program_options raw = {};
};

/// What a function is to be called, its path or what messages call its bytes, and those.
using FunctionSource = std::tuple<std::optional<std::string>, std::string, std::optional<nb::bytes>>;

class Program {
public:
  explicit Program(lathe_program *raw) : raw(raw) {}
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;
  ~Program() { lathe_program_free(raw); }

  static Program *load(nb::handle path, bool allowLinks, const std::vector<std::string> &inputs,
                       const std::vector<std::string> &limits, const std::vector<std::string> &customOps,
                       const std::vector<std::string> &ranks) {
    std::string file = toPath(path);
    Options options(allowLinks, inputs, limits, customOps, ranks);
    return make([&](lathe_diagnostics **out) { return lathe_program_load(file.c_str(), &options.raw, out); });
  }

  static Program *loadAll(const std::vector<FunctionSource> &sources, bool allowLinks,
                          const std::vector<std::string> &inputs, const std::vector<std::string> &limits,
                          const std::vector<std::string> &customOps, const std::vector<std::string> &ranks) {
    std::vector<lathe_function_source> all;
    for (const auto &[name, path, bytes] : sources)
      all.push_back(
          {path.c_str(), name ? name->c_str() : nullptr, bytes ? bytes->data() : nullptr, bytes ? bytes->size() : 0});
    Options options(allowLinks, inputs, limits, customOps, ranks);
    return make(
        [&](lathe_diagnostics **out) { return lathe_program_load_all(all.data(), all.size(), &options.raw, out); });
  }

  static Program *parse(nb::bytes data, const std::string &name, const std::vector<std::string> &inputs,
                        const std::vector<std::string> &limits, const std::vector<std::string> &customOps,
                        const std::vector<std::string> &ranks) {
    Options options(false, inputs, limits, customOps, ranks);
    return make([&](lathe_diagnostics **out) {
      return lathe_program_parse(data.data(), data.size(), name.c_str(), &options.raw, out);
    });
  }

  Artifact *compile(CompileArguments &arguments) {
    auto orNull = [](const std::optional<std::string> &string) { return string ? string->c_str() : nullptr; };
    std::vector<const char *> dims = Options::pointersTo(arguments.dims),
                              donations = Options::pointersTo(arguments.donations);
    lathe_compile_options options = {};
    options.target = arguments.target.c_str();
    options.name = arguments.name.c_str();
    options.accuracy = arguments.accuracy.c_str();
    options.precision = arguments.precision.c_str();
    options.dims = dims.data();
    options.dim_count = dims.size();
    options.donations = donations.data();
    options.donation_count = donations.size();
    options.dump_phases = orNull(arguments.dumpPhases);
    options.start_at = orNull(arguments.startAt);
    options.stop_after = orNull(arguments.stopAfter);
    options.kernel_cache = orNull(arguments.kernelCache);
    options.choices = orNull(arguments.choices);
    options.choices_file = arguments.choicesFile.c_str();
    options.choices_are_optional = arguments.choicesAreOptional;
    options.alternative = arguments.alternative;
    options.threads = arguments.threads;
    if (!arguments.progress.is_none()) {
      options.progress = reportProgress;
      options.progress_context = &arguments.progress;
    }
    Diagnostics diagnostics;
    lathe_artifact *artifact = runAlone(mutex, [&] { return lathe_compile(raw, &options, diagnostics.out()); });
    if (!artifact)
      diagnostics.raise();
    auto result = std::make_unique<Artifact>(artifact);
    diagnostics.emitWarnings();
    return result.release();
  }

  std::vector<int64_t> indexBounds() {
    return runAlone(mutex, [&] {
      std::vector<int64_t> bounds(lathe_program_index_bounds(raw, nullptr, 0));
      lathe_program_index_bounds(raw, bounds.data(), bounds.size());
      return bounds;
    });
  }

private:
  template <typename Read> static Program *make(Read read) {
    Diagnostics diagnostics;
    lathe_program *raw;
    {
      nb::gil_scoped_release unlocked;
      raw = read(diagnostics.out());
    }
    if (!raw)
      diagnostics.raise();
    auto result = std::make_unique<Program>(raw);
    diagnostics.emitWarnings();
    return result.release();
  }

  lathe_program *raw;
  std::mutex mutex;
};

/// The file that the compiler was loaded from, "" if the loader cannot say.
static std::string libraryPath() {
  Dl_info info = {};
  void *symbol = reinterpret_cast<void *>(&lathe_compiler_version);
  return dladdr(symbol, &info) && info.dli_fname ? info.dli_fname : "";
}

/// What messages call a target.
static nb::str targetTitle(const std::string &target) {
  std::unique_ptr<char, decltype(&lathe_string_free)> title(lathe_target_title(target.c_str()), lathe_string_free);
  return toText(title.get());
}

static void checkCustomOps(const std::vector<std::string> &sources) {
  std::vector<const char *> pointers = Options::pointersTo(sources);
  Diagnostics diagnostics;
  if (lathe_check_custom_ops(pointers.data(), pointers.size(), diagnostics.out()) != 0)
    diagnostics.raise();
}

/// Who learns of the code that is linked from now on.
static void announceCode(bool perf, bool debugger) {
  unsigned listeners = (perf ? LATHE_LISTEN_PERF : 0) | (debugger ? LATHE_LISTEN_DEBUGGER : 0);
  Diagnostics diagnostics;
  if (lathe_announce_code(listeners, diagnostics.out()) != 0)
    diagnostics.raise();
}

void bindCompiler(nb::module_ &m) {
  using namespace nb::literals;
  m.def("version", &lathe_compiler_version, "The version of the compiler.");
  m.def("target_title", &targetTitle, "target"_a, "What messages call a target.");
  m.def("announce_code", &announceCode, "perf"_a = true, "debugger"_a = false,
        "Lets `perf`, which reads /tmp/perf-PID.map, and debuggers (GDB and LLDB) learn the addresses and names of\n"
        "kernels that are linked into this process from now on: models that are compiled or loaded from .lathebin.\n"
        "Raises lathe.CompileError if the map cannot be written.");
  m.def("check_custom_ops", &checkCustomOps, "sources"_a,
        "Reads sources of operators. Raises lathe.CompileError if their declarations are wrong.");
  m.def("library_path", &libraryPath, "The file that the compiler was loaded from.");

  nb::class_<Artifact>(m, "Artifact", nb::is_weak_referenceable(), "A compiled program.")
      .def_static("load", &Artifact::load, "path"_a, "unchecked_weights"_a = false, "Reads a .lathebin file.")
      .def("save", &Artifact::save, "path"_a, "Writes .so, .a, .o or .lathebin, by the ending of `path`.")
      .def("save_header", &Artifact::saveHeader, "path"_a, "Writes a C header for the model.")
      .def("describe", &Artifact::describe, "What the artifact holds, of its first variant; of any machine's.")
      .def("ir", &Artifact::ir, "The IR at which the compilation stopped.")
      .def("module", &Artifact::module, nb::keep_alive<0, 1>(), "isa"_a = nb::none(), "device"_a = 0,
           "Links the artifact into this process; `isa` names the variant to use, None the best, `device` the GPU.");

  nb::class_<Program>(m, "Program", "A model that was read.")
      .def_static("load", &Program::load, "path"_a, "allow_links"_a = false, "inputs"_a = std::vector<std::string>(),
                  "limits"_a = std::vector<std::string>(), "custom_ops"_a = std::vector<std::string>(),
                  "ranks"_a = std::vector<std::string>(),
                  "Reads a file; `limits` are as NAME=NUMBER, `ranks` as INPUT=RANK.")
      .def_static("load_all", &Program::loadAll, "sources"_a, "allow_links"_a = false,
                  "inputs"_a = std::vector<std::string>(), "limits"_a = std::vector<std::string>(),
                  "custom_ops"_a = std::vector<std::string>(), "ranks"_a = std::vector<std::string>(),
                  "Reads models, each (name or None, path, bytes or None), as the functions of one program.")
      .def_static("parse", &Program::parse, "data"_a, "name"_a, "inputs"_a = std::vector<std::string>(),
                  "limits"_a = std::vector<std::string>(), "custom_ops"_a = std::vector<std::string>(),
                  "ranks"_a = std::vector<std::string>(), "Reads bytes; `name` stands in messages.")
      .def("index_bounds", &Program::indexBounds,
           "For each input, the rows of the smallest table that it is looked up in; 0 if there is none.")
      .def(
          "compile",
          [](Program &program, std::string target, std::vector<std::string> dims, std::optional<std::string> startAt,
             std::optional<std::string> stopAfter, std::optional<std::string> dumpPhases, unsigned threads,
             nb::object progress, std::string name, std::string accuracy, std::string precision,
             std::optional<std::string> kernelCache, std::vector<std::string> donations,
             std::optional<std::string> choices, std::string choicesFile, bool choicesAreOptional,
             unsigned alternative) {
            CompileArguments arguments{std::move(target),      std::move(name),      std::move(accuracy),
                                       std::move(precision),   std::move(dims),      std::move(donations),
                                       std::move(startAt),     std::move(stopAfter), std::move(dumpPhases),
                                       std::move(kernelCache), std::move(choices),   std::move(choicesFile),
                                       choicesAreOptional,     alternative,          threads,
                                       std::move(progress)};
            return program.compile(arguments);
          },
          "target"_a, "dims"_a = nb::list(), nb::kw_only(), "start_at"_a = nb::none(), "stop_after"_a = nb::none(),
          "dump_phases"_a = nb::none(), "threads"_a = 0, "progress"_a = nb::none(), "name"_a = "",
          "accuracy"_a = "standard", "precision"_a = "f32", "kernel_cache"_a = nb::none(), "donations"_a = nb::list(),
          "choices"_a = nb::none(), "choices_file"_a = "", "choices_are_optional"_a = false, "alternative"_a = 0,
          "Compiles the program. `choices` is the text of a table of choices, which messages call `choices_file`; of\n"
          "each kernel, `alternative` takes the one of this number where there is one.");
}

} // namespace lathe::python
