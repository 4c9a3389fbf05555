// python/native/Bindings.h: the parts of the module _lathe, one function each.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_PYTHON_BINDINGS_H
#define LATHE_PYTHON_BINDINGS_H

#include <nanobind/nanobind.h>

#include <string>

namespace lathe::python {

/// Defines Program and Artifact. Needs Module to be defined.
void bindCompiler(nanobind::module_ &m);
/// Defines Module and set_threads.
void bindRuntime(nanobind::module_ &m);

/// Defines what registers operators of one's own.
void bindCustomOps(nanobind::module_ &m);

/// The bytes of a str or os.PathLike, as the file system wants them.
std::string toPath(nanobind::handle path);

} // namespace lathe::python

#endif // LATHE_PYTHON_BINDINGS_H
