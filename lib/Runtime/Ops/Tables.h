/* lib/Runtime/Ops/Tables.h: dispatch tables as text: read, checked against what the library has, and compiled into the
 * caller's memory.
 *
 * It reads what `lathe oplib build` and `lathe oplib tune` write: one row a line. A
 * row that names what the library does not have, or not any more, is refused.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_LIB_RUNTIME_OPS_TABLES_H
#define LATHE_LIB_RUNTIME_OPS_TABLES_H

#include "Ops.h"
#include <string.h>

/* A part of the text. */
typedef struct lathe_ops_span {
  const char *at;
  size_t length;
} lathe_ops_span;

static lathe_ops_span lathe_ops_trim(lathe_ops_span span) {
  while (span.length && (*span.at == ' ' || *span.at == '\t' || *span.at == '\r'))
    ++span.at, --span.length;
  while (span.length &&
         (span.at[span.length - 1] == ' ' || span.at[span.length - 1] == '\t' || span.at[span.length - 1] == '\r'))
    --span.length;
  return span;
}

/* What is before the next `separator`; `rest` becomes what is behind it. */
static lathe_ops_span lathe_ops_cut(lathe_ops_span *rest, char separator) {
  const char *end = rest->length ? memchr(rest->at, separator, rest->length) : NULL;
  lathe_ops_span first = {rest->at, end ? (size_t)(end - rest->at) : rest->length};
  size_t taken = end ? first.length + 1 : first.length;
  rest->at += taken;
  rest->length -= taken;
  return lathe_ops_trim(first);
}

static bool lathe_ops_is(lathe_ops_span span, const char *text) {
  return strlen(text) == span.length && memcmp(span.at, text, span.length) == 0;
}

static bool lathe_ops_read_number(lathe_ops_span span, int64_t *value) {
  *value = 0;
  for (size_t i = 0; i < span.length; ++i) {
    int digit = span.at[i] - '0';
    if (digit < 0 || digit > 9 || __builtin_mul_overflow(*value, 10, value) ||
        __builtin_add_overflow(*value, digit, value))
      return false;
  }
  return span.length > 0;
}

/* "4", "2..8" or "257..". */
static bool lathe_ops_read_range(lathe_ops_span span, int64_t *range) {
  size_t i = 0;
  while (i + 1 < span.length && !(span.at[i] == '.' && span.at[i + 1] == '.'))
    ++i;
  if (i + 1 >= span.length) {
    range[1] = INT64_MAX;
    bool is_number = lathe_ops_read_number(span, &range[0]);
    range[1] = range[0];
    return is_number;
  }
  lathe_ops_span low = {span.at, i}, high = {span.at + i + 2, span.length - i - 2};
  if (!lathe_ops_read_number(low, &range[0]))
    return false;
  range[1] = INT64_MAX;
  return (!high.length || lathe_ops_read_number(high, &range[1])) && range[0] <= range[1];
}

/* A row while it is read. */
typedef struct lathe_ops_draft {
  int64_t ranges[LATHE_OPS_MOST_SIZES][2];
  lathe_ops_span use, key, by;
} lathe_ops_draft;

/* Fills `draft` from "m: 1..8, use: v3.row, kernel: ..., by: model"; returns why not, or NULL. */
static const char *lathe_ops_read_row(lathe_ops_span text, const lathe_ops_op *op, lathe_ops_draft *draft) {
  memset(draft, 0, sizeof *draft);
  for (uint32_t i = 0; i < op->symbol_count; ++i)
    draft->ranges[i][1] = INT64_MAX;
  while (text.length) {
    lathe_ops_span entry = lathe_ops_cut(&text, ','), name = lathe_ops_cut(&entry, ':'), value = lathe_ops_trim(entry);
    uint32_t symbol = 0;
    if (lathe_ops_is(name, "use"))
      draft->use = value;
    else if (lathe_ops_is(name, "kernel"))
      draft->key = value;
    else if (lathe_ops_is(name, "by"))
      draft->by = value;
    else if (!lathe_ops_is(name, "gain")) { /* What `tune` notes for people. */
      while (symbol < op->symbol_count && !lathe_ops_is(name, op->symbols[symbol]))
        ++symbol;
      if (symbol == op->symbol_count)
        return "a row has a size that the operator lacks";
      if (!lathe_ops_read_range(value, draft->ranges[symbol]))
        return "a row has a range that cannot be read";
    }
  }
  return draft->use.length && draft->key.length ? NULL : "a row lacks 'use' or 'kernel'";
}

