/* test/gpu/driver.c: a `libcuda.so.1` for machines without a GPU: what the runtime calls, on memory of the host.
 *
 * Kernels are the C code that `ptx_to_c.py` makes of the PTX that the runtime loads, compiled by `cc`. Memory of the
 * device is memory of the host in blocks of its own: an access of a kernel outside of them ends the process. Threads
 * that wait for each other are those of `threads.h`. Settings come from the environment:
 *   LATHE_EMU_ROOT    the folder of ptx_to_c.py and ptx.h
 *   LATHE_EMU_ARCH    the compute capability, such as 80; none: no GPU is there
 *   LATHE_EMU_VERSION the version of CUDA that the driver is for, 13000 if none
 *   LATHE_EMU_MEMORY  bytes of the device; none: as many as the host has
 *   LATHE_EMU_DEVICES how many GPUs there are; 1 if none
 *   LATHE_EMU_FAIL    the name of a function that fails with error 999; "kernel": each kernel fails
 *   LATHE_EMU_LOG     a file that gets a line for each launch and copy
 *   LATHE_EMU_FAULT   a fault of faults.py that is planted in the PTX
 *   LATHE_EMU_CFLAGS  how the C code is compiled, instead of -O1
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#define LATHE_EMU_DRIVER
#include "boxes.h"
#include "streams.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  OK = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NO_IMAGE = 209,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  CONTEXT_DESTROYED = 709,
  UNKNOWN = 999
};
#define MOST_DEVICES 4

int fails(const char *function) {
  const char *name = getenv("LATHE_EMU_FAIL");
  return name && strcmp(name, function) == 0 ? UNKNOWN : OK;
}
#define MAY_FAIL                                                                                                       \
  if (fails(__func__))                                                                                                 \
  return UNKNOWN

void note(const char *format, const char *name, unsigned long long number) {
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
static const struct {
  int code;
  const char *name, *text;
} errors[] = {
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {CONTEXT_DESTROYED, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {UNKNOWN, "CUDA_ERROR_UNKNOWN", "as the emulator was told"},
    {0, "CUDA_ERROR", "as the emulator was told"},
};
int cuGetErrorName(int code, const char **name) {
  int i = 0;
  while (errors[i].code && errors[i].code != code)
    ++i;
  *name = errors[i].name;
  return OK;
}
int cuGetErrorString(int code, const char **text) {
  int i = 0;
  while (errors[i].code && errors[i].code != code)
    ++i;
  *text = errors[i].text;
  return OK;
}

static int device_count(void) {
  const char *given = getenv("LATHE_EMU_DEVICES");
  return !getenv("LATHE_EMU_ARCH") ? 0 : given ? atoi(given) : 1;
}
int cuDeviceGetCount(int *count) {
  MAY_FAIL;
  *count = device_count();
  return OK;
}
int cuDeviceGet(int *device, int number) {
  *device = number;
  return number < 0 || number >= device_count() ? INVALID_VALUE : OK;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  const char *arch = getenv("LATHE_EMU_ARCH");
  int number = arch ? atoi(arch) : 80;
  (void)device;
  *value = attribute == 75 ? number / 10 : attribute == 76 ? number % 10 : attribute == 16 ? 2 : 0;
  return OK;
}

/* --- Contexts ----------------------------------------------------------- */

/* The primary one of each device; another one each time that the device is reset. */
static struct context {
  int device;
  bool is_gone;
} contexts[MOST_DEVICES][8];
static int resets[MOST_DEVICES];
static _Thread_local struct context *current[8];
static _Thread_local int depth;

static int device_here(void) { return depth > 0 ? current[depth - 1]->device : -1; }
/* What a call in this context has to answer first. */
static int state_here(void) {
  return depth < 1 ? INVALID_VALUE : current[depth - 1]->is_gone ? CONTEXT_DESTROYED : failure_of(device_here());
}
#define NEEDS_CONTEXT                                                                                                  \
  if (state_here())                                                                                                    \
  return state_here()

