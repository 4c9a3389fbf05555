/* examples/custom-op/widen.c: a library with one operator of one's own: each element along the last axis
 * twice, times the attribute `gain`. It links nothing.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "lathe-runtime/custom_op.h"

/* One declaration for each combination of types and ranks; what has no body is computed in C. */
static const char declarations[] = "func.func private @\"com.example::Widen\"(\n"
                                   "    tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>> {graph.name = \"x\"},\n"
                                   "    tensor<f64> {graph.name = \"gain\", graph.attribute = 1.0 : f64})\n"
                                   "  -> tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1 * 2)>>\n";

/* The arguments are as declared, so nothing of them has to be checked. */
static int32_t widen(lathe_custom_op_call *call) {
  const float *x = call->inputs[0].data;
  float *y = call->outputs[0].data, gain = (float)*(const double *)call->attributes[0].data;
  int64_t count = call->inputs[0].dims[0] * call->inputs[0].dims[1];
  for (int64_t i = 0; i < count; ++i)
    y[2 * i] = y[2 * i + 1] = gain * x[i];
  return 0;
}

static const lathe_custom_op op = {sizeof op, 0, "com.example::Widen", widen, NULL};
static const lathe_custom_op *const ops[] = {&op};
static const lathe_custom_op_library library = {LATHE_ABI_VERSION, sizeof library, declarations, ops, 1, 0};

const lathe_custom_op_library *lathe_custom_ops_query(void) { return &library; }
