/* lib/Runtime/Images/Images.h: what the decoders of image files share.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_IMAGES_IMAGES_H
#define LATHE_RUNTIME_IMAGES_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How reading a file ended; numbers of the message of a check, which says them in
 * words. */
enum lathe_impl_image_status {
  IMAGE_OK = 0,
  IMAGE_UNKNOWN = 1,     /* No format that is known. */
  IMAGE_NO_LIBRARY = 2,  /* The library that decodes the format is not installed. */
  IMAGE_DAMAGED = 3,     /* The file is not what its first bytes say, or ends early. */
  IMAGE_UNSUPPORTED = 4, /* A form of the format that is not decoded. */
  IMAGE_TOO_LARGE = 5,   /* More than IMAGE_MOST_PIXELS. */
};

#define IMAGE_MOST_PIXELS ((int64_t)1 << 28)

/* A file in memory. */
struct lathe_impl_file {
  const uint8_t *data;
  size_t size;
};

/* What a decoder fills: the size, and, where `rgb` is not NULL, 3 bytes for each of
 * the `width * height` pixels, row by row. It stands for the size that was read
 * before, and a decoder checks that the file says the same again. */
struct lathe_impl_image {
  int64_t width, height;
  uint8_t *rgb;
};

typedef enum lathe_impl_image_status lathe_impl_decode_fn(const struct lathe_impl_file *file,
                                                          struct lathe_impl_image *image);

lathe_impl_decode_fn lathe_impl_decode_bmp, lathe_impl_decode_pnm, lathe_impl_decode_png, lathe_impl_decode_jpeg,
    lathe_impl_decode_jpeg2000, lathe_impl_decode_tiff, lathe_impl_decode_webp;

/* Takes a size that a file says. True if the pixels are wanted and there is room for
 * them; else `status` says how reading ends. */
bool lathe_impl_image_begin(struct lathe_impl_image *image, int64_t width, int64_t height,
                            enum lathe_impl_image_status *status);

/* A function of a library, as one of its ABI. */
typedef void lathe_impl_function(void);

/* Loads the first of the libraries `names`, and looks its functions up: `count` of them,
 * whose addresses it puts into `functions`. False if there is no library, or it lacks
 * one. Libraries stay loaded. */
bool lathe_impl_load_codec(const char *const *names, const char *const *symbols, size_t count,
                           lathe_impl_function **functions);

#endif /* LATHE_RUNTIME_IMAGES_IMAGES_H */
