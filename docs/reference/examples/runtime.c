/* docs/reference/examples/runtime.c: an example of each function of the runtime;
 * docs/reference/c-runtime.md shows the parts.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "lathe-runtime/runtime.h"
#include "classify.h"
#include "lathe-runtime/cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(CONDITION)                                                                                             \
  if (!(CONDITION)) {                                                                                                  \
    fprintf(stderr, "line %d: %s: %s\n", __LINE__, #CONDITION, lathe_last_error());                                    \
    exit(1);                                                                                                           \
  }

static void show_elements(void) {
  /* [lathe_dtype_bits lathe_dtype_size lathe_dtype_name] */
  printf("%s has %zu bits and takes %zu bytes\n", lathe_dtype_name(LATHE_DTYPE_I4), lathe_dtype_bits(LATHE_DTYPE_I4),
         lathe_dtype_size(LATHE_DTYPE_I4));
  /* [lathe_tensor_bytes] */
  lathe_tensor shape = {.dtype = LATHE_DTYPE_F32, .rank = 2, .dims = {3, 8}};
  size_t bytes = 0;
  if (lathe_tensor_bytes(&shape, &bytes) == LATHE_OK)
    printf("%zu bytes\n", bytes);
  /* [end] */
  REQUIRE(bytes == 96);
  /* [lathe_tensor_alloc lathe_tensor_free] */
  lathe_tensor tensor = {.dtype = LATHE_DTYPE_F32, .rank = 2, .dims = {3, 8}};
  if (lathe_tensor_alloc(&tensor) == LATHE_OK)
    memset(tensor.data, 0, bytes);
  lathe_tensor_free(&tensor);
  /* [end] */
  REQUIRE(tensor.data == NULL);
}

static void load(const char *path) {
  /* [lathe_cuda_keep_code] */
  lathe_status kept = lathe_cuda_keep_code("/var/cache/program"); /* For modules that are loaded from now on. */
  /* [end] */
  REQUIRE(kept == LATHE_OK && lathe_cuda_keep_code(NULL) == LATHE_OK);
  /* [lathe_module_load lathe_module_free lathe_last_error] */
  lathe_module *model = NULL;
  if (lathe_module_load(path, &model) != LATHE_OK)
    fprintf(stderr, "%s\n", lathe_last_error());
  lathe_module_free(model);
  /* [end] */
  REQUIRE(model);
  /* [lathe_module_load_with lathe_status_name] */
  lathe_load_options options = {.struct_size = sizeof options, .isa = "v9"};
  lathe_module *variant = NULL;
  lathe_status status = lathe_module_load_with(path, &options, &variant);
  printf("%s\n", lathe_status_name(status)); /* LATHE_NOT_FOUND */
  /* [end] */
  REQUIRE(status == LATHE_NOT_FOUND);
  /* [lathe_target_supported] */
  if (lathe_target_supported("x86_64:v4") != LATHE_OK)
    printf("%s\n", lathe_last_error());
  /* [end] */
}

static lathe_module *take(void) {
  /* [lathe_module_from_query lathe_module_description lathe_module_variant] */
  lathe_module *model = NULL;
  if (lathe_module_from_query(lathe_query_classify, &model) != LATHE_OK)
    return NULL;
  printf("%s for %s\n", lathe_module_description(model)->model, lathe_module_variant(model)->target);
  /* [lathe_module_from_query_with lathe_module_from_desc lathe_module_from_desc_with] */
  lathe_module *again = NULL, *described = NULL, *same = NULL;
  lathe_load_options options = {.struct_size = sizeof options};
  lathe_module_from_query_with(lathe_query_classify, &options, &again);
  /* Of lathe_artifact_module, where the compiler is in this process. */
  const lathe_module_desc *desc = lathe_module_description(again);
  lathe_module_from_desc(desc, &described);
  lathe_module_from_desc_with(desc, &options, &same);
  /* [end] */
  REQUIRE(again && described && same);
  lathe_module_free(same);
  lathe_module_free(described);
  lathe_module_free(again);
  /* [lathe_module_function lathe_module_function_count] */
  const lathe_function_desc *function = lathe_module_function(model, "main");
  printf("%u functions; main takes %u\n", lathe_module_function_count(model), function->input_count);
  /* [end] */
  return model;
}

