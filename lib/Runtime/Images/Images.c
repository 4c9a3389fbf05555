/* lib/Runtime/Images/Images.c: files of images become tensors of bytes.
 *
 * Two formats are read here. The others need libraries that are looked for when a
 * file of the format comes, so that nothing else depends on them.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Images.h"

#include "../Core/Text.h"

#include <dlfcn.h>
#include <string.h>

bool lathe_impl_load_codec(const char *const *names, const char *const *symbols, size_t count,
                           lathe_impl_function **functions) {
  void *library = NULL;
  for (; !library && *names; ++names)
    library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
  for (size_t i = 0; library && i < count; ++i) {
    void *symbol = dlsym(library, symbols[i]);
    if (!symbol)
      return false;
    memcpy(&functions[i], &symbol, sizeof symbol);
  }
  return library != NULL;
}

bool lathe_impl_image_begin(struct lathe_impl_image *image, int64_t width, int64_t height,
                            enum lathe_impl_image_status *status) {
  *status = IMAGE_DAMAGED;
  if (width < 1 || height < 1)
    return false;
  if (image->rgb)
    return width == image->width && height == image->height;
  image->width = width;
  image->height = height;
  *status = width > IMAGE_MOST_PIXELS / height ? IMAGE_TOO_LARGE : IMAGE_OK;
  return false;
}

/* --- Formats ------------------------------------------------------------ */

static bool starts_with(const struct lathe_impl_file *file, size_t at, const char *bytes, size_t count) {
  return file->size >= at + count && memcmp(file->data + at, bytes, count) == 0;
}

static enum lathe_impl_image_status decode(const struct lathe_impl_file *file, struct lathe_impl_image *image,
                                           int64_t *format) {
  /* In the order in which the message of the check names them. */
  static const struct {
    const char *bytes;
    uint32_t at, count;
    int64_t number;
    lathe_impl_decode_fn *decode;
  } formats[] = {
      {"BM", 0, 2, 1, lathe_impl_decode_bmp},
      {"\x89PNG\r\n\x1a\n", 0, 8, 3, lathe_impl_decode_png},
      {"\xff\xd8\xff", 0, 3, 4, lathe_impl_decode_jpeg},
      {"jP  \r\n\x87\n", 4, 8, 5, lathe_impl_decode_jpeg2000},
      {"\xff\x4f\xff\x51", 0, 4, 5, lathe_impl_decode_jpeg2000},
      {"II*\0", 0, 4, 6, lathe_impl_decode_tiff},
      {"MM\0*", 0, 4, 6, lathe_impl_decode_tiff},
      {"WEBP", 8, 4, 7, lathe_impl_decode_webp},
      {"P", 0, 1, 2, lathe_impl_decode_pnm},
  };
  for (size_t i = 0; i < sizeof formats / sizeof *formats; ++i)
    if (starts_with(file, formats[i].at, formats[i].bytes, formats[i].count)) {
      *format = formats[i].number;
      return formats[i].decode(file, image);
    }
  *format = 0;
  return IMAGE_UNKNOWN;
}

/* --- Functions ---------------------------------------------------------- */

static int32_t end(const struct lathe_impl_request *request, enum lathe_impl_image_status status, int64_t format) {
  request->call->error_values[0] = status;
  request->call->error_values[1] = format;
  return status != IMAGE_OK;
}

int32_t lathe_impl_image_size(const struct lathe_impl_request *request) {
  const lathe_text_tensor *bytes = &request->call->operands[0];
  const struct lathe_impl_file file = {bytes->data, (size_t)bytes->count};
  struct lathe_impl_image image = {0, 0, NULL};
  int64_t *size = request->call->results[0].data, format;
  enum lathe_impl_image_status status = decode(&file, &image, &format);
  size[0] = image.height;
  size[1] = image.width;
  return end(request, status, format);
}

static void swap_red_and_blue(uint8_t *pixels, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    uint8_t red = pixels[3 * i];
    pixels[3 * i] = pixels[3 * i + 2];
    pixels[3 * i + 2] = red;
  }
}

/* Luma of ITU-R BT.601, in 16 bits behind the point. */
static void to_gray(const uint8_t *rgb, uint8_t *gray, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    gray[i] = (uint8_t)((rgb[3 * i] * 19595u + rgb[3 * i + 1] * 38470u + rgb[3 * i + 2] * 7471u + 0x8000u) >> 16);
}

int32_t lathe_impl_decode_image(const struct lathe_impl_request *request) {
  const lathe_text_tensor *bytes = &request->call->operands[0], *result = &request->call->results[0];
  const struct lathe_impl_file file = {bytes->data, (size_t)bytes->count};
  struct lathe_impl_image image = {0, 0, NULL};
  int64_t format;
  enum lathe_impl_image_status status = decode(&file, &image, &format);
  bool is_gray = strcmp(request->parameters, "Grayscale") == 0;
  int64_t pixels = image.width * image.height;
  if (status == IMAGE_OK && result->count != pixels * (is_gray ? 1 : 3))
    status = IMAGE_DAMAGED;
  if (status != IMAGE_OK)
    return end(request, status, format);
  image.rgb =
      is_gray ? request->imports->alloc(request->imports->context, (size_t)pixels * 3, LATHE_ALIGNMENT) : result->data;
  if (!image.rgb)
    return LATHE_TASK_OUT_OF_MEMORY;
  status = decode(&file, &image, &format);
  if (is_gray) {
    to_gray(image.rgb, result->data, status == IMAGE_OK ? pixels : 0);
    request->imports->free(request->imports->context, image.rgb);
  } else if (status == IMAGE_OK && strcmp(request->parameters, "BGR") == 0) {
    swap_red_and_blue(image.rgb, pixels);
  }
  return end(request, status, format);
}
