// python/native/Module.h: a compiled module as an object of Python.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_PYTHON_MODULE_H
#define LATHE_PYTHON_MODULE_H

#include "DeviceArray.h"

#include "lathe-runtime/runtime.h"

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace lathe::python {

class CancelToken;

/// A module of the runtime, which any number of threads may call.
class Module {
public:
  /// `device` is which GPU runs it, of a variant for one.
  Module(lathe_module *raw, uint32_t device) : raw(raw), device(device) {}
  Module(const Module &) = delete;
  Module &operator=(const Module &) = delete;
  ~Module() {
    inFlight.reset();
    lathe_module_free(raw);
  }

  /// Loads a shared library; `isa` names the variant to use, none the best, `device` the GPU for one that needs
  /// one. The caller owns the result.
  static Module *load(nanobind::handle path, const std::optional<std::string> &isa, bool uncheckedWeights,
                      uint32_t device);
  /// Takes a description, which must outlive the module. The caller owns the
  /// result.
  static Module *fromDescription(const lathe_module_desc *desc, const std::optional<std::string> &isa, uint32_t device);

  using Result = std::pair<nanobind::list, std::optional<std::string>>;

  nanobind::dict describe() const { return describe(desc(), variant()); }
  static nanobind::dict describe(const lathe_module_desc &d, const lathe_variant_desc &v);
  /// Calls the function of that index without the GIL; `threads` is 0 for no
  /// limit, `maxLoopSteps` 0 for the default, and `token` may be null.
  /// `memory` has None, or an array to write to, for each output; or is None itself. Of a module on a GPU, `stream` is
  /// as in toStream, which `streamOwner` keeps, and with `deviceOutputs` the outputs stay there.
  /// `observe`, if it is a list, gets (kernel, tasks, nanoseconds) for each phase of a kernel that ran.
  /// Returns the outputs, and why a call with `replay` began its kernels one by one; nothing if it did not.
  Result call(uint32_t function, nanobind::handle inputs, int threads, int64_t maxLoopSteps, CancelToken *token,
              nanobind::handle memory, bool flushDenormals, int64_t maxBytes, uintptr_t stream, bool deviceOutputs,
              nanobind::object streamOwner, bool replay, nanobind::object observe);

private:
  const lathe_module_desc &desc() const { return *lathe_module_description(raw); }
  const lathe_variant_desc &variant() const { return *lathe_module_variant(raw); }

  lathe_module *raw;
  uint32_t device;
  /// The last call that writes to memory of the caller on a GPU.
  std::unique_ptr<CallInFlight> inFlight;
};

} // namespace lathe::python

#endif // LATHE_PYTHON_MODULE_H
