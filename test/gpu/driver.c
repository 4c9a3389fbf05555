/* test/gpu/driver.c: a `libcuda.so.1` for machines without a GPU: what the runtime calls, on memory of the host.
 *
 * Kernels are the C code that `ptx_to_c.py` makes of the PTX that the runtime loads, compiled by `cc`. Memory of the
 * device is memory of the host in blocks of its own: an access of a kernel outside of them ends the process. Threads
 * that wait for each other are those of `threads.h`. Settings come from the environment:
 *   LATHE_EMU_ROOT    the folder of ptx_to_c.py and ptx.h
 *   LATHE_EMU_ARCH    the compute capability, such as 80; none: no GPU is there
 *   LATHE_EMU_VERSION the version of CUDA that the driver is for, 13000 if none
 *   LATHE_EMU_MEMORY  bytes of the device; none: as many as the host has
 *   LATHE_EMU_FAIL    the name of a function that fails with error 999
 *   LATHE_EMU_LOG     a file that gets a line for each launch and copy
 *   LATHE_EMU_CFLAGS  how the C code is compiled, instead of -O1
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#define LATHE_EMU_DRIVER
#include "threads.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_IMAGE = 209, NOT_FOUND = 500, UNKNOWN = 999 };

static int fails(const char *function) {
  const char *name = getenv("LATHE_EMU_FAIL");
  return name && strcmp(name, function) == 0 ? UNKNOWN : OK;
}
#define MAY_FAIL                                                                                                       \
  if (fails(__func__))                                                                                                 \
  return UNKNOWN

static void note(const char *format, const char *name, unsigned long long number) {
  const char *path = getenv("LATHE_EMU_LOG");
  FILE *file = path ? fopen(path, "a") : NULL;
  if (!file)
    return;
  fprintf(file, format, name, number);
  fclose(file);
}

int cuInit(unsigned flags) {
  MAY_FAIL;
  return flags ? INVALID_VALUE : OK;
}
int cuDriverGetVersion(int *version) {
  const char *given = getenv("LATHE_EMU_VERSION");
  *version = given ? atoi(given) : 13000;
  return OK;
}
int cuGetErrorName(int code, const char **name) {
  *name = code == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : code == UNKNOWN ? "CUDA_ERROR_UNKNOWN" : "CUDA_ERROR";
  return OK;
}
int cuGetErrorString(int code, const char **text) {
  *text = code == OUT_OF_MEMORY ? "out of memory" : "as the emulator was told";
  return OK;
}
int cuDeviceGetCount(int *count) {
  MAY_FAIL;
  *count = getenv("LATHE_EMU_ARCH") ? 1 : 0;
  return OK;
}
int cuDeviceGet(int *device, int number) {
  *device = number;
  return number ? INVALID_VALUE : OK;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  const char *arch = getenv("LATHE_EMU_ARCH");
  int number = arch ? atoi(arch) : 80;
  (void)device;
  *value = attribute == 75 ? number / 10 : attribute == 76 ? number % 10 : attribute == 16 ? 2 : 0;
  return OK;
}

/* --- Contexts ----------------------------------------------------------- */

static int context;
static _Thread_local int depth;

int cuDevicePrimaryCtxRetain(void **made, int device) {
  MAY_FAIL;
  (void)device;
  *made = &context;
  return OK;
}
int cuCtxPushCurrent_v2(void *given) {
  ++depth;
  return given == &context ? OK : INVALID_VALUE;
}
int cuCtxPopCurrent_v2(void **given) {
  *given = &context;
  return depth-- > 0 ? OK : INVALID_VALUE;
}

/* --- Memory ------------------------------------------------------------- */

/* Blocks by address; the most that a test has at once. */
static struct block {
  uint64_t begin, end;
} blocks[4096];
static int block_count;
static size_t used;
static pthread_mutex_t memory = PTHREAD_MUTEX_INITIALIZER;

/* The block that has the bytes. */
static const struct block *find_block(uint64_t address, uint64_t bytes) {
  for (int i = 0; i < block_count; ++i)
    if (address >= blocks[i].begin && address + bytes <= blocks[i].end)
      return &blocks[i];
  return NULL;
}

