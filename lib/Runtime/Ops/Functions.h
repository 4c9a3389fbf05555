/* lib/Runtime/Ops/Functions.h: opening a library of operators, choosing variants, checking arguments and calling
 * kernels.
 *
 * Included by the C file that `lathe oplib build` writes, behind its tables. No
 * function here allocates, starts a thread or writes to a global.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_LIB_RUNTIME_OPS_FUNCTIONS_H
#define LATHE_LIB_RUNTIME_OPS_FUNCTIONS_H

#include "../CPU/MachineBits.h"
#include "Ops.h"
#include "Sizes.h"

#include <string.h>

/* "lathe op": a context that NAME_open has filled. */
static const uint64_t lathe_ops_magic = UINT64_C(0x6c61746865206f70);

/* Bytes of an operand, and products of sizes, stay below this. */
static const int64_t lathe_ops_most_bytes = INT64_MAX / 4;

#include "Tables.h"

/* --- The context -------------------------------------------------------- */

/* The caller's thread does all tasks, one after another. */
static int32_t lathe_ops_run_all(void *context, int64_t tasks, uint32_t workers, lathe_task_fn body, void *scratch,
                                 size_t scratch_stride, void *closure) {
  (void)context, (void)workers, (void)scratch_stride;
  return body(0, tasks, 0, scratch, closure);
}

/* What is known when an operator is compiled is all in the workspace. */
static void *lathe_ops_no_memory(void *context, size_t size, size_t alignment) {
  return (void)context, (void)size, (void)alignment, NULL;
}
static void lathe_ops_keep_memory(void *context, void *memory) { (void)context, (void)memory; }

static bool lathe_ops_level_runs(const lathe_ops_library *library, uint32_t level) {
  uint64_t needed = 0;
  const char *words = words_of(library->level_targets[level]);
  return words && !add_bits(words, &needed) && !(needed & ~machine_bits()) && lets_use(needed);
}

/* Finds the level called `isa`; level_count if there is none. */
static uint32_t lathe_ops_find_level(const lathe_ops_library *library, const char *isa) {
  uint32_t level = 0;
  while (level < library->level_count && strcmp(library->level_names[level], isa) != 0)
    ++level;
  return level;
}

static lathe_ops_status lathe_ops_open(const lathe_ops_library *library, lathe_ops_context *context,
                                       const lathe_imports *imports, uint32_t workers) {
  memset(context, 0, sizeof *context);
  uint32_t best = 0;
  while (best < library->level_count && !lathe_ops_level_runs(library, best))
    ++best;
  if (best == library->level_count)
    return LATHE_OPS_UNSUPPORTED_ISA;
  context->imports = *imports;
  context->imports.struct_size = sizeof(lathe_imports);
  context->imports.alloc = lathe_ops_no_memory;
  context->imports.free = lathe_ops_keep_memory;
  if (!context->imports.parallel_for) {
    context->imports.parallel_for = lathe_ops_run_all;
    workers = 1;
  }
  context->workers = workers ? workers : 1;
  context->best = best;
  for (uint32_t i = 0; i < library->op_count; ++i)
    context->ops[i] = (lathe_ops_choices){.level = best, .forced = -1};
  context->magic = lathe_ops_magic;
  return LATHE_OPS_OK;
}

static bool lathe_ops_is_open(const lathe_ops_context *context) { return context && context->magic == lathe_ops_magic; }

/* The index of the operator called `name`; op_count if there is none. */
static uint32_t lathe_ops_find(const lathe_ops_library *library, const char *name) {
  uint32_t index = 0;
  while (index < library->op_count && strcmp(library->ops[index].name, name) != 0)
    ++index;
  return index;
}

