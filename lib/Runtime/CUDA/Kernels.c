/* lib/Runtime/CUDA/Kernels.c: the kernels of a variant, from its images to their
 * launches.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Maps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks that keep a processor busy, for kernels whose threads take tasks in turn. */
#define BLOCKS_EACH 8u
/* Of a grid, so that tasks of blocks are mostly one each. */
#define MOST_BLOCKS (1u << 20)
/* Shared memory that a kernel may have without asking for more. */
#define PLAIN_SHARED_BYTES (48u << 10)
/* The most words of a kernel: 4 KiB of parameters are what all GPUs take. */
#define MOST_WORDS 500u
/* Place of a tensor map among them, with what aligns the first. */
#define WORDS_OF_MAP 24u

struct code {
  const lathe_variant_desc *variant;
  cuda_handle module;
  _Atomic(struct lathe_impl_cuda_kept_maps *) maps;
  cuda_handle kernels[]; /* As many as the variant has. */
};

/* --- Loading ------------------------------------------------------------ */

static bool load_image(struct lathe_impl_cuda_device *device, struct code *code) {
  const struct lathe_impl_cuda *driver = device->driver;
  const lathe_variant_desc *variant = code->variant;
  cuda_result result = CUDA_ERROR_NO_IMAGE_CODE;
  for (uint32_t i = 0; result && i < variant->image_count; ++i) {
    const lathe_image_desc *image = variant->images[i];
    if (image->kind == LATHE_IMAGE_PTX)
      result = lathe_impl_cuda_load_text(device, image, &code->module);
    else if (image->kind == LATHE_IMAGE_CUBIN)
      result = driver->module_load(&code->module, image->data);
  }
  if (result == CUDA_ERROR_UNSUPPORTED_PTX_CODE || result == CUDA_ERROR_INVALID_PTX_CODE) {
    int version = 0;
    driver->driver_version(&version);
    lathe_impl_cuda_explain("the driver, for CUDA %d.%d, does not read the PTX of target \"%s\"; install a newer one, "
                            "or compile the model with --target=cuda:sm_80 [cuda-old-driver]",
                            version / 1000, version % 1000 / 10, variant->target);
  } else if (result) {
    lathe_impl_cuda_say(driver, result, "the driver did not load the kernels");
  }
  return result == 0;
}

static bool find_kernels(struct lathe_impl_cuda_device *device, struct code *code) {
  const struct lathe_impl_cuda *driver = device->driver;
  for (uint32_t i = 0; i < code->variant->device_kernel_count; ++i) {
    const lathe_device_kernel_desc *kernel = code->variant->device_kernels[i];
    cuda_result result = driver->module_function(&code->kernels[i], code->module, kernel->name);
    if (!result && kernel->shared_bytes > PLAIN_SHARED_BYTES)
      result = driver->function_set(code->kernels[i], CUDA_FUNCTION_SHARED_BYTES, (int)kernel->shared_bytes);
    if (result) {
      char what[256];
      snprintf(what, sizeof what,
               "the image lacks kernel %s, or its %u bytes of shared memory; compile the model again", kernel->name,
               kernel->shared_bytes);
      lathe_impl_cuda_say(driver, result, what);
      return false;
    }
  }
  return true;
}

int32_t lathe_impl_cuda_load(void *context, const lathe_variant_desc *variant, void **result) {
  struct lathe_impl_cuda_device *device = context;
  struct code *code = calloc(1, sizeof *code + variant->device_kernel_count * sizeof code->kernels[0]);
  if (!code) {
    lathe_impl_cuda_explain("no memory for a list of %u kernels", variant->device_kernel_count);
    return LATHE_TASK_OUT_OF_MEMORY;
  }
  code->variant = variant;
  bool is_loaded = false;
  if (lathe_impl_cuda_enter(device)) {
    is_loaded = load_image(device, code) && find_kernels(device, code);
    lathe_impl_cuda_leave(device);
  }
  if (!is_loaded) {
    lathe_impl_cuda_unload(device, code);
    return LATHE_TASK_DEVICE;
  }
  *result = code;
  return 0;
}

void lathe_impl_cuda_unload(void *context, void *loaded) {
  struct lathe_impl_cuda_device *device = context;
  struct code *code = loaded;
  if (code->module && lathe_impl_cuda_enter(device)) {
    device->driver->module_unload(code->module);
    lathe_impl_cuda_leave(device);
  }
  lathe_impl_cuda_forget_maps(code->maps);
  free(code);
}

/* --- Launches ----------------------------------------------------------- */

/* Whether a kernel has noted an error; its status. The record is clean again then. */
static int32_t read_record(struct lathe_impl_cuda_device *device, const lathe_call_space *space, lathe_call *call) {
  static const lathe_call none;
  lathe_call noted;
  cuda_result code = lathe_impl_cuda_copy(device, space->stream, &noted, LATHE_SPACE_HOST, space->record,
                                          LATHE_SPACE_CUDA, sizeof noted);
  if (!code && !noted.error_code)
    return 0;
  if (!code)
    code = lathe_impl_cuda_copy(device, space->stream, space->record, LATHE_SPACE_CUDA, &none, LATHE_SPACE_HOST,
                                sizeof none);
  if (code) {
    lathe_impl_cuda_say(device->driver, code, "a kernel failed");
    return LATHE_TASK_DEVICE;
  }
  call->error_code = noted.error_code;
  memcpy(call->error_values, noted.error_values, sizeof noted.error_values);
  return noted.error_code;
}

