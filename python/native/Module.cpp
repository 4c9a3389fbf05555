// python/native/Module.cpp: compiled modules, called with arrays and without
// the GIL.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Module.h"
#include "Bindings.h"
#include "Cancel.h"
#include "Errors.h"
#include "Tensors.h"

#include "lathe-runtime/cuda.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nb = nanobind;

namespace lathe::python {

static lathe_load_options loadOptions(const std::optional<std::string> &isa, uint32_t device,
                                      bool uncheckedWeights = false) {
  lathe_load_options options = {};
  options.struct_size = sizeof(options);
  options.device = device;
  options.isa = isa ? isa->c_str() : nullptr;
  options.flags = uncheckedWeights ? LATHE_LOAD_UNCHECKED_WEIGHTS : 0;
  return options;
}

Module *Module::fromDescription(const lathe_module_desc *desc, const std::optional<std::string> &isa, uint32_t device) {
  lathe_module *raw = nullptr;
  lathe_load_options options = loadOptions(isa, device);
  if (lathe_module_from_desc_with(desc, &options, &raw) != LATHE_OK)
    raiseLoadError(lathe_last_error());
  return new Module(raw, device);
}

Module *Module::load(nb::handle path, const std::optional<std::string> &isa, bool uncheckedWeights, uint32_t device) {
  std::string file = toPath(path);
  lathe_load_options options = loadOptions(isa, device, uncheckedWeights);
  lathe_module *raw = nullptr;
  std::string error;
  {
    nb::gil_scoped_release unlocked;
    if (lathe_module_load_with(file.c_str(), &options, &raw) != LATHE_OK)
      error = lathe_last_error();
  }
  if (!raw)
    raiseLoadError(error.c_str());
  return new Module(raw, device);
}

static nb::str text(const char *string) { return toText(string ? string : ""); }

static nb::list describeValues(const lathe_value_desc *const *values, uint32_t count) {
  nb::list result;
  for (uint32_t i = 0; i < count; ++i) {
    nb::list dims;
    bool hasRank = values[i]->rank != LATHE_ANY_RANK;
    for (uint32_t d = 0; hasRank && d < values[i]->rank; ++d)
      dims.append(values[i]->dims[d]);
    nb::dict value;
    value["name"] = text(values[i]->name);
    value["kind"] = values[i]->kind;
    value["of_sequence"] = (values[i]->flags & LATHE_VALUE_OF_SEQUENCE) != 0;
    value["dtype"] = values[i]->dtype;
    value["any_rank"] = !hasRank;
    value["key_dtype"] = values[i]->key_dtype;
    value["dims"] = nb::tuple(dims);
    value["alias"] = values[i]->alias;
    result.append(value);
  }
  return result;
}

nb::dict Module::describe(const lathe_module_desc &d, const lathe_variant_desc &v) {
  nb::list functions, kernels;
  for (uint32_t i = 0; i < v.function_count; ++i) {
    const lathe_function_desc &f = *v.functions[i];
    nb::list symbols, ranges;
    bool hasRanges = LATHE_HAS(&f, symbol_ranges) && f.symbol_ranges;
    for (uint32_t s = 0; s < f.symbol_count; ++s) {
      symbols.append(text(f.symbol_names[s]));
      if (!hasRanges)
        continue;
      const int64_t *limits = f.symbol_ranges + 3 * size_t(s);
      ranges.append(nb::make_tuple(limits[0], limits[1], limits[2]));
    }
    nb::dict function;
    function["name"] = text(f.name);
    function["inputs"] = describeValues(f.inputs, f.input_count);
    function["outputs"] = describeValues(f.outputs, f.output_count);
    function["symbols"] = symbols;
    function["ranges"] = ranges;
    functions.append(function);
  }
  for (uint32_t i = 0; i < v.kernel_count; ++i) {
    nb::dict kernel;
    kernel["name"] = text(v.kernels[i]->name);
    kernel["strategy"] = text(v.kernels[i]->strategy);
    kernel["key"] = text(v.kernels[i]->key);
    kernel["nodes"] = text(v.kernels[i]->nodes);
    kernels.append(kernel);
  }
  nb::dict metadata;
  for (size_t i = 0; i < d.metadata_count; ++i)
    metadata[text(d.metadata[2 * i])] = text(d.metadata[2 * i + 1]);

  nb::dict result;
  result["model"] = text(d.model);
  result["target"] = text(v.target);
  result["isa"] = text(v.name);
  nb::dict variants;
  for (uint32_t i = 0; i < d.variant_count; ++i)
    variants[text(d.variants[i]->name)] = text(d.variants[i]->target);
  result["variants"] = variants;
  result["compiler"] = text(d.compiler);
  result["weights_size"] = d.weights_size;
  result["functions"] = functions;
  result["kernels"] = kernels;
  result["metadata"] = metadata;
  return result;
}

namespace {
/// What `lathe_call_options.observe` fills, without the GIL.
struct Recording {
  struct Event {
    lathe_task_fn body;
    int64_t tasks, nanoseconds;
  };
  std::vector<Event> events;

