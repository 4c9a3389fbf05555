/* test/runtime/Fixture.c: the code and description of the module in Fixture.h;
 * linked into tests, and built as libraries that dlopen takes.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Fixture.h"

#ifdef FIXTURE_OPS_ABI
#include "lathe-runtime/custom_op.h"
#endif

/* Variants that must be refused are built with other values. */
#ifndef FIXTURE_ABI
#define FIXTURE_ABI LATHE_ABI_VERSION
#endif
#ifndef FIXTURE_TARGET
#if defined(__x86_64__)
#define FIXTURE_TARGET "x86_64:sse3"
#elif defined(__aarch64__)
#define FIXTURE_TARGET "aarch64:neon"
#endif
#endif

#ifdef FIXTURE_OPS_ABI
static const lathe_custom_op_library operators = {FIXTURE_OPS_ABI, sizeof operators, NULL, NULL, 0, 0};
const lathe_custom_op_library *lathe_custom_ops_query(void) { return &operators; }
#endif

static const float weights[] = {2, 3, 4};

/* A launch as generated code makes it: the closure has the call, then arguments. */
static int32_t loop(lathe_call *call, int64_t tasks, lathe_task_fn body) {
  void *closure[] = {call};
  return call->imports->parallel_for(call->imports->context, tasks, call->workers, body, NULL, 0, closure);
}

/* --- main --------------------------------------------------------------- */

static int32_t main_plan(lathe_call *call, uint64_t *workspace_bytes) {
  int64_t batch = call->input_dims[0][0];
  if (batch > 1000) {
    call->error_values[0] = batch;
    call->error_values[1] = 1000;
    return 1;
  }
  call->output_dims[0][0] = batch;
  call->output_dims[0][1] = 3;
  *workspace_bytes = (uint64_t)batch * 3 * sizeof(float);
  return 0;
}

static int32_t main_scale(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  const lathe_call *call = *(lathe_call *const *)closure;
  (void)worker, (void)scratch;
  const float *image = call->inputs[0], *scale = call->weights;
  float *product = call->workspace;
  for (int64_t i = begin; i < end; ++i)
    for (int j = 0; j < 3; ++j)
      product[i * 3 + j] = image[i * 3 + j] * scale[j];
  return 0;
}

static int32_t main_add(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  const lathe_call *call = *(lathe_call *const *)closure;
  (void)worker, (void)scratch;
  const float *product = call->workspace, *bias = call->inputs[1];
  float *scaled = call->outputs[0];
  for (int64_t i = begin; i < end; ++i)
    for (int j = 0; j < 3; ++j)
      scaled[i * 3 + j] = product[i * 3 + j] + bias[i];
  return 0;
}

static int32_t main_run(lathe_call *call) {
  int64_t batch = call->input_dims[0][0];
  int32_t status = loop(call, batch, main_scale);
  if (status == 0)
    status = loop(call, batch, main_add);
  if (status != 0)
    return status;
  const float *scaled = call->outputs[0];
  double *total = call->outputs[1];
  *total = 0;
  for (int64_t i = 0; i < batch * 3; ++i)
    *total += scaled[i];
  return 0;
}

/* --- fill --------------------------------------------------------------- */

static int32_t fill_plan(lathe_call *call, uint64_t *workspace_bytes) {
  const int64_t *shape = call->inputs[0];
  for (int i = 0; i < 2; ++i) {
    if (shape[i] < -1) {
      call->error_values[0] = i;
      call->error_values[1] = shape[i];
      return 1;
    }
    call->output_dims[0][i] = shape[i];
  }
  *workspace_bytes = 0;
  return 0;
}

static int32_t fill_run(lathe_call *call) {
  const int64_t *shape = call->inputs[0];
  int32_t *filled = call->outputs[0];
  for (int64_t i = 0; i < shape[0] * shape[1]; ++i)
    filled[i] = 7;
  return 0;
}

/* --- fail --------------------------------------------------------------- */

static int32_t fail_plan(lathe_call *call, uint64_t *workspace_bytes) {
  (void)call;
  *workspace_bytes = 0;
  return 0;
}

static int32_t fail_run(lathe_call *call) {
  int64_t code = *(const int64_t *)call->inputs[0];
  call->error_values[0] = INT64_MIN;
  call->error_values[1] = 5;
  if (code != -101 && code != -102)
    return (int32_t)code;
  /* No memory, or more than the call may have, and the message that says what for. */
  call->error_code = 4;
  call->error_values[0] = INT64_C(1) << 50;
  if (code == -102 && call->imports->alloc(call->imports->context, (size_t)1 << 50, LATHE_ALIGNMENT))
    return 0;
  return LATHE_TASK_OUT_OF_MEMORY;
}

