/* include/lathe-runtime/runtime.h: load a compiled module and call it.
 *
 * Plain C11 and libc. Every function that can fail returns a status; the
 * message of the last failure is in lathe_last_error(), which is per thread.
 * Nothing aborts, and nothing is freed behind your back: what `load`, `from`
 * or `alloc` hands out, the matching `free` takes. Every function may be called
 * from any thread, unless its comment says otherwise.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_RUNTIME_H
#define LATHE_RUNTIME_RUNTIME_H

#include "lathe-runtime/custom_op.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LATHE_RUNTIME_API __attribute__((visibility("default")))
#else
#define LATHE_RUNTIME_API
#endif

/* The most threads that a call may ask for. */
#define LATHE_MAX_THREADS 256

typedef enum lathe_status {
  LATHE_OK = 0,
  LATHE_INVALID_ARGUMENT = 1, /* The call was wrong; repeating it will fail. */
  LATHE_NOT_FOUND = 2,        /* No such file or function. */
  LATHE_INCOMPATIBLE = 3,     /* Damaged, or built for another ABI version or
                                 processor. */
  LATHE_OUT_OF_MEMORY = 4,
  LATHE_DEVICE_ERROR = 5, /* The driver reported a failure; the device is
                             lost. */
  LATHE_CANCELLED = 6,    /* The flag of the call was set. */
  LATHE_LIMIT = 7,        /* Loops of the model took more steps, or the call more
                             memory, than allowed. */
} lathe_status;

/* "LATHE_OK" and so on; "unknown status" for other numbers. */
LATHE_RUNTIME_API const char *lathe_status_name(lathe_status status);

/* What went wrong in the last call of this thread that failed, with a stable id
 * in brackets: `input "image": dim 1 is 4, but the model takes 3; ...
 * [call-dim-mismatch]`. Never NULL; "" if nothing has failed yet. Valid until
 * the next failure in the same thread. */
LATHE_RUNTIME_API const char *lathe_last_error(void);

/* --- Tensors ------------------------------------------------------------ */

/* Bits of one element in memory; 0 if `dtype` is none. Elements of less than 8 are
 * packed, as element_types.def says. */
LATHE_RUNTIME_API size_t lathe_dtype_bits(lathe_dtype dtype);

/* Bytes of one element, at least 1; 0 if `dtype` is none. */
LATHE_RUNTIME_API size_t lathe_dtype_size(lathe_dtype dtype);

/* "f32", "bool" and so on; "invalid" if `dtype` is none. */
LATHE_RUNTIME_API const char *lathe_dtype_name(lathe_dtype dtype);

/* Computes the bytes that the elements take. LATHE_INVALID_ARGUMENT if the
 * dtype, the rank or a dim is out of range, or the product overflows. */
LATHE_RUNTIME_API lathe_status lathe_tensor_bytes(const lathe_tensor *tensor, size_t *bytes);

/* Sets `tensor->data` to new memory of the host for its dtype and dims, aligned to
 * LATHE_ALIGNMENT and never NULL. What it holds is undefined. */
LATHE_RUNTIME_API lathe_status lathe_tensor_alloc(lathe_tensor *tensor);

/* Frees what lathe_tensor_alloc or a call allocated and sets `data` to NULL.
 * Does nothing to a tensor that is not in the host's memory. Not for outputs of a
 * module whose imports have an `alloc` of their own. NULL is allowed, as `tensor`
 * and as its data. */
LATHE_RUNTIME_API void lathe_tensor_free(lathe_tensor *tensor);

/* Frees the tensors of a value that a call made, as lathe_tensor_free, and the
 * array of a sequence, and makes it an optional value that is none. NULL is
 * allowed. */
LATHE_RUNTIME_API void lathe_value_free(lathe_value *value);

/* --- Modules ------------------------------------------------------------ */

typedef struct lathe_module lathe_module;

/* Loads a shared library written by `lathe compile`. `path` is never searched
 * for. LATHE_NOT_FOUND if it cannot be read; LATHE_INCOMPATIBLE if it is not a
 * complete library for this processor and this LATHE_ABI_VERSION. */
LATHE_RUNTIME_API lathe_status lathe_module_load(const char *path, lathe_module **module);

/* Takes a module that is linked into the program: pass lathe_module_query. */
LATHE_RUNTIME_API lathe_status lathe_module_from_query(lathe_module_query_fn query, lathe_module **module);

/* Takes a module that was compiled in this process. `desc` and all it points to
 * must outlive the module. */
