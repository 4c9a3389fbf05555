/* include/lathe-runtime/custom_op.h: what a library of operators of one's own is.
 *
 * Such a library needs this header and nothing to link: it exports
 * lathe_custom_ops_query, which returns the declarations of its operators and
 * the functions that compute them. The compiler reads the one, the runtime calls the
 * other.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CUSTOM_OP_H
#define LATHE_RUNTIME_CUSTOM_OP_H

#include "lathe-runtime/module_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a function computes in one call of a model. All tensors are dense, in row-major
 * order and in the host's memory, and fit the declaration. */
typedef struct lathe_custom_op_call {
  uint32_t struct_size;
  uint32_t input_count;
  uint32_t attribute_count;
  uint32_t output_count;
  const lathe_tensor *inputs; /* To be read only. One that is declared as `none` is all zeros. */
  /* The values of the attributes, in the order of their declaration: scalars and vectors of i64 or f64, or of
   * pointers to text that ends with a zero. */
  const lathe_tensor *attributes;
  const lathe_tensor *outputs; /* With memory of their size, to be written. */
  void *context;               /* As it was registered. */
  int64_t error_value;         /* What the function may set where it fails: the message has it. */
} lathe_custom_op_call;

/* What computes an operator, as lathe_custom_op says. */
typedef int32_t (*lathe_custom_op_fn)(lathe_custom_op_call *call);

/* An operator of a library, and what computes all of its outputs: a function of inputs
 * and attributes alone, for equal ones may be computed once. Called in the thread of the
 * model's call, from several at once where calls are. Returns 0, or any other number,
 * which the error of the call names. */
typedef struct lathe_custom_op {
  uint32_t struct_size;
  uint32_t reserved; /* 0. */
  /* "domain::name", or "domain::name::sizes" for the function that computes the sizes of results that follow from
   * data: it gets the same inputs and attributes, and writes i64[n], one for each. */
  const char *name;
  lathe_custom_op_fn function;
  void *context;
} lathe_custom_op;

/* The key in lathe_module_desc.metadata of the operators that a module needs: their names, with
 * newlines between them. All are registered before the module is loaded. */
#define LATHE_CUSTOM_OPS_KEY "lathe.custom_ops"

/* All of a library. What it points to lives as long as the library is loaded. */
typedef struct lathe_custom_op_library {
  uint32_t abi_version; /* LATHE_ABI_VERSION. */
  uint32_t struct_size;
  const char *declarations; /* As docs/recipes/add-custom-op.md shows; NULL for none. */
  const lathe_custom_op *const *ops;
  uint32_t op_count;
  uint32_t reserved; /* 0. */
} lathe_custom_op_library;

/* What a library exports, also one that is compiled with -fvisibility=hidden. */
__attribute__((visibility("default"))) const lathe_custom_op_library *lathe_custom_ops_query(void);

typedef const lathe_custom_op_library *(*lathe_custom_ops_query_fn)(void);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_RUNTIME_CUSTOM_OP_H */
