/* lib/Runtime/CUDA/Driver.h: the functions of NVIDIA's driver that the runtime
 * calls, declared here, so that neither its headers nor its library are needed
 * where there is no GPU.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CUDA_DRIVER_H
#define LATHE_RUNTIME_CUDA_DRIVER_H

#include "../Core/Internal.h"

/* As the driver's ABI has them. */
typedef int cuda_result; /* 0: no error. */
typedef int cuda_device;
typedef uint64_t cuda_address;
typedef void *cuda_handle; /* A context, module, function, stream, event or graph. */
typedef struct cuda_update {
  int result;
  cuda_handle node, from_node;
} cuda_update; /* What an update of a graph could not change. */

enum {
  CUDA_ERROR_INVALID_VALUE_CODE = 1,
  CUDA_ERROR_OUT_OF_MEMORY_CODE = 2,
  CUDA_ERROR_INVALID_CONTEXT_CODE = 201,
  CUDA_ERROR_NO_IMAGE_CODE = 209,
  CUDA_ERROR_INVALID_PTX_CODE = 218,
  CUDA_ERROR_UNSUPPORTED_PTX_CODE = 222,
  CUDA_ERROR_CONTEXT_DESTROYED_CODE = 709,
  CUDA_ATTRIBUTE_PROCESSORS = 16,
  CUDA_ATTRIBUTE_MAJOR = 75,
  CUDA_ATTRIBUTE_MINOR = 76,
  CUDA_FUNCTION_SHARED_BYTES = 8,
  CUDA_INPUT_PTX = 1,
  CUDA_EVENT_WITHOUT_TIME = 2,
  CUDA_STREAM_ALONE = 1,   /* Waits for no other. */
  CUDA_CAPTURE_THREAD = 1, /* Other threads do what they like. */
  CUDA_POINTER_MEMORY = 2, /* Attributes of addresses. */
  CUDA_POINTER_MANAGED = 8,
  CUDA_POINTER_DEVICE = 9,
  CUDA_MEMORY_OF_DEVICE = 2, /* A value of the first of them. */
  CUDA_MAP_BYTES_1 = 0,      /* Elements of tensor maps: unsigned numbers of so many bytes. */
  CUDA_MAP_BYTES_2 = 1,
  CUDA_MAP_BYTES_4 = 2,
  CUDA_MAP_BYTES_8 = 4,
  CUDA_MAP_PLAIN = 0,       /* Planes are not interleaved, and 0 is read outside. */
  CUDA_MAP_SWIZZLE_128 = 3, /* The order of chunks of 16 bytes. */
  CUDA_MAP_FETCH_256 = 3,   /* Bytes that the second cache fetches at once. */
};

/* LATHE_CUDA_FUNCTION(member, symbol, parameters) */
#define LATHE_CUDA_FUNCTIONS(FUNCTION)                                                                                 \
  FUNCTION(init, "cuInit", (unsigned flags))                                                                           \
  FUNCTION(driver_version, "cuDriverGetVersion", (int *version))                                                       \
  FUNCTION(error_name, "cuGetErrorName", (cuda_result code, const char **name))                                        \
  FUNCTION(error_text, "cuGetErrorString", (cuda_result code, const char **text))                                      \
  FUNCTION(device_count, "cuDeviceGetCount", (int *count))                                                             \
  FUNCTION(device_get, "cuDeviceGet", (cuda_device * device, int number))                                              \
  FUNCTION(device_attribute, "cuDeviceGetAttribute", (int *value, int attribute, cuda_device device))                  \
  FUNCTION(context_retain, "cuDevicePrimaryCtxRetain", (cuda_handle * context, cuda_device device))                    \
  FUNCTION(context_push, "cuCtxPushCurrent_v2", (cuda_handle context))                                                 \
  FUNCTION(context_pop, "cuCtxPopCurrent_v2", (cuda_handle * context))                                                 \
  FUNCTION(context_device, "cuCtxGetDevice", (cuda_device * device))                                                   \
  FUNCTION(module_load, "cuModuleLoadData", (cuda_handle * module, const void *image))                                 \
  FUNCTION(link_create, "cuLinkCreate_v2", (unsigned count, int *options, void **values, cuda_handle *linking))        \
  FUNCTION(link_add, "cuLinkAddData_v2",                                                                               \
           (cuda_handle linking, int kind, void *data, size_t bytes, const char *name, unsigned count, int *options,   \
            void **values))                                                                                            \
  FUNCTION(link_complete, "cuLinkComplete", (cuda_handle linking, void **code, size_t *bytes))                         \
  FUNCTION(link_destroy, "cuLinkDestroy", (cuda_handle linking))                                                       \
  FUNCTION(module_unload, "cuModuleUnload", (cuda_handle module))                                                      \
  FUNCTION(module_function, "cuModuleGetFunction", (cuda_handle * function, cuda_handle module, const char *name))     \
  FUNCTION(alloc, "cuMemAlloc_v2", (cuda_address * address, size_t bytes))                                             \
  FUNCTION(free, "cuMemFree_v2", (cuda_address address))                                                               \
  FUNCTION(memory_info, "cuMemGetInfo_v2", (size_t *unused, size_t *all))                                              \
  FUNCTION(pointer_attribute, "cuPointerGetAttribute", (void *value, int attribute, cuda_address address))             \
  FUNCTION(copy_from_host, "cuMemcpyHtoDAsync_v2",                                                                     \
           (cuda_address target, const void *source, size_t bytes, cuda_handle stream))                                \
  FUNCTION(copy_to_host, "cuMemcpyDtoHAsync_v2",                                                                       \
           (void *target, cuda_address source, size_t bytes, cuda_handle stream))                                      \
  FUNCTION(copy_within, "cuMemcpyDtoDAsync_v2",                                                                        \
           (cuda_address target, cuda_address source, size_t bytes, cuda_handle stream))                               \
  FUNCTION(stream_context, "cuStreamGetCtx", (cuda_handle stream, cuda_handle * context))                              \
  FUNCTION(stream_follow, "cuStreamWaitEvent", (cuda_handle stream, cuda_handle event, unsigned flags))                \
  FUNCTION(stream_finish, "cuStreamSynchronize", (cuda_handle stream))                                                 \
  FUNCTION(event_create, "cuEventCreate", (cuda_handle * event, unsigned flags))                                       \
  FUNCTION(event_record, "cuEventRecord", (cuda_handle event, cuda_handle stream))                                     \
  FUNCTION(event_finish, "cuEventSynchronize", (cuda_handle event))                                                    \
  FUNCTION(event_destroy, "cuEventDestroy_v2", (cuda_handle event))                                                    \
  FUNCTION(function_set, "cuFuncSetAttribute", (cuda_handle function, int attribute, int value))                       \
  FUNCTION(launch, "cuLaunchKernel",                                                                                   \
           (cuda_handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,                 \
            unsigned block_y, unsigned block_z, unsigned shared_bytes, cuda_handle stream, void **parameters,          \
            void **extra))

