/* lib/Runtime/Core/Text.c: the functions on strings and other data that a module may
 * call.
 *
 * Each makes all of its text in one block of the call's memory: first it counts the
 * bytes, then it writes.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Text.h"

#include <ctype.h>
#include <locale.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

static const char **strings_of(const lathe_text_tensor *tensor) { return tensor->data; }

static char *make_room(const struct lathe_impl_request *text, size_t bytes) {
  return text->imports->alloc(text->imports->context, bytes ? bytes : 1, 1);
}

static int32_t fail_at(const struct lathe_impl_request *text, int64_t element, const char *value) {
  text->call->error_values[0] = element;
  text->call->error_values[1] = (int64_t)strlen(value);
  return 1;
}

/* --- Elements ----------------------------------------------------------- */

static int32_t do_literal(const struct lathe_impl_request *text) {
  const char *at = text->parameters;
  for (int64_t i = 0; i < text->call->results[0].count; ++i, at = lathe_impl_next_text(at))
    strings_of(text->call->results)[i] = at;
  return 0;
}

static int32_t do_equal(const struct lathe_impl_request *text) {
  const lathe_text_tensor *operands = text->call->operands;
  uint8_t *result = text->call->results[0].data;
  for (int64_t i = 0; i < operands[0].count; ++i)
    result[i] = strcmp(strings_of(&operands[0])[i], strings_of(&operands[1])[i]) == 0;
  return 0;
}

static int32_t do_concat(const struct lathe_impl_request *text) {
  const lathe_text_tensor *result = &text->call->results[0];
  const char **left = strings_of(&text->call->operands[0]), **right = strings_of(&text->call->operands[1]);
  size_t bytes = 0;
  for (int64_t i = 0; i < result->count; ++i)
    bytes += strlen(left[i]) + strlen(right[i]) + 1;
  char *at = make_room(text, bytes);
  if (!at)
    return LATHE_TASK_OUT_OF_MEMORY;
  for (int64_t i = 0; i < result->count; ++i) {
    strings_of(result)[i] = at;
    at = stpcpy(stpcpy(at, left[i]), right[i]) + 1;
  }
  return 0;
}

static int32_t do_match(const struct lathe_impl_request *text) {
  const lathe_text_tensor *operand = &text->call->operands[0];
  uint8_t *result = text->call->results[0].data;
  regex_t pattern;
  struct lathe_impl_locale locale;
  bool is_of_bytes = text->call->parameter_count > 1 && strcmp(lathe_impl_next_text(text->parameters), "bytes") == 0;
  if (!lathe_impl_enter_locale(&locale, is_of_bytes))
    return LATHE_TASK_OUT_OF_MEMORY;
  /* The compiler has tried the pattern. */
  bool is_open = regcomp(&pattern, text->parameters, REG_EXTENDED | REG_NOSUB) == 0, good = is_open;
  for (int64_t i = 0; good && i < operand->count; ++i) {
    int status = regexec(&pattern, strings_of(operand)[i], 0, NULL, 0);
    result[i] = status == 0;
    good = status == 0 || status == REG_NOMATCH;
  }
  if (is_open)
    regfree(&pattern);
  lathe_impl_leave_locale(&locale);
  return good ? 0 : LATHE_TASK_OUT_OF_MEMORY;
}

/* --- Numbers ------------------------------------------------------------ */

static int32_t do_parse(const struct lathe_impl_request *text) {
  const lathe_text_tensor *operand = &text->call->operands[0], *result = &text->call->results[0];
  for (int64_t i = 0; i < operand->count; ++i)
    if (!lathe_impl_parse_number(strings_of(operand)[i], (lathe_dtype)result->dtype, result->data, i))
      return fail_at(text, i, strings_of(operand)[i]);
  return 0;
}

static int32_t do_format(const struct lathe_impl_request *text) {
  const lathe_text_tensor *operand = &text->call->operands[0], *result = &text->call->results[0];
  char *at = make_room(text, (size_t)operand->count * LATHE_IMPL_NUMBER_BYTES);
  if (!at)
    return LATHE_TASK_OUT_OF_MEMORY;
  for (int64_t i = 0; i < operand->count; ++i) {
    lathe_impl_format_number(at, (lathe_dtype)operand->dtype, operand->data, i);
    strings_of(result)[i] = at;
    at = (char *)lathe_impl_next_text(at);
  }
  return 0;
}

/* --- Parts -------------------------------------------------------------- */

/* Finds the next part from `*at` on, and its size. Without a delimiter, parts are
 * between blanks; `left` is how many more splits there may be, -1 for any. */
