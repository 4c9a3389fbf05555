/* lib/Runtime/Core/Strings.c: tensors of strings at the border of a call.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Services.h"

#include <string.h>

lathe_status lathe_impl_check_strings(const char *what, const char *name, const char *where, const lathe_tensor *tensor,
                                      size_t bytes) {
  if (tensor->dtype != LATHE_DTYPE_STRING)
    return LATHE_OK;
  const char *const *strings = tensor->data;
  for (size_t i = 0; i < bytes / sizeof *strings; ++i)
    if (!strings[i])
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-null-string",
                             "%s \"%s\"%s: string %zu is NULL; give \"\" where there is no text", what, name, where, i);
  return LATHE_OK;
}

lathe_status lathe_impl_own_strings(const lathe_module *module, const char *name, lathe_tensor *output) {
  size_t bytes = 0;
  lathe_impl_bytes(output->dtype, output->rank, output->dims, &bytes);
  char **strings = output->data;
  size_t count = bytes / sizeof *strings, total = bytes;
  for (size_t i = 0; i < count; ++i)
    total += strlen(strings[i]) + 1;
  char **owned = lathe_impl_host_alloc(module, total);
  if (owned) {
    char *text = (char *)(owned + count);
    for (size_t i = 0; i < count; ++i) {
      size_t size = strlen(strings[i]) + 1;
      owned[i] = memcpy(text, strings[i], size);
      text += size;
    }
  }
  lathe_impl_host_free(module, strings);
  output->data = owned;
  if (!owned)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory", "no memory for output \"%s\" of %zu bytes", name,
                           total);
  return LATHE_OK;
}
