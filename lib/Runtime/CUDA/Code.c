/* lib/Runtime/CUDA/Code.c: code for one GPU, as the driver makes it of PTX, kept in
 * files from process to process.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Device.h"

#include "lathe-runtime/cuda.h"
#include "lathe-runtime/seal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_BYTES 768
#define PATH_BYTES (FOLDER_BYTES + 128)
/* The end of the name of a file that is being written; the compile cache deletes those that were left. */
#define PARTIAL ".partial"
/* No module has so much code: a file that says so is damaged. */
#define MOST_CODE_BYTES (UINT64_C(1) << 32)

static _Thread_local char kept_in[FOLDER_BYTES];

lathe_status lathe_cuda_keep_code(const char *folder) {
  size_t length = folder ? strlen(folder) : 0;
  if (length >= sizeof kept_in)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "cuda-code-folder",
                           "the path of the folder for code of GPUs has %zu bytes, but %zu at most are possible; "
                           "name another one",
                           length, sizeof kept_in - 1);
  memcpy(kept_in, folder ? folder : "", length + 1);
  return LATHE_OK;
}

/* Of a file, before the code; all of it must be as expected. */
struct head {
  char magic[8];
  uint64_t text_bytes, text_sum;
  uint64_t driver, gpu;
  uint64_t bytes, sum; /* Of the code. */
};

static struct head head_of(struct lathe_impl_cuda_device *device, const lathe_image_desc *image) {
  struct head head = {.magic = "LATHEGP", .text_bytes = image->size, .gpu = device->version};
  int version = 0;
  device->driver->driver_version(&version);
  head.driver = (uint64_t)version;
  head.text_sum = lathe_checksum_of(image->data, (size_t)image->size);
  return head;
}

static bool path_of(const struct head *head, char *path, const char *end) {
  int length = snprintf(path, PATH_BYTES, "%s/gpu-%016" PRIx64 "-%" PRIu64 "-%" PRIu64 "-sm_%" PRIu64 "%s", kept_in,
                        head->text_sum, head->text_bytes, head->driver, head->gpu, end);
  return length > 0 && length < PATH_BYTES;
}

/* The code of the file, or NULL. */
static void *read_code(const struct head *wanted) {
  char path[PATH_BYTES];
  FILE *file = path_of(wanted, path, ".kernel") ? fopen(path, "rb") : NULL;
  if (!file)
    return NULL;
  struct head head;
  void *code = NULL;
  if (fread(&head, sizeof head, 1, file) == 1 && memcmp(&head, wanted, offsetof(struct head, bytes)) == 0 &&
      head.bytes > 0 && head.bytes < MOST_CODE_BYTES)
    code = malloc((size_t)head.bytes);
  if (code && (fread(code, 1, (size_t)head.bytes, file) != head.bytes ||
               lathe_checksum_of(code, (size_t)head.bytes) != head.sum)) {
    free(code);
    code = NULL;
  }
  fclose(file);
  if (code)
    utimensat(AT_FDCWD, path, NULL, 0); /* The time of last use: what is used least goes first. */
  return code;
}

/* Writes the file under another name first: others see all of it, or nothing. */
static void write_code(struct head head, const void *code, size_t bytes) {
  char path[PATH_BYTES], partial[PATH_BYTES];
  if (!path_of(&head, path, ".kernel") || !path_of(&head, partial, ".XXXXXX" PARTIAL))
    return;
  mkdir(kept_in, 0700); /* It may be there. What is in it is run. */
  head.bytes = bytes;
  head.sum = lathe_checksum_of(code, bytes);
  int number = mkstemps(partial, (int)strlen(PARTIAL));
  FILE *file = number < 0 ? NULL : fdopen(number, "wb");
  if (!file) {
    if (number >= 0) {
      close(number);
      unlink(partial);
    }
    return;
  }
  bool is_whole = fwrite(&head, sizeof head, 1, file) == 1 && fwrite(code, 1, bytes, file) == bytes;
  is_whole = fclose(file) == 0 && is_whole;
  if (!is_whole || rename(partial, path) != 0)
    unlink(partial);
}

/* Has the driver make code of the text, loads that and keeps it. */
static cuda_result link_text(const struct lathe_impl_cuda *driver, const struct head *head,
                             const lathe_image_desc *image, cuda_handle *module) {
  cuda_handle linking = NULL;
  void *code = NULL;
  size_t bytes = 0;
  cuda_result result = driver->link_create(0, NULL, NULL, &linking);
  if (result)
    return result;
  result =
      driver->link_add(linking, CUDA_INPUT_PTX, (void *)image->data, (size_t)image->size, "kernels", 0, NULL, NULL);
  if (!result)
    result = driver->link_complete(linking, &code, &bytes);
  if (!result)
    result = driver->module_load(module, code);
  if (!result)
    write_code(*head, code, bytes);
  driver->link_destroy(linking); /* The code is its. */
  return result;
}

cuda_result lathe_impl_cuda_load_text(struct lathe_impl_cuda_device *device, const lathe_image_desc *image,
                                      cuda_handle *module) {
  const struct lathe_impl_cuda *driver = device->driver;
  if (!kept_in[0])
    return driver->module_load(module, image->data);
  struct head head = head_of(device, image);
  void *code = read_code(&head);
  cuda_result result = code ? driver->module_load(module, code) : CUDA_ERROR_NO_IMAGE_CODE;
  free(code);
  if (result)
    result = link_text(driver, &head, image, module);
  /* Whatever is the matter with linking, loading does not need it. */
  return result ? driver->module_load(module, image->data) : result;
}
