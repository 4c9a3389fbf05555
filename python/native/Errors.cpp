// python/native/Errors.cpp: raises through lathe.errors, where the exceptions
// are classes of Python.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Errors.h"

#include <cstring>
#include <stdexcept>

namespace nb = nanobind;

namespace lathe::python {

nb::str toText(const char *bytes) {
  PyObject *text = PyUnicode_DecodeUTF8(bytes, static_cast<Py_ssize_t>(std::strlen(bytes)), "backslashreplace");
  if (!text)
    throw nb::python_error();
  return nb::steal<nb::str>(text);
}

/// Calls a function of lathe.errors that does nothing but raise.
[[noreturn]] static void raiseThrough(const char *function, nb::object argument) {
  nb::module_::import_("lathe.errors").attr(function)(argument);
  throw std::logic_error("lathe.errors did not raise");
}

nb::list Diagnostics::triples() const {
  nb::list result;
  if (!raw)
    return result;
  for (size_t i = 0, count = lathe_diagnostics_count(raw); i < count; ++i)
    result.append(nb::make_tuple(lathe_diagnostics_severity(raw, i), lathe_diagnostics_id(raw, i),
                                 toText(lathe_diagnostics_text(raw, i))));
  return result;
}

void Diagnostics::raise() const { raiseThrough("raise_compile_error", triples()); }

void Diagnostics::emitWarnings() const {
  if (raw && lathe_diagnostics_count(raw) != 0)
    nb::module_::import_("lathe.errors").attr("emit_warnings")(triples());
}

void raiseRuntimeError(const char *message) { raiseThrough("raise_runtime_error", toText(message)); }

void raiseCancelled(const char *message) { raiseThrough("raise_cancelled", toText(message)); }

void raiseLoadError(const char *message) { raiseThrough("raise_load_error", toText(message)); }

} // namespace lathe::python
