/* lib/Runtime/Core/Error.c: the per-thread message behind every status.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_SIZE 1024
#define ID_SIZE 64 /* " [id]" and the NUL; ids are ours and short. */

static _Thread_local char message[MESSAGE_SIZE];

const char *lathe_last_error(void) { return message; }

const char *lathe_status_name(lathe_status status) {
  switch (status) {
  case LATHE_OK:
    return "LATHE_OK";
  case LATHE_INVALID_ARGUMENT:
    return "LATHE_INVALID_ARGUMENT";
  case LATHE_NOT_FOUND:
    return "LATHE_NOT_FOUND";
  case LATHE_INCOMPATIBLE:
    return "LATHE_INCOMPATIBLE";
  case LATHE_OUT_OF_MEMORY:
    return "LATHE_OUT_OF_MEMORY";
  case LATHE_CANCELLED:
    return "LATHE_CANCELLED";
  case LATHE_LIMIT:
    return "LATHE_LIMIT";
  case LATHE_DEVICE_ERROR:
    return "LATHE_DEVICE_ERROR";
  }
  return "unknown status";
}

/* Marks a cut, without leaving half of a UTF-8 sequence before it. */
static size_t cut(char *text, size_t length) {
  while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
    --length;
  memset(text + length, '.', 3);
  return length + 3;
}

lathe_status lathe_impl_fail(lathe_status status, const char *id, const char *format, ...) {
  /* Not straight into `message`: an argument may be the last message. */
  char text[MESSAGE_SIZE - ID_SIZE];
  va_list arguments;
  va_start(arguments, format);
  int wanted = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  size_t length = wanted < 0 ? 0 : (size_t)wanted;
  if (length >= sizeof text)
    length = cut(text, sizeof text - 4);
  memcpy(message, text, length);
  snprintf(message + length, ID_SIZE, " [%s]", id);
  return status;
}

lathe_status lathe_impl_fail_reason(lathe_status status, const char *id, const lathe_space_services *services,
                                    const char *format, ...) {
  char text[MESSAGE_SIZE], own[ID_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  const char *reason =
      services && LATHE_HAS(services, reason) && services->reason ? services->reason(services->context) : NULL;
  if (!reason)
    return lathe_impl_fail(status, id, "%s", text);
  const char *bracket = strrchr(reason, '[');
  size_t length = bracket ? strcspn(bracket + 1, "]") : 0, end = strlen(reason);
  if (bracket && bracket > reason && bracket[length + 1] == ']' && !bracket[length + 2] && length < sizeof own) {
    memcpy(own, bracket + 1, length);
    own[length] = '\0';
    id = own;
    end = (size_t)(bracket - 1 - reason);
  }
  return lathe_impl_fail(status, id, "%s: %.*s", text, (int)end, reason);
}

void lathe_impl_write_check(char *text, size_t size, const char *check, const int64_t values[2]) {
  /* The message comes from the module, so it is copied and never used as a
   * format; 24 bytes hold any 64-bit number. */
  static const char place[] = "%lld";
  size_t length = 0, used = 0;
  while (*check != '\0') {
    if (length + 24 + 4 > size) {
      length = cut(text, length);
      break;
    }
    if (used < 2 && strncmp(check, place, sizeof place - 1) == 0) {
      length += (size_t)snprintf(text + length, 24, "%lld", (long long)values[used++]);
      check += sizeof place - 1;
    } else {
      text[length++] = *check++;
    }
  }
  text[length] = '\0';
}

lathe_status lathe_impl_fail_check(lathe_status status, const char *check, const int64_t values[2]) {
  lathe_impl_write_check(message, sizeof message, check, values);
  return status;
}
