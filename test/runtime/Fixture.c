/* test/runtime/Fixture.c: the code and description of the module in Fixture.h;
 * linked into tests, and built as libraries that dlopen takes.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Fixture.h"

/* Variants that must be refused are built with other values. */
#ifndef FIXTURE_ABI
#define FIXTURE_ABI LATHE_ABI_VERSION
#endif
#ifndef FIXTURE_TARGET
#if defined(__x86_64__)
#define FIXTURE_TARGET "x86_64:sse2"
#elif defined(__aarch64__)
#define FIXTURE_TARGET "aarch64:neon"
#endif
#endif

static const float weights[] = {2, 3, 4};

/* --- main --------------------------------------------------------------- */

static int64_t main_plan(lathe_call *call, int64_t *const *output_dims, uint64_t *workspace_bytes) {
  int64_t batch = call->input_dims[0][0];
  if (batch > 1000) {
    call->error_values[0] = batch;
    call->error_values[1] = 1000;
    return 1;
  }
  output_dims[0][0] = batch;
  output_dims[0][1] = 3;
  *workspace_bytes = (uint64_t)batch * 3 * sizeof(float);
  return 0;
}

static void main_scale(int64_t begin, int64_t end, void *closure) {
  const lathe_call *call = closure;
  const float *image = call->inputs[0], *scale = call->weights;
  float *product = call->workspace;
  for (int64_t i = begin; i < end; ++i)
    for (int j = 0; j < 3; ++j)
      product[i * 3 + j] = image[i * 3 + j] * scale[j];
}

static void main_add(int64_t begin, int64_t end, void *closure) {
  const lathe_call *call = closure;
  const float *product = call->workspace, *bias = call->inputs[1];
  float *scaled = call->outputs[0];
  for (int64_t i = begin; i < end; ++i)
    for (int j = 0; j < 3; ++j)
      scaled[i * 3 + j] = product[i * 3 + j] + bias[i];
}

static int64_t main_run(lathe_call *call) {
  int64_t batch = call->input_dims[0][0];
  const lathe_imports *imports = call->imports;
  imports->parallel_for(imports->context, batch, main_scale, call);
  imports->parallel_for(imports->context, batch, main_add, call);
  const float *scaled = call->outputs[0];
  double *total = call->outputs[1];
  *total = 0;
  for (int64_t i = 0; i < batch * 3; ++i)
    *total += scaled[i];
  return 0;
}

/* --- fill --------------------------------------------------------------- */

static int64_t fill_plan(lathe_call *call, int64_t *const *output_dims, uint64_t *workspace_bytes) {
  const int64_t *shape = call->inputs[0];
  for (int i = 0; i < 2; ++i) {
    if (shape[i] < -1) {
      call->error_values[0] = i;
      call->error_values[1] = shape[i];
      return 1;
    }
    output_dims[0][i] = shape[i];
  }
  *workspace_bytes = 0;
  return 0;
}

static int64_t fill_run(lathe_call *call) {
  const int64_t *shape = call->inputs[0];
  int32_t *filled = call->outputs[0];
  for (int64_t i = 0; i < shape[0] * shape[1]; ++i)
    filled[i] = 7;
  return 0;
}

/* --- fail --------------------------------------------------------------- */

static int64_t fail_plan(lathe_call *call, int64_t *const *output_dims, uint64_t *workspace_bytes) {
  (void)call, (void)output_dims;
  *workspace_bytes = 0;
  return 0;
}

static int64_t fail_run(lathe_call *call) {
  call->error_values[0] = INT64_MIN;
  call->error_values[1] = 5;
  return *(const int64_t *)call->inputs[0];
}

/* --- denormal ----------------------------------------------------------- */

static int64_t denormal_plan(lathe_call *call, int64_t *const *output_dims, uint64_t *workspace_bytes) {
  output_dims[0][0] = call->input_dims[0][0];
  *workspace_bytes = 0;
  return 0;
}

static void denormal_halve(int64_t begin, int64_t end, void *closure) {
  const lathe_call *call = closure;
  const volatile float *x = call->inputs[0];
  float *half = call->outputs[0];
  for (int64_t i = begin; i < end; ++i)
    half[i] = x[i] / 2;
}

static int64_t denormal_run(lathe_call *call) {
  call->imports->parallel_for(call->imports->context, call->input_dims[0][0], denormal_halve, call);
  return 0;
}

/* --- The description ---------------------------------------------------- */

static const int64_t batch_by_3[] = {-1, 3}, batch[] = {-1}, two[] = {2};
static const int64_t computed[] = {INT64_MIN, INT64_MIN};

static const lathe_value_desc main_inputs[] = {
    {"image", LATHE_DTYPE_F32, 2, batch_by_3},
    {"bias", LATHE_DTYPE_F32, 1, batch},
};
static const lathe_value_desc main_outputs[] = {
    {"scaled", LATHE_DTYPE_F32, 2, batch_by_3},
    {"total", LATHE_DTYPE_F64, 0, 0},
};
static const lathe_value_desc fill_inputs[] = {
    {"shape", LATHE_DTYPE_I64, 1, two},
};
static const lathe_value_desc fill_outputs[] = {
    {"filled", LATHE_DTYPE_I32, 2, computed},
};
static const lathe_value_desc fail_inputs[] = {
    {"code", LATHE_DTYPE_I64, 0, 0},
};
static const lathe_value_desc denormal_inputs[] = {
    {"x", LATHE_DTYPE_F32, 1, batch},
};
static const lathe_value_desc denormal_outputs[] = {
    {"half", LATHE_DTYPE_F32, 1, batch},
};

static const char *const batch_names[] = {"batch"};
static const char *const no_names[] = {""};
static const char *const main_checks[] = {"node \"scale\" (Mul-14): batch is %lld, but at most %lld is possible "
                                          "[fixture-batch]"};
static const char *const fill_checks[] = {"node \"fill\" (Expand-13): dim %lld is %lld, 100%s of them must be 0 or "
                                          "more, not %lld [fixture-fill]"};
static const char *const fail_checks[] = {"first: %lld and %lld [fixture-first]", "second, with no values",
                                          "third: only %lld [fixture-third]"};

static const lathe_function_desc functions[] = {
    {"main", 2, 2, main_inputs, main_outputs, 1, 1, batch_names, main_checks, main_plan, main_run},
    {"fill", 1, 1, fill_inputs, fill_outputs, 0, 1, 0, fill_checks, fill_plan, fill_run},
    {"fail", 1, 0, fail_inputs, 0, 0, 3, 0, fail_checks, fail_plan, fail_run},
    {"denormal", 1, 1, denormal_inputs, denormal_outputs, 1, 0, no_names, 0, denormal_plan, denormal_run},
};

/* Unused where the library is to have no query. */
__attribute__((unused)) static const lathe_module_desc module = {
    .abi_version = FIXTURE_ABI,
    .function_count = sizeof functions / sizeof functions[0],
    .target = FIXTURE_TARGET,
    .compiler = "by hand",
    .model = "fixture",
    .functions = functions,
    .weights = weights,
    .weights_size = sizeof weights,
};

__attribute__((visibility("default"))) const lathe_module_desc *lathe_module_query(uint32_t runtime_abi_version) {
#ifdef FIXTURE_REFUSES
  (void)runtime_abi_version;
  return 0;
#else
  /* A module of another version answers all the same, to be refused later. */
  return runtime_abi_version == LATHE_ABI_VERSION ? &module : 0;
#endif
}
