/* include/lathe-runtime/module_abi.h: what generated code and the runtime agree on.
 *
 * The one header that both sides include, with its table of element types; it
 * includes nothing of either.
 *
 * How it grows: a struct that starts with `struct_size` gets new fields at its
 * end, and whoever reads one looks at LATHE_HAS first; structs that may grow are
 * reached through arrays of pointers, never of structs. What an older runtime
 * must not overlook is a bit of lathe_module_desc.features, and it refuses bits
 * that it does not know. Any other change is a new LATHE_ABI_VERSION. Both get
 * an entry in docs/release-notes.
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

#define LATHE_ABI_VERSION 3u

/* Whether the struct that `pointer` leads to is long enough to have `field`. */
#define LATHE_HAS(pointer, field)                                                                                      \
  ((pointer)->struct_size >= (size_t)((const char *)(&(pointer)->field + 1) - (const char *)(pointer)))

/* The highest tensor rank that a module may have. */
#define LATHE_MAX_RANK 8

/* The rank of a value whose tensors may have any: sequences and optional values
 * only. */
#define LATHE_ANY_RANK 0xffffffffu

/* Every data pointer that a module hands out or takes for its workspace and
 * its outputs is aligned to this many bytes. Inputs need only the alignment of
 * their element type, which is its size. */
#define LATHE_ALIGNMENT 64

/* Element types: the rows of element_types.def, which says how each is stored. An
 * element of LATHE_DTYPE_BOOL is one byte, 0 or 1. One of LATHE_DTYPE_STRING is a
 * `const char *` to UTF-8 text that ends with a zero and is never NULL. */
typedef enum lathe_dtype {
  LATHE_DTYPE_INVALID = 0,
#define LATHE_ELEMENT_TYPE(ID, NUMBER, KIND, BITS, NAME, NUMPY, C, ONNX, ONNX_NAME, MLIR) LATHE_DTYPE_##ID = NUMBER,
#include "lathe-runtime/element_types.def"
} lathe_dtype;

/* --- What the host program gives ---------------------------------------- */

/* What a task returns, and what `run` hands on: 0 when all went well; k when
 * check k - 1 of the function failed; or one of these. */
enum {
  LATHE_TASK_OUT_OF_MEMORY = -1, /* error_code is 0, or that of the check whose message says what needs the first
                                    of error_values in bytes. */
  LATHE_TASK_CANCELLED = -2,     /* The flag of the call is set. */
  LATHE_TASK_LIMIT = -3,         /* A loop of the model took max_loop_steps; error_code
                                    is that of the check whose message says which. */
  LATHE_TASK_DEVICE = -4,        /* What serves a space reported a failure. */
  LATHE_TASK_DAMAGED = -5,       /* The module asked for what is not there, or with what does not fit. */
};

/* Computes tasks `begin` to `end` of a loop. `worker` is a number below the
 * loop's `workers`, and no two ranges that run at the same time have the same
 * one. `scratch` is memory of that worker alone: what it holds is undefined at
 * the start of each range. Returns 0 or a status as above. */
typedef int32_t (*lathe_task_fn)(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure);

/* One parallel loop of several that run in order: what lathe_imports.parallel_for takes. It never
 * grows, as lists of them are arrays. */
typedef struct lathe_loop {
  lathe_task_fn body;
  void *closure;
  void *scratch;
  uint64_t scratch_stride;
  int64_t tasks;
  int32_t first_check; /* What is added to a status above 0: check 0 of `body` is this check of the function. */
  uint32_t reserved;   /* 0. */
} lathe_loop;

struct lathe_text_call;
struct lathe_call;
struct lathe_value;

/* What lathe_imports.make_value makes. Positions count from the end where they are
 * negative. */
