/* include/lathe-c/compiler.h: the C ABI of the compiler.
 *
 * Load a model, compile it, save the artifact or call it in-process. Plain C
 * types only, so that any language can bind to it; Python uses nothing else.
 *
 * Every function that can fail returns NULL or a non-zero status and, where it
 * takes `lathe_diagnostics **diagnostics`, fills it: the caller frees it with
 * lathe_diagnostics_free. Strings returned stay valid as long as the object
 * that they were asked from. No function aborts or throws on bad input.
 * Different threads may use different objects at once; one object may be used
 * by one thread at a time, except for lathe_artifact_module, whose module may
 * be called from many.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_C_COMPILER_H
#define LATHE_C_COMPILER_H

#include "lathe-runtime/module_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LATHE_C_API __attribute__((visibility("default")))
#else
#define LATHE_C_API
#endif

typedef struct lathe_diagnostics lathe_diagnostics;
typedef struct lathe_program lathe_program;
typedef struct lathe_artifact lathe_artifact;

/* "0.1.0": the version of the compiler, part of every cache key. */
LATHE_C_API const char *lathe_compiler_version(void);

/* What messages call a target: its canonical form where that is short, else the highest level and
 * the features that products are computed with, as in "x86_64:v4+amx". Text that is no target comes
 * back as it is. The caller frees it with lathe_string_free. */
LATHE_C_API char *lathe_target_title(const char *target);

/* Who learns of code that is linked into this process, as bits. */
#define LATHE_LISTEN_PERF 1u     /* `perf`, which reads /tmp/perf-PID.map. */
#define LATHE_LISTEN_DEBUGGER 2u /* GDB and LLDB, by GDB's interface for code that is made at run time. */

/* Lets `listeners`, in the place of those before (none at first), learn the addresses and the names
 * of kernels that are linked from now on. Returns 0 on success; what fails leaves those before. */
LATHE_C_API int lathe_announce_code(unsigned listeners, lathe_diagnostics **diagnostics);

/* --- Diagnostics ------------------------------------------------------- */

/* Number of diagnostics, errors and warnings, in the order of their making. */
LATHE_C_API size_t lathe_diagnostics_count(const lathe_diagnostics *diagnostics);
/* "error", "warning" or "remark". */
LATHE_C_API const char *lathe_diagnostics_severity(const lathe_diagnostics *diagnostics, size_t index);
/* The stable id without its brackets, "onnx-unsupported-op"; "" if none. */
LATHE_C_API const char *lathe_diagnostics_id(const lathe_diagnostics *diagnostics, size_t index);
/* The whole text as the command line prints it: place, message, [id], notes. */
LATHE_C_API const char *lathe_diagnostics_text(const lathe_diagnostics *diagnostics, size_t index);
LATHE_C_API void lathe_diagnostics_free(lathe_diagnostics *diagnostics); /* NULL is allowed. */

/* --- Programs ---------------------------------------------------------- */

typedef struct lathe_program_options {
  /* Tensor files of an ONNX model may be reached by links, as in the folders that
   * hubs keep. Links can lead anywhere: only for models that you trust. */
  bool allow_links;
  /* `input_count` initializers of an ONNX model that are inputs, too: programs give
   * their values in every call. The others are constants. */
  const char *const *inputs;
  size_t input_count;
  /* `limit_count` strings "NAME=NUMBER" in place of limits on what a model may ask for
   * (docs/limits.md), here and when the program is compiled. */
  const char *const *limits;
  size_t limit_count;
  /* `custom_op_count` sources of operators of one's own that an ONNX model has: paths of libraries
   * (.so), whose functions are registered with the runtime of this process, or of declarations
   * (.mlir), or their text itself. */
  const char *const *custom_ops;
  size_t custom_op_count;
  /* `rank_count` strings "INPUT=RANK" for inputs of an ONNX model that have no rank; all of their sizes are
   * open. Without one, such an input is an error (onnx-unknown-rank). */
  const char *const *ranks;
  size_t rank_count;
} lathe_program_options;

/* Reads `.onnx`, `.mlir` or `.lathe`, told apart by content; "-" is standard input. `options` may be NULL. */
LATHE_C_API lathe_program *lathe_program_load(const char *path, const lathe_program_options *options,
                                              lathe_diagnostics **diagnostics);
typedef struct lathe_function_source {
  const char *path;     /* Of its file; of `bytes`, what messages call them. */
  const char *function; /* What it is to be called: letters, digits and '_', no digit first; NULL after its file. */
  const void *bytes;    /* `size` bytes in the place of a file, which are copied; NULL for a file. */
  size_t size;
} lathe_function_source;

/* Several models as one program with a function for each, which share equal constants. A native file with several
 * functions keeps their names. The inputs of `options` are of the models that have such initializers. */
LATHE_C_API lathe_program *lathe_program_load_all(const lathe_function_source *sources, size_t count,
                                                  const lathe_program_options *options,
                                                  lathe_diagnostics **diagnostics);