/* How many blocks share the tasks. */
static unsigned grid_of(const struct lathe_impl_cuda_device *device, const lathe_device_kernel_desc *kernel,
                        const lathe_launch *launch) {
  uint64_t tasks = (uint64_t)launch->tasks, threads = kernel->block_threads, blocks = tasks, most = MOST_BLOCKS;
  uint64_t workers = 1; /* Of a block. */
  if (!(kernel->flags & LATHE_DEVICE_KERNEL_BLOCKS)) {
    workers = threads;
    blocks = (tasks + threads - 1) / threads;
    most = (uint64_t)device->processors * BLOCKS_EACH;
  }
  if (kernel->flags & LATHE_DEVICE_KERNEL_STAYS)
    most = device->processors;
  if (launch->scratch_stride)
    most = LATHE_DEVICE_WORKERS / workers;
  return (unsigned)(blocks < most ? blocks : most);
}

/* NULL for a kernel that takes no tensor maps. */
static const lathe_mapped_kernel_desc *mapped(const lathe_device_kernel_desc *kernel) {
  return kernel && kernel->flags & LATHE_DEVICE_KERNEL_MAPS ? (const lathe_mapped_kernel_desc *)kernel : NULL;
}

/* Whether `kernel` is all there that its flags say. */
static bool is_whole(const lathe_device_kernel_desc *kernel) {
  const lathe_mapped_kernel_desc *with_maps = mapped(kernel);
  if (!with_maps)
    return true;
  return kernel->struct_size >= sizeof *with_maps && with_maps->map_count <= LATHE_IMPL_CUDA_MOST_MAPS &&
         (with_maps->maps || !with_maps->map_count);
}

int32_t lathe_impl_cuda_launch(void *context, void *loaded, lathe_call *call, const lathe_launch *launch) {
  struct lathe_impl_cuda_device *device = context;
  struct code *code = loaded;
  uint32_t count = code->variant->device_kernel_count;
  const lathe_device_kernel_desc *kernel =
      launch->kernel < count ? code->variant->device_kernels[launch->kernel] : NULL;
  if (!is_whole(kernel)) {
    lathe_impl_cuda_explain(
        "kernel %s takes tensor maps, but has no list of at most %d of them; the module is damaged: "
        "compile the model again [module-damaged]",
        kernel->name, LATHE_IMPL_CUDA_MOST_MAPS);
    return LATHE_TASK_DEVICE;
  }
  const lathe_mapped_kernel_desc *with_maps = mapped(kernel);
  uint32_t map_count = with_maps ? with_maps->map_count : 0, most_words = MOST_WORDS - map_count * WORDS_OF_MAP;
  if (!kernel || launch->word_count > most_words || kernel->block_threads == 0) {
    lathe_impl_cuda_explain(
        "the module launches kernel %u of %u with %u words, of which %u are possible, and %u tensor maps; the module "
        "is damaged: compile the model again [module-damaged]",
        launch->kernel, count, launch->word_count, most_words, map_count);
    return LATHE_TASK_DEVICE;
  }
  const lathe_call_space *space = call->spaces[launch->space];
  uint64_t own[] = {(uint64_t)launch->tasks, (uint64_t)(uintptr_t)launch->scratch, launch->scratch_stride,
                    (uint64_t)(uintptr_t)space->record};
  struct lathe_impl_cuda_map maps[LATHE_IMPL_CUDA_MOST_MAPS];
  void *parameters[4 + MOST_WORDS + LATHE_IMPL_CUDA_MOST_MAPS];
  for (uint32_t i = 0; i < 4; ++i)
    parameters[i] = &own[i];
  for (uint32_t i = 0; i < launch->word_count; ++i)
    parameters[4 + i] = (void *)&launch->words[i];
  for (uint32_t i = 0; i < map_count; ++i)
    parameters[4 + launch->word_count + i] = &maps[i];
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  int32_t status = 0;
  if (with_maps && !lathe_impl_cuda_make_maps(device->driver, with_maps, launch, &code->maps, maps)) {
    lathe_impl_cuda_leave(device);
    return LATHE_TASK_DEVICE;
  }
  cuda_result result =
      device->driver->launch(code->kernels[launch->kernel], grid_of(device, kernel, launch), 1, 1,
                             kernel->block_threads, 1, 1, kernel->shared_bytes, space->stream, parameters, NULL);
  if (result) {
    lathe_impl_cuda_say(device->driver, result, "a kernel was not launched");
    status = LATHE_TASK_DEVICE;
  } else if (kernel->flags & LATHE_DEVICE_KERNEL_CHECKS) {
    /* The next launch may rely on what this one checks. */
    status = read_record(device, space, call);
  }
  lathe_impl_cuda_leave(device);
  return status;
}