typedef enum lathe_value_action {
  LATHE_ACTION_INSERT = 0, /* The sequence `value`, or an empty one if that is NULL, with a copy of the tensor `other`
                              at position a, or at its end if b is 0. */
  LATHE_ACTION_ERASE = 1,  /* The sequence `value` without element a, or without the last if b is 0. */
  LATHE_ACTION_AT = 2,     /* Element a of the sequence `value`, which has to have rank b; not a copy. */
  LATHE_ACTION_SPLIT = 3,  /* The sequence of the parts of the tensor `other` along axis a. Their sizes are in the
                              tensor `value`: int32 or int64, a vector of all, or a scalar. If that is NULL they are
                              1, and with b = 1 the parts do not have the axis. */
  LATHE_ACTION_CONCAT = 4, /* The sequence of one tensor: all elements of the sequence `value` along axis a, or, with
                              b = 1, stacked along a new one. */
  LATHE_ACTION_SOME = 5,   /* An optional value: a copy of the tensor `other`. */
  LATHE_ACTION_NONE = 6,   /* An optional value: none. */
  LATHE_ACTION_GET = 7,    /* The sequence in the optional `value`, or a sequence of the tensor in it. */
  LATHE_ACTION_EMPTY = 8,  /* A sequence without elements. */
  LATHE_ACTION_MAP = 9,    /* A map from the vector of keys `value` to the vector of values `other`, or with a = 1 one
                              to each row of the matrix `other`. */
  LATHE_ACTION_PART = 10,  /* Of the map `value`, a sequence of the keys, or with a = 1 of the values of each. */
} lathe_value_action;

/* Services of the host program. Besides libc and libm, a module links against
 * nothing. */
typedef struct lathe_imports {
  uint32_t struct_size;
  uint32_t reserved; /* 0. */
  /* Returns `size` bytes aligned to `alignment`, or NULL. Generated code calls
   * this and `free` from `plan` and `run` alone, never from a task. What a call
   * has allocated when it ends, with an error or without, the runtime frees,
   * but for the outputs: `free` only gives back early. */
  void *(*alloc)(void *context, size_t size, size_t alignment);
  void (*free)(void *context, void *memory);
  /* Calls `body` for disjoint ranges that together cover [0, tasks), on any
   * threads, and returns when all have returned. Worker w is given
   * `scratch + w * scratch_stride`, which has room for `workers` of them.
   * Returns 0, or the status of a range that failed; once one has, no further
   * range needs to be begun. */
  int32_t (*parallel_for)(void *context, int64_t tasks, uint32_t workers, lathe_task_fn body, void *scratch,
                          size_t scratch_stride, void *closure);
  void *context;
  /* Computes on strings. Returns 0; 1 where an element is not what the function
   * takes, of which `error_values` tell then; LATHE_TASK_OUT_OF_MEMORY; or
   * LATHE_TASK_DAMAGED. Text that it makes lives as long as what `alloc` gives. Modules that call it
   * have LATHE_FEATURE_TEXT; programs leave it NULL, the runtime has it. */
  int32_t (*text)(void *context, struct lathe_text_call *call);
  /* Since LATHE_FEATURE_VALUES; the runtime's own, whatever the program gives. Makes
   * a value that belongs to the call and never changes. NULL after an error, which
   * it writes to the call: error_code is a status as above, or 1 where what it was
   * given does not fit, and error_values are the two numbers that disagree. */
  struct lathe_value *(*make_value)(void *context, struct lathe_call *call, int32_t action,
                                    const struct lathe_value *value, const struct lathe_value *other, int64_t a,
                                    int64_t b);
  /* Runs `count` loops as `parallel_for` would one after the other: each begins when
   * all tasks of the one before are done, and none begins once a range has failed. A loop
   * has `workers`, or one for each task if that is less. The threads go on from loop
   * to loop without being called again. Returns 0, or the status of a range that failed,
   * with `first_check` of its loop added to what is above 0. Code that meets NULL here,
   * or a struct that ends before, runs the loops by `parallel_for`; the runtime's own,
   * which it leaves NULL where the program gives a `parallel_for` or observes the call. */
  int32_t (*parallel_loops)(void *context, uint32_t workers, uint32_t count, const lathe_loop *loops);
} lathe_imports;