LATHE_RUNTIME_API lathe_status lathe_module_from_desc(const lathe_module_desc *desc, lathe_module **module);

/* Bits of lathe_load_options.flags. */
enum {
  /* Does not read the weights of a library to compare their checksum, which takes
   * about as long as reading the file; a damaged weight then is a wrong result. */
  LATHE_LOAD_UNCHECKED_WEIGHTS = 1,
  /* Takes no variant but one whose kernels are images for a device. */
  LATHE_LOAD_ON_DEVICE = 2,
};

typedef struct lathe_load_options {
  uint32_t struct_size; /* sizeof(lathe_load_options). */
  uint32_t flags;       /* LATHE_LOAD_...; LATHE_INVALID_ARGUMENT for unknown bits. */
  /* The name of the variant to take, such as "v3", where the best one is not
   * wanted; NULL for the best. LATHE_NOT_FOUND if there is none of that name,
   * LATHE_INCOMPATIBLE if this machine cannot run it. */
  const char *isa;
  /* What serves the memory of other spaces than the host's, one for each, where the
   * module may need them. They must outlive the module. A variant whose spaces are
   * not all served cannot run. Where none is given for LATHE_SPACE_CUDA, and the
   * kernels are images, lathe_cuda_services of `device` serves it. */
  const lathe_space_services *const *spaces;
  uint32_t space_count;
  uint32_t device;
} lathe_load_options;

/* What serves LATHE_SPACE_CUDA by NVIDIA's driver, which is opened when it is first
 * asked for, on GPU `device`, counted from 0. It lives as long as the process.
 * LATHE_INCOMPATIBLE if there is no driver, or no GPU of that number;
 * LATHE_INVALID_ARGUMENT for numbers from 64 on. */
LATHE_RUNTIME_API lathe_status lathe_cuda_services(uint32_t device, const lathe_space_services **services);

/* Writes the target string of GPU `device`, such as "cuda:sm_86", for a compiler that
 * makes code for it. Errors as above, and
 * LATHE_INVALID_ARGUMENT if `size` is too small. */
LATHE_RUNTIME_API lathe_status lathe_cuda_target(uint32_t device, char *target, size_t size);

/* The same as the three above; `options` may be NULL for the defaults. */
LATHE_RUNTIME_API lathe_status lathe_module_load_with(const char *path, const lathe_load_options *options,
                                                      lathe_module **module);
LATHE_RUNTIME_API lathe_status lathe_module_from_query_with(lathe_module_query_fn query,
                                                            const lathe_load_options *options, lathe_module **module);
LATHE_RUNTIME_API lathe_status lathe_module_from_desc_with(const lathe_module_desc *desc,
                                                           const lathe_load_options *options, lathe_module **module);

/* Frees the module and its workspaces and unloads its library. No call of the
 * module may be under way. NULL is allowed. */
LATHE_RUNTIME_API void lathe_module_free(lathe_module *module);

/* What the module holds; lives as long as the module (or its `desc`). */
LATHE_RUNTIME_API const lathe_module_desc *lathe_module_description(const lathe_module *module);

/* The variant that runs on this machine: the first of the module's that it can
 * run, chosen once when the module was made. Lives as long as the module. */
LATHE_RUNTIME_API const lathe_variant_desc *lathe_module_variant(const lathe_module *module);

LATHE_RUNTIME_API uint32_t lathe_module_function_count(const lathe_module *module);

/* The function with that name; NULL, and a message, if there is none. */
LATHE_RUNTIME_API const lathe_function_desc *lathe_module_function(const lathe_module *module, const char *name);

/* Replaces the allocator and `parallel_for` of this module. `struct_size` is
 * sizeof(lathe_imports). Members that are NULL stay the runtime's own; `alloc`
 * and `free` come in a pair. `parallel_for` is not asked for loops of calls with
 * one thread; the `workers` of others is that of the call's threads. All of them
 * may be called from several threads at once. NULL brings the runtime's own
 * back. No call of the module may be under way. */
LATHE_RUNTIME_API lathe_status lathe_module_set_imports(lathe_module *module, const lathe_imports *imports);

/* Frees the workspaces that the module keeps from call to call: one for each
 * call that ran at the same time, as large as the largest that it needed. */
LATHE_RUNTIME_API void lathe_module_trim(lathe_module *module);

/* --- Tensors in a module's spaces --------------------------------------- */

