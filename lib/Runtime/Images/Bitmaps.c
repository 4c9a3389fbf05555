/* lib/Runtime/Images/Bitmaps.c: BMP and PNM, which are pixels without compression.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Images.h"

#include <string.h>

/* --- BMP ---------------------------------------------------------------- */

static uint32_t little(const uint8_t *at, size_t bytes) {
  uint32_t value = 0;
  for (size_t i = bytes; i-- > 0;)
    value = value << 8 | at[i];
  return value;
}

/* What the headers of a BMP say. */
struct bitmap {
  uint32_t pixels; /* Where they begin. */
  uint32_t bits;   /* Of a pixel. */
  int64_t width, height;
  bool is_top_down;
  const uint8_t *palette;
  uint32_t palette_stride, palette_count;
  uint32_t masks[3]; /* Of red, green and blue in pixels of 16 and 32 bits. */
};

static enum lathe_impl_image_status read_headers(const struct lathe_impl_file *file, struct bitmap *bitmap) {
  enum { file_header = 14, core_header = 12, info_header = 40 };
  const uint8_t *data = file->data;
  if (file->size < file_header + core_header)
    return IMAGE_DAMAGED;
  bitmap->pixels = little(data + 10, 4);
  uint32_t size = little(data + file_header, 4), compression = 0, colours = 0;
  bool is_core = size == core_header;
  if (file->size < (size_t)file_header + size || (!is_core && size < info_header))
    return IMAGE_DAMAGED;
  const uint8_t *header = data + file_header;
  if (is_core) {
    bitmap->width = little(header + 4, 2);
    bitmap->height = little(header + 6, 2);
    bitmap->bits = little(header + 10, 2);
  } else {
    bitmap->width = (int32_t)little(header + 4, 4);
    bitmap->height = (int32_t)little(header + 8, 4);
    bitmap->bits = little(header + 14, 2);
    compression = little(header + 16, 4);
    colours = little(header + 32, 4);
  }
  bitmap->is_top_down = bitmap->height < 0;
  if (bitmap->is_top_down)
    bitmap->height = -bitmap->height;
  bool has_masks = compression == 3 || compression == 6;
  if (compression != 0 && !(has_masks && (bitmap->bits == 16 || bitmap->bits == 32)))
    return IMAGE_UNSUPPORTED; /* Run lengths, or another format within. */
  if (has_masks) {
    if (file->size < file_header + info_header + 12)
      return IMAGE_DAMAGED;
    for (int i = 0; i < 3; ++i)
      bitmap->masks[i] = little(header + info_header + 4 * i, 4);
  } else {
    bool is_short = bitmap->bits == 16;
    bitmap->masks[0] = is_short ? 0x7c00 : 0xff0000;
    bitmap->masks[1] = is_short ? 0x03e0 : 0x00ff00;
    bitmap->masks[2] = is_short ? 0x001f : 0x0000ff;
  }
  if (bitmap->bits > 8)
    return bitmap->bits == 16 || bitmap->bits == 24 || bitmap->bits == 32 ? IMAGE_OK : IMAGE_UNSUPPORTED;
  if (bitmap->bits != 1 && bitmap->bits != 4 && bitmap->bits != 8)
    return IMAGE_UNSUPPORTED;
  bitmap->palette = header + size;
  bitmap->palette_stride = is_core ? 3 : 4;
  uint32_t most = 1u << bitmap->bits;
  bitmap->palette_count = colours && colours < most ? colours : most;
  size_t end = (size_t)file_header + size + (size_t)bitmap->palette_count * bitmap->palette_stride;
  return end <= file->size ? IMAGE_OK : IMAGE_DAMAGED;
}

/* The bits of `mask`, spread over a byte. */
static uint8_t channel(uint32_t pixel, uint32_t mask) {
  if (!mask)
    return 0;
  int shift = __builtin_ctz(mask);
  uint64_t most = mask >> shift, value = (pixel & mask) >> shift;
  return (uint8_t)((value * 255 + most / 2) / most);
}

static enum lathe_impl_image_status read_row(const struct bitmap *bitmap, const uint8_t *row, uint8_t *rgb) {
  for (int64_t x = 0; x < bitmap->width; ++x, rgb += 3) {
    if (bitmap->bits <= 8) {
      uint32_t per_byte = 8 / bitmap->bits, place = (uint32_t)(x % per_byte);
      uint32_t index = row[x / per_byte] >> (8 - bitmap->bits * (place + 1)) & ((1u << bitmap->bits) - 1);
      if (index >= bitmap->palette_count)
        return IMAGE_DAMAGED;
      const uint8_t *colour = bitmap->palette + (size_t)index * bitmap->palette_stride;
      rgb[0] = colour[2], rgb[1] = colour[1], rgb[2] = colour[0];
    } else if (bitmap->bits == 24) {
      rgb[0] = row[3 * x + 2], rgb[1] = row[3 * x + 1], rgb[2] = row[3 * x];
    } else {
      size_t bytes = bitmap->bits / 8;
      uint32_t pixel = little(row + (size_t)x * bytes, bytes);
      for (int i = 0; i < 3; ++i)
        rgb[i] = channel(pixel, bitmap->masks[i]);
    }
  }
  return IMAGE_OK;
}