static lathe_ops_status lathe_ops_force_one(const lathe_ops_library *library, lathe_ops_context *context,
                                            uint32_t index, const char *what) {
  lathe_ops_choices *own = &context->ops[index];
  if (!what) {
    own->level = context->best;
    own->forced = -1;
    return LATHE_OPS_OK;
  }
  for (uint32_t level = 0; level < library->level_count; ++level) {
    int32_t forced = -1;
    bool found = strcmp(library->level_names[level], what) == 0;
    const lathe_ops_level *of_op = &library->ops[index].levels[level];
    for (uint32_t i = 0; i < of_op->variant_count && !found; ++i)
      if (strcmp(of_op->variants[i].name, what) == 0) {
        found = true;
        forced = (int32_t)i;
      }
    if (!found)
      continue;
    if (!lathe_ops_level_runs(library, level))
      return LATHE_OPS_UNSUPPORTED_ISA;
    own->level = level;
    own->forced = forced;
    return LATHE_OPS_OK;
  }
  return LATHE_OPS_NO_SUCH_NAME;
}

/* `name` NULL: all operators, of which none is changed if one cannot be. */
static lathe_ops_status lathe_ops_force(const lathe_ops_library *library, lathe_ops_context *context, const char *name,
                                        const char *what) {
  if (!lathe_ops_is_open(context))
    return LATHE_OPS_BAD_ARGUMENT;
  if (name) {
    uint32_t index = lathe_ops_find(library, name);
    return index == library->op_count ? LATHE_OPS_NO_SUCH_NAME : lathe_ops_force_one(library, context, index, what);
  }
  if (what) {
    uint32_t level = lathe_ops_find_level(library, what);
    if (level == library->level_count)
      return LATHE_OPS_NO_SUCH_NAME;
    if (!lathe_ops_level_runs(library, level))
      return LATHE_OPS_UNSUPPORTED_ISA;
  }
  for (uint32_t i = 0; i < library->op_count; ++i)
    (void)lathe_ops_force_one(library, context, i, what);
  return LATHE_OPS_OK;
}

/* --- Choosing ----------------------------------------------------------- */

static bool lathe_ops_fits(const lathe_ops_op *op, const lathe_ops_variant *variant, const int64_t *sizes) {
  for (uint32_t i = 0; variant->fixed && i < op->symbol_count; ++i)
    if (variant->fixed[i] >= 0 && variant->fixed[i] != sizes[i])
      return false;
  return true;
}

static bool lathe_ops_row_fits(const lathe_ops_op *op, const lathe_ops_row *row, const int64_t *sizes) {
  for (uint32_t i = 0; row->ranges && i < op->symbol_count; ++i)
    if (sizes[i] < row->ranges[i][0] || sizes[i] > row->ranges[i][1])
      return false;
  return true;
}

/* The variant for these sizes; NULL only if one is forced that is not for them.
 * `row` gets its row, or -1. */
static const lathe_ops_variant *lathe_ops_choose(const lathe_ops_context *context, const lathe_ops_op *op,
                                                 uint32_t index, const int64_t *sizes, int32_t *row, const char **by) {
  const lathe_ops_choices *own = &context->ops[index];
  const lathe_ops_level *level = &op->levels[own->level];
  *row = -1;
  *by = "forced";
  if (own->forced >= 0) {
    const lathe_ops_variant *forced = &level->variants[own->forced];
    return lathe_ops_fits(op, forced, sizes) ? forced : NULL;
  }
  bool is_loaded = own->rows && own->level == context->best;
  const lathe_ops_row *rows = is_loaded ? own->rows : level->rows;
  uint64_t i = 0, count = is_loaded ? own->row_count : level->row_count;
  while (i + 1 < count && !lathe_ops_row_fits(op, &rows[i], sizes))
    ++i;
  *row = (int32_t)i;
  *by = rows[i].by;
  return &level->variants[rows[i].variant];
}

static lathe_ops_status lathe_ops_select(const lathe_ops_library *library, const lathe_ops_context *context,
                                         const char *name, const int64_t *sizes, lathe_ops_choice *choice) {
  if (!lathe_ops_is_open(context) || !name || !sizes || !choice)
    return LATHE_OPS_BAD_ARGUMENT;
  uint32_t index = lathe_ops_find(library, name);
  if (index == library->op_count)
    return LATHE_OPS_NO_SUCH_NAME;
  const lathe_ops_op *op = &library->ops[index];
  int32_t row;
  const char *by;
  const lathe_ops_variant *variant = lathe_ops_choose(context, op, index, sizes, &row, &by);
  if (!variant)
    return LATHE_OPS_NO_VARIANT;
  uint32_t level = context->ops[index].level;
  *choice = (lathe_ops_choice){library->level_names[level], variant->name, variant->key, by, row};
  return LATHE_OPS_OK;
}