/* The variant of a row; returns why it is refused, or NULL. */
static const char *lathe_ops_find_variant(const lathe_ops_op *op, const lathe_ops_level *level,
                                          const lathe_ops_draft *draft, uint32_t *variant) {
  *variant = 0;
  while (*variant < level->variant_count && !lathe_ops_is(draft->use, level->variants[*variant].name))
    ++*variant;
  if (*variant == level->variant_count)
    return "a row names a variant that the library lacks";
  const lathe_ops_variant *found = &level->variants[*variant];
  if (!lathe_ops_is(draft->key, found->key))
    return "a row is of other kernels than those of the library";
  for (uint32_t i = 0; found->fixed && i < op->symbol_count; ++i)
    if (found->fixed[i] >= 0 && (draft->ranges[i][0] != found->fixed[i] || draft->ranges[i][1] != found->fixed[i]))
      return "a row gives a variant sizes that it is not for";
  return NULL;
}

/* What is known while a table is read. */
typedef struct lathe_ops_table {
  const lathe_ops_library *library;
  lathe_ops_context *context; /* NULL in the first pass, which counts only. */
  lathe_ops_table_report *report;
  char *memory;
  size_t used;
  uint32_t op; /* Whose rows come now; op_count: none. */
  lathe_ops_row *rows;
  uint32_t row_count;
  bool is_open; /* The last row fits all sizes. */
  bool is_own;  /* The target is the one that the context uses. */
} lathe_ops_table;

static void lathe_ops_refuse(lathe_ops_table *table, int32_t line, const char *why) {
  ++table->report->refused;
  if (!table->report->why) {
    table->report->why = why;
    table->report->line = line;
  }
}

/* The rows of an operator are complete: they are taken if the last fits all sizes. */
static void lathe_ops_end_rows(lathe_ops_table *table, int32_t line) {
  if (table->op < table->library->op_count && table->row_count) {
    if (!table->is_open) {
      table->report->taken -= (int32_t)table->row_count;
      table->report->refused += (int32_t)table->row_count - 1;
      lathe_ops_refuse(table, line, "the last row of an operator does not fit all sizes");
    } else if (table->context) {
      lathe_ops_choices *own = &table->context->ops[table->op];
      own->rows = table->rows;
      own->row_count = table->row_count;
    }
  }
  table->op = table->library->op_count;
  table->row_count = 0;
  table->is_open = false;
}

static void *lathe_ops_take(lathe_ops_table *table, size_t bytes) {
  void *memory = table->memory ? table->memory + table->used : NULL;
  table->used += (bytes + 15) / 16 * 16;
  return memory;
}

static void lathe_ops_add_row(lathe_ops_table *table, int32_t line, lathe_ops_span text) {
  const lathe_ops_op *op = &table->library->ops[table->op];
  const lathe_ops_level *level = &op->levels[table->report->level];
  lathe_ops_draft draft;
  uint32_t variant = 0;
  const char *why = lathe_ops_read_row(text, op, &draft);
  if (!why)
    why = lathe_ops_find_variant(op, level, &draft, &variant);
  if (why) {
    lathe_ops_refuse(table, line, why);
    return;
  }
  /* Rows of an operator are side by side: ranges have their place before them, as
   * many as rows may come at most. */
  int64_t (*ranges)[2] = lathe_ops_take(table, op->symbol_count * sizeof *ranges);
  lathe_ops_row *row = table->rows ? &table->rows[table->row_count] : NULL;
  table->is_open = true;
  for (uint32_t i = 0; i < op->symbol_count; ++i)
    table->is_open &= draft.ranges[i][0] == 0 && draft.ranges[i][1] == INT64_MAX;
  if (row) {
    memcpy(ranges, draft.ranges, op->symbol_count * sizeof *ranges);
    *row = (lathe_ops_row){(const int64_t (*)[2])ranges, variant,
                           lathe_ops_is(draft.by, "measured") ? "measured" : "model"};
  }
  ++table->row_count;
  ++table->report->taken;
}

/* The lines of rows that follow, at most. */
static uint32_t lathe_ops_count_rows(lathe_ops_span rest) {
  uint32_t rows = 0;
  while (rest.length) {
    lathe_ops_span line = lathe_ops_cut(&rest, '\n');
    if (line.length && *line.at == '#')
      continue;
    if (line.length && *line.at != '-')
      break;
    rows += line.length > 0;
  }
  return rows;
}

