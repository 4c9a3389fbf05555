/* lib/Runtime/Core/Tensor.c: sizes and memory of tensors, and the default
 * imports.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Internal.h"

#include <stdlib.h>

static const struct {
  const char *name;
  size_t bits;
} dtypes[] = {
    [LATHE_DTYPE_INVALID] = {"invalid", 0},
#define LATHE_ELEMENT_TYPE(ID, NUMBER, KIND, BITS, NAME, NUMPY, C, ONNX, ONNX_NAME, MLIR) [NUMBER] = {NAME, BITS},
#include "lathe-runtime/element_types.def"
};

static size_t row(lathe_dtype dtype) {
  size_t index = (size_t)dtype;
  return index < sizeof dtypes / sizeof dtypes[0] ? index : 0;
}

size_t lathe_dtype_bits(lathe_dtype dtype) { return dtypes[row(dtype)].bits; }

size_t lathe_dtype_size(lathe_dtype dtype) { return (lathe_dtype_bits(dtype) + 7) / 8; }

const char *lathe_dtype_name(lathe_dtype dtype) { return dtypes[row(dtype)].name; }

bool lathe_impl_bytes(lathe_dtype dtype, uint32_t rank, const int64_t *dims, size_t *bytes) {
  size_t bits = lathe_dtype_bits(dtype), product = bits < 8 ? bits : bits / 8;
  bool empty = false;
  for (uint32_t i = 0; i < rank; ++i) {
    if (dims[i] == 0)
      empty = true;
    else if ((uint64_t)dims[i] > (uint64_t)PTRDIFF_MAX / product)
      return false;
    else
      product *= (size_t)dims[i];
  }
  if (bits < 8) /* They were bits. */
    product = product / 8 + (product % 8 != 0);
  *bytes = empty ? 0 : product;
  return true;
}

lathe_status lathe_tensor_bytes(const lathe_tensor *tensor, size_t *bytes) {
  if (!tensor || !bytes)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "tensor-null",
                           "a tensor and a place for its size are needed, but "
                           "one of them is NULL");
  if (lathe_dtype_size(tensor->dtype) == 0)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "tensor-dtype", "tensor has dtype %d, which is not a lathe_dtype",
                           (int)tensor->dtype);
  if (tensor->rank > LATHE_MAX_RANK)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "tensor-rank", "tensor has rank %u, but at most %d is possible",
                           tensor->rank, LATHE_MAX_RANK);
  for (uint32_t i = 0; i < tensor->rank; ++i)
    if (tensor->dims[i] < 0)
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "tensor-dim-negative",
                             "tensor has dim %u = %lld, but a dim is 0 or more", i, (long long)tensor->dims[i]);
  if (!lathe_impl_bytes(tensor->dtype, tensor->rank, tensor->dims, bytes))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "tensor-size-overflow",
                           "the dims of the tensor multiply to more than this "
                           "machine can address");
  return LATHE_OK;
}

static void *default_alloc(void *context, size_t size, size_t alignment) {
  (void)context;
  return lathe_impl_kept_alloc(size, alignment);
}

static void default_free(void *context, void *memory) {
  (void)context;
  lathe_impl_kept_free(memory);
}

static int32_t default_parallel_for(void *context, int64_t tasks, uint32_t workers, lathe_task_fn body, void *scratch,
                                    size_t scratch_stride, void *closure) {
  (void)context;
  const lathe_loop loop = {body, closure, scratch, scratch_stride, tasks, 0, 0};
  return lathe_impl_pool_run(workers, 1, &loop, NULL, false);
}

static int32_t default_parallel_loops(void *context, uint32_t workers, uint32_t count, const lathe_loop *loops) {
  (void)context;
  return lathe_impl_pool_run(workers, count, loops, NULL, false);
}

const lathe_imports *lathe_default_imports(void) {
  static const lathe_imports imports = {
      sizeof imports, 0, default_alloc, default_free, default_parallel_for, NULL, NULL, NULL, default_parallel_loops};
  return &imports;
}

lathe_status lathe_tensor_alloc(lathe_tensor *tensor) {
  size_t bytes = 0;
  lathe_status status = lathe_tensor_bytes(tensor, &bytes);
  if (status != LATHE_OK)
    return status;
  if (tensor->space != LATHE_SPACE_HOST)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "tensor-space",
                           "the tensor is in memory space %u, but only a module has other memory than the host's; use "
                           "lathe_module_tensor_alloc",
                           tensor->space);
  void *memory = default_alloc(NULL, bytes, LATHE_ALIGNMENT);
  if (!memory)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "tensor-out-of-memory", "no memory for a tensor of %zu bytes", bytes);
  tensor->data = memory;
  return LATHE_OK;
}

void lathe_tensor_free(lathe_tensor *tensor) {
  if (!tensor || tensor->space != LATHE_SPACE_HOST)
    return;
  default_free(NULL, tensor->data);
  tensor->data = NULL;
}