/* lathe_tensor_alloc in the space of the tensor, by what serves it in this module (the
 * `alloc` of its imports for the host's). LATHE_INVALID_ARGUMENT if the module has no
 * such space. */
LATHE_RUNTIME_API lathe_status lathe_module_tensor_alloc(lathe_module *module, lathe_tensor *tensor);

/* Frees what lathe_module_tensor_alloc or a call of the module allocated and sets
 * `data` to NULL. */
LATHE_RUNTIME_API void lathe_module_tensor_free(lathe_module *module, lathe_tensor *tensor);

/* Copies the elements of `source` to the memory of `target`, which has as many bytes;
 * each may be in the host's memory or in another space of the module, both in the same
 * other one. LATHE_DEVICE_ERROR if what serves it fails. */
LATHE_RUNTIME_API lathe_status lathe_module_tensor_copy(lathe_module *module, const lathe_tensor *source,
                                                        lathe_tensor *target);

/* --- Calls -------------------------------------------------------------- */

/* Bits of lathe_call_options.flags.
 * LATHE_CALL_FLUSH_DENORMALS is the policy "flush" for denormal numbers: they are read and
 * written as zero, in the calling thread and in those of the runtime's pool. Without it the
 * policy is "keep". A host program's own parallel_for decides for its threads itself. Where a
 * processor has no such mode, nothing changes.
 * With LATHE_CALL_REPLAY, kernels of a device begin all at once, as one graph, where a call
 * with the same sizes and addresses was made before; a call with others makes the graph anew.
 * Without it, or where that is not possible (`replay_obstacle`), they begin one by one. */
#define LATHE_CALL_FLUSH_DENORMALS 1u
#define LATHE_CALL_REPLAY 2u

typedef struct lathe_call_options {
  uint32_t struct_size; /* sizeof(lathe_call_options). */
  /* The most threads that this call may use, at most LATHE_MAX_THREADS; 0 for
   * the process's default, 1 for the calling thread alone. */
  int threads;
  uint32_t flags; /* LATHE_CALL_...; LATHE_INVALID_ARGUMENT for unknown bits. */
  /* A flag that ends the call with LATHE_CANCELLED soon after lathe_cancel has
   * set it: before the next turn of a loop of the model, and before the next
   * part of a kernel where it runs on several threads. NULL for none. It may
   * serve several calls, and stays set. */
  const int32_t *cancel;
  /* How many turns all loops of the model (ONNX's Loop, Scan and recurrent
   * nodes) may make in this call before it ends with LATHE_LIMIT: 1 or more,
   * or 0 for LATHE_DEFAULT_LOOP_STEPS. */
  int64_t max_loop_steps;
  /* Called with `observe_context` in the calling thread when a phase of a kernel is
   * done: `body` is that of its lathe_phase_desc, `begin` and `end` are nanoseconds of
   * CLOCK_MONOTONIC. NULL for none. Not called for kernels of other spaces than the host's. */
  void (*observe)(void *context, lathe_task_fn body, int64_t tasks, int64_t begin, int64_t end);
  void *observe_context;
  /* How many bytes of the host's memory the call may have at once: temporaries, values
   * that it computes, and the outputs that it allocates. It ends with LATHE_LIMIT
   * before it asks for more. 0 for what lathe_get_memory says. */
  int64_t max_bytes;
  /* On which stream of the device the call copies and begins kernels: a CUstream, or a
   * cudaStream_t; NULL for the driver's own queue. A module that has no device takes none. */
  void *stream;
  /* The lathe_space for outputs whose `data` is NULL, where the signature lets callers
   * have them anywhere (LATHE_VALUE_MOVES). */
  uint32_t output_space;
  uint32_t reserved; /* 0. */
  /* Where to put why a call with LATHE_CALL_REPLAY began its kernels one by one, in words
   * that live as long as the process; NULL if it did not. NULL if nobody asks. */
  const char **replay_obstacle;
} lathe_call_options;

/* Some minutes of an empty loop. */
#define LATHE_DEFAULT_LOOP_STEPS INT64_C(1000000000)

/* Sets the flag of lathe_call_options.cancel, which is 0 before. From any
 * thread; also from a signal handler. */
LATHE_RUNTIME_API void lathe_cancel(int32_t *flag);

