/* lib/Runtime/Core/Text.h: what the functions on strings share.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CORE_TEXT_H
#define LATHE_RUNTIME_CORE_TEXT_H

#include "Services.h"

#include <locale.h>
#include <string.h>

/* What a function of lathe_imports.text works with. */
struct lathe_impl_request {
  const lathe_imports *imports;
  lathe_text_call *call;
  const char *parameters; /* The first. */
};

/* The text behind `text` and its zero. */
static inline const char *lathe_impl_next_text(const char *text) { return text + strlen(text) + 1; }

/* The locale that patterns are matched in: those of bytes in "C", where a word ends as ASCII has it, others in the
 * one that the call has. */
struct lathe_impl_locale {
  locale_t own, before; /* 0 where it is the call's. */
};

/* False if there is no memory for it; then there is nothing to leave. */
static inline bool lathe_impl_enter_locale(struct lathe_impl_locale *locale, bool is_of_bytes) {
  *locale = (struct lathe_impl_locale){0};
  if (!is_of_bytes)
    return true;
  locale->own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (locale->own)
    locale->before = uselocale(locale->own);
  return locale->own != (locale_t)0;
}

static inline void lathe_impl_leave_locale(struct lathe_impl_locale *locale) {
  if (!locale->own)
    return;
  uselocale(locale->before);
  freelocale(locale->own);
}

/* The functions of Find.c, CustomOps.c, Tokens.c and Images/Images.c; as lathe_imports.text. */
int32_t lathe_impl_find(const struct lathe_impl_request *request);
int32_t lathe_impl_order(const struct lathe_impl_request *request);
int32_t lathe_impl_murmur(const struct lathe_impl_request *request);
int32_t lathe_impl_random(const struct lathe_impl_request *request);
int32_t lathe_impl_custom_op(const struct lathe_impl_request *request);
int32_t lathe_impl_token_width(const struct lathe_impl_request *request);
int32_t lathe_impl_tokens(const struct lathe_impl_request *request);
int32_t lathe_impl_image_size(const struct lathe_impl_request *request);
int32_t lathe_impl_decode_image(const struct lathe_impl_request *request);

/* Bytes for a number in decimal, with its zero. */
#define LATHE_IMPL_NUMBER_BYTES 32

/* Writes element `i` as Python's str() does: as few digits as say which number of
 * the type it is. */
void lathe_impl_format_number(char *text, lathe_dtype dtype, const void *data, int64_t i);

/* Reads a number in decimal, "INF", "+INF", "-INF" or "NaN" in any case, between blanks.
 * `dtype` is f32, f64, i64 or u64; of integers, what is behind a point is cut off. */
bool lathe_impl_parse_number(const char *text, lathe_dtype dtype, void *data, int64_t i);

#endif /* LATHE_RUNTIME_CORE_TEXT_H */