/* --- select ------------------------------------------------------------- */

static int32_t select_plan(lathe_call *call, uint64_t *workspace_bytes) {
  *workspace_bytes = (uint64_t)call->input_dims[0][0] * sizeof(float);
  return 0;
}

static void *allocate(lathe_call *call, int64_t elements) {
  return call->imports->alloc(call->imports->context, (size_t)elements * sizeof(float), LATHE_ALIGNMENT);
}

static int32_t select_run(lathe_call *call) {
  int64_t n = call->input_dims[0][0], how = *(const int64_t *)call->inputs[1], found = 0;
  const float *x = call->inputs[0];
  for (int64_t i = 0; i < n; ++i)
    found += x[i] > 0;
  float *besides = allocate(call, n);
  float *first = how == 2 ? call->workspace : allocate(call, found);
  float *second = how == 0 ? allocate(call, found) : first;
  if (!besides || !first || !second)
    return LATHE_TASK_OUT_OF_MEMORY;
  if (how == 5) {
    call->error_values[0] = found;
    return 1;
  }
  for (int64_t i = 0, at = 0; i < n; ++i)
    if (x[i] > 0)
      first[at] = second[at] = x[i], ++at;
  if (how % 2 == 0)
    call->imports->free(call->imports->context, besides);
  call->outputs[0] = first;
  call->outputs[1] = how == 3 ? NULL : second;
  call->output_dims[0][0] = found;
  if (how != 4)
    call->output_dims[1][0] = found;
  return 0;
}

/* --- spin --------------------------------------------------------------- */

static int32_t spin_run(lathe_call *call) {
  int64_t turns = *(const int64_t *)call->inputs[0];
  for (int64_t i = 0; i < turns; ++i) {
    if (call->cancel && __atomic_load_n(call->cancel, __ATOMIC_RELAXED))
      return LATHE_TASK_CANCELLED;
    if (call->loop_steps == call->max_loop_steps) {
      call->error_code = 1;
      call->error_values[0] = call->loop_steps;
      return LATHE_TASK_LIMIT;
    }
    ++call->loop_steps;
  }
  return 0;
}

/* --- reverse ------------------------------------------------------------ */

static int32_t reverse_plan(lathe_call *call, uint64_t *workspace_bytes) {
  const lathe_value *items = call->inputs[0];
  *workspace_bytes = 0;
  call->error_values[0] = items->count;
  return items->count > 9 ? 1 : 0;
}

static void *reverse_alloc(lathe_call *call, size_t size) {
  return call->imports->alloc(call->imports->context, size, LATHE_ALIGNMENT);
}

static int32_t reverse_run(lathe_call *call) {
  const lathe_value *items = call->inputs[0], *extra = call->inputs[1];
  int64_t count = items->count + (extra->kind == LATHE_KIND_TENSOR);
  lathe_value *reversed = reverse_alloc(call, sizeof *reversed), *first = reverse_alloc(call, sizeof *first);
  lathe_tensor *elements = reverse_alloc(call, (size_t)count * sizeof(lathe_tensor));
  /* The call may have less memory than that. */
  if (!reversed || !first || (count > 0 && !elements))
    return LATHE_TASK_OUT_OF_MEMORY;
  *reversed = (lathe_value){.kind = LATHE_KIND_SEQUENCE, .count = count};
  reversed->elements = elements;
  for (int64_t i = 0; i < count; ++i) {
    lathe_tensor tensor = i < items->count ? items->elements[items->count - 1 - i] : extra->tensor;
    if (i % 2 == 0) {
      size_t bytes = (size_t)tensor.dims[0] * 2 * sizeof(float);
      char *copy = reverse_alloc(call, bytes);
      if (bytes > 0 && !copy)
        return LATHE_TASK_OUT_OF_MEMORY;
      for (size_t b = 0; b < bytes; ++b)
        copy[b] = ((const char *)tensor.data)[b];
      tensor.data = copy;
    }
    reversed->elements[i] = tensor;
  }
  if (items->count == 9)
    reversed->elements[count - 1].dims[1] = 3;
  *first = (lathe_value){.kind = LATHE_KIND_OPTIONAL};
  if (count > 0)
    *first = (lathe_value){.kind = LATHE_KIND_TENSOR, .tensor = reversed->elements[0]};
  call->outputs[0] = reversed;
  call->outputs[1] = first;
  *(int64_t *)call->outputs[2] = count;
  return 0;
}

/* --- denormal ----------------------------------------------------------- */

