/* include/lathe-runtime/tensor_maps.h: kernels of a device to which launches give tensor maps, behind the module ABI's
 * other kernels.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_TENSOR_MAPS_H
#define LATHE_RUNTIME_TENSOR_MAPS_H

#include "lathe-runtime/module_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A bit of lathe_module_desc.features: a kernel has LATHE_DEVICE_KERNEL_MAPS. */
#define LATHE_FEATURE_TENSOR_MAPS 32

/* Bits of lathe_device_kernel_desc.flags. */
#define LATHE_DEVICE_KERNEL_STAYS 4u /* A processor gets one block at most, which takes tasks until none is left. */
#define LATHE_DEVICE_KERNEL_MAPS 8u  /* It is a lathe_mapped_kernel_desc. */

/* The most dimensions of a tensor map. */
#define LATHE_TENSOR_MAP_RANK 5

/* What the device's copies of boxes need to know of a tensor: a launch makes it. Each eight
 * rows of 128 bytes of a box have their chunks of 16 bytes in another order, and what is
 * outside of the tensor is 0. */
typedef struct lathe_tensor_map_desc {
  uint32_t struct_size;
  uint32_t word;                       /* Of the launch: the address of the tensor. */
  uint32_t dtype;                      /* A lathe_dtype: of its elements. */
  uint32_t rank;                       /* At most LATHE_TENSOR_MAP_RANK. */
  uint32_t box[LATHE_TENSOR_MAP_RANK]; /* Elements that a copy moves, the innermost dimension first. */
} lathe_tensor_map_desc;

/* A kernel that takes tensor maps behind its words: parameters of 128 bytes at multiples of
 * 64. Behind the words of a launch there are, for one map after the other, the sizes of its
 * tensor, the innermost first, and the pitches in bytes of all dimensions but that one. */
typedef struct lathe_mapped_kernel_desc {
  lathe_device_kernel_desc kernel; /* Whose struct_size is that of all this. */
  const lathe_tensor_map_desc *const *maps;
  uint32_t map_count;
  uint32_t reserved; /* 0. */
} lathe_mapped_kernel_desc;

#ifdef __cplusplus
}
#endif

#endif /* LATHE_RUNTIME_TENSOR_MAPS_H */