static bool next_part(const char **at, const char *delimiter, int64_t *left, const char **part, size_t *size) {
  if (!*at)
    return false;
  if (!*delimiter) {
    while (isspace((unsigned char)**at))
      ++*at;
    if (!**at)
      return false;
    *part = *at;
    const char *end = *at;
    if (*left == 0) { /* The rest, but for blanks at its end. */
      end += strlen(end);
      while (isspace((unsigned char)end[-1]))
        --end;
      *at = NULL;
    } else {
      while (*end && !isspace((unsigned char)*end))
        ++end;
      *at = end;
    }
    *size = (size_t)(end - *part);
  } else {
    const char *end = *left == 0 ? NULL : strstr(*at, delimiter);
    *part = *at;
    *size = end ? (size_t)(end - *at) : strlen(*at);
    *at = end ? end + strlen(delimiter) : NULL;
  }
  if (*left > 0)
    --*left;
  return true;
}

static int64_t count_parts(const struct lathe_impl_request *text, const char *string) {
  const char *delimiter = text->parameters, *part = NULL;
  int64_t left = strtoll(lathe_impl_next_text(delimiter), NULL, 10), count = 0;
  size_t size = 0;
  for (const char *at = string; next_part(&at, delimiter, &left, &part, &size);)
    ++count;
  return count;
}

static int32_t do_split_width(const struct lathe_impl_request *text) {
  const lathe_text_tensor *operand = &text->call->operands[0];
  int64_t *most = text->call->results[0].data;
  *most = 0;
  for (int64_t i = 0; i < operand->count; ++i) {
    int64_t count = count_parts(text, strings_of(operand)[i]);
    if (count > *most)
      *most = count;
  }
  return 0;
}

static int32_t do_split(const struct lathe_impl_request *text) {
  const lathe_text_tensor *operand = &text->call->operands[0], *result = &text->call->results[0];
  int64_t *counts = text->call->results[1].data;
  const char *delimiter = text->parameters;
  size_t bytes = 1;
  for (int64_t i = 0; i < operand->count; ++i)
    bytes += 2 * strlen(strings_of(operand)[i]) + 2;
  char *made = make_room(text, bytes);
  if (!made)
    return LATHE_TASK_OUT_OF_MEMORY;
  const char *none = made;
  *made++ = 0;
  for (int64_t i = 0; i < operand->count; ++i) {
    const char *string = strings_of(operand)[i], *part = NULL, *at = string;
    const char **row = strings_of(result) + i * result->width;
    int64_t left = strtoll(lathe_impl_next_text(delimiter), NULL, 10), count = 0;
    size_t size = 0;
    while (count < result->width && next_part(&at, delimiter, &left, &part, &size)) {
      row[count++] = memcpy(made, part, size);
      made[size] = 0;
      made += size + 1;
    }
    counts[i] = count;
    for (int64_t j = count; j < result->width; ++j)
      row[j] = none;
  }
  return 0;
}

/* --- Letters ------------------------------------------------------------ */

enum letter_case { AS_IT_IS, LOWER, UPPER };

static enum letter_case case_of(const char *parameter) {
  return strcmp(parameter, "LOWER") == 0 ? LOWER : strcmp(parameter, "UPPER") == 0 ? UPPER : AS_IT_IS;
}

/* A letter of two bytes in UTF-8, in the other case where that has two bytes, too:
 * those of Latin, Greek and Cyrillic. */
static uint32_t change_letter(uint32_t c, enum letter_case wanted) {
  static const struct {
    uint32_t first, last, distance;
  } ranges[] = {{0xc0, 0xd6, 32},   {0xd8, 0xde, 32},   {0x391, 0x3a1, 32},
                {0x3a3, 0x3a9, 32}, {0x410, 0x42f, 32}, {0x400, 0x40f, 80}};
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; ++i) {
    uint32_t from = ranges[i].first, to = ranges[i].last, distance = ranges[i].distance;
    if (wanted == LOWER && c >= from && c <= to)
      return c + distance;
    if (wanted == UPPER && c >= from + distance && c <= to + distance)
      return c - distance;
  }
  /* Pairs: the capital letter is even in some ranges and odd in others. */
  bool even = (c >= 0x100 && c <= 0x12f) || (c >= 0x132 && c <= 0x137) || (c >= 0x14a && c <= 0x177) ||
              (c >= 0x460 && c <= 0x481);
  bool odd = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
  if (even)
    return wanted == LOWER ? c | 1 : c & ~1u;
  if (odd)
    return wanted == LOWER ? c + (c & 1) : c - !(c & 1);
  return c;
}

static void change_case(char *string, enum letter_case wanted) {
  for (unsigned char *at = (unsigned char *)string; wanted != AS_IT_IS && *at; ++at) {
    if (*at < 0x80) {
      bool is_upper = *at >= 'A' && *at <= 'Z', is_lower = *at >= 'a' && *at <= 'z';
      if (wanted == LOWER ? is_upper : is_lower)
        *at ^= 0x20;
    } else if ((*at & 0xe0) == 0xc0 && (at[1] & 0xc0) == 0x80) {
      uint32_t c = change_letter((uint32_t)(*at & 0x1f) << 6 | (at[1] & 0x3f), wanted);
      *at = (unsigned char)(0xc0 | c >> 6);
      *++at = (unsigned char)(0x80 | (c & 0x3f));
    }
  }
}

