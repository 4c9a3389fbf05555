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
 * select(x: f32[n], how: i64[]) -> first: f32[?], second: f32[?]
 *   Both outputs, whose size `run` tells, are the elements of x above 0. With
 *   how = 0 they are two allocations of the call, with 1 one and the same, with
 *   2 slices of the workspace; 3 forgets the elements, 4 a dim, and 5 fails
 *   check 0 after an allocation. Memory that is allocated besides is freed only
 *   where how is even.
 * spin(turns: i64[]) -> (none)
 *   A loop of that many turns that looks at the flag and the limit of the call
 *   in each; its check 0 says what it did when it met the limit.
 * reverse(items: sequence of f32[?, 2], extra: optional f32[?, 2])
 *     -> reversed: sequence of f32[?, 2], first: optional f32[?, 2], count: i64[]
 *   `reversed` are the items from the last to the first, then `extra` if there is
 *   one; `first` is the first of these, or none; `count` says how many. Every
 *   second tensor is memory of the call, the others are the inputs'. Check 0
 *   fails if there are more than 9 items; with 9, the last of `reversed` has a
 *   dim of 3, which the description rules out.
 * denormal(x: f32[n]) -> half: f32[n], by pool threads, half[i] = x[i] / 2;
 *   `half` may be the memory of `x`
 */
const lathe_module_desc *lathe_module_query(uint32_t runtime_abi_version);

#endif /* LATHE_TEST_RUNTIME_FIXTURE_H */
