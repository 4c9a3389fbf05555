/* lib/Runtime/Core/Tokens.c: takes texts apart into tokens, as patterns say.
 *
 * Parameters: "tokens" (a token is what the pattern fits), "separators" (a token is what is
 * between them) or "characters"; "bytes" for patterns of the locale "C", else "text"; the fewest characters of a
 * token; "marked" for a mark before and behind the tokens of a text, else "plain"; what rows are filled up with; the
 * patterns, POSIX extended regular expressions.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Text.h"

#include <limits.h>
#include <regex.h>
#include <stdlib.h>

enum { FIRST_PATTERN = 5 };

struct tokenizer {
  char kind;           /* The first letter of the first parameter. */
  int64_t least;       /* Characters of a token. */
  const char *padding; /* Of rows. */
  bool is_marked;
  uint32_t pattern_count;
  regex_t *patterns;
  struct lathe_impl_locale locale;
};

/* Where tokens go: they are counted, and written if there is a row for them. */
struct row {
  int64_t count, width;
  const char **tokens; /* NULL while they are counted. */
  char *room;          /* For their text. */
};

static void give_back(const lathe_imports *imports, void *memory) {
  if (memory)
    imports->free(imports->context, memory);
}

static void close_tokenizer(const lathe_imports *imports, struct tokenizer *tokenizer) {
  for (uint32_t i = 0; i < tokenizer->pattern_count; ++i)
    regfree(&tokenizer->patterns[i]);
  give_back(imports, tokenizer->patterns);
  lathe_impl_leave_locale(&tokenizer->locale);
}

static bool open_tokenizer(const struct lathe_impl_request *text, struct tokenizer *tokenizer) {
  const char *at = text->parameters;
  tokenizer->kind = *at;
  bool is_of_bytes = strcmp(at = lathe_impl_next_text(at), "bytes") == 0;
  tokenizer->least = strtoll(at = lathe_impl_next_text(at), NULL, 10);
  tokenizer->is_marked = strcmp(at = lathe_impl_next_text(at), "marked") == 0;
  tokenizer->padding = at = lathe_impl_next_text(at);
  if (!lathe_impl_enter_locale(&tokenizer->locale, is_of_bytes))
    return false;
  uint32_t count = text->call->parameter_count - FIRST_PATTERN;
  const lathe_imports *imports = text->imports;
  tokenizer->patterns = imports->alloc(imports->context, (count + 1) * sizeof *tokenizer->patterns, LATHE_ALIGNMENT);
  bool good = tokenizer->patterns;
  /* The compiler has tried the patterns. */
  for (; good && tokenizer->pattern_count < count; tokenizer->pattern_count += good)
    good = regcomp(&tokenizer->patterns[tokenizer->pattern_count], at = lathe_impl_next_text(at), REG_EXTENDED) == 0;
  if (!good)
    close_tokenizer(imports, tokenizer);
  return good;
}

/* A character is what no byte of UTF-8 goes on behind. */
static bool starts_character(char byte) { return (byte & 0xc0) != 0x80; }

static void add(struct row *row, const char *token, size_t size) {
  if (row->tokens && row->count < row->width) {
    row->tokens[row->count] = memcpy(row->room, token, size);
    row->room[size] = 0;
    row->room += size + 1;
  }
  ++row->count;
}

static void add_long(const struct tokenizer *tokenizer, struct row *row, const char *token, size_t size) {
  int64_t characters = 0;
  for (size_t i = 0; i < size; ++i)
    characters += starts_character(token[i]);
  if (size && characters >= tokenizer->least)
    add(row, token, size);
}

/* Part of a text. */
struct part {
  size_t begin, end;
};

/* The first place of `text`, which has `size` bytes, that the pattern fits with a character at least, not before
 * `part->end`; it becomes `part`. What stands before it is looked at, too: a word may have begun there. 0,
 * REG_NOMATCH if there is no such place, or another error of regexec. */
static int find_next(const regex_t *pattern, const char *text, size_t size, struct part *part) {
  if (size > INT_MAX) /* More than a regmatch_t can say. */
    return REG_ESPACE;
  for (size_t at = part->end; at <= size;) {
    regmatch_t found = {.rm_so = (regoff_t)at, .rm_eo = (regoff_t)size};
    int status = regexec(pattern, text, 1, &found, REG_STARTEND);
    if (status != 0)
      return status;
    *part = (struct part){(size_t)found.rm_so, (size_t)found.rm_eo};
    if (part->begin < part->end)
      return 0;
    for (at = part->end + 1; at < size && !starts_character(text[at]);)
      ++at;
  }
  return REG_NOMATCH;
}

