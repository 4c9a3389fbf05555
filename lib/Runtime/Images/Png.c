/* lib/Runtime/Images/Png.c: PNG and WebP, by libpng and libwebp.
 *
 * Their headers are not needed: what is declared here is fixed in the binary
 * interfaces of the versions whose names are asked for.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Images.h"

#include <stdlib.h>
#include <string.h>

/* --- PNG ---------------------------------------------------------------- */

/* libpng's "simplified API", version 1 of its structure. */
struct png_image {
  void *opaque;
  uint32_t version, width, height, format, flags, colormap_entries, warning_or_error;
  char message[64];
};

enum { PNG_RGBA = 3, PNG_VERSION = 1 };

enum lathe_impl_image_status lathe_impl_decode_png(const struct lathe_impl_file *file, struct lathe_impl_image *image) {
  static const char *const names[] = {"libpng16.so.16", "libpng16.16.dylib", "libpng16.so", NULL};
  static const char *const symbols[] = {"png_image_begin_read_from_memory", "png_image_finish_read", "png_image_free"};
  lathe_impl_function *functions[3];
  if (!lathe_impl_load_codec(names, symbols, 3, functions))
    return IMAGE_NO_LIBRARY;
  int (*begin)(struct png_image *, const void *, size_t) =
      (int (*)(struct png_image *, const void *, size_t))functions[0];
  int (*finish)(struct png_image *, const void *, void *, int32_t, void *) =
      (int (*)(struct png_image *, const void *, void *, int32_t, void *))functions[1];
  void (*end)(struct png_image *) = (void (*)(struct png_image *))functions[2];

  struct png_image png;
  memset(&png, 0, sizeof png);
  png.version = PNG_VERSION;
  if (!begin(&png, file->data, file->size))
    return IMAGE_DAMAGED;
  enum lathe_impl_image_status status;
  if (!lathe_impl_image_begin(image, png.width, png.height, &status)) {
    end(&png);
    return status;
  }
  /* With its alpha, which is dropped: libpng would lay the image on something. */
  size_t pixels = (size_t)png.width * png.height;
  uint8_t *rgba = malloc(4 * pixels);
  png.format = PNG_RGBA;
  bool good = rgba && finish(&png, NULL, rgba, 0, NULL) && !(png.warning_or_error & 2);
  for (size_t i = 0; good && i < pixels; ++i)
    memcpy(image->rgb + 3 * i, rgba + 4 * i, 3);
  free(rgba);
  end(&png);
  return good ? IMAGE_OK : rgba ? IMAGE_DAMAGED : IMAGE_TOO_LARGE;
}

/* --- WebP --------------------------------------------------------------- */

enum lathe_impl_image_status lathe_impl_decode_webp(const struct lathe_impl_file *file,
                                                    struct lathe_impl_image *image) {
  static const char *const names[] = {"libwebp.so.7", "libwebp.7.dylib", "libwebp.so", NULL};
  static const char *const symbols[] = {"WebPGetInfo", "WebPDecodeRGBInto"};
  lathe_impl_function *functions[2];
  if (!lathe_impl_load_codec(names, symbols, 2, functions))
    return IMAGE_NO_LIBRARY;
  int (*get_info)(const uint8_t *, size_t, int *, int *) = (int (*)(const uint8_t *, size_t, int *, int *))functions[0];
  uint8_t *(*decode)(const uint8_t *, size_t, uint8_t *, size_t, int) =
      (uint8_t *(*)(const uint8_t *, size_t, uint8_t *, size_t, int))functions[1];

  int width = 0, height = 0;
  if (!get_info(file->data, file->size, &width, &height))
    return IMAGE_DAMAGED;
  enum lathe_impl_image_status status;
  if (!lathe_impl_image_begin(image, width, height, &status))
    return status;
  size_t bytes = (size_t)width * (size_t)height * 3;
  return decode(file->data, file->size, image->rgb, bytes, 3 * width) ? IMAGE_OK : IMAGE_DAMAGED;
}