/* The same, of newer drivers: all of them, or none is used. */
#define LATHE_CUDA_GRAPH_FUNCTIONS(FUNCTION)                                                                           \
  FUNCTION(stream_create, "cuStreamCreate", (cuda_handle * stream, unsigned flags))                                    \
  FUNCTION(stream_destroy, "cuStreamDestroy_v2", (cuda_handle stream))                                                 \
  FUNCTION(capture_begin, "cuStreamBeginCapture_v2", (cuda_handle stream, int mode))                                   \
  FUNCTION(capture_end, "cuStreamEndCapture", (cuda_handle stream, cuda_handle * graph))                               \
  FUNCTION(graph_destroy, "cuGraphDestroy", (cuda_handle graph))                                                       \
  FUNCTION(graph_instantiate, "cuGraphInstantiateWithFlags",                                                           \
           (cuda_handle * executable, cuda_handle graph, unsigned long long flags))                                    \
  FUNCTION(graph_update, "cuGraphExecUpdate_v2", (cuda_handle executable, cuda_handle graph, cuda_update * update))    \
  FUNCTION(graph_launch, "cuGraphLaunch", (cuda_handle executable, cuda_handle stream))                                \
  FUNCTION(executable_destroy, "cuGraphExecDestroy", (cuda_handle executable))

/* Those that drivers have since CUDA 12.0, which sm_90a is for: NULL in an older one. */
#define LATHE_CUDA_LATER_FUNCTIONS(FUNCTION)                                                                           \
  FUNCTION(encode_map, "cuTensorMapEncodeTiled",                                                                       \
           (void *map, int element, uint32_t rank, void *address, const uint64_t *sizes, const uint64_t *pitches,      \
            const uint32_t *box, const uint32_t *steps, int interleave, int swizzle, int fetch, int outside))

struct lathe_impl_cuda {
#define LATHE_CUDA_MEMBER(member, symbol, parameters) cuda_result(*member) parameters;
  LATHE_CUDA_FUNCTIONS(LATHE_CUDA_MEMBER)
  LATHE_CUDA_GRAPH_FUNCTIONS(LATHE_CUDA_MEMBER)
  bool has_graphs;
  LATHE_CUDA_LATER_FUNCTIONS(LATHE_CUDA_MEMBER)
#undef LATHE_CUDA_MEMBER
};

/* The driver, which is opened and started once in the process. */
lathe_status lathe_impl_cuda_open(const struct lathe_impl_cuda **driver);

/* What the driver refused to this thread: "NAME (text)" behind `what`, or words of our
 * own. */
void lathe_impl_cuda_say(const struct lathe_impl_cuda *driver, cuda_result code, const char *what);
void lathe_impl_cuda_explain(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *lathe_impl_cuda_reason(void);

/* The same as the message of a failure. */
lathe_status lathe_impl_cuda_fail(const struct lathe_impl_cuda *driver, cuda_result code, const char *what);

/* Whether `target` is of this driver's: "cuda", "cuda:sm_80" and the like. */
bool lathe_impl_cuda_names(const char *target);

/* Whether GPU `device` runs code for `target`. */
lathe_status lathe_impl_cuda_supported(const char *target, uint32_t device);

#endif /* LATHE_RUNTIME_CUDA_DRIVER_H */