/* Zeros take the place of what the pattern fits in `text`, which has `size` bytes. */
static bool cut_out(const regex_t *pattern, char *text, size_t size) {
  struct part found = {0, 0}, before = found;
  int status;
  /* What was found is needed until the next one is. */
  while ((status = find_next(pattern, text, size, &found)) == 0) {
    memset(text + before.begin, 0, before.end - before.begin);
    before = found;
  }
  memset(text + before.begin, 0, before.end - before.begin);
  return status == REG_NOMATCH;
}

/* Tokens are what is left of `copy`, which has `size` bytes, when each pattern in turn has taken what it
 * fits; zeros stand in their place. */
static bool add_between(const struct tokenizer *tokenizer, struct row *row, char *copy, size_t size) {
  for (uint32_t i = 0; i < tokenizer->pattern_count; ++i)
    for (size_t at = 0, length; at < size; at += length + 1) {
      length = strlen(copy + at);
      if (!cut_out(&tokenizer->patterns[i], copy + at, length))
        return false;
    }
  for (char *part = copy; part < copy + size; part += strlen(part) + 1)
    add_long(tokenizer, row, part, strlen(part));
  return true;
}

static bool add_found(const struct tokenizer *tokenizer, struct row *row, const char *string, size_t size) {
  struct part found = {0, 0};
  int status;
  while ((status = find_next(tokenizer->patterns, string, size, &found)) == 0)
    add_long(tokenizer, row, string + found.begin, found.end - found.begin);
  return status == REG_NOMATCH;
}

/* `copy` is memory of the size of `string`. False if there is no memory to look for patterns. */
static bool tokenize(const struct tokenizer *tokenizer, struct row *row, const char *string, char *copy) {
  size_t size = strlen(string);
  bool good = true;
  if (tokenizer->is_marked)
    add(row, "\002", 1);
  if (tokenizer->kind == 's') {
    good = add_between(tokenizer, row, memcpy(copy, string, size + 1), size);
  } else if (tokenizer->kind == 't') {
    good = add_found(tokenizer, row, string, size);
  } else {
    for (size_t i = 0, next; i < size; i = next) {
      for (next = i + 1; next < size && !starts_character(string[next]);)
        ++next;
      add_long(tokenizer, row, string + i, next - i);
    }
  }
  if (tokenizer->is_marked)
    add(row, "\003", 1);
  return good;
}

/* The most tokens of one text; with `result`, whose rows are as wide, writes them. */
static int32_t tokenize_all(const struct lathe_impl_request *text, int64_t *most, const lathe_text_tensor *result) {
  const lathe_text_tensor *operand = &text->call->operands[0];
  const lathe_imports *imports = text->imports;
  const char **strings = operand->data;
  size_t longest = 0, bytes = 1;
  for (int64_t i = 0; i < operand->count; ++i) {
    size_t size = strlen(strings[i]);
    longest = size > longest ? size : longest;
    bytes += 2 * size + 5; /* Each token has a character at least and a zero; two marks, too. */
  }
  struct tokenizer tokenizer = {0};
  char *copy = imports->alloc(imports->context, longest + 1, 1);
  char *room = result ? imports->alloc(imports->context, bytes, 1) : NULL;
  if (!copy || (result && !room) || !open_tokenizer(text, &tokenizer)) {
    give_back(imports, copy);
    give_back(imports, room);
    return LATHE_TASK_OUT_OF_MEMORY;
  }
  *most = 0;
  bool good = true;
  for (int64_t i = 0; good && i < operand->count; ++i) {
    struct row row = {0};
    if (result) {
      row.width = result->width;
      row.tokens = (const char **)result->data + i * row.width;
      row.room = room;
    }
    good = tokenize(&tokenizer, &row, strings[i], copy);
    for (int64_t k = row.count; k < row.width; ++k)
      row.tokens[k] = tokenizer.padding;
    *most = row.count > *most ? row.count : *most;
    room = row.room;
  }
  if (tokenizer.is_marked && *most == 2) /* Where no text has a token, there are no marks, either. */
    *most = 0;
  close_tokenizer(imports, &tokenizer);
  give_back(imports, copy);
  return good ? 0 : LATHE_TASK_OUT_OF_MEMORY;
}

int32_t lathe_impl_token_width(const struct lathe_impl_request *text) {
  return tokenize_all(text, text->call->results[0].data, NULL);
}

int32_t lathe_impl_tokens(const struct lathe_impl_request *text) {
  int64_t most = 0;
  return tokenize_all(text, &most, &text->call->results[0]);
}