/* Calls `function`. Inputs are borrowed until the call returns and are checked
 * against the signature before anything runs.
 *
 * Each output must have `data` NULL or point to memory of its own, aligned to
 * LATHE_ALIGNMENT and overlapping no input or other output (but that of the input
 * that lathe_value_desc.alias names, which the call then overwrites), with `dtype`,
 * `rank` and `dims` that are exactly the result's; of an output whose size
 * follows from computed data, this is found out after the computation. Where it is NULL, the call
 * sets every member, and the caller frees `data` with lathe_tensor_free (or
 * with the `free` of the module's imports, if it has one). Data is never NULL
 * after success. After a failure, no output owns new memory; what memory of the
 * caller's holds is undefined.
 *
 * A tensor with LATHE_VALUE_MOVES may be in the memory of the host or of the device of
 * the module. If all are on the device, and the model reads none of its data, the call may
 * return before the device has computed: what comes behind it on the same stream sees the
 * outputs, and the caller keeps the inputs until then. Calls on different streams may
 * share nothing but the weights: a workspace that another call has used is waited for on
 * the device.
 *
 * Several threads may call one module at once. Code runs in the default
 * floating point environment (round to nearest, denormals kept unless a flag says
 * otherwise), whatever the caller's; the caller's is restored. */
LATHE_RUNTIME_API lathe_status lathe_module_call(lathe_module *module, const char *function, const lathe_tensor *inputs,
                                                 size_t input_count, lathe_tensor *outputs, size_t output_count);

/* The same; `options` may be NULL for the defaults. */
LATHE_RUNTIME_API lathe_status lathe_module_call_with(lathe_module *module, const char *function,
                                                      const lathe_tensor *inputs, size_t input_count,
                                                      lathe_tensor *outputs, size_t output_count,
                                                      const lathe_call_options *options);

/* The same for functions with values of any kind. Outputs that are tensors are
 * as above, in `tensor` of their value, whose kind is LATHE_KIND_TENSOR; of the
 * others nothing is read, and the call allocates all of them, for
 * lathe_value_free (or the `free` of the module's imports: of each element's
 * data, and of `elements`). A function that has tensors only takes these as well.
 * The functions above refuse one that has other kinds. */
LATHE_RUNTIME_API lathe_status lathe_module_call_values(lathe_module *module, const char *function,
                                                        const lathe_value *inputs, size_t input_count,
                                                        lathe_value *outputs, size_t output_count,
                                                        const lathe_call_options *options);

/* --- Operators of one's own --------------------------------------------- */

/* Makes the function of operator "domain::name" known to the modules of this process,
 * which is done before one that needs it is loaded; the newest of one name counts. */
LATHE_RUNTIME_API lathe_status lathe_register_custom_op(const char *name, lathe_custom_op_fn function, void *context);

/* The same for all operators of a library that is linked into the program: pass what
 * its lathe_custom_ops_query returns. */
LATHE_RUNTIME_API lathe_status lathe_register_custom_ops(const lathe_custom_op_library *library);

/* Loads a shared library of operators and registers them; `path` is never searched for,
 * and the library stays in the process. `library` may be NULL, or is set to what the
 * library says of itself. Its code runs: only for libraries that you trust. */
LATHE_RUNTIME_API lathe_status lathe_load_custom_ops(const char *path, const lathe_custom_op_library **library);

/* --- The process -------------------------------------------------------- */

/* Sets how many threads a call uses if it does not say: 1 to LATHE_MAX_THREADS,
 * or 0 for as many as this process may use (its CPU affinity and the CPU quota
 * of its control group, read once), the initial setting. */
LATHE_RUNTIME_API lathe_status lathe_set_threads(int threads);

/* How many threads a call uses if it does not say; at least 1. */
LATHE_RUNTIME_API int lathe_get_threads(void);

/* Bytes of memory that this process may use: those of the machine, or fewer where
 * its control group or `ulimit` has a limit. Read once. */
LATHE_RUNTIME_API uint64_t lathe_get_memory(void);

/* Ends the threads of the pool and waits for them; the next call that needs
 * them starts new ones. Waits for calls under way; does nothing when called
 * from inside one. Not needed before exit or fork. */
LATHE_RUNTIME_API void lathe_shutdown(void);

/* The runtime's own allocator and pool, for programs that call a function
 * descriptor directly. */
LATHE_RUNTIME_API const lathe_imports *lathe_default_imports(void);

/* LATHE_OK if this machine can run code for `target`, a string such as
 * "x86_64:avx2,fma"; else LATHE_INCOMPATIBLE and a message that names what is
 * missing. */
LATHE_RUNTIME_API lathe_status lathe_target_supported(const char *target);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_RUNTIME_RUNTIME_H */