  static void add(void *context, lathe_task_fn body, int64_t tasks, int64_t begin, int64_t end) {
    static_cast<Recording *>(context)->events.push_back({body, tasks, end - begin});
  }

  /// Appends the events to a list, with the number of the kernel that has the phase.
  void writeTo(nb::list list, const lathe_variant_desc &variant) const {
    std::unordered_map<lathe_task_fn, uint32_t> kernels;
    for (uint32_t i = 0; i < variant.kernel_count; ++i)
      for (uint32_t phase = 0; phase < variant.kernels[i]->phase_count; ++phase)
        kernels[variant.kernels[i]->phases[phase]->body] = i;
    for (const Event &event : events)
      if (auto found = kernels.find(event.body); found != kernels.end())
        list.append(nb::make_tuple(found->second, event.tasks, event.nanoseconds));
  }
};
} // namespace

Module::Result Module::call(uint32_t index, nb::handle values, int threads, int64_t maxLoopSteps, CancelToken *token,
                            nb::handle memory, bool flushDenormals, int64_t maxBytes, uintptr_t stream,
                            bool deviceOutputs, nb::object streamOwner, bool replay, nb::object observe) {
  if (index >= variant().function_count)
    throw nb::index_error("the module has no such function");
  const lathe_function_desc &function = *variant().functions[index];

  // A list or tuple of our own, so that no other thread changes its length.
  nb::tuple items(values);
  size_t count = items.size();
  if (count != function.input_count) {
    std::string message = std::to_string(count) + " inputs were passed, but the model takes " +
                          std::to_string(function.input_count) + " [call-input-count]";
    raiseRuntimeError(message.c_str());
  }
  std::vector<lathe_value> inputs(count, lathe_value{});
  DeviceCall on{device, toStream(stream), std::move(streamOwner)};
  std::shared_ptr<BorrowedValue[]> borrowed(new BorrowedValue[count]);
  for (size_t i = 0; i < count; ++i)
    borrowed[i].borrow(items[i], *function.inputs[i], inputs[i], on);

  Outputs outputs(function.output_count, on);
  if (!memory.is_none()) {
    nb::tuple arrays(memory);
    for (size_t i = 0; i < std::min<size_t>(arrays.size(), function.output_count); ++i)
      if (!arrays[i].is_none())
        outputs.giveMemory(i, arrays[i], *function.outputs[i]);
  }
  lathe_call_options options = {};
  options.struct_size = sizeof options;
  options.threads = threads;
  options.max_loop_steps = maxLoopSteps;
  options.max_bytes = maxBytes;
  options.stream = on.stream;
  options.output_space = deviceOutputs ? LATHE_SPACE_CUDA : LATHE_SPACE_HOST;
  options.flags = (flushDenormals ? LATHE_CALL_FLUSH_DENORMALS : 0) | (replay ? LATHE_CALL_REPLAY : 0);
  const char *obstacle = nullptr;
  options.replay_obstacle = &obstacle;
  Recording recording;
  if (!observe.is_none()) {
    options.observe = Recording::add;
    options.observe_context = &recording;
  }
  lathe_status status;
  std::string error;
  {
    CallFlag flag(token);
    options.cancel = flag.get();
    nb::gil_scoped_release unlocked;
    status =
        lathe_module_call_values(raw, function.name, inputs.data(), count, outputs.data(), outputs.size(), &options);
    if (status != LATHE_OK)
      error = lathe_last_error(); // Per thread: read before others run in it.
  }
  if (status == LATHE_CANCELLED) {
    if (PyErr_CheckSignals() != 0) // KeyboardInterrupt.
      throw nb::python_error();
    raiseCancelled(error.c_str());
  }
  if (status != LATHE_OK)
    raiseRuntimeError(error.c_str());
  if (!observe.is_none())
    recording.writeTo(nb::cast<nb::list>(observe), variant());
  if (outputs.givesDeviceMemory()) {
    // Nobody whose memory it is waits for the call, so what it reads has to stay.
    auto done = std::exchange(inFlight, std::make_unique<CallInFlight>(on, borrowed));
  }
  return {outputs.take(function, borrowed), obstacle ? std::optional<std::string>(obstacle) : std::nullopt};
}

void bindRuntime(nb::module_ &m) {
  bindDeviceArray(m);
  nb::class_<Module>(m, "Module", nb::is_weak_referenceable(), "A compiled module. May be called from many threads.")
      .def_static("load", &Module::load, nb::arg("path"), nb::arg("isa") = nb::none(),
                  nb::arg("unchecked_weights") = false, nb::arg("device") = 0,
                  "Loads a shared library that lathe wrote.")
      .def(
          "describe", [](const Module &module) { return module.describe(); },
          "What the module holds, as dictionaries and lists.")
      .def(
          "call", &Module::call, nb::arg("function"), nb::arg("inputs"), nb::arg("threads") = 0,
          nb::arg("max_loop_steps") = 0, nb::arg("cancel") = nb::none(), nb::arg("outputs") = nb::none(),
          nb::arg("flush_denormals") = false, nb::arg("max_bytes") = 0, nb::arg("stream") = 1,
          nb::arg("device_outputs") = false, nb::arg("stream_owner") = nb::none(), nb::arg("replay") = false,
          nb::arg("observe") = nb::none(),
          "Calls the function with that index on at most `threads` threads "
          "(0: no limit). Outputs that NumPy has no type for are given as unsigned integers. "
          "Sequences are lists, and optional "
          "values may be None. `outputs` has an array to write to for each output that is not to be made. On a GPU, "
          "the call is on `stream`, as DLPack numbers them, which `stream_owner` keeps, and `device_outputs` are "
          "DeviceArrays. With `replay`, kernels begin all at once where they can. "
          "`observe` is a list that gets (kernel, tasks, nanoseconds) for each phase of a kernel. Returns the outputs, "
          "and why a call with `replay` began its kernels one by one; None if it did not.");
  nb::class_<CancelToken>(m, "CancelToken",
                          "Ends calls of compiled models that are under way, from another thread.\n\n"
                          "Give it to `CompiledModel.run` or `with_options`; a call that it ends raises\n"
                          "lathe.CancelledError. It stays cancelled.")
      .def(nb::init<>(), "Make a token that is not cancelled.")
      .def("cancel", &CancelToken::cancel, "End all calls that have this token, now and later.")
      .def_prop_ro("cancelled", &CancelToken::isCancelled, "Whether `cancel` was called.");
  m.def(
      "cuda_target",
      [](uint32_t device) {
        char name[32];
        if (lathe_cuda_target(device, name, sizeof(name)) != LATHE_OK)
          raiseRuntimeError(lathe_last_error());
        return std::string(name);
      },
      nb::arg("device") = 0,
      "The target string of an NVIDIA GPU of this machine, counted from 0, as \"cuda:sm_86\".\n"
      "Raises lathe.RuntimeError if there is none, or no driver.");
  m.def(
      "cuda_keep_code",
      [](const std::optional<std::string> &folder) {
        if (lathe_cuda_keep_code(folder ? folder->c_str() : nullptr) != LATHE_OK)
          raiseRuntimeError(lathe_last_error());
      },
      nb::arg("folder").none(),
      "Names the folder in which models that this thread loads from now on keep the code that a driver makes of\n"
      "their PTX; None for nowhere. Raises lathe.RuntimeError if the path is too long.");
  m.def("get_memory", &lathe_get_memory, "Bytes of memory that this process may use, as its container says.");
  m.def("element_types", &describeElementTypes,
        "(lathe_dtype, name, dtype of NumPy or ml_dtypes, TensorProto.DataType, X of ONNX's\n"
        "\"tensor(X)\", bits) of every element type.");
  m.def(
      "set_threads",
      [](int threads) {
        if (lathe_set_threads(threads) != LATHE_OK)
          raiseRuntimeError(lathe_last_error());
      },
      nb::arg("threads"),
      "Sets the number of threads that calls use if they do not say; 0 for as "
      "many as the process may use.");
}

} // namespace lathe::python