static int32_t do_case(const struct lathe_impl_request *text) {
  const lathe_text_tensor *operand = &text->call->operands[0], *result = &text->call->results[0];
  size_t bytes = 0;
  for (int64_t i = 0; i < operand->count; ++i)
    bytes += strlen(strings_of(operand)[i]) + 1;
  char *at = make_room(text, bytes);
  if (!at)
    return LATHE_TASK_OUT_OF_MEMORY;
  for (int64_t i = 0; i < operand->count; ++i) {
    char *made = at;
    at = stpcpy(at, strings_of(operand)[i]) + 1;
    change_case(made, case_of(text->parameters));
    strings_of(result)[i] = made;
  }
  return 0;
}

/* The stop words, in the case in which strings are compared with them. NULL if memory
 * ran out. */
static const char *stop_words(const struct lathe_impl_request *text) {
  const char *end = text->parameters;
  for (uint32_t i = 0; i < text->call->parameter_count; ++i)
    end = lathe_impl_next_text(end);
  size_t bytes = (size_t)(end - text->parameters);
  char *words = make_room(text, bytes), *at = words;
  if (!words)
    return NULL;
  memcpy(words, text->parameters, bytes);
  for (uint32_t i = 0; i < text->call->parameter_count; ++i, at = (char *)lathe_impl_next_text(at))
    if (i > 0) /* The first is no word. */
      change_case(at, case_of(text->parameters));
  return words;
}

/* `room` is memory of the size of `string`. */
static bool is_stop_word(const struct lathe_impl_request *text, const char *words, const char *string, char *room) {
  change_case(strcpy(room, string), case_of(text->parameters));
  for (uint32_t i = 1; i < text->call->parameter_count; ++i) {
    words = lathe_impl_next_text(words);
    if (strcmp(words, room) == 0)
      return true;
  }
  return false;
}

/* What is left is never nothing: it is "" then. */
static int32_t filter(const struct lathe_impl_request *text, int64_t *count, const lathe_text_tensor *kept) {
  const lathe_text_tensor *operand = &text->call->operands[0];
  size_t longest = 0;
  for (int64_t i = 0; i < operand->count; ++i) {
    size_t size = strlen(strings_of(operand)[i]);
    longest = size > longest ? size : longest;
  }
  char *room = make_room(text, longest + 1);
  const char *words = stop_words(text);
  if (!room || !words)
    return LATHE_TASK_OUT_OF_MEMORY;
  *count = 0;
  for (int64_t i = 0; i < operand->count; ++i) {
    const char *string = strings_of(operand)[i];
    if (is_stop_word(text, words, string, room))
      continue;
    if (kept && *count < kept->count)
      strings_of(kept)[*count] = string;
    ++*count;
  }
  if (*count == 0 && kept && kept->count > 0)
    strings_of(kept)[0] = "";
  *count += *count == 0;
  return 0;
}

static int32_t do_filter_count(const struct lathe_impl_request *text) {
  return filter(text, text->call->results[0].data, NULL);
}

static int32_t do_filter(const struct lathe_impl_request *text) {
  int64_t count = 0;
  return filter(text, &count, &text->call->results[0]);
}

/* --- The call ----------------------------------------------------------- */

int32_t lathe_impl_text(const lathe_imports *imports, lathe_text_call *call) {
  static const struct {
    const char *name;
    int32_t (*compute)(const struct lathe_impl_request *);
  } functions[] = {{"literal", do_literal},
                   {"equal", do_equal},
                   {"concat", do_concat},
                   {"match", do_match},
                   {"parse", do_parse},
                   {"format", do_format},
                   {"split", do_split},
                   {"split_width", do_split_width},
                   {"filter", do_filter},
                   {"filter_count", do_filter_count},
                   {"case", do_case},
                   {"find", lathe_impl_find},
                   {"order", lathe_impl_order},
                   {"murmur", lathe_impl_murmur},
                   {"random", lathe_impl_random},
                   {"image_size", lathe_impl_image_size},
                   {"decode_image", lathe_impl_decode_image},
                   {"token_width", lathe_impl_token_width},
                   {"tokens", lathe_impl_tokens},
                   {"custom", lathe_impl_custom_op}};
  const struct lathe_impl_request text = {imports, call, lathe_impl_next_text(call->texts)};
  /* Numbers and letters are the same whatever the program's locale is. */
  locale_t neutral = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
  if (!neutral)
    neutral = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!neutral)
    return LATHE_TASK_OUT_OF_MEMORY;
  locale_t before = uselocale(neutral);
  int32_t status = LATHE_TASK_DAMAGED;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i)
    if (strcmp(functions[i].name, call->texts) == 0)
      status = functions[i].compute(&text);
  uselocale(before);
  freelocale(neutral);
  return status;
}
