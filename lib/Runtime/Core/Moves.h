/* lib/Runtime/Core/Moves.h: inputs and outputs that a caller has in another space than
 * the program wants them in.
 *
 * Each has a place in the workspace of the program's space, behind what `plan` asks for.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CORE_MOVES_H
#define LATHE_RUNTIME_CORE_MOVES_H

#include "Spaces.h"

/* Where the caller has an output, or wants it. */
uint32_t lathe_impl_output_space(const lathe_value_desc *value, const lathe_tensor *output, uint32_t wanted);

/* Checks what the addresses of the caller's tensors lead to, where what serves a space
 * can tell. */
lathe_status lathe_impl_check_memory(const lathe_module *module, const lathe_function_desc *function,
                                     const lathe_tensor *inputs, const lathe_tensor *outputs);

/* Adds the places to the bytes of the workspaces and notes them in the frame. `wanted` is
 * lathe_call_options.output_space. */
void lathe_impl_moves_place(const lathe_function_desc *function, struct lathe_impl_frame *frame,
                            const lathe_tensor *inputs, const lathe_tensor *outputs, uint32_t wanted,
                            uint64_t *workspace_bytes);

/* Behind the workspaces and the outputs: copies the inputs to their places, and makes
 * these what the program reads and writes. */
lathe_status lathe_impl_moves_begin(const lathe_function_desc *function, struct lathe_impl_frame *frame,
                                    struct lathe_impl_call_spaces *spaces, const lathe_tensor *inputs);

/* Copies the outputs to the caller. */
lathe_status lathe_impl_moves_end(const lathe_function_desc *function, struct lathe_impl_frame *frame,
                                  struct lathe_impl_call_spaces *spaces, const lathe_tensor *outputs);

#endif /* LATHE_RUNTIME_CORE_MOVES_H */
