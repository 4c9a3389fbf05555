/* lib/Runtime/Images/Jpeg.h: the fields of libjpeg's structures that its ABI
 * versions 62, 80 and 90 have at the same places.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_IMAGES_JPEG_H
#define LATHE_RUNTIME_IMAGES_JPEG_H

#include <stdint.h>

struct lathe_impl_jpeg;

/* jpeg_error_mgr. */
struct lathe_impl_jpeg_errors {
  void (*leave)(struct lathe_impl_jpeg *);
  void (*emit)(struct lathe_impl_jpeg *, int);
  void (*say)(struct lathe_impl_jpeg *);
  void (*format)(struct lathe_impl_jpeg *, char *);
  void (*reset)(struct lathe_impl_jpeg *);
  int code;
  union {
    int numbers[8];
    char text[80];
  };
  int trace_level;
  long warnings;
  const char *const *messages;
  int last_message;
  const char *const *other_messages;
  int first_other, last_other;
};

/* The first fields of jpeg_decompress_struct. */
struct lathe_impl_jpeg {
  struct lathe_impl_jpeg_errors *errors;
  void *memory, *progress, *client_data;
  int is_decompressor, state;
  void *source;
  uint32_t image_width, image_height;
  int components, colour, out_colour;
  unsigned scale_num, scale_denom;
  double gamma;
  int buffered, raw, dct, upsampling, smoothing, quantize, dither, two_pass, colours, one_pass, external, second_pass;
  uint32_t output_width, output_height;
  int out_components, output_components, buffer_height, actual_colours;
  uint8_t **colourmap;
  uint32_t output_line;
};

#endif /* LATHE_RUNTIME_IMAGES_JPEG_H */