int cuDevicePrimaryCtxRetain(void **made, int device) {
  MAY_FAIL;
  struct context *context = &contexts[device][resets[device]];
  context->device = device;
  *made = context;
  return OK;
}
int cuDevicePrimaryCtxRelease_v2(int device) {
  return device < 0 || device >= MOST_DEVICES || contexts[device][resets[device]].is_gone ? INVALID_VALUE : OK;
}
/* For tests: what cudaDeviceReset does. */
int cuDevicePrimaryCtxReset_v2(int device) {
  contexts[device][resets[device]++].is_gone = true;
  fail_device(device, OK);
  return OK;
}
int cuCtxPushCurrent_v2(void *given) {
  struct context *context = given;
  if (context->is_gone)
    return CONTEXT_DESTROYED;
  if (depth == 8)
    return INVALID_VALUE;
  current[depth++] = context;
  return OK;
}
int cuCtxPopCurrent_v2(void **given) {
  if (depth == 0)
    return INVALID_VALUE;
  *given = current[--depth];
  return OK;
}
int cuCtxGetDevice(int *device) {
  *device = device_here();
  return depth < 1 ? INVALID_VALUE : OK;
}

/* --- Memory ------------------------------------------------------------- */

/* Blocks by address; the most that a test has at once. */
static struct block {
  uint64_t begin, end;
  int device;
  bool is_pinned; /* Of the host, but known to the driver. */
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
      blocks[block_count++] = (struct block){begin, begin + table->bytes, device_here(), false};
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
  found = found && found->is_pinned ? NULL : found;
  struct block copy = found ? *found : (struct block){0};
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

static void *make_block(size_t bytes, bool is_pinned) {
  const char *most = getenv("LATHE_EMU_MEMORY");
  pthread_mutex_lock(&memory);
  bool fits = (!most || is_pinned || used + bytes <= strtoull(most, NULL, 10)) && block_count < 4096;
  char *made = fits ? aligned_alloc(256, (bytes + 255) / 256 * 256) : NULL;
  if (made) {
    uint64_t begin = (uint64_t)(uintptr_t)made;
    memset(made, 0xcd, bytes); /* What was never written is seen. */
    used += is_pinned ? 0 : bytes;
    blocks[block_count++] = (struct block){begin, begin + bytes, device_here(), is_pinned};
  }
  pthread_mutex_unlock(&memory);
  return made;
}
int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  void *made = bytes ? make_block(bytes, false) : NULL;
  *address = (uint64_t)(uintptr_t)made;
  return made ? OK : bytes ? OUT_OF_MEMORY : INVALID_VALUE;
}
/* For tests. */
int cuMemAllocHost_v2(void **made, size_t bytes) {
  NEEDS_CONTEXT;
  *made = make_block(bytes, true);
  return *made ? OK : OUT_OF_MEMORY;
}
int cuMemGetInfo_v2(size_t *unused, size_t *all) {
  const char *most = getenv("LATHE_EMU_MEMORY");
  *all = most ? strtoull(most, NULL, 10) : (size_t)1 << 40;
  *unused = *all - used;
  return OK;
}
int cuPointerGetAttribute(void *value, int attribute, uint64_t address) {
  MAY_FAIL;
  pthread_mutex_lock(&memory);
  const struct block *block = find_block(address, 1);
  struct block copy = block ? *block : (struct block){0};
  pthread_mutex_unlock(&memory);
  if (!block)
    return INVALID_VALUE;
  *(int *)value = attribute == 2 ? (copy.is_pinned ? 1 : 2) : attribute == 9 ? copy.device : 0;
  return attribute == 2 || attribute == 8 || attribute == 9 ? OK : INVALID_VALUE;
}
int cuMemFree_v2(uint64_t address) {
  int status = INVALID_VALUE;
  pthread_mutex_lock(&memory);
  for (int i = 0; i < block_count && status; ++i)
    if (blocks[i].begin == address) {
      used -= blocks[i].is_pinned ? 0 : blocks[i].end - blocks[i].begin;
      blocks[i] = blocks[--block_count];
      free((void *)(uintptr_t)address);
      status = OK;
    }
  pthread_mutex_unlock(&memory);
  return status;
}
/* The queue of a handle; NULL if there is none. */
static struct stream *stream_of(void *handle) {
  if (!handle || handle == (void *)1)
    return default_stream(device_here());
  return is_stream(handle) ? handle : NULL;
}
/* Also that each side is where it should be. Memory of the host that the driver does not know is read at once. */
static int copy(uint64_t target, bool to_device, uint64_t source, bool from_device, size_t bytes, void *handle,
                const char *label) {
  struct stream *stream = depth > 0 ? stream_of(handle) : NULL;
  pthread_mutex_lock(&memory);
  const struct block *to = find_block(target, bytes), *from = find_block(source, bytes);
  bool fits = (to && !to->is_pinned) == to_device && (from && !from->is_pinned) == from_device;
  bool is_plain = !from;
  pthread_mutex_unlock(&memory);
  if (!stream)
    return INVALID_HANDLE;
  if (is_capturing(stream) && !(to_device && from_device))
    return CAPTURE_UNSUPPORTED; /* A driver takes some of these; the runtime asks for none. */
  if (!fits)
    return INVALID_VALUE;
  void *owned = is_plain ? malloc(bytes + 1) : NULL;
  if (owned)
    memcpy(owned, (const void *)(uintptr_t)source, bytes);
  queue_copy(stream, (void *)(uintptr_t)target, owned ? owned : (const void *)(uintptr_t)source, bytes, owned, label);
  return OK;
}
int cuMemcpyHtoDAsync_v2(uint64_t target, const void *source, size_t bytes, void *stream) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  return copy(target, true, (uint64_t)(uintptr_t)source, false, bytes, stream, " in");
}
int cuMemcpyDtoHAsync_v2(void *target, uint64_t source, size_t bytes, void *stream) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  return copy((uint64_t)(uintptr_t)target, false, source, true, bytes, stream, " out");
}
int cuMemcpyDtoDAsync_v2(uint64_t target, uint64_t source, size_t bytes, void *stream) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  return copy(target, true, source, true, bytes, stream, " within");
}

