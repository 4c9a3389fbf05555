/* test/e2e/spaces.c: calls a model that keeps data in a memory space which this
 * program serves, and finds each address that is used in the wrong space.
 *
 * Usage: spaces INPUT ROWS COLUMNS [CALLS]. INPUT holds ROWS x COLUMNS floats. Prints how
 * many copies each call made to the device, within it and from it, and the outputs.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "lathe-runtime/runtime.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The memory of the device, which here happens to be the program's. */
struct block {
  char *memory;
  size_t size;
};
static struct block blocks[256];
static int block_count, peak_count;
static int to_device, within, from_device;

static void die(const char *what) {
  fprintf(stderr, "the device was asked for what it cannot do: %s\n", what);
  exit(3);
}

static int is_device(const void *memory, size_t size) {
  for (int i = 0; i < block_count; ++i)
    if ((const char *)memory >= blocks[i].memory && (const char *)memory + size <= blocks[i].memory + blocks[i].size)
      return 1;
  return 0;
}

static void *device_alloc(void *context, size_t size, size_t alignment) {
  (void)context;
  void *memory = NULL;
  if (block_count == 256 || posix_memalign(&memory, alignment, size) != 0)
    return NULL;
  memset(memory, 0x7f, size); /* Not a number that a model computes. */
  blocks[block_count++] = (struct block){memory, size};
  peak_count = block_count > peak_count ? block_count : peak_count;
  return memory;
}

static void device_free(void *context, void *memory) {
  (void)context;
  for (int i = 0; i < block_count; ++i)
    if (blocks[i].memory == memory) {
      blocks[i] = blocks[--block_count];
      free(memory);
      return;
    }
  die("it frees memory that it has not");
}

static int32_t device_copy(void *context, void *target, uint32_t target_space, const void *source,
                           uint32_t source_space, size_t size) {
  (void)context;
  if (is_device(target, size) != (target_space == LATHE_SPACE_CUDA))
    die("a copy to an address of another space");
  if (is_device(source, size) != (source_space == LATHE_SPACE_CUDA))
    die("a copy from an address of another space");
  ++*(target_space != LATHE_SPACE_CUDA ? &from_device : source_space == LATHE_SPACE_CUDA ? &within : &to_device);
  memmove(target, source, size);
  return 0;
}

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, lathe_last_error());
  return 1;
}

static const lathe_space_services device = {.struct_size = sizeof device,
                                            .space = LATHE_SPACE_CUDA,
                                            .alloc = device_alloc,
                                            .free = device_free,
                                            .copy = device_copy,
                                            .context = NULL};
static const lathe_space_services *const spaces[] = {&device};

static int call(lathe_module *model, lathe_tensor *input) {
  const lathe_function_desc *main_function = lathe_module_function(model, "main");
  lathe_tensor moved = *input, results[8] = {0};
  moved.space = main_function->inputs[0]->space;
  moved.data = NULL;
  if (lathe_module_tensor_alloc(model, &moved) != LATHE_OK ||
      lathe_module_tensor_copy(model, input, &moved) != LATHE_OK)
    return fail("input");
  to_device = within = from_device = 0;
  if (lathe_module_call(model, "main", &moved, 1, results, main_function->output_count) != LATHE_OK)
    return fail("call");
  printf("copies %d %d %d\n", to_device, within, from_device);
  for (uint32_t i = 0; i < main_function->output_count; ++i) {
    lathe_tensor output = results[i];
    output.space = LATHE_SPACE_HOST;
    if (lathe_module_tensor_alloc(model, &output) != LATHE_OK ||
        lathe_module_tensor_copy(model, &results[i], &output) != LATHE_OK)
      return fail("output");
    size_t bytes = 0;
    lathe_tensor_bytes(&output, &bytes);
    printf("output");
    for (size_t k = 0; k < bytes / sizeof(float); ++k)
      printf(" %.9g", (double)((const float *)output.data)[k]);
    printf("\n");
    lathe_module_tensor_free(model, &output);
    lathe_module_tensor_free(model, &results[i]);
  }
  lathe_module_tensor_free(model, &moved);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4)
    return 2;
  int64_t rows = strtol(argv[2], NULL, 10), columns = strtol(argv[3], NULL, 10);
  long calls = argc > 4 ? strtol(argv[4], NULL, 10) : 1;
  size_t count = (size_t)rows * (size_t)columns;
  float *values = malloc(count * sizeof *values);
  FILE *file = fopen(argv[1], "rb");
  if (!values || !file || fread(values, sizeof *values, count, file) != count)
    return 2;
  fclose(file);
  lathe_module *model = NULL;
  if (lathe_module_from_query(lathe_query_model, &model) == LATHE_OK)
    printf("needs no space\n");
  else
    printf("without: %s\n", lathe_last_error());
  lathe_module_free(model);
  lathe_load_options options = {.struct_size = sizeof options, .spaces = spaces, .space_count = 1};
  if (lathe_module_from_query_with(lathe_query_model, &options, &model) != LATHE_OK)
    return fail("load");
  lathe_tensor input = {.data = values, .dtype = LATHE_DTYPE_F32, .rank = 2, .dims = {rows, columns}};
  int result = 0;
  for (long i = 0; i < calls && result == 0; ++i)
    result = call(model, &input);
  printf("blocks %d\n", peak_count);
  lathe_module_free(model);
  free(values);
  if (block_count != 0)
    die("it keeps memory");
  return result;
}
