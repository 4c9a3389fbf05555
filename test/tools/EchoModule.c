/* test/tools/EchoModule.c: a module written by hand that hands its input on, so
 * that the command line can be tested with no compiler under it.
 *
 * Built with DTYPE (a lathe_dtype), SIZE (bytes of an element) and RANK (0 to
 * 3, all dims free; the first is called "n"). Fails its check if n is above
 * 1000.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "lathe-runtime/module_abi.h"

#include <string.h>

static int64_t echo_plan(lathe_call *call, int64_t *const *output_dims, uint64_t *workspace_bytes) {
  for (int i = 0; i < RANK; ++i)
    output_dims[0][i] = call->input_dims[0][i];
  *workspace_bytes = 4096;
  if (RANK && output_dims[0][0] > 1000) {
    call->error_values[0] = output_dims[0][0];
    call->error_values[1] = 1000;
    return 1;
  }
  return 0;
}

static int64_t echo_run(lathe_call *call) {
  size_t bytes = SIZE;
  for (int i = 0; i < RANK; ++i)
    bytes *= (size_t)call->input_dims[0][i];
  if (bytes)
    memcpy(call->outputs[0], call->inputs[0], bytes);
  return 0;
}

static const int64_t dims[] = {-1, -2, -3};
static const lathe_value_desc input = {"x", DTYPE, RANK, dims};
/* The name must not leave the folder that outputs are saved to. */
static const lathe_value_desc output = {"../y/0", DTYPE, RANK, dims};
static const char *const symbols[] = {"n", "", ""};
static const char *const checks[] = {"node \"echo\": n is %lld, but at most %lld is possible [echo-size]"};
static const lathe_function_desc function = {"main", 1,       1,      &input,    &output, RANK,
                                             1,      symbols, checks, echo_plan, echo_run};
static const lathe_kernel_desc kernel = {"echo", "copy {by = 1}", "first, last", 2};
static const char *const metadata[] = {"author", "by hand"};
static const lathe_module_desc module = {
    .abi_version = LATHE_ABI_VERSION,
    .function_count = 1,
#if defined(__x86_64__)
    .target = "x86_64",
#else
    .target = "aarch64",
#endif
    .compiler = "0",
    .model = "echo",
    .functions = &function,
    .kernel_count = 1,
    .metadata_count = 1,
    .kernels = &kernel,
    .metadata = metadata,
};

__attribute__((visibility("default"))) const lathe_module_desc *lathe_module_query(uint32_t runtime_abi_version) {
  return runtime_abi_version == LATHE_ABI_VERSION ? &module : 0;
}