/* Makes the tables of constants of a module memory of the device, or ends that. */
static void note_tables(void *module, bool is_there) {
  pthread_mutex_lock(&memory);
  for (const struct table *table = dlsym(module, "emu_tables"); table && table->bytes; ++table) {
    uint64_t begin = (uint64_t)(uintptr_t)table->begin;
    if (is_there && block_count < 4096)
      blocks[block_count++] = (struct block){begin, begin + table->bytes};
    for (int i = 0; !is_there && i < block_count; ++i)
      if (blocks[i].begin == begin) {
        blocks[i] = blocks[--block_count];
        break;
      }
  }
  pthread_mutex_unlock(&memory);
}

void emu_check(struct thread *thread, uint64_t address, uint64_t bytes) {
  pthread_mutex_lock(&memory);
  const struct block *found = find_block(address, bytes);
  struct block copy = found ? *found : (struct block){0, 0};
  const struct block *block = found ? &copy : NULL;
  pthread_mutex_unlock(&memory);
  if (!block) {
    fprintf(stderr,
            "libcuda-emu: kernel %s, thread %u of block %u: %llu bytes at %#llx are in no memory of the device\n",
            thread->kernel, thread->tid, thread->ctaid, (unsigned long long)bytes, (unsigned long long)address);
    abort();
  }
  unsigned place = thread->next++ % 4;
  thread->seen[place].begin = block->begin;
  thread->seen[place].end = block->end;
}

int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  MAY_FAIL;
  const char *most = getenv("LATHE_EMU_MEMORY");
  if (depth < 1 || bytes == 0)
    return INVALID_VALUE;
  pthread_mutex_lock(&memory);
  bool fits = (!most || used + bytes <= strtoull(most, NULL, 10)) && block_count < 4096;
  char *made = fits ? aligned_alloc(256, (bytes + 255) / 256 * 256) : NULL;
  if (made) {
    memset(made, 0xcd, bytes); /* What was never written is seen. */
    used += bytes;
    *address = (uint64_t)(uintptr_t)made;
    blocks[block_count++] = (struct block){*address, *address + bytes};
  }
  pthread_mutex_unlock(&memory);
  return made ? OK : OUT_OF_MEMORY;
}
int cuMemFree_v2(uint64_t address) {
  int status = INVALID_VALUE;
  pthread_mutex_lock(&memory);
  for (int i = 0; i < block_count && status; ++i)
    if (blocks[i].begin == address) {
      used -= blocks[i].end - blocks[i].begin;
      blocks[i] = blocks[--block_count];
      free((void *)(uintptr_t)address);
      status = OK;
    }
  pthread_mutex_unlock(&memory);
  return status;
}
/* Also that each side is where it should be. */
static int copy(uint64_t target, bool to_device, uint64_t source, bool from_device, size_t bytes) {
  pthread_mutex_lock(&memory);
  bool fits = depth > 0 && (find_block(target, bytes) != NULL) == to_device &&
              (find_block(source, bytes) != NULL) == from_device;
  pthread_mutex_unlock(&memory);
  if (!fits)
    return INVALID_VALUE;
  memcpy((void *)(uintptr_t)target, (const void *)(uintptr_t)source, bytes);
  return OK;
}
int cuMemcpyHtoD_v2(uint64_t target, const void *source, size_t bytes) {
  MAY_FAIL;
  note("copy%s %llu\n", " in", bytes);
  return copy(target, true, (uint64_t)(uintptr_t)source, false, bytes);
}
int cuMemcpyDtoH_v2(void *target, uint64_t source, size_t bytes) {
  MAY_FAIL;
  note("copy%s %llu\n", " out", bytes);
  return copy((uint64_t)(uintptr_t)target, false, source, true, bytes);
}
int cuMemcpyDtoD_v2(uint64_t target, uint64_t source, size_t bytes) {
  MAY_FAIL;
  note("copy%s %llu\n", " within", bytes);
  return copy(target, true, source, true, bytes);
}

/* --- Code --------------------------------------------------------------- */

/* How code begins: a cubin, and what this driver makes of PTX, which is the text behind a word. */
static const char elf[] = {0x7f, 'E', 'L', 'F'}, linked[] = {0x7f, 'E', 'M', 'U'};