/* --- Streams and events -------------------------------------------------- */

int cuStreamCreate(void **made, unsigned flags) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  *made = flags == 1 ? make_stream(device_here()) : NULL;
  return *made ? OK : INVALID_VALUE;
}
int cuStreamDestroy_v2(void *stream) {
  if (!is_stream(stream))
    return INVALID_HANDLE;
  end_stream(stream);
  return OK;
}
int cuStreamGetCtx(void *handle, void **made) {
  MAY_FAIL;
  struct stream *stream = stream_of(handle);
  if (!stream)
    return INVALID_HANDLE;
  int device = device_of_stream(stream);
  *made = &contexts[device][resets[device]];
  return OK;
}
int cuStreamWaitEvent(void *handle, void *event, unsigned flags) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  struct stream *stream = stream_of(handle);
  if (!stream || flags)
    return INVALID_HANDLE;
  queue_event(stream, event);
  return OK;
}
int cuStreamSynchronize(void *handle) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  struct stream *stream = stream_of(handle);
  return stream ? finish_stream(stream) : INVALID_HANDLE;
}
int cuEventCreate(void **made, unsigned flags) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  *made = flags == 2 ? make_event() : NULL;
  return *made ? OK : INVALID_VALUE;
}
int cuEventRecord(void *event, void *handle) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  struct stream *stream = stream_of(handle);
  if (!stream || device_of_stream(stream) != device_here())
    return INVALID_HANDLE;
  record_event(event, stream);
  return OK;
}
int cuEventSynchronize(void *event) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  return finish_event(event);
}
int cuEventDestroy_v2(void *event) {
  free(event);
  return OK;
}

/* --- Graphs ------------------------------------------------------------- */

/* A graph, and what can be launched: lists of work. */
struct graph {
  struct work *works;
  struct event *launched; /* Behind the last launch; NULL before the first. */
};
int cuStreamBeginCapture_v2(void *handle, int mode) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  struct stream *stream = stream_of(handle);
  if (!stream || stream == default_stream(device_here()) || is_capturing(stream) || mode != 1)
    return INVALID_VALUE;
  begin_capture(stream);
  return OK;
}
static struct graph *make_graph(struct work *works) {
  struct graph *graph = malloc(sizeof *graph);
  *graph = (struct graph){.works = works};
  return graph;
}
int cuStreamEndCapture(void *handle, void **made) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  bool failed = false;
  *made = NULL;
  if (!is_stream(handle) || !is_capturing(handle))
    return INVALID_VALUE;
  struct work *works = end_capture(handle, &failed);
  if (failed)
    return CAPTURE_INVALIDATED;
  *made = make_graph(works);
  return OK;
}
int cuGraphDestroy(void *given) {
  struct graph *graph = given;
  free_works(graph->works);
  free(graph);
  return OK;
}
/* Nobody promised that what is launched and not done goes on. */
int cuGraphExecDestroy(void *executable) {
  struct graph *graph = executable;
  if (graph->launched && !is_event_done(graph->launched)) {
    fprintf(stderr, "libcuda-emu: a graph is destroyed whose last launch is not done\n");
    abort();
  }
  free(graph->launched);
  return cuGraphDestroy(graph);
}
int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  if (flags)
    return INVALID_VALUE;
  note("instantiate%s %llu\n", "", 0);
  *executable = make_graph(copy_works(((struct graph *)graph)->works));
  return OK;
}
int cuGraphExecUpdate_v2(void *executable, void *graph, void *info) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  struct graph *made = executable, *given = graph;
  (void)info;
  if (!has_same_works(made->works, given->works))
    return 910; /* CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE */
  note("update%s %llu\n", "", 0);
  free_works(made->works);
  made->works = copy_works(given->works);
  return OK;
}
int cuGraphLaunch(void *executable, void *handle) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  struct stream *stream = stream_of(handle);
  if (!stream)
    return INVALID_HANDLE;
  note("graph%s %llu\n", "", 0);
  struct graph *graph = executable;
  queue_works(stream, graph->works);
  graph->launched = graph->launched ? graph->launched : make_event();
  record_event(graph->launched, stream);
  return OK;
}