/* --- Spaces ------------------------------------------------------------- */

struct lathe_launch;
struct lathe_variant_desc;

/* Where memory is. The numbers are part of the ABI and never change. */
typedef enum lathe_space {
  LATHE_SPACE_HOST = 0, /* Memory that the CPU addresses. */
  LATHE_SPACE_CUDA = 1, /* Of a device, by CUDA's driver. */
} lathe_space;

/* How many of them this header knows. */
#define LATHE_SPACE_COUNT 2

/* Serves the memory of a space other than the host's. Functions may be called from
 * several threads at once. */
typedef struct lathe_space_services {
  uint32_t struct_size;
  uint32_t space; /* A lathe_space. */
  /* As in lathe_imports. */
  void *(*alloc)(void *context, size_t size, size_t alignment);
  void (*free)(void *context, void *memory);
  /* Copies `size` bytes, of which one side, or both, is in this space and the other
   * in the host's. When it returns, the host sees what was copied to it and may
   * overwrite what was copied from it; kernels of the space that start later see what
   * was copied there. Returns 0 or LATHE_TASK_DEVICE. */
  int32_t (*copy)(void *context, void *target, uint32_t target_space, const void *source, uint32_t source_space,
                  size_t size);
  void *context;
  /* The rest is for variants with lathe_variant_desc.images: where `load` is NULL, or
   * not there, they cannot run.
   * Makes the kernels of a variant's images ready, as `code`. Returns 0,
   * LATHE_TASK_OUT_OF_MEMORY or LATHE_TASK_DEVICE. */
  int32_t (*load)(void *context, const struct lathe_variant_desc *variant, void **code);
  void (*unload)(void *context, void *code);
  /* Begins kernel `launch->kernel`, behind all copies and launches that this thread
   * asked for before. Returns a status as a task does: that of a check that failed,
   * whose values are in `call`, for a kernel that makes any; it may be that of this
   * kernel or of one before it. */
  int32_t (*launch)(void *context, void *code, struct lathe_call *call, const struct lathe_launch *launch);
  /* Why the last function that failed in this thread did, in words, which may end with
   * an id as "[cuda-error]"; NULL if nobody knows. */
  const char *(*reason)(void *context);
  /* The rest is for calls on a stream, a queue of the device that its driver made for the
   * program: all of them, or none. `stream` is NULL for the driver's own queue.
   * A mark is a place in the queue of a stream.
   * Refuses a stream that is not of this device, and has it wait for `mark`, which may be
   * NULL. Returns a status as `copy`. */
  int32_t (*begin)(void *context, void *stream, void *mark);
  /* Sets `mark` behind all that was asked for on `stream`; makes it where it is NULL. */
  int32_t (*end)(void *context, void *stream, void **mark);
  /* Waits in this thread until `mark` is reached, and deletes it. */
  int32_t (*wait)(void *context, void *mark);
  /* `copy` in the order of `stream`. It may return before the copy is made, but where the
   * host's memory is read or written. */
  int32_t (*copy_on)(void *context, void *stream, void *target, uint32_t target_space, const void *source,
                     uint32_t source_space, size_t size);
  /* Refuses memory that is not in `space`, or of another device. */
  int32_t (*check)(void *context, const void *memory, uint32_t space);
  /* The rest is for calls whose kernels begin all at once: all of them, or none. From
   * `record` on, what is asked for on `stream`, which it makes, is noted and not begun.
   * Returns a status as `copy`, as the next two. */
  int32_t (*record)(void *context, void **stream);
  /* Ends that, and `stream`. What was noted becomes `graph`, in place of one that is there;
   * nothing of it is kept where `graph` is NULL. */
  int32_t (*recorded)(void *context, void *stream, void **graph);
  /* Begins what `graph` has, on `stream`. */
  int32_t (*replay)(void *context, void *graph, void *stream);
  /* Deletes a graph of which nothing is left to do. */
  void (*forget)(void *context, void *graph);
} lathe_space_services;

