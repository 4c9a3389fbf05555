/* lib/Runtime/Core/Internal.h: what the runtime's files share and nobody else
 * sees. Names start with lathe_impl_, since a static library cannot hide them
 * from the program that it is linked into.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CORE_INTERNAL_H
#define LATHE_RUNTIME_CORE_INTERNAL_H

#include "lathe-runtime/runtime.h"

#include <stdatomic.h>
#include <stdbool.h>

/* --- Errors ------------------------------------------------------------- */

/* Records "<text> [<id>]" as this thread's message and returns `status`. Text
 * that is too long is cut; the id never is. */
lathe_status lathe_impl_fail(lathe_status status, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same because of what serves a space: with its reason behind the text and, where
 * that ends with an id of its own, with that. */
lathe_status lathe_impl_fail_reason(lathe_status status, const char *id, const lathe_space_services *services,
                                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Writes a module's own check message to `text`, putting `values` for its "%lld"; cut to `size` bytes. */
void lathe_impl_write_check(char *text, size_t size, const char *message, const int64_t values[2]);
/* Records such a message and returns `status`. */
lathe_status lathe_impl_fail_check(lathe_status status, const char *message, const int64_t values[2]);

/* Whether the flag, which may be NULL, is set. Another thread may set it. */
static inline bool lathe_impl_is_cancelled(const int32_t *flag) {
  return flag && __atomic_load_n(flag, __ATOMIC_RELAXED) != 0;
}

/* --- Memory --------------------------------------------------------------- */

/* The default allocator: `size` bytes, aligned to LATHE_ALIGNMENT at least, or NULL. */
void *lathe_impl_kept_alloc(size_t size, size_t alignment);
void lathe_impl_kept_free(void *memory);

/* --- Tensors and signatures --------------------------------------------- */

/* Computes element count times element size. Dims must not be negative. False
 * if it does not fit a pointer difference, even where a dim of 0 makes it 0:
 * strides would overflow all the same. */
bool lathe_impl_bytes(lathe_dtype dtype, uint32_t rank, const int64_t *dims, size_t *bytes);

/* Checks that each string is there, which `bytes` are the pointers of. `what` is
 * "input", `where` what follows the name in the message. */
lathe_status lathe_impl_check_strings(const char *what, const char *name, const char *where, const lathe_tensor *tensor,
                                      size_t bytes);

/* The value of a symbolic dim, and which input gave it. */
struct lathe_impl_symbol {
  int64_t value; /* -1 until an input gives it. */
  uint32_t input;
  uint32_t dim;
};

/* Checks all inputs of a function of the module. `values` are NULL where all are tensors;
 * where they are not, an input that is no tensor is none in `inputs` either. `symbols` has
 * room for symbol_count. */
lathe_status lathe_impl_check_inputs(const struct lathe_module *module, const lathe_function_desc *function,
                                     const lathe_tensor *inputs, const lathe_value *values,
                                     struct lathe_impl_symbol *symbols);

/* Checks an input or output that is no tensor: its kind, and each of its tensors. */
lathe_status lathe_impl_check_value(const lathe_value_desc *desc, const lathe_value *value, bool is_input);

/* Checks what `plan` computed for output `index`, then the memory that the
 * caller brought for it, if any. Sets `bytes` to its size. */
lathe_status lathe_impl_check_output(const struct lathe_module *module, const lathe_function_desc *function,
                                     uint32_t index, const int64_t *dims, const lathe_tensor *outputs,
                                     const lathe_tensor *inputs, size_t *bytes);

/* Checks what the runtime relies on in a description that it did not write, and
 * picks the first variant that this machine can run, or the one that `options`, which
 * may be NULL, name. */
lathe_status lathe_impl_check_desc(const lathe_module_desc *desc, const lathe_load_options *options,
                                   const lathe_variant_desc **variant);

/* Whether the program has registered all operators that the module needs. */
lathe_status lathe_impl_check_custom_ops(const lathe_module_desc *desc);

/* Picks the variant for lathe_impl_check_desc, which says what it may rely on. */
lathe_status lathe_impl_pick_variant(const lathe_module_desc *desc, const lathe_load_options *options,
                                     const lathe_variant_desc **variant);

/* --- Modules ------------------------------------------------------------ */

/* Memory that a call allocated. */
struct lathe_impl_block {
  void *memory;
  size_t size;
};
struct lathe_impl_blocks {
  struct lathe_impl_block *list;
  size_t count, capacity;
};

/* What one call needs of a space other than the host's. */
struct lathe_impl_space_frame {
  struct lathe_impl_blocks blocks;
  void *workspace;
  uint64_t workspace_bytes;
  void *record; /* lathe_call_space.record */
  void *mark;   /* Behind what the last call began there, on `stream`; NULL if all is done. */
  void *stream;
};

/* Kernels of the last call that begin all at once, and what of a call decides on them. */
struct lathe_impl_graph {
  const lathe_function_desc *function;
  uint64_t *key;        /* Sizes and addresses, and the next call's behind them. */
  size_t key_words;     /* Of either. */
  void *handle;         /* Of what serves the space; NULL if there is none. */
  const char *obstacle; /* Why there is none for the key. */
};

/* What one call needs: its argument arrays and its workspace. */
struct lathe_impl_frame {
  atomic_bool taken;
  void *arrays; /* Owns what the pointers below point into. */
  const void **input_data;
  const int64_t **input_dims;
  void **output_data;
  int64_t **output_dims;
  uint64_t *input_places; /* In Moves.h, as the next. */
  uint64_t *output_places;
  bool *output_owned;              /* Allocated by this call. */
  struct lathe_impl_blocks blocks; /* None between calls. */
  struct lathe_impl_symbol *symbols;
  void *workspace;
  uint64_t workspace_bytes;
  struct lathe_impl_space_frame spaces[LATHE_SPACE_COUNT]; /* That of the host is not used. */
  struct lathe_impl_graph graph;
};

/* Calls at once that keep their frame; one more allocates a frame of its own.
 * Slots, not a locked list, because a lock that is held during fork would stay
 * held in the child. */
#define LATHE_IMPL_FRAMES 16

/* What a module has in a space other than the host's. */
struct lathe_impl_space {
  const lathe_space_services *services; /* NULL if it needs none. */
  void *weights;
  void *code; /* What the services made of the variant's images. */
};

struct lathe_module {
  const lathe_module_desc *desc;
  const lathe_variant_desc *variant; /* What this machine runs. */
  void *library;                     /* From dlopen; NULL if the module was not loaded. */
  lathe_imports imports;             /* The host program's; members may be NULL. */
  bool has_imports;
  bool has_spaces;  /* Any below. */
  bool has_records; /* Kernels on a device make checks. */
  struct lathe_impl_space spaces[LATHE_SPACE_COUNT];
  uint32_t max_inputs; /* Over all functions, as are the next two. */
  uint32_t max_outputs;
  uint32_t max_symbols;
  struct lathe_impl_frame frames[LATHE_IMPL_FRAMES];
};

/* Opens a library and finds its function `name`, whose address it sets: ISO C has no cast from void * to a
 * function; POSIX makes memcpy work. */
lathe_status lathe_impl_library_open(const char *path, bool checks_weights, const char *name, void **library,
                                     void **symbol);
void lathe_impl_library_close(void *library);

/* Compares the open `file` of `size` bytes with its seal, if it has one. */
lathe_status lathe_impl_check_seal(const char *path, int file, uint64_t size, bool checks_weights);

void lathe_impl_frames_free(lathe_module *module);

/* --- Threads ------------------------------------------------------------ */

/* lathe_imports.parallel_loops with at most `workers` threads, one of them the
 * caller. Runs the loops inline when the pool is in use: by a call of another
 * thread, or by an outer loop of this one. Looks at `cancel`, which may be
 * NULL, before each range. */
int32_t lathe_impl_pool_run(uint32_t workers, uint32_t count, const lathe_loop *loops, const int32_t *cancel,
                            bool flushes_denormals);

/* CPUs that this process may use; at least 1. */
int lathe_impl_cpu_count(void);

/* Calls `visit` with each control group that the file `membership`, such as
 * /proc/self/cgroup, has in a line "<number>:<controllers>:<group>"; version 2
 * names no controllers. */
void lathe_impl_visit_cgroups(const char *membership,
                              void (*visit)(const char *controllers, const char *group, void *context), void *context);

/* CPUs' worth of time that a control group allows, rounded up; 0 if it sets no
 * limit. `membership` is a file like /proc/self/cgroup, `root` a folder like
 * /sys/fs/cgroup. */
int lathe_impl_cgroup_cpus(const char *membership, const char *root);

/* Bytes of memory that a control group allows; UINT64_MAX if it sets no limit. */
uint64_t lathe_impl_cgroup_bytes(const char *membership, const char *root);

/* Writes what this machine is: its level, and the features beyond that. */
void lathe_impl_machine_name(char *text, size_t size);

/* Asks the system for what `target` needs beyond the instructions themselves.
 */
lathe_status lathe_impl_target_enable(const char *target);

#endif /* LATHE_RUNTIME_CORE_INTERNAL_H */
