// python/native/PythonModule.cpp: the entry of the module _lathe, all that
// Python uses of the C ABI.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Bindings.h"

namespace nb = nanobind;

namespace lathe::python {

std::string toPath(nb::handle path) {
  PyObject *bytes = nullptr;
  if (!PyUnicode_FSConverter(path.ptr(), static_cast<void *>(&bytes)))
    throw nb::python_error();
  nb::object owner = nb::steal(bytes);
  return std::string(PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes)));
}

} // namespace lathe::python

NB_MODULE(_lathe, m) {
#ifdef NDEBUG
  // What a program still holds when it ends is no leak worth its user's eyes.
  nb::set_leak_warnings(false);
#endif
  m.doc() = "The C ABI of Lathe's compiler and runtime.";
  lathe::python::bindRuntime(m);
  lathe::python::bindCompiler(m);
  lathe::python::bindCustomOps(m);
}
