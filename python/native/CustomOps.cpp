// python/native/CustomOps.cpp: operators whose functions are Python's, or C's.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Bindings.h"
#include "Errors.h"
#include "Tensors.h"

#include <nanobind/stl/string.h>

#include <string>

namespace nb = nanobind;

namespace lathe::python {

/// Arrays, or None for an input that a node leaves out.
static nb::list viewAll(const lathe_tensor *tensors, uint32_t count, bool writable = false) {
  nb::list views;
  for (uint32_t i = 0; i < count; ++i) {
    bool isLeftOut = tensors[i].dtype == LATHE_DTYPE_INVALID;
    views.append(isLeftOut ? nb::object(nb::none()) : nb::object(viewTensor(tensors[i], writable)));
  }
  return views;
}

/// Called from compiled code, so nothing may be thrown through it: what was raised is printed, and ends the call of
/// the model.
static int32_t callPython(lathe_custom_op_call *call) {
  nb::gil_scoped_acquire locked;
  try {
    nb::handle(static_cast<PyObject *>(call->context))(viewAll(call->inputs, call->input_count),
                                                       viewAll(call->attributes, call->attribute_count),
                                                       viewAll(call->outputs, call->output_count, /*writable=*/true));
    return 0;
  } catch (nb::python_error &error) {
    error.discard_as_unraisable("the function of an operator");
  } catch (const std::exception &error) {
    PySys_WriteStderr("the arrays of the function of an operator cannot be made: %.500s\n", error.what());
  }
  return 1;
}

void bindCustomOps(nb::module_ &m) {
  m.def(
      "load_custom_ops",
      [](nb::handle path) {
        if (lathe_load_custom_ops(toPath(path).c_str(), nullptr) != LATHE_OK)
          raiseLoadError(lathe_last_error());
      },
      nb::arg("path"), "Loads a library of operators and registers their functions.");
  m.def(
      "register_custom_op",
      [](const std::string &name, nb::callable function) {
        // It may be called for as long as the process lives.
        PyObject *kept = function.release().ptr();
        if (lathe_register_custom_op(name.c_str(), callPython, kept) != LATHE_OK) {
          Py_DECREF(kept);
          raiseLoadError(lathe_last_error());
        }
      },
      nb::arg("name"), nb::arg("function"),
      "Registers a function of three lists of arrays: inputs and attributes, which it reads, and outputs, which it "
      "writes.");
  m.def(
      "register_custom_op_address",
      [](const std::string &name, uintptr_t address) {
        if (lathe_register_custom_op(name.c_str(), reinterpret_cast<lathe_custom_op_fn>(address), nullptr) != LATHE_OK)
          raiseLoadError(lathe_last_error());
      },
      nb::arg("name"), nb::arg("address"), "Registers a C function by its address.");
}

} // namespace lathe::python