/* Of a space other than the host's, what one call has there. */
typedef struct lathe_call_space {
  uint32_t struct_size;
  uint32_t reserved; /* 0. */
  /* `alloc` and `free` as those of lathe_imports. */
  const lathe_space_services *services;
  void *workspace;     /* As large as `plan` said; `run` only. */
  const void *weights; /* A copy of lathe_module_desc.weights. */
  void *code;          /* What `load` made; NULL for a variant without images. */
  void *record;        /* Memory of the space for a lathe_call, in which kernels note
                          failed checks; 0 before. NULL if no kernel makes any. */
  void *stream;        /* On which `launch` begins kernels; NULL for the driver's own queue. */
} lathe_call_space;

/* What runs on a device with a space of its own: a kernel of an image. */
typedef struct lathe_launch {
  uint32_t struct_size;
  uint32_t space;  /* A lathe_space. */
  uint32_t kernel; /* In lathe_variant_desc.device_kernels. */
  uint32_t word_count;
  int64_t tasks;
  const uint64_t *words; /* The kernel's own parameters. */
  void *scratch;         /* Of the space: `scratch_stride` bytes for each worker. */
  uint64_t scratch_stride;
} lathe_launch;

/* The most workers of a kernel on a device that has scratch memory: threads, or
 * blocks where tasks are for those. */
#define LATHE_DEVICE_WORKERS 4096u

/* --- Values ------------------------------------------------------------- */

/* A dense tensor in row-major order. Only the first `rank` dims count. A tensor
 * with a dim of 0 has no elements, and its `data` may be NULL. Elements of
 * LATHE_DTYPE_BOOL must be 0 or 1. Text of strings that a call makes is in the
 * memory of `data`, behind the pointers, and goes with it. */
typedef struct lathe_tensor {
  void *data;
  lathe_dtype dtype;
  uint32_t rank;
  int64_t dims[LATHE_MAX_RANK];
  uint32_t space;    /* A lathe_space: where `data` is. */
  uint32_t reserved; /* 0. */
} lathe_tensor;

typedef enum lathe_kind {
  LATHE_KIND_TENSOR = 0,
  LATHE_KIND_SEQUENCE = 1, /* Any number of tensors of one dtype, and of one rank if the description has one. */
  LATHE_KIND_OPTIONAL = 2, /* A tensor, or a sequence, or none. */
  LATHE_KIND_MAP = 3,      /* A vector of keys, then one of as many values; with LATHE_VALUE_OF_SEQUENCE as many vectors
                              of values as there are maps, which all have these keys. Keys of inputs are in rising
                              order; strings by their bytes. */
} lathe_kind;

/* A value of any kind. Of one whose description says LATHE_KIND_OPTIONAL, `kind` is
 * that of what is there, and LATHE_KIND_OPTIONAL if there is none. */
typedef struct lathe_value {
  lathe_kind kind;
  uint32_t reserved;      /* 0. */
  lathe_tensor tensor;    /* LATHE_KIND_TENSOR. */
  lathe_tensor *elements; /* LATHE_KIND_SEQUENCE and LATHE_KIND_MAP: `count` of them; may be NULL if 0. */
  int64_t count;
} lathe_value;

/* Bits of lathe_value_desc.flags. */
enum {
  /* An output whose dims `plan` does not know. `run` writes them to output_dims
   * of the call, and to `outputs` the address of the elements: memory that it
   * allocated with `alloc`, which then is the caller's, or any other memory
   * that is still there when it returns, which is copied; NULL where there are
   * none. Before, the dims are -1 and the address is NULL. */
  LATHE_VALUE_SIZED_BY_RUN = 1,
  /* An optional value that is a sequence where there is one, or a sequence of maps. */
  LATHE_VALUE_OF_SEQUENCE = 2,
  /* A tensor that callers may have in any space that the module has: `space` is where
   * the program wants it, and the runtime copies where callers have it elsewhere. Without
   * this bit callers have it there. */
  LATHE_VALUE_MOVES = 4,
};

