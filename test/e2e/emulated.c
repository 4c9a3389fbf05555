/* test/e2e/emulated.c: calls a function of a model with values from one file and writes its results to another.
 *
 * usage: emulated LIBRARY ISA FUNCTION THREADS FLAGS MAX_LOOP_STEPS MAX_BYTES INPUTS OUTPUTS
 *
 * The numbers are those of lathe_call_options.
 *
 * A file is numbers of 64 bits in this machine's order: how many values; of each its kind, a lathe_kind, and how many
 * tensors it has; of each tensor its dtype, its rank, its dims, how many bytes follow, and these, with zeros up to a
 * multiple of 8. The bytes of strings are the texts, each with the zero at its end. Says what failed as
 * lathe_last_error does, and exits with 1.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "lathe-runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ask(int holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "emulated: error: %s\n", what);
  exit(2);
}

static void *memory(size_t count, size_t size) {
  void *found = calloc(count ? count : 1, size);
  ask(found != NULL, "out of memory");
  return found;
}

static int64_t read_number(FILE *file) {
  int64_t number = 0;
  ask(fread(&number, sizeof number, 1, file) == 1, "the file of inputs is too short");
  return number;
}

static void write_bytes(FILE *file, const void *bytes, size_t count) {
  ask(fwrite(bytes, 1, count, file) == count, "the outputs cannot be written");
}

static void write_number(FILE *file, int64_t number) { write_bytes(file, &number, sizeof number); }

static int64_t count_of(const lathe_tensor *tensor) {
  int64_t count = 1;
  for (uint32_t i = 0; i < tensor->rank; ++i)
    count *= tensor->dims[i];
  return count;
}

static void point_to_texts(lathe_tensor *tensor, const char *texts) {
  int64_t count = count_of(tensor);
  const char **places = memory((size_t)count, sizeof *places);
  for (int64_t i = 0; i < count; ++i, texts += strlen(texts) + 1)
    places[i] = texts;
  tensor->data = (void *)places;
}

static void read_tensor(FILE *file, lathe_tensor *tensor) {
  tensor->dtype = (lathe_dtype)read_number(file);
  tensor->rank = (uint32_t)read_number(file);
  ask(tensor->rank <= LATHE_MAX_RANK, "the rank is too high");
  for (uint32_t i = 0; i < tensor->rank; ++i)
    tensor->dims[i] = read_number(file);
  size_t bytes = (size_t)read_number(file), padded = (bytes + 7) / 8 * 8;
  tensor->data = memory(padded, 1);
  ask(fread(tensor->data, 1, padded, file) == padded, "the file of inputs is too short");
  if (tensor->dtype == LATHE_DTYPE_STRING)
    point_to_texts(tensor, tensor->data);
}

static void write_tensor(FILE *file, const lathe_tensor *tensor) {
  write_number(file, tensor->dtype);
  write_number(file, tensor->rank);
  for (uint32_t i = 0; i < tensor->rank; ++i)
    write_number(file, tensor->dims[i]);
  const char *const *texts = tensor->data;
  size_t bytes = 0;
  if (tensor->dtype == LATHE_DTYPE_STRING)
    for (int64_t i = 0; i < count_of(tensor); ++i)
      bytes += strlen(texts[i]) + 1;
  else
    ask(lathe_tensor_bytes(tensor, &bytes) == LATHE_OK, lathe_last_error());
  write_number(file, (int64_t)bytes);
  if (tensor->dtype == LATHE_DTYPE_STRING)
    for (int64_t i = 0; i < count_of(tensor); ++i)
      write_bytes(file, texts[i], strlen(texts[i]) + 1);
  else
    write_bytes(file, tensor->data, bytes);
  write_bytes(file, "\0\0\0\0\0\0\0", (8 - bytes % 8) % 8);
}

static size_t read_values(const char *path, lathe_value **values) {
  FILE *file = fopen(path, "rb");
  ask(file != NULL, "the inputs cannot be read");
  size_t count = (size_t)read_number(file);
  *values = memory(count, sizeof **values);
  for (lathe_value *value = *values; value < *values + count; ++value) {
    value->kind = (lathe_kind)read_number(file);
    value->count = read_number(file);
    value->elements = memory((size_t)value->count, sizeof *value->elements);
    for (int64_t i = 0; i < value->count; ++i)
      read_tensor(file, value->kind == LATHE_KIND_TENSOR ? &value->tensor : &value->elements[i]);
  }
  fclose(file);
  return count;
}

static void write_values(const char *path, const lathe_value *values, size_t count) {
  FILE *file = fopen(path, "wb");
  ask(file != NULL, "the outputs cannot be written");
  write_number(file, (int64_t)count);
  for (const lathe_value *value = values; value < values + count; ++value) {
    int is_tensor = value->kind == LATHE_KIND_TENSOR;
    int64_t tensors = is_tensor ? 1 : value->kind == LATHE_KIND_OPTIONAL ? 0 : value->count;
    write_number(file, value->kind);
    write_number(file, tensors);
    for (int64_t i = 0; i < tensors; ++i)
      write_tensor(file, is_tensor ? &value->tensor : &value->elements[i]);
  }
  ask(fclose(file) == 0, "the outputs cannot be written");
}

int main(int argc, char **argv) {
  ask(argc == 10, "usage: emulated LIBRARY ISA FUNCTION THREADS FLAGS MAX_LOOP_STEPS MAX_BYTES INPUTS OUTPUTS");
  lathe_load_options options = {.struct_size = sizeof options, .isa = argv[2]};
  lathe_call_options call = {.struct_size = sizeof call,
                             .threads = atoi(argv[4]),
                             .flags = (uint32_t)strtoul(argv[5], NULL, 10),
                             .max_loop_steps = strtoll(argv[6], NULL, 10),
                             .max_bytes = strtoll(argv[7], NULL, 10)};
  lathe_module *module = NULL;
  lathe_value *inputs = NULL;
  size_t input_count = read_values(argv[8], &inputs);
  const lathe_function_desc *function = NULL;
  lathe_value *outputs = NULL;
  lathe_status status = lathe_module_load_with(argv[1], &options, &module);
  if (status == LATHE_OK) {
    function = lathe_module_function(module, argv[3]);
    status = function ? LATHE_OK : LATHE_NOT_FOUND;
  }
  if (status == LATHE_OK) {
    outputs = memory(function->output_count, sizeof *outputs);
    status = lathe_module_call_values(module, argv[3], inputs, input_count, outputs, function->output_count, &call);
  }
  if (status != LATHE_OK) {
    fprintf(stderr, "%s\n", lathe_last_error());
    return 1;
  }
  write_values(argv[9], outputs, function->output_count);
  return 0;
}