static int32_t denormal_plan(lathe_call *call, uint64_t *workspace_bytes) {
  call->output_dims[0][0] = call->input_dims[0][0];
  *workspace_bytes = 0;
  return 0;
}

static int32_t denormal_halve(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  const lathe_call *call = *(lathe_call *const *)closure;
  (void)worker, (void)scratch;
  const volatile float *x = call->inputs[0];
  float *half = call->outputs[0];
  for (int64_t i = begin; i < end; ++i)
    half[i] = x[i] / 2;
  return 0;
}

static int32_t denormal_run(lathe_call *call) { return loop(call, call->input_dims[0][0], denormal_halve); }

/* --- The description ---------------------------------------------------- */

static const int64_t computed_1[] = {INT64_MIN};
static const int64_t batch_by_3[] = {-1, 3}, batch[] = {-1}, two[] = {2};
static const int64_t computed[] = {INT64_MIN, INT64_MIN};

#define VALUE(variable, text, type, rank_, dims_)                                                                      \
  static const lathe_value_desc variable = {                                                                           \
      .struct_size = sizeof variable, .name = text, .dtype = type, .rank = rank_, .dims = dims_, .alias = -1}
VALUE(main_image, "image", LATHE_DTYPE_F32, 2, batch_by_3);
VALUE(main_bias, "bias", LATHE_DTYPE_F32, 1, batch);
VALUE(main_scaled, "scaled", LATHE_DTYPE_F32, 2, batch_by_3);
VALUE(main_total, "total", LATHE_DTYPE_F64, 0, NULL);
VALUE(fill_shape, "shape", LATHE_DTYPE_I64, 1, two);
VALUE(fill_filled, "filled", LATHE_DTYPE_I32, 2, computed);
VALUE(fail_code, "code", LATHE_DTYPE_I64, 0, NULL);
VALUE(select_x, "x", LATHE_DTYPE_F32, 1, batch);
VALUE(select_how, "how", LATHE_DTYPE_I64, 0, NULL);
#define SIZED_BY_RUN(variable, text)                                                                                   \
  static const lathe_value_desc variable = {.struct_size = sizeof variable,                                            \
                                            .name = text,                                                              \
                                            .dtype = LATHE_DTYPE_F32,                                                  \
                                            .rank = 1,                                                                 \
                                            .dims = computed_1,                                                        \
                                            .flags = LATHE_VALUE_SIZED_BY_RUN,                                         \
                                            .alias = -1}
SIZED_BY_RUN(select_first, "first");
SIZED_BY_RUN(select_second, "second");
static const int64_t any_by_2[] = {INT64_MIN, 2};
#define ANY_BY_2(variable, text, kind_)                                                                                \
  static const lathe_value_desc variable = {.struct_size = sizeof variable,                                            \
                                            .kind = kind_,                                                             \
                                            .name = text,                                                              \
                                            .dtype = LATHE_DTYPE_F32,                                                  \
                                            .rank = 2,                                                                 \
                                            .dims = any_by_2,                                                          \
                                            .alias = -1}
ANY_BY_2(reverse_items, "items", LATHE_KIND_SEQUENCE);
ANY_BY_2(reverse_extra, "extra", LATHE_KIND_OPTIONAL);
ANY_BY_2(reverse_reversed, "reversed", LATHE_KIND_SEQUENCE);
ANY_BY_2(reverse_first, "first", LATHE_KIND_OPTIONAL);
VALUE(reverse_count, "count", LATHE_DTYPE_I64, 0, NULL);
VALUE(spin_turns, "turns", LATHE_DTYPE_I64, 0, NULL);
VALUE(denormal_x, "x", LATHE_DTYPE_F32, 1, batch);
static const lathe_value_desc denormal_half = {.struct_size = sizeof denormal_half,
                                               .name = "half",
                                               .dtype = LATHE_DTYPE_F32,
                                               .rank = 1,
                                               .dims = batch,
                                               .alias = 0};

static const lathe_value_desc *const main_inputs[] = {&main_image, &main_bias};
static const lathe_value_desc *const main_outputs[] = {&main_scaled, &main_total};
static const lathe_value_desc *const fill_inputs[] = {&fill_shape};
static const lathe_value_desc *const fill_outputs[] = {&fill_filled};
static const lathe_value_desc *const fail_inputs[] = {&fail_code};
static const lathe_value_desc *const select_inputs[] = {&select_x, &select_how};
static const lathe_value_desc *const select_outputs[] = {&select_first, &select_second};
static const lathe_value_desc *const reverse_inputs[] = {&reverse_items, &reverse_extra};
static const lathe_value_desc *const reverse_outputs[] = {&reverse_reversed, &reverse_first, &reverse_count};
static const lathe_value_desc *const spin_inputs[] = {&spin_turns};
static const lathe_value_desc *const denormal_inputs[] = {&denormal_x};
static const lathe_value_desc *const denormal_outputs[] = {&denormal_half};