static void call(lathe_module *model) {
  float values[2 * 8] = {0};
  /* [lathe_module_call] */
  lathe_tensor features = {.data = values, .dtype = LATHE_DTYPE_F32, .rank = 2, .dims = {2, 8}};
  lathe_tensor scores = {0}; /* The call allocates it. */
  if (lathe_module_call(model, "main", &features, 1, &scores, 1) == LATHE_OK)
    printf("%f\n", ((float *)scores.data)[0]);
  /* [lathe_module_call_with lathe_cancel] */
  int32_t flag = 0; /* Another thread may call lathe_cancel(&flag). */
  lathe_call_options options = {.struct_size = sizeof options, .threads = 1, .cancel = &flag};
  lathe_module_call_with(model, "main", &features, 1, &scores, 1, &options); /* Into the same memory. */
  lathe_cancel(&flag);
  /* [end] */
  REQUIRE(flag != 0);
  lathe_tensor_free(&scores);
  /* [lathe_module_call_values lathe_value_free] */
  lathe_value input = {.kind = LATHE_KIND_TENSOR, .tensor = features}, output = {0};
  lathe_module_call_values(model, "main", &input, 1, &output, 1, NULL);
  lathe_value_free(&output); /* Tensors, and the arrays of sequences. */
  /* [end] */
  /* [lathe_module_tensor_alloc lathe_module_tensor_copy lathe_module_tensor_free] */
  lathe_tensor copy = features; /* Of a space of the module; here the host's. */
  copy.data = NULL;
  if (lathe_module_tensor_alloc(model, &copy) == LATHE_OK)
    lathe_module_tensor_copy(model, &features, &copy);
  lathe_module_tensor_free(model, &copy);
  /* [lathe_module_trim] */
  lathe_module_trim(model); /* Gives the workspaces of earlier calls back. */
  /* [lathe_cuda_services lathe_cuda_target] */
  char target[32]; /* For a compiler: "cuda:sm_86" and the like. */
  const lathe_space_services *gpu = NULL;
  if (lathe_cuda_target(0, target, sizeof target) == LATHE_OK && lathe_cuda_services(0, &gpu) == LATHE_OK)
    printf("GPU 0 is a %s\n", target);
  /* [lathe_module_set_imports lathe_default_imports] */
  lathe_imports imports = *lathe_default_imports(); /* Replace alloc, free or parallel_for. */
  lathe_module_set_imports(model, &imports);
  /* [end] */
  REQUIRE(copy.data == NULL);
}

/* [lathe_custom_ops_query] */
static int32_t invert(lathe_custom_op_call *call) {
  const float *x = call->inputs[0].data;
  float *y = call->outputs[0].data;
  for (int64_t i = 0; i < call->inputs[0].dims[0]; ++i)
    y[i] = 1 / x[i];
  return 0;
}

static const lathe_custom_op op = {sizeof op, 0, "com.example::Invert", invert, NULL};
static const lathe_custom_op *const ops[] = {&op};
static const lathe_custom_op_library library = {LATHE_ABI_VERSION, sizeof library, NULL, ops, 1, 0};
const lathe_custom_op_library *lathe_custom_ops_query(void) { return &library; } /* Of a shared library. */
/* [end] */

static void register_ops(void) {
  /* [lathe_register_custom_op] */
  lathe_register_custom_op("com.example::Invert", invert, NULL); /* Before a model that needs it is loaded. */
  /* [lathe_register_custom_ops lathe_load_custom_ops] */
  lathe_register_custom_ops(lathe_custom_ops_query()); /* What is linked into the program. */
  if (lathe_load_custom_ops("ops.so", NULL) != LATHE_OK)
    fprintf(stderr, "%s\n", lathe_last_error());
  /* [end] */
}

int main(int argc, char **argv) {
  /* [lathe_get_memory] */
  printf("a call may have %llu bytes\n", (unsigned long long)lathe_get_memory());
  /* [lathe_set_threads lathe_get_threads] */
  if (lathe_set_threads(2) == LATHE_OK)
    printf("calls use %d threads\n", lathe_get_threads());
  /* [end] */
  register_ops();
  show_elements();
  load(argv[argc - 1]);
  lathe_module *model = take();
  REQUIRE(model);
  call(model);
  lathe_module_free(model);
  /* [lathe_shutdown] */
  lathe_shutdown(); /* Before the program unloads what holds the runtime. */
  /* [end] */
  return 0;
}
