/* lib/Runtime/Ops/Ops.h: how a library of operators describes its operators to the functions that serve all of them.
 *
 * `lathe oplib build` writes one C file that includes this, Functions.h and tables, and
 * compiles it; everything in it is static but the library's own functions.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_LIB_RUNTIME_OPS_OPS_H
#define LATHE_LIB_RUNTIME_OPS_OPS_H

#include "lathe-runtime/module_abi.h"
#include <stdbool.h>

/* The numbers of every library's status type, NAME_status. */
typedef enum lathe_ops_status {
  LATHE_OPS_OK,
  LATHE_OPS_BAD_ARGUMENT,
  LATHE_OPS_NO_VARIANT,
  LATHE_OPS_SMALL_WORKSPACE,
  LATHE_OPS_WRONG_PACKING,
  LATHE_OPS_NO_SUCH_NAME,
  LATHE_OPS_UNSUPPORTED_ISA,
  LATHE_OPS_TASK_FAILED,
  LATHE_OPS_CHECK_FAILED,
} lathe_ops_status;

/* A kernel, or what says how much workspace it needs; only the operator's
 * `invoke` and `measure` know the type. Of an operator that is a program, the
 * query function of its module. */
typedef void (*lathe_ops_function)(void);

typedef struct lathe_ops_kernel {
  lathe_ops_function run, workspace; /* Of a program, `workspace` is NULL. */
} lathe_ops_kernel;

/* One way to compute an operator: a kernel for each of its forms. */
typedef struct lathe_ops_variant {
  const char *name; /* "v3.any" */
  const char *key;  /* Of its kernels' keys, in hex. */
  /* For each symbol: the one value that the kernels are for, or -1. NULL: any. */
  const int64_t *fixed;
  const lathe_ops_kernel *kernels;
} lathe_ops_variant;

/* A row of a dispatch table; the first that fits is taken. */
typedef struct lathe_ops_row {
  const int64_t (*ranges)[2]; /* For each symbol the least and the most; NULL: any. */
  uint32_t variant;
  const char *by; /* "model" or "measured". */
} lathe_ops_row;

/* An operator's variants for one instruction set, and which of them to take. */
typedef struct lathe_ops_level {
  const lathe_ops_variant *variants;
  const lathe_ops_row *rows;
  uint32_t variant_count, row_count;
  /* Columns that lie side by side in a packed operand; 0: none is packed. */
  int64_t panel;
} lathe_ops_level;

/* ZERO: a scalar that is 0 where it is absent, whose kernels are those that have it. */
enum { LATHE_OPS_OPTIONAL = 1, LATHE_OPS_RESULT = 2, LATHE_OPS_PACKED = 4, LATHE_OPS_ZERO = 8 };

typedef struct lathe_ops_operand {
  uint32_t element_bytes, rank, flags;
  uint32_t alignment; /* Of its first element, in bytes. */
  /* d >= 0: the dim is d; d < 0: it is size ~d of the call. */
  int64_t dims[LATHE_MAX_RANK];
  /* For each dim but the last the size of the call that is its stride in
   * elements, and 0 there stands for rows without gaps; -1: row-major order. */
  int32_t strides[LATHE_MAX_RANK];
} lathe_ops_operand;

typedef struct lathe_ops_op {
  const char *name;
  const char *const *symbols; /* Their names. */
  uint32_t symbol_count;      /* The first of the sizes of a call. */
  uint32_t size_count;        /* With the strides and what `derive` adds. */
  uint32_t given_count;       /* Without the latter. */
  uint32_t operand_count;
  uint32_t form_count;
  const lathe_ops_operand *operands;
  /* For each form the optional operands that are there: a bit each, by position
   * among all operands. Forms of one value of the choice follow one another, in the
   * order of the numbers whose lowest bit is the first optional operand; those
   * of the next value are behind them. */
  const uint32_t *forms;
  const lathe_ops_level *levels; /* One for each of the library's, the best first. */
  /* Sets the sizes that follow from symbols, to a negative number where they are
   * none; NULL if there are none. */
  void (*derive)(int64_t *sizes);
  /* NULL if the operator is a program. */
  int32_t (*invoke)(lathe_ops_function run, lathe_call *call, const int64_t *sizes, const void *const *operands);
  uint64_t (*measure)(lathe_ops_function workspace, const lathe_call *call, const int64_t *sizes);
} lathe_ops_op;

/* The most sizes and operands of an operator. */
enum { LATHE_OPS_MOST_SIZES = 32, LATHE_OPS_MOST_OPERANDS = 16 };

/* The whole library. */
typedef struct lathe_ops_library {
  const char *name;
  const char *const *level_names;   /* "v3", the best first. */
  const char *const *level_targets; /* "x86_64:v3" */
  const lathe_ops_op *ops;
  uint32_t level_count, op_count;
} lathe_ops_library;

/* What a context holds for one operator. */
typedef struct lathe_ops_choices {
  uint32_t level;
  int32_t forced; /* A variant, or -1. */
  /* Of a table that was loaded, for the best level; NULL: those of the library. */
  const lathe_ops_row *rows;
  uint64_t row_count;
} lathe_ops_choices;

/* What NAME_ctx is inside; a call only reads it. */
typedef struct lathe_ops_context {
  uint64_t magic;
  lathe_imports imports;
  uint32_t workers, best;
  lathe_ops_choices ops[];
} lathe_ops_context;

/* What NAME_table_report is: how many rows a table has for this machine's target, and
 * what became of them. */
typedef struct lathe_ops_table_report {
  int32_t rows, taken, refused;
  int32_t level; /* Of the library's: whose rows were read. */
  int32_t line;  /* Of the first that was refused, and why; NULL: none was. */
  int32_t reserved;
  const char *why;
} lathe_ops_table_report;

/* What NAME_choice is; all strings are constants of the library. */
typedef struct lathe_ops_choice {
  const char *isa, *variant, *key, *by;
  int32_t row; /* -1 if the variant was forced. */
} lathe_ops_choice;

#endif /* LATHE_LIB_RUNTIME_OPS_OPS_H */
