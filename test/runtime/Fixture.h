/* test/runtime/Fixture.h: a module written by hand, in the place of compiled
 * ones.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_TEST_RUNTIME_FIXTURE_H
#define LATHE_TEST_RUNTIME_FIXTURE_H

#include "lathe-runtime/module_abi.h"

/* The functions, in this order:
 *
 * main(image: f32[batch, 3], bias: f32[batch]) -> scaled: f32[batch, 3],
 *     total: f64[]
 *   scaled[i][j] = image[i][j] * {2, 3, 4}[j] + bias[i], through a workspace;
 *   total is the sum of scaled in order. Fails check 0 if batch > 1000.
 * fill(shape: i64[2]) -> filled: i32[?, ?]
 *   The dims are the input's values; every element is 7. Fails check 0 of this
 *   function if a dim is below -1; a dim of -1 is handed on for the runtime to
 *   notice.
 * fail(code: i64[]) -> (none)
 *   `run` returns the input's value.
 * denormal(x: f32[n]) -> half: f32[n], by pool threads, half[i] = x[i] / 2
 */
const lathe_module_desc *lathe_module_query(uint32_t runtime_abi_version);

#endif /* LATHE_TEST_RUNTIME_FIXTURE_H */
