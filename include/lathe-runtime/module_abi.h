/* include/lathe-runtime/module_abi.h: what generated code and the runtime agree on.
 *
 * The one header that both sides include; it includes nothing of either. A
 * change here is a new LATHE_ABI_VERSION and an entry in docs/release-notes.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_MODULE_ABI_H
#define LATHE_RUNTIME_MODULE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_ABI_VERSION 2u

/* The highest tensor rank that a module may have. */
#define LATHE_MAX_RANK 8

/* Every data pointer that a module hands out or takes for its workspace and
 * its outputs is aligned to this many bytes. Inputs need only the alignment of
 * their element type. */
#define LATHE_ALIGNMENT 64

/* Element types. The numbers are part of the ABI and never change. */
typedef enum lathe_dtype {
  LATHE_DTYPE_INVALID = 0,
  LATHE_DTYPE_F32 = 1,
  LATHE_DTYPE_F64 = 2,
  LATHE_DTYPE_F16 = 3,
  LATHE_DTYPE_BF16 = 4,
  LATHE_DTYPE_I8 = 5,
  LATHE_DTYPE_I16 = 6,
  LATHE_DTYPE_I32 = 7,
  LATHE_DTYPE_I64 = 8,
  LATHE_DTYPE_U8 = 9,
  LATHE_DTYPE_U16 = 10,
  LATHE_DTYPE_U32 = 11,
  LATHE_DTYPE_U64 = 12,
  LATHE_DTYPE_BOOL = 13, /* One byte, 0 or 1. */
} lathe_dtype;

/* Services of the host program. Besides libc and libm, a module links against
 * nothing. */
typedef struct lathe_imports {
  /* Returns `size` bytes aligned to `alignment`, or NULL. */
  void *(*alloc)(void *context, size_t size, size_t alignment);
  void (*free)(void *context, void *memory);
  /* Calls `body(begin, end, closure)` for disjoint ranges that together cover
   * [0, tasks), on any threads, and returns when all have returned. */
  void (*parallel_for)(void *context, int64_t tasks, void (*body)(int64_t begin, int64_t end, void *closure),
                       void *closure);
  void *context;
} lathe_imports;

/* One input or output of a function. */
typedef struct lathe_value_desc {
  const char *name;
  uint32_t dtype; /* A lathe_dtype. */
  uint32_t rank;
  /* `rank` entries. d >= 0: the dim is fixed to d. d < 0: the dim is free; on
   * inputs, all dims with the same d must be equal, and ~d is an index into
   * lathe_function_desc.symbol_names. On outputs, INT64_MIN stands for a dim
   * that is computed from others. */
  const int64_t *dims;
} lathe_value_desc;

/* What one call hands to generated code. */
typedef struct lathe_call {
  const lathe_imports *imports;
  const void *const *inputs;        /* One data pointer an input. */
  const int64_t *const *input_dims; /* One array of `rank` dims an input. */
  void *const *outputs;             /* One data pointer an output; `run` only. */
  void *workspace;                  /* As large as `plan` said; `run` only. */
  const void *weights;              /* lathe_module_desc.weights. */
  /* Where generated code found an error, the values that disagree. */
  int64_t error_values[2];
} lathe_call;

typedef struct lathe_function_desc {
  const char *name;
  uint32_t input_count;
  uint32_t output_count;
  const lathe_value_desc *inputs;
  const lathe_value_desc *outputs;
  uint32_t symbol_count;
  uint32_t check_count;
  const char *const *symbol_names; /* "" where the model gives no name. */
  /* The checks that `plan` makes, in words: each names the node and what must
   * hold, and has two places "%lld" for lathe_call.error_values. */
  const char *const *check_messages;
  /* Computes the output dims (`output_dims[i]` has room for the rank of output
   * i) and the size of the workspace from the input dims. Returns 0, or k when
   * check k - 1 failed. */
  int64_t (*plan)(lathe_call *call, int64_t *const *output_dims, uint64_t *workspace_bytes);
  /* Computes the outputs of a call that `plan` found nothing wrong with.
   * Returns 0, or k when check k - 1 failed, or -1 when memory ran out; what
   * Lathe compiles always returns 0. */
  int64_t (*run)(lathe_call *call);
} lathe_function_desc;

/* One kernel, for tools that show what a module holds. */
typedef struct lathe_kernel_desc {
  const char *name;
  const char *strategy; /* "cpu.gemm.packed {mr = 6, nr = 64}" */
  const char *nodes;    /* The nodes of the model that it computes. */
  uint64_t calls;       /* How often `run` of the module's functions calls it. */
} lathe_kernel_desc;

typedef struct lathe_module_desc {
  uint32_t abi_version; /* First, so that any version can read it. */
  uint32_t function_count;
  const char *target;   /* Canonical target string, as in lathe::Target. */
  const char *compiler; /* Version of the compiler that wrote the module. */
  const char *model;    /* Name of the model. */
  const lathe_function_desc *functions;
  const void *weights;
  uint64_t weights_size;
  uint32_t kernel_count;
  uint32_t metadata_count; /* Pairs of strings, custom metadata of the model. */
  const lathe_kernel_desc *kernels;
  const char *const *metadata; /* key, value, key, value, ... */
} lathe_module_desc;

/* The only symbol that a compiled library exports. Returns NULL if the module
 * cannot serve a runtime of that version. */
const lathe_module_desc *lathe_module_query(uint32_t runtime_abi_version);

typedef const lathe_module_desc *(*lathe_module_query_fn)(uint32_t);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_RUNTIME_MODULE_ABI_H */
