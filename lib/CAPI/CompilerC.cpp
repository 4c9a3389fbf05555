// lib/CAPI/CompilerC.cpp: the C++ API behind plain C functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe-c/compiler.h"
#include "lathe/Compiler/AnnounceCode.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Target/Title.h"
#include <algorithm>
#include <cstdlib>
#include <cstring>

struct lathe_diagnostics {
  lathe::Diagnostics list;
  std::vector<std::string> texts; ///< Made once, so that pointers stay valid.
};
struct lathe_program {
  std::unique_ptr<lathe::Program> program;
};
struct lathe_artifact {
  std::unique_ptr<lathe::Artifact> artifact;
};

namespace {

/// Collects diagnostics and hands them out when the call ends.
class Collector {
public:
  explicit Collector(lathe_diagnostics **out) : out(out), made(new lathe_diagnostics) {
    if (out)
      *out = nullptr;
  }
  ~Collector() {
    if (!out || made->list.empty()) {
      delete made;
      return;
    }
    for (const lathe::Diagnostic &diagnostic : made->list)
      made->texts.push_back(diagnostic.text());
    *out = made;
  }
  lathe::Diagnostics &operator*() { return made->list; }

private:
  lathe_diagnostics **out;
  lathe_diagnostics *made;
};

const lathe::Diagnostic &at(const lathe_diagnostics *diagnostics, size_t index) {
  auto entry = diagnostics->list.begin();
  std::advance(entry, index);
  return *entry;
}

} // namespace