/* One input or output of a function. */
typedef struct lathe_value_desc {
  uint32_t struct_size;
  uint32_t kind; /* A lathe_kind. */
  const char *name;
  uint32_t dtype; /* A lathe_dtype; of the elements, where the kind has some; of the values of a map. */
  uint32_t rank;  /* LATHE_ANY_RANK: `dims` has no entries. */
  /* `rank` entries. d >= 0: the dim is fixed to d. d < 0: the dim is free; on
   * inputs, all dims with the same d must be equal, and ~d is an index into
   * lathe_function_desc.symbol_names. On outputs, INT64_MIN stands for a dim
   * that is computed from others. Of the tensors in a sequence or an optional
   * value, each has dims of its own, and any d < 0 is free. */
  const int64_t *dims;
  uint32_t space; /* A lathe_space. */
  uint32_t flags;
  /* On outputs: the input whose memory callers may give for the output, which the
   * call then overwrites; -1 for none. On inputs -1. With other memory the call
   * copies what it needs of the input. */
  int32_t alias;
  uint32_t key_dtype; /* LATHE_KIND_MAP: a lathe_dtype, of the keys; else 0. */
} lathe_value_desc;

/* The elements of a tensor that lathe_imports.text reads or writes. */
typedef struct lathe_text_tensor {
  void *data;
  int64_t count; /* Elements. */
  int64_t width; /* Of them in a row, the last dim; 1 for scalars. */
  uint32_t dtype;
  uint32_t reserved; /* 0. */
} lathe_text_tensor;

/* One call of lathe_imports.text. */
typedef struct lathe_text_call {
  uint32_t struct_size;
  uint32_t parameter_count;
  /* The name of the function and its parameters, one behind the other, each with its
   * zero: those of the op graph.text in docs/reference. */
  const char *texts;
  const lathe_text_tensor *operands;
  const lathe_text_tensor *results; /* With memory of their size. */
  uint32_t operand_count;
  uint32_t result_count;
  int64_t error_values[2]; /* Of the check that failed: the element, and its bytes. */
} lathe_text_call;

/* --- Calls -------------------------------------------------------------- */

/* What one call hands to generated code; the same for `plan` and `run`. */
typedef struct lathe_call {
  uint32_t struct_size;
  /* The `workers` of each loop of this call; the workspace has scratch memory
   * for as many. At least 1. */
  uint32_t workers;
  const lathe_imports *imports;
  /* One data pointer an input; of a kind other than LATHE_KIND_TENSOR, a
   * `const lathe_value *`. */
  const void *const *inputs;
  const int64_t *const *input_dims; /* One array of `rank` dims an input; NULL for other kinds. */
  /* One data pointer an output; `run` only. Of a kind other than
   * LATHE_KIND_TENSOR, NULL, where `run` puts a `lathe_value *`. That, its
   * elements and their data are memory as with LATHE_VALUE_SIZED_BY_RUN. */
  void **outputs;
  int64_t *const *output_dims; /* Room for the rank of each output. */
  void *workspace;             /* As large as `plan` said; `run` only. */
  const void *weights;         /* lathe_module_desc.weights. */
  /* Where generated code found an error: its status, and the values that
   * disagree. Ranges that run at once write them with a compare and exchange of
   * error_code, which only the first changes from 0. */
  int32_t error_code;
  uint32_t reserved; /* 0. */
  int64_t error_values[2];
  /* Not 0, at the latest when another thread has set it, if the call is to end
   * with LATHE_TASK_CANCELLED; may be NULL. Loops of the model look at it in
   * each turn, `parallel_for` before each range. */
  const int32_t *cancel;
  /* Turns that all loops of the model have made in this call, and how many they
   * may make. */
  int64_t loop_steps;
  int64_t max_loop_steps;
  /* By lathe_space, LATHE_SPACE_COUNT of the runtime; NULL for the host and for each
   * that the variant does not need. */
  const lathe_call_space *const *spaces;
} lathe_call;

