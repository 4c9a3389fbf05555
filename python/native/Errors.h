// python/native/Errors.h: the C ABI's statuses and diagnostics, as Python's
// exceptions.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_PYTHON_ERRORS_H
#define LATHE_PYTHON_ERRORS_H

#include "lathe-c/compiler.h"

#include <nanobind/nanobind.h>

namespace lathe::python {

/// `bytes` as str. What is no UTF-8 becomes `\x80`: names in damaged files can
/// be anything. Needs the GIL.
nanobind::str toText(const char *bytes);

/// Diagnostics that a function of the compiler fills; frees them.
class Diagnostics {
public:
  Diagnostics() = default;
  Diagnostics(const Diagnostics &) = delete;
  Diagnostics &operator=(const Diagnostics &) = delete;
  ~Diagnostics() { lathe_diagnostics_free(raw); }

  lathe_diagnostics **out() { return &raw; }

  /// Raises lathe.CompileError. Needs the GIL.
  [[noreturn]] void raise() const;
  /// Passes warnings on to Python. Needs the GIL; may raise, as Python's
  /// warnings may be made errors.
  void emitWarnings() const;

private:
  nanobind::list triples() const;

  lathe_diagnostics *raw = nullptr;
};

/// Raises lathe.RuntimeError, whose stable id is read from `message`. Needs
/// the GIL.
[[noreturn]] void raiseRuntimeError(const char *message);

/// Raises lathe.CancelledError. Needs the GIL.
[[noreturn]] void raiseCancelled(const char *message);

/// Raises lathe.CompileError for a message of the runtime, whose stable id is
/// read from it. Needs the GIL.
[[noreturn]] void raiseLoadError(const char *message);

} // namespace lathe::python

#endif // LATHE_PYTHON_ERRORS_H