extern "C" {

const char *lathe_compiler_version(void) { return lathe::compilerVersion(); }

static_assert(LATHE_LISTEN_PERF == lathe::ListenPerf && LATHE_LISTEN_DEBUGGER == lathe::ListenDebugger);

int lathe_announce_code(unsigned listeners, lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  return lathe::announceCode(listeners, *collector) ? 0 : 1;
}

char *lathe_target_title(const char *target) { return strdup(lathe::titleOf(llvm::StringRef(target)).c_str()); }

size_t lathe_diagnostics_count(const lathe_diagnostics *diagnostics) {
  return diagnostics ? diagnostics->list.size() : 0;
}

const char *lathe_diagnostics_severity(const lathe_diagnostics *diagnostics, size_t index) {
  return lathe::severityName(at(diagnostics, index).severity).data();
}

const char *lathe_diagnostics_id(const lathe_diagnostics *diagnostics, size_t index) {
  return at(diagnostics, index).id.c_str();
}

const char *lathe_diagnostics_text(const lathe_diagnostics *diagnostics, size_t index) {
  return diagnostics->texts[index].c_str();
}

void lathe_diagnostics_free(lathe_diagnostics *diagnostics) { delete diagnostics; }

static lathe_program *wrap(std::unique_ptr<lathe::Program> program) {
  return program ? new lathe_program{std::move(program)} : nullptr;
}

/// What a program is loaded with; nothing after an error.
static std::optional<lathe::LoadOptions> loadOptions(const lathe_program_options *given, const char *name,
                                                     lathe::Diagnostics &diagnostics) {
  lathe::LoadOptions options;
  if (given) {
    for (llvm::StringRef text : llvm::ArrayRef(given->ranks, given->rank_count)) {
      auto [input, digits] = text.rsplit('=');
      int64_t rank = 0;
      if (digits.getAsInteger(10, rank)) {
        diagnostics.error("onnx-rank", name, "the rank " + lathe::quoted(text) + " is not INPUT=RANK")
            .note("give the number of dims behind the name of the input, as in \"x=4\"");
        return std::nullopt;
      }
      auto [known, isNew] = options.ranks.try_emplace(input.str(), rank);
      if (!isNew && known->second != rank) {
        diagnostics
            .error("onnx-rank", name,
                   "ranks " + llvm::Twine(known->second) + " and " + llvm::Twine(rank) + " are given for input " +
                       lathe::quoted(input))
            .note("give one of them");
        return std::nullopt;
      }
    }
    options.allowLinks = given->allow_links;
    options.inputs.assign(given->inputs, given->inputs + given->input_count);
    options.limits.assign(given->limits, given->limits + given->limit_count);
    options.customOps.assign(given->custom_ops, given->custom_ops + given->custom_op_count);
  }
  return options;
}

lathe_program *lathe_program_load(const char *path, const lathe_program_options *given,
                                  lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  std::optional<lathe::LoadOptions> options = loadOptions(given, path, *collector);
  return options ? wrap(lathe::Program::load(path, *collector, *options)) : nullptr;
}

lathe_program *lathe_program_load_all(const lathe_function_source *sources, size_t count,
                                      const lathe_program_options *given, lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  std::vector<lathe::FunctionSource> all;
  std::string names;
  for (const lathe_function_source &source : llvm::ArrayRef(sources, count)) {
    if (!source.path) {
      (*collector)
          .error("function-none", "", "source " + llvm::Twine(all.size()) + " has no path")
          .note("name the file, or what messages call the bytes");
      return nullptr;
    }
    all.push_back({source.path, source.function ? source.function : "", source.bytes, source.size});
    names += (names.empty() ? "" : ", ") + all.back().path;
  }
  std::optional<lathe::LoadOptions> options = loadOptions(given, names.c_str(), *collector);
  return options ? wrap(lathe::Program::loadAll(all, *collector, *options)) : nullptr;
}

lathe_program *lathe_program_parse(const void *bytes, size_t size, const char *name, const lathe_program_options *given,
                                   lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  name = name ? name : "model";
  std::optional<lathe::LoadOptions> options = loadOptions(given, name, *collector);
  return options ? wrap(lathe::Program::parse(bytes, size, name, *collector, *options)) : nullptr;
}

int lathe_check_custom_ops(const char *const *sources, size_t count, lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  return lathe::checkCustomOps({sources, sources + count}, *collector) ? 0 : 1;
}

size_t lathe_program_index_bounds(const lathe_program *program, int64_t *bounds, size_t capacity) {
  bool isOne = program->program->functionNames().size() == 1;
  std::vector<int64_t> found = isOne ? program->program->indexBounds() : std::vector<int64_t>();
  std::copy_n(found.begin(), std::min(capacity, found.size()), bounds);
  return found.size();
}

void lathe_program_free(lathe_program *program) { delete program; }

static lathe_artifact *wrap(std::unique_ptr<lathe::Artifact> artifact) {
  return artifact ? new lathe_artifact{std::move(artifact)} : nullptr;
}

lathe_artifact *lathe_compile(const lathe_program *program, const lathe_compile_options *given,
                              lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  lathe::CompileOptions options;
  if (given) {
    auto text = [](const char *value) { return value ? std::string(value) : std::string(); };
    options.target = given->target ? given->target : "host";
    options.dims.assign(given->dims, given->dims + given->dim_count);
    options.donations.assign(given->donations, given->donations + given->donation_count);
    options.dumpPhasesTo = text(given->dump_phases);
    options.startAt = text(given->start_at);
    options.stopAfter = text(given->stop_after);
    options.threads = given->threads;
    options.name = text(given->name);
    options.kernelCache = text(given->kernel_cache);
    options.choices = text(given->choices);
    options.choicesFile = text(given->choices_file);
    options.choicesAreOptional = given->choices_are_optional;
    options.alternative = given->alternative;
    options.accuracy = given->accuracy ? given->accuracy : "standard";
    options.precision = given->precision ? given->precision : "f32";
    if (given->progress)
      options.progress = [given](const std::string &phase) { given->progress(phase.c_str(), given->progress_context); };
  }
  return wrap(lathe::compile(*program->program, options, *collector));
}

void lathe_artifact_free(lathe_artifact *artifact) { delete artifact; }

char *lathe_artifact_ir(const lathe_artifact *artifact) {
  const std::string &ir = artifact->artifact->ir();
  return ir.empty() ? nullptr : strdup(ir.c_str());
}

void lathe_string_free(char *string) { free(string); }

const lathe_module_desc *lathe_artifact_module(lathe_artifact *artifact, lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  return artifact->artifact->module(*collector);
}

int lathe_artifact_save(lathe_artifact *artifact, const char *path, lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  return artifact->artifact->save(path, *collector) ? 0 : 1;
}

lathe_artifact *lathe_artifact_load(const char *path, const lathe_artifact_options *options,
                                    lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  return wrap(lathe::Artifact::load(path, *collector, options && options->unchecked_weights));
}

int lathe_artifact_save_header(lathe_artifact *artifact, const char *path, lathe_diagnostics **diagnostics) {
  Collector collector(diagnostics);
  return artifact->artifact->saveHeader(path, *collector) ? 0 : 1;
}

} // extern "C"
