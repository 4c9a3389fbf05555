/* lib/Runtime/Images/Tiff.c: TIFF and JPEG 2000, by libtiff and OpenJPEG, which read
 * through functions of the caller.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file that is read from a place on. */
struct stream {
  const struct lathe_impl_file *file;
  uint64_t at;
};

static size_t read_some(struct stream *stream, void *to, size_t count) {
  uint64_t left = stream->at < stream->file->size ? stream->file->size - stream->at : 0;
  if (count > left)
    count = (size_t)left;
  if (count)
    memcpy(to, stream->file->data + stream->at, count);
  stream->at += count;
  return count;
}

/* --- TIFF --------------------------------------------------------------- */

static ptrdiff_t tiff_read(void *handle, void *to, ptrdiff_t count) {
  return count > 0 ? (ptrdiff_t)read_some(handle, to, (size_t)count) : 0;
}

static ptrdiff_t tiff_write(void *handle, void *from, ptrdiff_t count) {
  (void)handle, (void)from, (void)count;
  return 0;
}

static uint64_t tiff_seek(void *handle, uint64_t offset, int whence) {
  struct stream *stream = handle;
  stream->at = offset + (whence == SEEK_CUR ? stream->at : whence == SEEK_END ? stream->file->size : 0);
  return stream->at;
}

static int tiff_close(void *handle) {
  (void)handle;
  return 0;
}

static uint64_t tiff_size(void *handle) { return ((struct stream *)handle)->file->size; }

static int tiff_silent(void *tiff, void *data, const char *module, const char *format, void *arguments) {
  (void)tiff, (void)data, (void)module, (void)format, (void)arguments;
  return 1; /* Dealt with. */
}

/* Functions of libtiff 4.5 and later. */
struct tiff_library {
  void *(*options_alloc)(void);
  void (*options_free)(void *);
  void (*on_error)(void *, int (*)(void *, void *, const char *, const char *, void *), void *);
  void (*on_warning)(void *, int (*)(void *, void *, const char *, const char *, void *), void *);
  void *(*open)(const char *, const char *, void *, ptrdiff_t (*)(void *, void *, ptrdiff_t),
                ptrdiff_t (*)(void *, void *, ptrdiff_t), uint64_t (*)(void *, uint64_t, int), int (*)(void *),
                uint64_t (*)(void *), void *, void *, void *);
  void (*close)(void *);
  int (*get)(void *, uint32_t, ...);
  int (*read)(void *, uint32_t, uint32_t, uint32_t *, int, int);
};

static enum lathe_impl_image_status read_tiff(const struct tiff_library *library, void *tiff,
                                              struct lathe_impl_image *image) {
  enum { width_tag = 256, height_tag = 257, top_left = 1 };
  uint32_t width = 0, height = 0;
  enum lathe_impl_image_status status;
  if (!library->get(tiff, width_tag, &width) || !library->get(tiff, height_tag, &height))
    return IMAGE_DAMAGED;
  if (!lathe_impl_image_begin(image, width, height, &status))
    return status;
  size_t pixels = (size_t)width * height;
  uint32_t *raster = malloc(pixels * sizeof *raster);
  if (!raster)
    return IMAGE_TOO_LARGE;
  bool good = library->read(tiff, width, height, raster, top_left, 1) != 0;
  for (size_t i = 0; good && i < pixels; ++i)
    for (int c = 0; c < 3; ++c)
      image->rgb[3 * i + (size_t)c] = (uint8_t)(raster[i] >> 8 * c);
  free(raster);
  return good ? IMAGE_OK : IMAGE_DAMAGED;
}

enum lathe_impl_image_status lathe_impl_decode_tiff(const struct lathe_impl_file *file,
                                                    struct lathe_impl_image *image) {
  static const char *const names[] = {"libtiff.so.6", "libtiff.6.dylib", "libtiff.so", NULL};
  static const char *const symbols[] = {"TIFFOpenOptionsAlloc",
                                        "TIFFOpenOptionsFree",
                                        "TIFFOpenOptionsSetErrorHandlerExtR",
                                        "TIFFOpenOptionsSetWarningHandlerExtR",
                                        "TIFFClientOpenExt",
                                        "TIFFClose",
                                        "TIFFGetField",
                                        "TIFFReadRGBAImageOriented"};
  lathe_impl_function *functions[8];
  struct tiff_library library;
  if (!lathe_impl_load_codec(names, symbols, 8, functions))
    return IMAGE_NO_LIBRARY;
  memcpy(&library, functions, sizeof library);
  void *options = library.options_alloc();
  if (!options)
    return IMAGE_TOO_LARGE;
  /* Only this file's: the program may use the library, too. */
  library.on_error(options, tiff_silent, NULL);
  library.on_warning(options, tiff_silent, NULL);
  struct stream stream = {file, 0};
  void *tiff = library.open("image", "rm", &stream, tiff_read, tiff_write, tiff_seek, tiff_close, tiff_size, NULL, NULL,
                            options);
  library.options_free(options);
  if (!tiff)
    return IMAGE_DAMAGED;
  enum lathe_impl_image_status status = read_tiff(&library, tiff, image);
  library.close(tiff);
  return status;
}

/* --- JPEG 2000 ---------------------------------------------------------- */

static size_t jp2_read(void *to, size_t count, void *data) {
  size_t done = read_some(data, to, count);
  return done ? done : SIZE_MAX;
}

static int64_t jp2_skip(int64_t count, void *data) {
  struct stream *stream = data;
  stream->at += (uint64_t)count;
  return count;
}