/* --- Checking ----------------------------------------------------------- */

static int64_t lathe_ops_dim(const lathe_ops_operand *operand, uint32_t dim, const int64_t *sizes) {
  int64_t d = operand->dims[dim];
  return d >= 0 ? d : sizes[~d];
}

/* The extent where it follows from no product of sizes: 0 if there are no
 * elements, of which none is in memory, and -1 if there is a mistake. */
static int64_t lathe_ops_no_extent(const lathe_ops_operand *operand, const int64_t *sizes) {
  int64_t bytes = -1;
  for (uint32_t i = 0; i < operand->rank; ++i) {
    int64_t dim = lathe_ops_dim(operand, i, sizes);
    if (dim < 0 || (operand->strides[i] >= 0 && sizes[operand->strides[i]] < 0))
      return -1;
    bytes = dim == 0 ? 0 : bytes;
  }
  return bytes;
}

/* The bytes from the first element to the end of the last; -1 if the sizes or
 * the strides are no memory. Strides of 0 in `sizes` become those of rows
 * without gaps. Each call does this for each operand, so it divides nothing and
 * leaves what is rare to another function. */
static int64_t lathe_ops_extent(const lathe_ops_operand *operand, int64_t *sizes) {
  int64_t dense = 1, last = 0;
  for (uint32_t i = operand->rank; i-- > 0;) {
    int64_t dim = lathe_ops_dim(operand, i, sizes), stride = dense;
    if (operand->strides[i] >= 0) {
      int64_t *given = &sizes[operand->strides[i]];
      if (*given == 0)
        *given = dense;
      /* Rows that share elements are a mistake. */
      if (*given < dense && (*given < 0 || dim > 1))
        return lathe_ops_no_extent(operand, sizes);
      stride = *given < dense ? dense : *given;
    }
    if (dim <= 0 || __builtin_mul_overflow(stride, dim, &dense) || dense > lathe_ops_most_bytes / 16 - last)
      return lathe_ops_no_extent(operand, sizes);
    last += dense - stride;
  }
  return (last + 1) * (int64_t)operand->element_bytes;
}

static bool lathe_ops_overlap(const void *a, int64_t a_bytes, const void *b, int64_t b_bytes) {
  uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
  return a_bytes > 0 && b_bytes > 0 && x < y + (uintptr_t)b_bytes && y < x + (uintptr_t)a_bytes;
}

/* Sizes, strides and pointers of a call. `is_empty` gets whether there is
 * nothing to compute. */
static bool lathe_ops_check(const lathe_ops_op *op, int64_t *sizes, const void *const *operands, bool *is_empty) {
  int64_t bytes[LATHE_OPS_MOST_OPERANDS];
  uint32_t last = op->operand_count - 1;
  for (uint32_t i = 0; i < op->symbol_count; ++i)
    if (sizes[i] < 0)
      return false;
  if (op->derive)
    op->derive(sizes);
  for (uint32_t i = 0; i <= last; ++i) {
    const lathe_ops_operand *operand = &op->operands[i];
    bool is_absent = !operands[i] && operand->flags & LATHE_OPS_OPTIONAL;
    bytes[i] = 0;
    if (is_absent || operand->flags & LATHE_OPS_PACKED)
      continue;
    bytes[i] = lathe_ops_extent(operand, sizes);
    if (bytes[i] < 0 || (bytes[i] > 0 && !operands[i]) || (uintptr_t)operands[i] & (operand->alignment - 1))
      return false;
  }
  *is_empty = bytes[last] == 0;
  for (uint32_t i = 0; i < last; ++i)
    if (lathe_ops_overlap(operands[i], bytes[i], operands[last], bytes[last]))
      return false;
  return true;
}

/* The form of a call by what is there, of which the order of the forms makes a
 * number; form_count if the library has none. */