int cuModuleLoadData(void **module, const void *image) {
  MAY_FAIL;
  bool is_linked = memcmp(image, linked, 4) == 0, is_cubin = memcmp(image, elf, 4) == 0;
  note("load%s %llu\n", is_linked ? " code" : is_cubin ? " cubin" : " text", 0);
  if (is_cubin)
    return NO_IMAGE; /* This is no such GPU. */
  if (is_linked)
    image = (const char *)image + 4;
  const char *root = getenv("LATHE_EMU_ROOT");
  char folder[] = "/tmp/libcuda-emu-XXXXXX", command[2048], path[256];
  if (!root || !mkdtemp(folder))
    return INVALID_VALUE;
  snprintf(path, sizeof path, "%s/kernels.ptx", folder);
  FILE *file = fopen(path, "w");
  if (!file)
    return INVALID_VALUE;
  fputs(image, file);
  fclose(file);
  snprintf(command, sizeof command,
           "python3 '%s/ptx_to_c.py' %s/kernels.ptx %s/kernels.c && "
           "cc -std=gnu11 %s -w -Werror=implicit-function-declaration -ffp-contract=off -fPIC -shared -I'%s' "
           "%s/kernels.c -lm -o %s/kernels.so",
           root, folder, folder, getenv("LATHE_EMU_CFLAGS") ? getenv("LATHE_EMU_CFLAGS") : "-O1", root, folder, folder);
  int status = system(command);
  snprintf(path, sizeof path, "%s/kernels.so", folder);
  *module = status == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (!getenv("LATHE_EMU_KEEP")) {
    snprintf(command, sizeof command, "rm -rf %s", folder);
    status = system(command);
  }
  if (*module)
    note_tables(*module, true);
  return *module ? OK : UNKNOWN;
}
int cuLinkCreate_v2(unsigned count, int *options, void **values, void **linking) {
  MAY_FAIL;
  (void)options, (void)values;
  *linking = count || depth < 1 ? NULL : calloc(1, sizeof(char *));
  return *linking ? OK : INVALID_VALUE;
}
int cuLinkAddData_v2(void *linking, int kind, void *data, size_t bytes, const char *name, unsigned count, int *options,
                     void **values) {
  MAY_FAIL;
  (void)name, (void)options, (void)values;
  char **code = linking;
  /* The text ends with its zero. */
  if (kind != 1 || count || *code || bytes == 0 || ((char *)data)[bytes - 1])
    return INVALID_VALUE;
  *code = malloc(bytes + 4);
  memcpy(*code, linked, 4);
  memcpy(*code + 4, data, bytes);
  return OK;
}
int cuLinkComplete(void *linking, void **code, size_t *bytes) {
  MAY_FAIL;
  note("link%s %llu\n", "", 0);
  *code = *(char **)linking;
  *bytes = *code ? 5 + strlen((char *)*code + 4) : 0;
  return *code ? OK : INVALID_VALUE;
}
int cuLinkDestroy(void *linking) {
  free(*(char **)linking);
  free(linking);
  return OK;
}
int cuModuleUnload(void *module) {
  note_tables(module, false);
  return dlclose(module) ? INVALID_VALUE : OK;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  char symbol[512];
  snprintf(symbol, sizeof symbol, "%s_function", name);
  *function = dlsym(module, symbol);
  return *function ? OK : NOT_FOUND;
}

int cuFuncSetAttribute(void *function, int attribute, int value) {
  (void)function;
  return attribute == 8 && value > 0 && value <= MOST_SHARED ? OK : INVALID_VALUE;
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream, void **parameters,
                   void **extra) {
  MAY_FAIL;
  const struct function *called = function;
  uint64_t words[512];
  if (depth < 1 || !grid_x || grid_y != 1 || grid_z != 1 || block_x > MOST_THREADS || block_y != 1 || block_z != 1 ||
      shared_bytes > MOST_SHARED || stream || extra || called->parameters > 512)
    return INVALID_VALUE;
  for (unsigned i = 0; i < called->parameters; ++i)
    words[i] = *(const uint64_t *)parameters[i];
  run_grid(called, grid_x, block_x, shared_bytes, words);
  note("launch %s %llu\n", called->name, grid_x);
  return OK;
}
