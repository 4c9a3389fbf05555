/* lib/Runtime/Core/Graphs.h: kernels of a call that begin all at once.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CORE_GRAPHS_H
#define LATHE_RUNTIME_CORE_GRAPHS_H

#include "Spaces.h"

/* `function->run`, or what it began on the device when the last call in this frame had the
 * same sizes and addresses, as one graph. Where a graph would not do the same, it is `run`,
 * and `obstacle`, which may be NULL, is set to why; to NULL where it would. */
int32_t lathe_impl_graph_run(const lathe_module *module, const lathe_function_desc *function,
                             struct lathe_impl_frame *frame, struct lathe_impl_call_spaces *spaces, lathe_call *call,
                             const char **obstacle);

/* Deletes that of the frame, of which nothing is left to do. */
void lathe_impl_graph_free(const lathe_module *module, struct lathe_impl_frame *frame);

#endif /* LATHE_RUNTIME_CORE_GRAPHS_H */