typedef struct lathe_function_desc {
  uint32_t struct_size;
  uint32_t input_count;
  const char *name;
  const lathe_value_desc *const *inputs;
  const lathe_value_desc *const *outputs;
  uint32_t output_count;
  uint32_t symbol_count;
  const char *const *symbol_names; /* "" where the model gives no name. */
  /* The checks that `plan` and `run` make, in words: each names the node and
   * what must hold, and has two places "%lld" for lathe_call.error_values. */
  const char *const *check_messages;
  uint32_t check_count;
  uint32_t reserved; /* 0. */
  /* Computes the dims of the outputs, in `output_dims` of the call, and the
   * size of the workspace from the input dims: that of space s in
   * `workspace_bytes[s]`, which are 0 before. Returns 0, or k when check k - 1
   * failed. */
  int32_t (*plan)(lathe_call *call, uint64_t *workspace_bytes);
  /* Computes the outputs of a call that `plan` found nothing wrong with.
   * Returns a status as a task does. */
  int32_t (*run)(lathe_call *call);
  /* Three numbers for each symbol: the size is a multiple of the third from the first
   * to the second, which is INT64_MAX where there is no bound. `plan` checks it. NULL
   * if nothing is known of any. */
  const int64_t *symbol_ranges;
} lathe_function_desc;

/* --- Kernels ------------------------------------------------------------ */

/* A part of a kernel whose tasks are independent. The phases of a kernel run in
 * order: each begins when all tasks of the one before are done. */
typedef struct lathe_phase_desc {
  uint32_t struct_size;
  uint32_t reserved; /* 0. */
  lathe_task_fn body;
} lathe_phase_desc;

/* A tensor that a kernel takes or returns. */
typedef struct lathe_argument_desc {
  uint32_t struct_size;
  uint32_t dtype; /* A lathe_dtype; signs of integers are not told apart. */
  uint32_t rank;
  uint32_t reserved; /* 0. */
  /* `rank` entries: a size, or -1 for one that differs from call to call. */
  const int64_t *dims;
} lathe_argument_desc;

typedef struct lathe_kernel_desc {
  uint32_t struct_size;
  uint32_t phase_count;
  const char *name;
  const char *key;      /* What it computes and how, in hex: equal kernels of
                           different models have the same key. */
  const char *strategy; /* "cpu.gemm.packed {mr = 6, nr = 64}" */
  const char *nodes;    /* The nodes of the model that it computes. */
  uint64_t calls;       /* How often `run` of the module's functions calls it. */
  const lathe_phase_desc *const *phases;
  /* What a launch passes, in this order: sizes of 64 bits, operands, results. */
  uint32_t size_count;
  uint32_t operand_count;
  uint32_t result_count;
  uint32_t reserved; /* 0. */
  const lathe_argument_desc *const *operands;
  const lathe_argument_desc *const *results;
} lathe_kernel_desc;

/* --- Code for devices --------------------------------------------------- */

/* What an image is, which the device's driver reads. */
enum {
  LATHE_IMAGE_PTX = 1,   /* Text with a zero at its end, for the GPU of the variant and later ones. */
  LATHE_IMAGE_CUBIN = 2, /* For the GPU of the variant alone. */
};

typedef struct lathe_image_desc {
  uint32_t struct_size;
  uint32_t kind;
  const void *data;
  uint64_t size;
} lathe_image_desc;

/* Bits of lathe_device_kernel_desc.flags. */
enum {
  LATHE_DEVICE_KERNEL_CHECKS = 1, /* May note an error in the lathe_call that it gets. */
  LATHE_DEVICE_KERNEL_BLOCKS = 2, /* A task is for a block of threads, not for one. */
};