static int jp2_seek(int64_t place, void *data) {
  struct stream *stream = data;
  stream->at = (uint64_t)place;
  return place >= 0 && (uint64_t)place <= stream->file->size;
}

/* opj_image_comp and opj_image of libopenjp2.so.7. */
struct jp2_component {
  uint32_t dx, dy, width, height, x0, y0, precision, bits, is_signed, resolutions, factor;
  int32_t *data;
  uint16_t alpha;
};

struct jp2_image {
  uint32_t x0, y0, x1, y1, component_count;
  int colour_space;
  struct jp2_component *components;
  uint8_t *profile;
  uint32_t profile_size;
};

struct jp2_library {
  void *(*stream_create)(int is_input);
  void (*stream_destroy)(void *);
  void (*set_read)(void *, size_t (*)(void *, size_t, void *));
  void (*set_skip)(void *, int64_t (*)(int64_t, void *));
  void (*set_seek)(void *, int (*)(int64_t, void *));
  void (*set_data)(void *, void *, void *);
  void (*set_length)(void *, uint64_t);
  void *(*create)(int format);
  void (*destroy)(void *);
  void (*defaults)(void *);
  int (*setup)(void *, void *);
  int (*read_header)(void *, void *, struct jp2_image **);
  int (*decode)(void *, void *, struct jp2_image *);
  void (*image_destroy)(struct jp2_image *);
};

/* A sample as a byte. */
static uint8_t to_byte(const struct jp2_component *component, size_t i) {
  int64_t value = component->data[i], most = ((int64_t)1 << component->precision) - 1;
  if (component->is_signed)
    value += (most + 1) / 2;
  value = value < 0 ? 0 : value > most ? most : value;
  return (uint8_t)(most == 255 ? value : (value * 255 + most / 2) / most);
}

static enum lathe_impl_image_status copy_pixels(const struct jp2_image *jp2, struct lathe_impl_image *image) {
  enum { ycc = 3 };
  bool is_gray = jp2->component_count < 3;
  if (jp2->colour_space >= ycc) /* And CMYK, which comes behind. */
    return IMAGE_UNSUPPORTED;
  for (uint32_t c = 0; c < (is_gray ? 1 : 3); ++c) {
    const struct jp2_component *component = &jp2->components[c];
    if (!component->data || component->precision < 1 || component->precision > 31)
      return IMAGE_DAMAGED;
    if (component->width != image->width || component->height != image->height)
      return IMAGE_UNSUPPORTED; /* Fewer samples of one component. */
  }
  size_t pixels = (size_t)(image->width * image->height);
  for (size_t i = 0; i < pixels; ++i)
    for (int c = 0; c < 3; ++c)
      image->rgb[3 * i + (size_t)c] = to_byte(&jp2->components[is_gray ? 0 : c], i);
  return IMAGE_OK;
}

static enum lathe_impl_image_status read_jp2(const struct jp2_library *library, void *codec, void *stream,
                                             struct lathe_impl_image *image) {
  double parameters[2048]; /* Its opj_dparameters has about 8300 bytes. */
  memset(parameters, 0, sizeof parameters);
  library->defaults(parameters);
  struct jp2_image *jp2 = NULL;
  enum lathe_impl_image_status status = IMAGE_DAMAGED;
  if (library->setup(codec, parameters) && library->read_header(stream, codec, &jp2) && jp2->component_count > 0 &&
      jp2->x1 > jp2->x0 && jp2->y1 > jp2->y0 &&
      lathe_impl_image_begin(image, jp2->x1 - jp2->x0, jp2->y1 - jp2->y0, &status)) {
    status = IMAGE_DAMAGED;
    if (library->decode(codec, stream, jp2))
      status = copy_pixels(jp2, image);
  }
  if (jp2)
    library->image_destroy(jp2);
  return status;
}

enum lathe_impl_image_status lathe_impl_decode_jpeg2000(const struct lathe_impl_file *file,
                                                        struct lathe_impl_image *image) {
  static const char *const names[] = {"libopenjp2.so.7", "libopenjp2.7.dylib", "libopenjp2.so", NULL};
  static const char *const symbols[] = {"opj_stream_default_create",
                                        "opj_stream_destroy",
                                        "opj_stream_set_read_function",
                                        "opj_stream_set_skip_function",
                                        "opj_stream_set_seek_function",
                                        "opj_stream_set_user_data",
                                        "opj_stream_set_user_data_length",
                                        "opj_create_decompress",
                                        "opj_destroy_codec",
                                        "opj_set_default_decoder_parameters",
                                        "opj_setup_decoder",
                                        "opj_read_header",
                                        "opj_decode",
                                        "opj_image_destroy"};
  enum { count = sizeof symbols / sizeof *symbols, codestream = 0, container = 2 };
  lathe_impl_function *functions[count];
  struct jp2_library library;
  if (!lathe_impl_load_codec(names, symbols, count, functions))
    return IMAGE_NO_LIBRARY;
  memcpy(&library, functions, sizeof library);
  void *codec = library.create(file->data[0] == 0xff ? codestream : container);
  void *stream = codec ? library.stream_create(1) : NULL;
  enum lathe_impl_image_status status = IMAGE_TOO_LARGE;
  struct stream source = {file, 0};
  if (stream) {
    library.set_read(stream, jp2_read);
    library.set_skip(stream, jp2_skip);
    library.set_seek(stream, jp2_seek);
    library.set_data(stream, &source, NULL);
    library.set_length(stream, file->size);
    status = read_jp2(&library, codec, stream, image);
    library.stream_destroy(stream);
  }
  if (codec)
    library.destroy(codec);
  return status;
}