static const char *const batch_names[] = {"batch"};
static const char *const no_names[] = {""};
static const char *const main_checks[] = {"node \"scale\" (Mul-14): batch is %lld, but at most %lld is possible "
                                          "[fixture-batch]"};
static const char *const fill_checks[] = {"node \"fill\" (Expand-13): dim %lld is %lld, 100%s of them must be 0 or "
                                          "more, not %lld [fixture-fill]"};
static const char *const fail_checks[] = {"first: %lld and %lld [fixture-first]", "second, with no values",
                                          "third: only %lld [fixture-third]",
                                          "node \"fail\" (Tile-13): what it computes needs %lld bytes"};

static const lathe_function_desc main_function = {
    .struct_size = sizeof main_function,
    .name = "main",
    .input_count = 2,
    .inputs = main_inputs,
    .output_count = 2,
    .outputs = main_outputs,
    .symbol_count = 1,
    .symbol_names = batch_names,
    .check_count = 1,
    .check_messages = main_checks,
    .plan = main_plan,
    .run = main_run,
};
static const lathe_function_desc fill_function = {
    .struct_size = sizeof fill_function,
    .name = "fill",
    .input_count = 1,
    .inputs = fill_inputs,
    .output_count = 1,
    .outputs = fill_outputs,
    .check_count = 1,
    .check_messages = fill_checks,
    .plan = fill_plan,
    .run = fill_run,
};
static const lathe_function_desc fail_function = {
    .struct_size = sizeof fail_function,
    .name = "fail",
    .input_count = 1,
    .inputs = fail_inputs,
    .check_count = 4,
    .check_messages = fail_checks,
    .plan = fail_plan,
    .run = fail_run,
};
static const char *const select_checks[] = {"found %lld [fixture-select]"};
static const lathe_function_desc select_function = {
    .struct_size = sizeof select_function,
    .name = "select",
    .input_count = 2,
    .inputs = select_inputs,
    .output_count = 2,
    .outputs = select_outputs,
    .symbol_count = 1,
    .symbol_names = no_names,
    .check_count = 1,
    .check_messages = select_checks,
    .plan = select_plan,
    .run = select_run,
};
static const char *const reverse_checks[] = {"%lld items [fixture-reverse]"};
static const lathe_function_desc reverse_function = {
    .struct_size = sizeof reverse_function,
    .name = "reverse",
    .input_count = 2,
    .inputs = reverse_inputs,
    .output_count = 3,
    .outputs = reverse_outputs,
    .check_count = 1,
    .check_messages = reverse_checks,
    .plan = reverse_plan,
    .run = reverse_run,
};
static const char *const spin_checks[] = {"node \"spin\" (Loop-21): %lld turns [fixture-spin]"};
static const lathe_function_desc spin_function = {
    .struct_size = sizeof spin_function,
    .name = "spin",
    .input_count = 1,
    .inputs = spin_inputs,
    .check_count = 1,
    .check_messages = spin_checks,
    .plan = fail_plan,
    .run = spin_run,
};
static const lathe_function_desc denormal_function = {
    .struct_size = sizeof denormal_function,
    .name = "denormal",
    .input_count = 1,
    .inputs = denormal_inputs,
    .output_count = 1,
    .outputs = denormal_outputs,
    .symbol_count = 1,
    .symbol_names = no_names,
    .plan = denormal_plan,
    .run = denormal_run,
};
#ifdef FIXTURE_ONLY
static const lathe_function_desc *const functions[] = {&FIXTURE_ONLY};
#else
static const lathe_function_desc *const functions[] = {&main_function,     &fill_function,   &fail_function,
                                                       &denormal_function, &select_function, &spin_function,
                                                       &reverse_function};
#endif

static const lathe_variant_desc variant = {
    .struct_size = sizeof variant,
    .name = "here",
    .target = FIXTURE_TARGET,
    .function_count = sizeof functions / sizeof functions[0],
    .functions = functions,
};
static const lathe_variant_desc *const variants[] = {&variant};

/* Unused where the library is to have no query. */
__attribute__((unused)) static const lathe_module_desc module = {
    .abi_version = FIXTURE_ABI,
    .struct_size = sizeof module,
    .compiler = "by hand",
    .model = "fixture",
    .variant_count = 1,
    .variants = variants,
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