/* --- Code --------------------------------------------------------------- */

/* How code begins: a cubin, and what this driver makes of PTX, which is the text behind a word. */
static const char elf[] = {0x7f, 'E', 'L', 'F'}, linked[] = {0x7f, 'E', 'M', 'U'};

int cuModuleLoadData(void **module, const void *image) {
  MAY_FAIL;
  NEEDS_CONTEXT;
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
  if (status == 0 && !*module)
    fprintf(stderr, "libcuda-emu: %s\n", dlerror()); /* An instruction that ptx.h lacks. */
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
  NEEDS_CONTEXT;
  *linking = count ? NULL : calloc(1, sizeof(char *));
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

#ifndef LATHE_EMU_NO_MAPS /* As drivers older than CUDA 12.0. */
/* Checks what the driver's manual asks for; no other order of chunks than that of 128 bytes is known. */
int cuTensorMapEncodeTiled(void *made, int element, uint32_t rank, void *address, const uint64_t *sizes,
                           const uint64_t *pitches, const uint32_t *box, const uint32_t *steps, int interleave,
                           int swizzle, int fetch, int outside) {
  MAY_FAIL;
  static const uint16_t bytes[] = {1, 2, 4, 4, 8, 8};
  uint64_t place = (uint64_t)(uintptr_t)address;
  if ((uintptr_t)made % 64 || element < 0 || element > 5 || rank < 2 || rank > MOST_RANK || place % 16 || interleave ||
      swizzle != 3 || fetch < 0 || fetch > 3 || outside)
    return INVALID_VALUE;
  struct tensor_map map = {.magic = MAP_MAGIC, .address = place, .rank = (uint16_t)rank, .bytes = bytes[element]};
  for (uint32_t i = 0; i < rank; ++i) {
    if (sizes[i] == 0 || sizes[i] >= (uint64_t)1 << 32 || box[i] == 0 || box[i] > 256 || steps[i] != 1)
      return INVALID_VALUE;
    map.sizes[i] = (uint32_t)sizes[i];
    map.box[i] = (uint16_t)box[i];
  }
  for (uint32_t i = 0; i + 1 < rank; ++i) {
    if (pitches[i] % 16 || pitches[i] >= (uint64_t)1 << 40)
      return INVALID_VALUE;
    map.pitches[i] = pitches[i];
  }
  if (box[0] * map.bytes > 128)
    return INVALID_VALUE;
  _Static_assert(sizeof map <= 128, "a tensor map has 128 bytes");
  memset(made, 0, 128);
  memcpy(made, &map, sizeof map);
  note("map%s %llu\n", "", rank);
  return OK;
}
#endif

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared_bytes, void *handle, void **parameters,
                   void **extra) {
  MAY_FAIL;
  NEEDS_CONTEXT;
  const struct function *called = function;
  struct stream *stream = stream_of(handle);
  uint64_t words[512];
  if (!stream)
    return INVALID_HANDLE;
  if (!grid_x || grid_y != 1 || grid_z != 1 || block_x > MOST_THREADS || block_y != 1 || block_z != 1 ||
      shared_bytes > MOST_SHARED || extra || called->words > 512)
    return INVALID_VALUE;
  for (unsigned i = 0, word = 0; i < called->parameters; word += called->bytes[i++] / 8)
    memcpy(&words[word], parameters[i], called->bytes[i]);
  queue_launch(stream, called, grid_x, block_x, shared_bytes, words);
  return OK;
}