/* The same from memory; `name` stands in messages. The bytes are copied. */
LATHE_C_API lathe_program *lathe_program_parse(const void *bytes, size_t size, const char *name,
                                               const lathe_program_options *options, lathe_diagnostics **diagnostics);
/* Writes, for each of the first `capacity` inputs, how many rows the smallest table has in which
 * the model looks its elements up, 0 if there is none or its size is open. Returns the number of
 * inputs, 0 of a program with several functions; `bounds` may be NULL if `capacity` is 0. */
LATHE_C_API size_t lathe_program_index_bounds(const lathe_program *program, int64_t *bounds, size_t capacity);
LATHE_C_API void lathe_program_free(lathe_program *program); /* NULL is allowed. */

/* Reads `count` sources of operators, as lathe_program_options.custom_ops has them. Returns 0 if their declarations are
 * right: what is wrong would be an error of every program that is given them. */
LATHE_C_API int lathe_check_custom_ops(const char *const *sources, size_t count, lathe_diagnostics **diagnostics);

/* --- Compilation ------------------------------------------------------- */

typedef struct lathe_compile_options {
  const char *target;      /* "host", or one target or several: "x86_64:v2+v3"; NULL means "host". */
  const char *const *dims; /* "NAME=SIZE" fixes a named dim, "NAME=8..512%8" says what it can be. */
  size_t dim_count;
  const char *dump_phases; /* A directory for the IR after every phase; NULL for none. */
  const char *start_at;    /* Names of phases; NULL for the first and the last. */
  const char *stop_after;
  unsigned threads; /* Threads that the compiler may use; 0 for all. */
  /* Called with the name of each phase as it starts; NULL for none. */
  void (*progress)(const char *phase, void *context);
  void *progress_context;
  const char *name; /* Of the model in symbols and headers; NULL or "" for that of its file. */
  /* "standard", which NULL means, or "strict": no sums but those that the operators'
   * definitions say, term by term (no Winograd convolutions). */
  const char *accuracy;
  /* Of products of f32: "f32", which NULL means; "bf16": those with constant weights round both
   * factors to bf16 and add in f32, if one of the targets has instructions for it; or "tf32":
   * GPUs round the factors to the 11 bits that tensor cores multiply. */
  const char *precision;
  /* A folder for compiled kernels, made if it is not there: a kernel that another model
   * had, too, is not compiled again. Bound it as you like: any file may be deleted at any
   * time. NULL for none; one that cannot be written to keeps nothing. */
  const char *kernel_cache;
  /* `donation_count` strings "INPUT=OUTPUT", or "FUNCTION:INPUT=OUTPUT": callers may give the memory of the input
   * for the output (lathe_value_desc.alias). */
  const char *const *donations;
  size_t donation_count;
  /* The text of a table of choices, as `lathe tune` writes it, and what messages call it; NULL for none. What is wrong
   * with one that is optional is a warning. */
  const char *choices;
  const char *choices_file;
  bool choices_are_optional;
  /* To measure: of each kernel, the alternative of this number where there is one; 0 for what is chosen. */
  unsigned alternative;
} lathe_compile_options;

/* Compiles `program`, which is not changed. `options` may be NULL. */
LATHE_C_API lathe_artifact *lathe_compile(const lathe_program *program, const lathe_compile_options *options,
                                          lathe_diagnostics **diagnostics);
LATHE_C_API void lathe_artifact_free(lathe_artifact *artifact); /* NULL is allowed. */

/* The IR after a phase as text, for `stop_after`; NULL if nothing was kept.
 * The caller frees it with lathe_string_free. */
LATHE_C_API char *lathe_artifact_ir(const lathe_artifact *artifact);
LATHE_C_API void lathe_string_free(char *string);

/* Links the artifact into this process (once) and returns its description, for
 * lathe_module_from_query's counterpart in runtime.h. Lives as long as the
 * artifact. */
LATHE_C_API const lathe_module_desc *lathe_artifact_module(lathe_artifact *artifact, lathe_diagnostics **diagnostics);

/* Writes the artifact by the ending of `path`: .so (shared library), .a
 * (static library), .o (object) or .lathebin (what lathe_artifact_load reads:
 * no linker is needed). Writes to a temporary file beside it and renames, so
 * nothing half-written stays behind. Returns 0 on success. */
LATHE_C_API int lathe_artifact_save(lathe_artifact *artifact, const char *path, lathe_diagnostics **diagnostics);

typedef struct lathe_artifact_options {
  /* Leaves the weights unread until a call needs them: damaged ones then are wrong
   * results, not an error. */
  bool unchecked_weights;
} lathe_artifact_options;

/* Reads what was saved as .lathebin, mapping its weights. `options` may be NULL. */
LATHE_C_API lathe_artifact *lathe_artifact_load(const char *path, const lathe_artifact_options *options,
                                                lathe_diagnostics **diagnostics);

/* Plain C header that declares the model's shapes and dtypes. Returns 0 on success. */
LATHE_C_API int lathe_artifact_save_header(lathe_artifact *artifact, const char *path, lathe_diagnostics **diagnostics);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_C_COMPILER_H */
