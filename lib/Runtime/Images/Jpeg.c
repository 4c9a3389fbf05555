/* lib/Runtime/Images/Jpeg.c: JPEG, by libjpeg or libjpeg-turbo of any ABI version.
 *
 * The library checks the version and the size of the caller's structure, and says its
 * own when they differ; so both are asked for. The fields that are used here lie at
 * the same places in all versions.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Jpeg.h"
#include "Images.h"

#include <setjmp.h>
#include <string.h>

struct session {
  union {
    struct lathe_impl_jpeg jpeg;
    char room[2048]; /* For what the library has behind the fields above. */
  } u;
  struct lathe_impl_jpeg_errors errors;
  jmp_buf failed;
};

enum { COLOUR_RGB = 2, HEADER_OK = 1 };

struct library {
  void *(*std_error)(struct lathe_impl_jpeg_errors *);
  void (*create)(struct lathe_impl_jpeg *, int version, size_t size);
  void (*memory_source)(struct lathe_impl_jpeg *, const uint8_t *, unsigned long);
  int (*read_header)(struct lathe_impl_jpeg *, int);
  int (*start)(struct lathe_impl_jpeg *);
  uint32_t (*read_scanlines)(struct lathe_impl_jpeg *, uint8_t **, uint32_t);
  int (*finish)(struct lathe_impl_jpeg *);
  void (*destroy)(struct lathe_impl_jpeg *);
};

static void leave(struct lathe_impl_jpeg *jpeg) {
  struct session *session = (struct session *)jpeg->client_data;
  longjmp(session->failed, 1);
}

static void say_nothing(struct lathe_impl_jpeg *jpeg) { (void)jpeg; }

static bool load(struct library *library) {
  static const char *const names[] = {
      "libjpeg.so.62", "libjpeg.so.8", "libjpeg.so.9", "libjpeg.62.dylib", "libjpeg.8.dylib", "libjpeg.so", NULL};
  static const char *const symbols[] = {"jpeg_std_error",         "jpeg_CreateDecompress",  "jpeg_mem_src",
                                        "jpeg_read_header",       "jpeg_start_decompress",  "jpeg_read_scanlines",
                                        "jpeg_finish_decompress", "jpeg_destroy_decompress"};
  lathe_impl_function *functions[8];
  if (!lathe_impl_load_codec(names, symbols, 8, functions))
    return false;
  memcpy(library, functions, sizeof *library);
  return true;
}

/* False if the library's ABI is one that cannot be talked to. */
static bool create(const struct library *library, struct session *session) {
  /* What setjmp may lose has to be volatile. */
  volatile int version = 62, tries = 0;
  volatile size_t size = 632;
  if (setjmp(session->failed)) {
    /* What the library has, and what it was given instead. */
    int wanted = session->errors.numbers[0], given = session->errors.numbers[1];
    if (++tries > 2 || wanted <= 0)
      return false;
    if (given == version)
      version = wanted;
    else if ((size_t)given == size && (size_t)wanted <= sizeof session->u)
      size = (size_t)wanted;
    else
      return false;
  }
  memset(&session->u, 0, sizeof session->u);
  library->std_error(&session->errors);
  session->errors.leave = leave;
  session->errors.say = say_nothing;
  session->u.jpeg.errors = &session->errors;
  session->u.jpeg.client_data = session;
  library->create(&session->u.jpeg, version, size);
  return true;
}

static enum lathe_impl_image_status read_image(const struct library *library, struct session *session,
                                               const struct lathe_impl_file *file, struct lathe_impl_image *image) {
  struct lathe_impl_jpeg *jpeg = &session->u.jpeg;
  library->memory_source(jpeg, file->data, file->size);
  if (library->read_header(jpeg, 1) != HEADER_OK)
    return IMAGE_DAMAGED;
  enum lathe_impl_image_status status;
  if (!lathe_impl_image_begin(image, jpeg->image_width, jpeg->image_height, &status))
    return status;
  jpeg->out_colour = COLOUR_RGB;
  library->start(jpeg);
  if (jpeg->output_components != 3 || jpeg->output_width != jpeg->image_width)
    return IMAGE_UNSUPPORTED;
  while (jpeg->output_line < jpeg->output_height) {
    uint8_t *row = image->rgb + (size_t)jpeg->output_line * jpeg->output_width * 3;
    if (library->read_scanlines(jpeg, &row, 1) != 1)
      return IMAGE_DAMAGED;
  }
  /* Data that ends early only makes the library warn. */
  return session->errors.warnings == 0 ? IMAGE_OK : IMAGE_DAMAGED;
}

enum lathe_impl_image_status lathe_impl_decode_jpeg(const struct lathe_impl_file *file,
                                                    struct lathe_impl_image *image) {
  struct library library;
  struct session session;
  if (!load(&library) || !create(&library, &session))
    return IMAGE_NO_LIBRARY;
  volatile enum lathe_impl_image_status status = IMAGE_DAMAGED;
  if (!setjmp(session.failed))
    status = read_image(&library, &session, file, image);
  if (!setjmp(session.failed))
    library.destroy(&session.u.jpeg);
  return status;
}