/* A function of the images. Its parameters are 64 bits each: the number of tasks,
 * the scratch memory and the bytes of it for one worker, the device's address of a
 * lathe_call, of which it writes error_code and error_values, and the words of the
 * launch. It runs on blocks in one dimension, which share the tasks. Worker w is
 * thread w of all, or block w with LATHE_DEVICE_KERNEL_BLOCKS; with scratch memory
 * there are at most LATHE_DEVICE_WORKERS of them. */
typedef struct lathe_device_kernel_desc {
  uint32_t struct_size;
  uint32_t flags;
  const char *name;
  uint32_t block_threads; /* Of each block; without LATHE_DEVICE_KERNEL_BLOCKS, at most. */
  uint32_t shared_bytes;  /* Of memory that each block has and the launch asks for. */
  /* What NVIDIA's assembler says of the image that is for this GPU alone, for tools: of
   * each thread, 0 where no assembler was there. */
  uint32_t registers;
  uint32_t spill_bytes; /* That registers do not hold. */
} lathe_device_kernel_desc;

/* --- Modules ------------------------------------------------------------ */

/* The code of a module for one kind of machine. */
typedef struct lathe_variant_desc {
  uint32_t struct_size;
  uint32_t function_count;
  const char *name;   /* What lathe_load_options.isa calls it, such as "v3". */
  const char *target; /* Canonical target string, as in lathe::Target, with all
                         the features that the code needs. */
  const lathe_function_desc *const *functions;
  const lathe_kernel_desc *const *kernels;
  uint32_t kernel_count;
  uint32_t reserved;   /* 0. */
  uint64_t code_bytes; /* Of the objects that hold its code, for tools; 0 if unknown. */
  uint32_t spaces;     /* Bit s: needs the lathe_space s. That of the host is not said. */
  uint32_t reserved2;  /* 0. */
  /* Of a variant whose kernels run on a device: images that all hold the same
   * kernels, the best first, and the kernels by the numbers of the launches. */
  const lathe_image_desc *const *images;
  const lathe_device_kernel_desc *const *device_kernels;
  uint32_t image_count;
  uint32_t device_kernel_count;
} lathe_variant_desc;

/* Bits of lathe_module_desc.features. */
enum {
  LATHE_FEATURE_TEXT = 1,        /* Calls lathe_imports.text. */
  LATHE_FEATURE_VALUES = 2,      /* Needs lathe_imports.make_value, or has values of LATHE_ANY_RANK or maps. */
  LATHE_FEATURE_SPACES = 4,      /* A variant has lathe_variant_desc.spaces. */
  LATHE_FEATURE_IMAGES = 8,      /* A variant has lathe_variant_desc.images. */
  LATHE_FEATURE_CUSTOM_OPS = 16, /* Calls the function "custom" of lathe_imports.text. */
};

typedef struct lathe_module_desc {
  uint32_t abi_version; /* First, so that any version can read it. */
  uint32_t struct_size;
  uint64_t features;    /* What a runtime must know to serve it: LATHE_FEATURE_... */
  const char *compiler; /* Version of the compiler that wrote the module. */
  const char *model;    /* Name of the model. */
  const void *weights;
  uint64_t weights_size;
  /* The best first. All have the same functions, with the same signatures, in
   * the same order. */
  const lathe_variant_desc *const *variants;
  uint32_t variant_count;
  uint32_t metadata_count;     /* Pairs of strings, custom metadata of the model. */
  const char *const *metadata; /* key, value, key, value, ... */
} lathe_module_desc;

/* The only symbol that a compiled library exports. Returns NULL if the module
 * cannot serve a runtime of that LATHE_ABI_VERSION; a runtime that serves
 * several asks for each, the newest first. */
const lathe_module_desc *lathe_module_query(uint32_t runtime_abi_version);

typedef const lathe_module_desc *(*lathe_module_query_fn)(uint32_t);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_RUNTIME_MODULE_ABI_H */