static uint32_t lathe_ops_find_form(const lathe_ops_op *op, const void *const *operands, int32_t choice) {
  uint32_t bits = 0, present = 0;
  for (uint32_t i = 0; i < op->operand_count; ++i)
    if ((op->operands[i].flags & (LATHE_OPS_OPTIONAL | LATHE_OPS_ZERO)) == LATHE_OPS_OPTIONAL)
      present |= (uint32_t)(operands[i] != NULL) << bits++;
  uint64_t form = (uint64_t)(uint32_t)choice << bits | present;
  return form < op->form_count ? (uint32_t)form : op->form_count;
}

/* --- Packed operands ---------------------------------------------------- */

/* What a packed operand begins with; panels follow, of which each holds `panel`
 * columns of all rows, the last filled up with zeros. */
typedef struct lathe_ops_packed {
  uint64_t magic, op;
  int64_t rows, columns, panel, element_bytes;
  uint64_t check, reserved; /* Of the fields before it. */
} lathe_ops_packed;

_Static_assert(sizeof(lathe_ops_packed) == LATHE_ALIGNMENT, "panels are aligned as the whole is");

static uint64_t lathe_ops_hash(const void *data, size_t size) {
  const unsigned char *bytes = data;
  uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
  for (size_t i = 0; i < size; ++i)
    hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static lathe_ops_packed lathe_ops_packed_header(const lathe_ops_op *op, const lathe_ops_operand *operand,
                                                const int64_t *sizes, int64_t panel) {
  lathe_ops_packed header = {lathe_ops_magic,
                             lathe_ops_hash(op->name, strlen(op->name)),
                             lathe_ops_dim(operand, 0, sizes),
                             lathe_ops_dim(operand, 1, sizes),
                             panel,
                             operand->element_bytes,
                             0,
                             0};
  header.check = lathe_ops_hash(&header, offsetof(lathe_ops_packed, check));
  return header;
}

/* Packs the matrix `from`, whose rows are `stride` apart, or only says how many
 * bytes that takes if `to` is NULL. `bytes` says how many there are. `sizes` has
 * room for one more. */
static lathe_ops_status lathe_ops_pack(const lathe_ops_library *library, const lathe_ops_context *context,
                                       uint32_t index, uint32_t position, int64_t *sizes, int64_t stride,
                                       const void *from, void *to, size_t *bytes) {
  if (!lathe_ops_is_open(context) || !bytes)
    return LATHE_OPS_BAD_ARGUMENT;
  const lathe_ops_op *op = &library->ops[index];
  lathe_ops_operand operand = op->operands[position];
  operand.strides[0] = (int32_t)op->size_count;
  sizes[op->size_count] = stride;
  int64_t panel = op->levels[context->ops[index].level].panel, extent = lathe_ops_extent(&operand, sizes);
  int64_t rows = lathe_ops_dim(&operand, 0, sizes), columns = lathe_ops_dim(&operand, 1, sizes);
  if (extent < 0 || columns > lathe_ops_most_bytes / 16 || rows > lathe_ops_most_bytes / 16 / (columns + panel))
    return LATHE_OPS_BAD_ARGUMENT;
  int64_t panels = (columns + panel - 1) / panel;
  size_t size = operand.element_bytes;
  size_t needed = sizeof(lathe_ops_packed) + (size_t)(panels * rows * panel) * size, had = *bytes;
  *bytes = needed;
  if (!to)
    return LATHE_OPS_OK;
  if (had < needed)
    return LATHE_OPS_SMALL_WORKSPACE;
  if ((extent > 0 && !from) || (uintptr_t)from % size || (uintptr_t)to % size ||
      lathe_ops_overlap(from, extent, to, (int64_t)needed))
    return LATHE_OPS_BAD_ARGUMENT;
  lathe_ops_packed header = lathe_ops_packed_header(op, &operand, sizes, panel);
  memcpy(to, &header, sizeof header);
  char *out = (char *)to + sizeof header;
  for (int64_t first = 0; first < columns; first += panel) {
    int64_t width = columns - first < panel ? columns - first : panel;
    for (int64_t row = 0; row < rows; ++row, out += (size_t)panel * size) {
      memcpy(out, (const char *)from + (size_t)(row * sizes[op->size_count] + first) * size, (size_t)width * size);
      memset(out + (size_t)width * size, 0, (size_t)(panel - width) * size);
    }
  }
  return LATHE_OPS_OK;
}

/* --- Programs ----------------------------------------------------------- */

/* A program computes with its own workspace and may make checks; it is given the
 * operands that the form has. With `bytes`, only says what workspace it needs.
 * Returns what `plan` or `run` return. */
static int32_t lathe_ops_run_program(const lathe_ops_op *op, uint32_t present, lathe_ops_function query,
                                     lathe_call *call, const int64_t *sizes, const void *const *operands,
                                     uint64_t *bytes) {
  const lathe_module_desc *module = ((lathe_module_query_fn)query)(LATHE_ABI_VERSION);
  const lathe_function_desc *function = module->variants[0]->functions[0];
  int64_t dims[LATHE_OPS_MOST_OPERANDS][LATHE_MAX_RANK];
  const int64_t *input_dims[LATHE_OPS_MOST_OPERANDS];
  const void *inputs[LATHE_OPS_MOST_OPERANDS];
  uint32_t count = 0, last = op->operand_count - 1;
  for (uint32_t i = 0; i < op->operand_count; ++i) {
    const lathe_ops_operand *operand = &op->operands[i];
    if (operand->flags & LATHE_OPS_OPTIONAL && !(present >> i & 1))
      continue;
    for (uint32_t d = 0; d < operand->rank; ++d)
      dims[count][d] = lathe_ops_dim(operand, d, sizes);
    input_dims[count] = dims[count];
    inputs[count++] = operands[i];
  }
  /* The result is what was added last. */
  int64_t result_dims[LATHE_MAX_RANK], *output_dims[] = {result_dims};
  void *outputs[] = {(void *)(uintptr_t)operands[last]};
  uint64_t workspace_bytes[LATHE_SPACE_COUNT] = {0};
  call->inputs = inputs;
  call->input_dims = input_dims;
  call->outputs = outputs;
  call->output_dims = output_dims;
  call->weights = module->weights;
  int32_t status = function->plan(call, workspace_bytes);
  for (uint32_t d = 0; !status && d < op->operands[last].rank; ++d)
    if (result_dims[d] != dims[count - 1][d])
      status = 1; /* The program would not write what the caller made room for. */
  if (bytes)
    *bytes = workspace_bytes[LATHE_SPACE_HOST];
  return status || bytes ? status : function->run(call);
}

/* Runs a kernel or a program, or, with `bytes`, says what workspace it needs. */
static lathe_ops_status lathe_ops_run(const lathe_ops_op *op, uint32_t form, const lathe_ops_kernel *kernel,
                                      lathe_call *call, const int64_t *sizes, const void *const *operands,
                                      uint64_t *bytes) {
  int32_t status = 0;
  if (!op->invoke)
    status = lathe_ops_run_program(op, op->forms[form], kernel->run, call, sizes, operands, bytes);
  else if (bytes)
    *bytes = op->measure(kernel->workspace, call, sizes);
  else
    status = op->invoke(kernel->run, call, sizes, operands);
  return status == 0 ? LATHE_OPS_OK : status > 0 ? LATHE_OPS_CHECK_FAILED : LATHE_OPS_TASK_FAILED;
}

/* --- Calling ------------------------------------------------------------ */

/* Replaces packed operands by their panels. */
static lathe_ops_status lathe_ops_unwrap(const lathe_ops_op *op, int64_t panel, const int64_t *sizes,
                                         const void **operands) {
  for (uint32_t i = 0; i < op->operand_count; ++i) {
    const lathe_ops_operand *operand = &op->operands[i];
    if (!(operand->flags & LATHE_OPS_PACKED))
      continue;
    if (!operands[i] || (uintptr_t)operands[i] % operand->element_bytes)
      return LATHE_OPS_BAD_ARGUMENT;
    lathe_ops_packed expected = lathe_ops_packed_header(op, operand, sizes, panel);
    if (memcmp(operands[i], &expected, sizeof expected) != 0)
      return LATHE_OPS_WRONG_PACKING;
    operands[i] = (const char *)operands[i] + sizeof expected;
  }
  return LATHE_OPS_OK;
}

/* Computes an operator, or, if `needed` is not NULL, says the bytes of workspace
 * that it needs. `sizes` are the symbols and then the strides, `operands` one
 * pointer each; both are changed. */
static lathe_ops_status lathe_ops_call(const lathe_ops_library *library, const lathe_ops_context *context,
                                       uint32_t index, int64_t *sizes, const void **operands, int32_t choice,
                                       void *workspace, size_t workspace_bytes, size_t *needed) {
  const lathe_ops_op *op = &library->ops[index];
  bool is_empty = false;
  if (!lathe_ops_is_open(context) || !lathe_ops_check(op, sizes, operands, &is_empty))
    return LATHE_OPS_BAD_ARGUMENT;
  uint32_t form = lathe_ops_find_form(op, operands, choice);
  int32_t row;
  const char *by;
  const lathe_ops_variant *variant = lathe_ops_choose(context, op, index, sizes, &row, &by);
  if (form == op->form_count || !variant)
    return LATHE_OPS_NO_VARIANT;
  if (!needed) {
    lathe_ops_status unwrapped = lathe_ops_unwrap(op, op->levels[context->ops[index].level].panel, sizes, operands);
    if (unwrapped)
      return unwrapped;
  }
  lathe_call call;
  memset(&call, 0, sizeof call);
  call.struct_size = sizeof call;
  call.workers = context->workers;
  call.imports = &context->imports;
  call.max_loop_steps = INT64_MAX;
  uint64_t bytes = 0;
  lathe_ops_status status = LATHE_OPS_OK;
  if (!is_empty)
    status = lathe_ops_run(op, form, &variant->kernels[form], &call, sizes, operands, &bytes);
  if (needed)
    *needed = bytes ? (size_t)bytes + LATHE_ALIGNMENT - 1 : 0;
  if (needed || status || is_empty)
    return status;
  if (bytes) {
    size_t gap = (size_t)(-(uintptr_t)workspace & (LATHE_ALIGNMENT - 1));
    if (!workspace || workspace_bytes < gap || workspace_bytes - gap < bytes)
      return LATHE_OPS_SMALL_WORKSPACE;
    call.workspace = (char *)workspace + gap;
  }
  static const uint64_t zero = 0;
  for (uint32_t i = 0; i < op->operand_count; ++i)
    if (!operands[i]) /* Kernels take no NULL; of those that are not 0, nothing is read. */
      operands[i] = op->operands[i].flags & LATHE_OPS_ZERO ? (const void *)&zero : &call;
  return lathe_ops_run(op, form, &variant->kernels[form], &call, sizes, operands, NULL);
}

static const char *lathe_ops_status_text(int status) {
  static const char texts[][96] = {
      "all is well",
      "an argument is NULL, negative, too large, not aligned to its elements, or overlaps the result",
      "the library has no variant for this form, or the forced one is not for these sizes",
      "the workspace or the output is too small",
      "the operand was packed for another operator, other sizes or another instruction set",
      "no operator, variant or instruction set has this name",
      "this machine cannot run code for that instruction set",
      "the caller's parallel_for failed",
      "an element is out of the range that the operator needs, such as an index",
  };
  return status >= 0 && status < (int)(sizeof texts / sizeof texts[0]) ? texts[status] : "unknown status";
}

/* --- Names -------------------------------------------------------------- */

static const char *lathe_ops_op_name(const lathe_ops_library *library, size_t index) {
  return index < library->op_count ? library->ops[index].name : NULL;
}

static const char *lathe_ops_isa_name(const lathe_ops_library *library, size_t index) {
  return index < library->level_count ? library->level_names[index] : NULL;
}

static const char *lathe_ops_variant_name(const lathe_ops_library *library, const char *name, const char *isa,
                                          size_t index) {
  uint32_t op = name ? lathe_ops_find(library, name) : library->op_count;
  uint32_t level = isa ? lathe_ops_find_level(library, isa) : library->level_count;
  if (op == library->op_count || level == library->level_count)
    return NULL;
  const lathe_ops_level *own = &library->ops[op].levels[level];
  return index < own->variant_count ? own->variants[index].name : NULL;
}

#endif /* LATHE_LIB_RUNTIME_OPS_FUNCTIONS_H */
