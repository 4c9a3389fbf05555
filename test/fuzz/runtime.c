/* test/fuzz/runtime.c: calls of the runtime with arguments that nobody would write.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Core/Internal.h"
#include "Fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
  const uint8_t *next, *end;
};

static uint8_t byte(struct bytes *in) { return in->next < in->end ? *in->next++ : 0; }

/* A number: mostly small, sometimes one where arithmetic ends. */
static int64_t number(struct bytes *in) {
  static const int64_t odd[] = {-1, INT64_MAX, INT64_MIN, INT64_MAX / 2, (int64_t)1 << 40, 65536, 1000, 1001};
  uint8_t first = byte(in);
  return first < 224 ? first % 12 : odd[first % 8];
}

/* A tensor whose data, if it is said to have any, are there: the runtime cannot know better. */
static lathe_tensor tensor(struct bytes *in, void **memory) {
  lathe_tensor result = {0};
  result.dtype = (lathe_dtype)(byte(in) % 40);
  result.rank = byte(in) % 11;
  result.space = byte(in) % 8 ? 0 : byte(in);
  for (int i = 0; i < LATHE_MAX_RANK; ++i)
    result.dims[i] = number(in);
  size_t size = 0;
  *memory = NULL;
  lathe_tensor counted = result;
  counted.space = 0;
  if (lathe_tensor_bytes(&counted, &size) != LATHE_OK || size > 1 << 20 || byte(in) % 16 == 0)
    return result;
  if (posix_memalign(memory, LATHE_ALIGNMENT, size + LATHE_ALIGNMENT))
    abort();
  memset(*memory, 0, size + LATHE_ALIGNMENT);
  int64_t value = number(in);
  if (result.dtype == LATHE_DTYPE_I64 && size >= sizeof value)
    memcpy(*memory, &value, sizeof value);
  for (size_t i = 0; result.dtype == LATHE_DTYPE_STRING && i < size / sizeof(char *); ++i)
    ((const char **)*memory)[i] = "text";
  result.data = (char *)*memory + (byte(in) % 32 == 0 ? 1 : 0);
  return result;
}

static void call(struct bytes *in, lathe_module *module) {
  static const char *const names[] = {"main", "fill", "select", "reverse", "denormal", "spin", "none", ""};
  const char *name = names[byte(in) % 8];
  lathe_tensor elements[2][4] = {0};
  lathe_value values[2][4] = {0};
  void *memory[2][4] = {0};
  size_t counts[2] = {byte(in) % 4, byte(in) % 4};
  for (int side = 0; side < 2; ++side)
    for (size_t i = 0; i < counts[side]; ++i) {
      elements[side][i] = tensor(in, &memory[side][i]);
      /* What is given as memory for a result is made to fit, or left to the call. */
      if (side == 1)
        elements[side][i].data = NULL;
      lathe_value *value = &values[side][i];
      value->kind = byte(in) % 6;
      value->tensor = elements[side][i];
      if (value->kind == LATHE_KIND_SEQUENCE || value->kind == LATHE_KIND_MAP) {
        value->elements = &elements[side][i];
        value->count = byte(in) % 8 ? 1 : number(in);
        value->count = value->count > 1 ? 1 : value->count;
      }
      value->reserved = byte(in) % 16 == 0;
    }
  lathe_call_options options = {.struct_size = sizeof options};
  options.threads = (int)(byte(in) % 16 ? byte(in) % 3 : number(in));
  int64_t steps = number(in) % 1000; /* Not 0, which leaves a thousand million. */
  options.max_loop_steps = steps < 0 ? steps : 1 + steps;
  options.flags = byte(in) % 4;
  options.max_bytes = byte(in) % 2 ? 0 : number(in);
  if (byte(in) % 32 == 0)
    options.struct_size = byte(in);
  bool with_values = byte(in) % 2;
  lathe_status status =
      with_values ? lathe_module_call_values(module, name, values[0], counts[0], values[1], counts[1], &options)
                  : lathe_module_call_with(module, name, elements[0], counts[0], elements[1], counts[1], &options);
  if (status != LATHE_OK && !strchr(lathe_last_error(), '[')) {
    fprintf(stderr, "an error without an id: %s\n", lathe_last_error());
    abort();
  }
  for (size_t i = 0; status == LATHE_OK && i < counts[1]; ++i)
    if (with_values)
      lathe_value_free(&values[1][i]);
    else
      lathe_tensor_free(&elements[1][i]);
  for (int side = 0; side < 2; ++side)
    for (size_t i = 0; i < counts[side]; ++i)
      free(memory[side][i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lathe_module *module;
  if (!module && lathe_module_from_query(lathe_module_query, &module) != LATHE_OK)
    abort();
  struct bytes in = {data, data + size};
  for (int calls = 0; calls < 3 && in.next < in.end; ++calls)
    call(&in, module);
  char target[64] = {0};
  memcpy(target, data, size < sizeof target - 1 ? size : sizeof target - 1);
  (void)lathe_target_supported(target);
  return 0;
}
