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

static int32_t echo_plan(lathe_call *call, uint64_t *workspace_bytes) {
  int64_t *const *output_dims = call->output_dims;
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

static int32_t echo_run(lathe_call *call) {
  size_t bytes = SIZE;
  for (int i = 0; i < RANK; ++i)
    bytes *= (size_t)call->input_dims[0][i];
  if (bytes)
    memcpy(call->outputs[0], call->inputs[0], bytes);
  return 0;
}

static const int64_t dims[] = {-1, -2, -3};
static const lathe_value_desc input = {
    .struct_size = sizeof input, .name = "x", .dtype = DTYPE, .rank = RANK, .dims = dims, .alias = -1};
/* The name must not leave the folder that outputs are saved to. */
static const lathe_value_desc output = {
    .struct_size = sizeof output, .name = "../y/0", .dtype = DTYPE, .rank = RANK, .dims = dims, .alias = -1};
static const lathe_value_desc *const inputs[] = {&input}, *const outputs[] = {&output};
static const char *const symbols[] = {"n", "", ""};
static const char *const checks[] = {"node \"echo\": n is %lld, but at most %lld is possible [echo-size]"};
static const lathe_function_desc function = {
    .struct_size = sizeof function,
    .name = "main",
    .input_count = 1,
    .output_count = 1,
    .inputs = inputs,
    .outputs = outputs,
    .symbol_count = RANK,
    .symbol_names = symbols,
    .check_count = 1,
    .check_messages = checks,
    .plan = echo_plan,
    .run = echo_run,
};
static const lathe_function_desc *const functions[] = {&function};
static const lathe_kernel_desc kernel = {
    .struct_size = sizeof kernel,
    .name = "echo",
    .key = "",
    .strategy = "copy {by = 1}",
    .nodes = "first, last",
    .calls = 2,
};
static const lathe_kernel_desc *const kernels[] = {&kernel};
static const lathe_variant_desc variant = {
    .struct_size = sizeof variant,
    .name = "plain",
#if defined(__x86_64__)
    .target = "x86_64",
#else
    .target = "aarch64",
#endif
    .function_count = 1,
    .functions = functions,
    .kernel_count = 1,
    .kernels = kernels,
};
static const lathe_variant_desc *const variants[] = {&variant};
static const char *const metadata[] = {"author", "by hand"};
static const lathe_module_desc module = {
    .abi_version = LATHE_ABI_VERSION,
    .struct_size = sizeof module,
    .compiler = "0",
    .model = "echo",
    .variant_count = 1,
    .variants = variants,
    .metadata_count = 1,
    .metadata = metadata,
};

__attribute__((visibility("default"))) const lathe_module_desc *lathe_module_query(uint32_t runtime_abi_version) {
  return runtime_abi_version == LATHE_ABI_VERSION ? &module : 0;
}