enum lathe_impl_image_status lathe_impl_decode_bmp(const struct lathe_impl_file *file, struct lathe_impl_image *image) {
  struct bitmap bitmap = {0};
  enum lathe_impl_image_status status = read_headers(file, &bitmap);
  if (status != IMAGE_OK || !lathe_impl_image_begin(image, bitmap.width, bitmap.height, &status))
    return status;
  size_t stride = ((size_t)bitmap.width * bitmap.bits + 31) / 32 * 4;
  if (bitmap.pixels > file->size || (file->size - bitmap.pixels) / stride < (size_t)bitmap.height)
    return IMAGE_DAMAGED;
  for (int64_t y = 0; y < bitmap.height; ++y) {
    int64_t from = bitmap.is_top_down ? y : bitmap.height - 1 - y;
    status = read_row(&bitmap, file->data + bitmap.pixels + (size_t)from * stride, image->rgb + y * bitmap.width * 3);
    if (status != IMAGE_OK)
      return status;
  }
  return IMAGE_OK;
}

/* --- PNM ---------------------------------------------------------------- */

/* A place in the text of a PNM. */
struct reader {
  const uint8_t *at, *end;
};

static bool is_blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static void skip_blanks(struct reader *reader) {
  while (reader->at < reader->end && (is_blank(*reader->at) || *reader->at == '#'))
    if (*reader->at++ == '#')
      while (reader->at < reader->end && *reader->at != '\n')
        ++reader->at;
}

/* A number of at most `digits` digits; -1 if there is none. */
static int64_t read_digits(struct reader *reader, int digits) {
  skip_blanks(reader);
  int64_t value = -1;
  for (; digits > 0 && reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; --digits)
    value = (value < 0 ? 0 : value * 10) + (*reader->at++ - '0');
  return value;
}

/* One sample of a PNM as a byte; -1 where the file ends or the sample is too large. */
static int read_sample(struct reader *reader, int kind, int64_t most) {
  int64_t value = -1;
  if (kind < 4) { /* Text; bits need no blank between them. */
    value = read_digits(reader, kind == 1 ? 1 : 6);
  } else if (reader->end - reader->at >= (most > 255 ? 2 : 1)) {
    value = *reader->at++;
    if (most > 255)
      value = value << 8 | *reader->at++;
  }
  if (value < 0 || value > most)
    return -1;
  return (int)(most == 255 ? value : (value * 255 + most / 2) / most);
}

/* A row of packed bits, of which ones are black. */
static bool read_bits(struct reader *reader, int64_t width, uint8_t *rgb) {
  if (reader->end - reader->at < (width + 7) / 8)
    return false;
  for (int64_t x = 0; x < width; ++x)
    memset(rgb + 3 * x, reader->at[x / 8] >> (7 - x % 8) & 1 ? 0 : 255, 3);
  reader->at += (width + 7) / 8;
  return true;
}

enum lathe_impl_image_status lathe_impl_decode_pnm(const struct lathe_impl_file *file, struct lathe_impl_image *image) {
  if (file->size < 3 || file->data[1] < '1' || file->data[1] > '6' ||
      !(is_blank(file->data[2]) || file->data[2] == '#'))
    return IMAGE_UNKNOWN;
  int kind = file->data[1] - '0';
  bool is_bits = kind == 1 || kind == 4, is_colour = kind == 3 || kind == 6;
  struct reader reader = {file->data + 2, file->data + file->size};
  int64_t width = read_digits(&reader, 9), height = read_digits(&reader, 9);
  int64_t most = is_bits ? 1 : read_digits(&reader, 6);
  if (most < 1 || most > 65535 || reader.at == reader.end || !is_blank(*reader.at))
    return IMAGE_DAMAGED;
  enum lathe_impl_image_status status;
  if (!lathe_impl_image_begin(image, width, height, &status))
    return status;
  ++reader.at; /* One blank, then the pixels. */
  uint8_t *rgb = image->rgb;
  for (int64_t y = 0; y < height; ++y, rgb += kind == 4 ? 3 * width : 0) {
    if (kind == 4 && !read_bits(&reader, width, rgb))
      return IMAGE_DAMAGED;
    for (int64_t x = 0; kind != 4 && x < width; ++x, rgb += 3)
      for (int c = 0; c < 3; ++c) {
        int sample = c == 0 || is_colour ? read_sample(&reader, kind, most) : rgb[0];
        if (sample < 0)
          return IMAGE_DAMAGED;
        rgb[c] = (uint8_t)(is_bits && c == 0 ? 255 - sample : sample);
      }
  }
  return IMAGE_OK;
}