/* A line that is no row: the start of a target or an operator. */
static void lathe_ops_read_head(lathe_ops_table *table, int32_t number, lathe_ops_span line, lathe_ops_span rest) {
  lathe_ops_end_rows(table, number);
  lathe_ops_span name = line;
  if (name.length && name.at[name.length - 1] == ':')
    --name.length;
  if (name.length > 1 && *name.at == '"') {
    lathe_ops_span target = {name.at + 1, name.length - 2};
    table->is_own = lathe_ops_is(target, table->library->level_targets[table->report->level]);
    return;
  }
  if (!table->is_own)
    return;
  uint32_t op = 0;
  while (op < table->library->op_count && !lathe_ops_is(name, table->library->ops[op].name))
    ++op;
  table->op = op;
  if (op < table->library->op_count)
    table->rows = lathe_ops_take(table, lathe_ops_count_rows(rest) * sizeof *table->rows);
}

static void lathe_ops_read_lines(lathe_ops_table *table, lathe_ops_span text) {
  int32_t number = 0;
  table->used = 0;
  table->op = table->library->op_count;
  while (text.length) {
    lathe_ops_span line = lathe_ops_cut(&text, '\n');
    ++number;
    if (!line.length || *line.at == '#')
      continue;
    if (*line.at != '-') {
      lathe_ops_read_head(table, number, line, text);
      continue;
    }
    if (!table->is_own)
      continue;
    ++table->report->rows;
    line.at += 1, line.length -= 1;
    line = lathe_ops_trim(line);
    if (table->op == table->library->op_count)
      lathe_ops_refuse(table, number, "a row is of an operator that the library lacks");
    else if (line.length < 2 || *line.at != '{' || line.at[line.length - 1] != '}')
      lathe_ops_refuse(table, number, "a row is not in braces, on one line");
    else
      lathe_ops_add_row(table, number, (lathe_ops_span){line.at + 1, line.length - 2});
  }
  lathe_ops_end_rows(table, number);
}

/* "library: {name: NAME, ...": whether the table is of this library. */
static bool lathe_ops_is_of(const lathe_ops_library *library, lathe_ops_span text) {
  while (text.length) {
    lathe_ops_span line = lathe_ops_cut(&text, '\n'), key = lathe_ops_cut(&line, ':');
    if (!lathe_ops_is(key, "library"))
      continue;
    lathe_ops_cut(&line, '{');
    lathe_ops_span entry = lathe_ops_cut(&line, ','), name = lathe_ops_cut(&entry, ':');
    return lathe_ops_is(name, "name") && lathe_ops_is(lathe_ops_trim(entry), library->name);
  }
  return false;
}

/* Replaces the rows of the operators that `text` names, for the context's own target. `bytes` first says how
 * large `memory` is, then what the table takes; with NULL, it only asks. */
static lathe_ops_status lathe_ops_load_table(const lathe_ops_library *library, lathe_ops_context *context,
                                             const char *text, size_t length, void *memory, size_t *bytes,
                                             lathe_ops_table_report *report) {
  lathe_ops_table_report own = {0};
  if (!context || context->magic != lathe_ops_magic || (!text && length) || !bytes || (uintptr_t)memory % 8)
    return LATHE_OPS_BAD_ARGUMENT;
  own.level = (int32_t)context->best;
  lathe_ops_span span = {text, length};
  lathe_ops_table table = {.library = library, .report = &own};
  if (!lathe_ops_is_of(library, span)) {
    own.why = "the table is of another library";
    own.refused = 1;
  } else {
    lathe_ops_read_lines(&table, span);
  }
  size_t had = *bytes, needed = table.used;
  *bytes = needed;
  lathe_ops_status status = LATHE_OPS_OK;
  if (memory && had < needed)
    status = LATHE_OPS_SMALL_WORKSPACE;
  if (memory && !status && own.taken) {
    own = (lathe_ops_table_report){.level = own.level};
    table = (lathe_ops_table){.library = library, .context = context, .report = &own, .memory = memory};
    lathe_ops_read_lines(&table, span);
  }
  if (report)
    *report = own;
  return status;
}

#endif /* LATHE_LIB_RUNTIME_OPS_TABLES_H */
