/* lib/Runtime/CUDA/Driver.c: NVIDIA's driver, opened when the first module wants
 * it.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lathe_impl_cuda functions;
static const char *missing; /* A function that the library lacks. */
static bool is_open;
static cuda_result started;
static char reason[256];

static void open_driver(void) {
  /* Never closed: it keeps threads of its own. */
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *text = dlerror();
    snprintf(reason, sizeof reason, "%s", text ? text : "unknown");
    return;
  }
  void *address;
  const char *lacking = NULL;
#define LATHE_CUDA_FIND(member, symbol, parameters)                                                                    \
  address = dlsym(library, symbol);                                                                                    \
  if (!address && !lacking)                                                                                            \
    lacking = symbol;                                                                                                  \
  memcpy(&functions.member, &address, sizeof address);
  LATHE_CUDA_FUNCTIONS(LATHE_CUDA_FIND)
  missing = lacking;
  lacking = NULL;
  LATHE_CUDA_GRAPH_FUNCTIONS(LATHE_CUDA_FIND)
  functions.has_graphs = !lacking;
  LATHE_CUDA_LATER_FUNCTIONS(LATHE_CUDA_FIND)
#undef LATHE_CUDA_FIND
  if (missing)
    return;
  started = functions.init(0);
  is_open = true;
}

lathe_status lathe_impl_cuda_open(const struct lathe_impl_cuda **driver) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_driver);
  if (missing)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "cuda-old-driver",
                           "the NVIDIA driver of this machine lacks %s; install a newer one", missing);
  if (!is_open)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "cuda-no-driver",
                           "there is no NVIDIA driver on this machine: %s; install it, or take a variant for the CPU",
                           reason);
  if (started)
    return lathe_impl_cuda_fail(&functions, started, "the NVIDIA driver did not start");
  *driver = &functions;
  return LATHE_OK;
}

/* --- Reasons ------------------------------------------------------------ */

static _Thread_local char said[512];

const char *lathe_impl_cuda_reason(void) { return said[0] ? said : NULL; }

void lathe_impl_cuda_explain(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(said, sizeof said, format, arguments);
  va_end(arguments);
}

void lathe_impl_cuda_say(const struct lathe_impl_cuda *driver, cuda_result code, const char *what) {
  const char *name = NULL, *text = NULL;
  driver->error_name(code, &name);
  driver->error_text(code, &text);
  lathe_impl_cuda_explain("%s: %s (%s, error %d) [%s]", what, text ? text : "unknown error", name ? name : "no name",
                          code, code == CUDA_ERROR_OUT_OF_MEMORY_CODE ? "cuda-out-of-memory" : "cuda-error");
}

lathe_status lathe_impl_cuda_fail(const struct lathe_impl_cuda *driver, cuda_result code, const char *what) {
  const char *name = NULL, *text = NULL;
  driver->error_name(code, &name);
  driver->error_text(code, &text);
  text = text ? text : "unknown error";
  name = name ? name : "no name";
  if (code == CUDA_ERROR_OUT_OF_MEMORY_CODE)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "cuda-out-of-memory", "%s: %s (%s, error %d)", what, text, name, code);
  return lathe_impl_fail(LATHE_DEVICE_ERROR, "cuda-error", "%s: %s (%s, error %d)", what, text, name, code);
}

/* --- Targets ------------------------------------------------------------ */

bool lathe_impl_cuda_names(const char *target) {
  return strncmp(target, "cuda", 4) == 0 && (!target[4] || target[4] == ':');
}

/* Ten times the major version of GPU `number` and its minor version: 86. */
static lathe_status find_version(uint32_t number, int *version) {
  const struct lathe_impl_cuda *driver;
  lathe_status status = lathe_impl_cuda_open(&driver);
  if (status != LATHE_OK)
    return status;
  int count = 0, major = 0, minor = 0;
  cuda_device device = 0;
  cuda_result code = driver->device_count(&count);
  if (!code && number >= (uint32_t)count)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "cuda-no-device",
                           "GPU %u is wanted, but the NVIDIA driver finds %d on this machine; take another one, or a "
                           "variant for the CPU",
                           number, count);
  if (!code)
    code = driver->device_get(&device, (int)number);
  if (!code)
    code = driver->device_attribute(&major, CUDA_ATTRIBUTE_MAJOR, device);
  if (!code)
    code = driver->device_attribute(&minor, CUDA_ATTRIBUTE_MINOR, device);
  if (code)
    return lathe_impl_cuda_fail(driver, code, "the NVIDIA driver does not describe the GPU");
  *version = 10 * major + minor;
  return LATHE_OK;
}

lathe_status lathe_impl_cuda_supported(const char *target, uint32_t device) {
  if (!target)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-null", "the place for the target is NULL");
  int has = 0;
  lathe_status status = find_version(device, &has);
  if (status != LATHE_OK)
    return status;
  const char *number = strstr(target, "sm_");
  char *end = NULL;
  long needed = number ? strtol(number + 3, &end, 10) : 80;
  /* What is specific to an architecture runs on no other. */
  bool fits = end && *end == 'a' ? has == needed : has >= needed;
  if (fits)
    return LATHE_OK;
  return lathe_impl_fail(LATHE_INCOMPATIBLE, "cuda-other-gpu",
                         "code for target \"%s\" cannot run on GPU %u, which is an sm_%d; compile the model with "
                         "--target=cuda:sm_80, which every later one runs",
                         target, device, has);
}

lathe_status lathe_cuda_target(uint32_t device, char *target, size_t size) {
  /* What there are targets for, the last first: those of one architecture alone, and
   * those that later ones run, too. */
  static const struct {
    int version;
    bool is_exact;
    const char *name;
  } rows[] = {{120, true, "cuda:sm_120a"}, {100, true, "cuda:sm_100a"}, {90, true, "cuda:sm_90a"},
              {89, false, "cuda:sm_89"},   {86, false, "cuda:sm_86"},   {80, false, "cuda:sm_80"}};
  int has = 0;
  lathe_status status = find_version(device, &has);
  if (status != LATHE_OK)
    return status;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i)
    if (rows[i].is_exact ? has == rows[i].version : has >= rows[i].version) {
      int length = snprintf(target, size, "%s", rows[i].name);
      if (length >= 0 && (size_t)length < size)
        return LATHE_OK;
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "cuda-target-size",
                             "there is place for %zu bytes, but the name of the target has %d", size, length);
    }
  return lathe_impl_fail(LATHE_INCOMPATIBLE, "cuda-other-gpu",
                         "GPU %u is an sm_%d, for which there is no target; the least is an sm_80", device, has);
}
