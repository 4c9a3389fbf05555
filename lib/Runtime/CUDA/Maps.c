/* lib/Runtime/CUDA/Maps.c: the driver encodes tensor maps, which takes longer than to find one that is kept.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Maps.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one variant: more than the products of most models, each with two or three maps. */
#define KEPT 512u
/* Places in which a map may be, so that two that are used in turn do not drive out each other. */
#define WAYS 8u
#define MOST_EXTENTS (2 * LATHE_TENSOR_MAP_RANK - 1)

struct key {
  const lathe_tensor_map_desc *desc;
  uint64_t address, extents[MOST_EXTENTS];
};

struct lathe_impl_cuda_kept_maps {
  pthread_mutex_t mutex;
  uint32_t next; /* Of the places of a map that are taken, which one becomes free. */
  struct entry {
    struct key key; /* Of no map where `desc` is NULL. */
    struct lathe_impl_cuda_map map;
  } entries[KEPT];
};

void lathe_impl_cuda_forget_maps(struct lathe_impl_cuda_kept_maps *kept) {
  if (kept)
    pthread_mutex_destroy(&kept->mutex);
  free(kept);
}

/* `*place`, or a new one that came to be there. */
static struct lathe_impl_cuda_kept_maps *find_kept(_Atomic(struct lathe_impl_cuda_kept_maps *) *place) {
  struct lathe_impl_cuda_kept_maps *found = *place;
  if (found)
    return found;
  struct lathe_impl_cuda_kept_maps *made = aligned_alloc(_Alignof(struct lathe_impl_cuda_kept_maps), sizeof *made);
  if (!made)
    return NULL;
  memset(made, 0, sizeof *made);
  pthread_mutex_init(&made->mutex, NULL);
  if (atomic_compare_exchange_strong(place, &found, made))
    return made;
  lathe_impl_cuda_forget_maps(made);
  return found;
}

/* The first of its WAYS places. */
static uint32_t place_of(const struct key *key) {
  uint64_t words[sizeof *key / sizeof(uint64_t)], hash = 0;
  memcpy(words, key, sizeof words);
  for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i)
    hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15u;
  return (uint32_t)(hash >> 32) % (KEPT / WAYS) * WAYS;
}

/* How the driver calls elements of that size; -1 if it has none. */
static int element_of(uint32_t dtype) {
  switch (lathe_dtype_bits((lathe_dtype)dtype)) {
  case 8:
    return CUDA_MAP_BYTES_1;
  case 16:
    return CUDA_MAP_BYTES_2;
  case 32:
    return CUDA_MAP_BYTES_4;
  case 64:
    return CUDA_MAP_BYTES_8;
  default:
    return -1;
  }
}

/* Says why map `number` of `kernel` was not made: the driver refused it with `code`. */
static void say_refusal(const struct lathe_impl_cuda *driver, cuda_result code, const char *kernel, uint32_t number,
                        const struct key *key) {
  char what[256]; /* So that the reasons of the driver follow it whole. */
  int used = snprintf(what, sizeof what, "a tensor map was not made: number %u of kernel %.64s, at 0x%llx, of sizes",
                      number, kernel, (unsigned long long)key->address);
  for (uint32_t i = 0; i < key->desc->rank; ++i)
    used += snprintf(what + used, sizeof what - (size_t)used, " %llu", (unsigned long long)key->extents[i]);
  lathe_impl_cuda_say(driver, code, what);
}

/* Map `number` of `kernel`. False, with a reason, if there can be none or the driver refuses. */
static bool encode(const struct lathe_impl_cuda *driver, const char *kernel, uint32_t number, const struct key *key,
                   struct lathe_impl_cuda_map *map) {
  static const uint32_t steps[LATHE_TENSOR_MAP_RANK] = {1, 1, 1, 1, 1};
  const lathe_tensor_map_desc *desc = key->desc;
  const uint64_t *sizes = key->extents, *pitches = sizes + desc->rank;
  memset(map, 0, sizeof *map);
  for (uint32_t i = 0; i < desc->rank; ++i)
    if (sizes[i] == 0)
      return true; /* Nobody copies by it, and the driver makes none. */
  for (uint32_t i = 0; i < desc->rank; ++i)
    if (sizes[i] > INT32_MAX) {
      lathe_impl_cuda_explain(
          "tensor map %u of kernel %s has %llu elements in dim %u, the innermost being 0, and places "
          "in a tensor map are at most %d: use smaller inputs, or compile the model with "
          "--target=cuda:sm_80 [cuda-map-size]",
          number, kernel, (unsigned long long)sizes[i], i, INT32_MAX);
      return false;
    }
  cuda_result code =
      driver->encode_map(map, element_of(desc->dtype), desc->rank, (void *)(uintptr_t)key->address, sizes, pitches,
                         desc->box, steps, CUDA_MAP_PLAIN, CUDA_MAP_SWIZZLE_128, CUDA_MAP_FETCH_256, CUDA_MAP_PLAIN);
  if (code)
    say_refusal(driver, code, kernel, number, key);
  return code == 0;
}

/* That of `key` among its places, NULL if there is none. */
static struct entry *find_entry(struct lathe_impl_cuda_kept_maps *kept, const struct key *key) {
  struct entry *places = &kept->entries[place_of(key)];
  for (uint32_t i = 0; i < WAYS; ++i)
    if (memcmp(&places[i].key, key, sizeof *key) == 0)
      return &places[i];
  return NULL;
}

/* Where one for `key` is kept from now on: among its places one of no map, else the next in turn. */
static struct entry *choose_entry(struct lathe_impl_cuda_kept_maps *kept, const struct key *key) {
  struct entry *places = &kept->entries[place_of(key)], *known = find_entry(kept, key);
  if (known)
    return known; /* Another thread has made it meanwhile. */
  for (uint32_t i = 0; i < WAYS; ++i)
    if (!places[i].key.desc)
      return &places[i];
  return &places[kept->next++ % WAYS];
}

static bool make_map(const struct lathe_impl_cuda *driver, struct lathe_impl_cuda_kept_maps *kept, const char *kernel,
                     uint32_t number, const struct key *key, struct lathe_impl_cuda_map *map) {
  if (!kept)
    return encode(driver, kernel, number, key, map);
  pthread_mutex_lock(&kept->mutex);
  struct entry *entry = find_entry(kept, key);
  if (entry)
    *map = entry->map;
  pthread_mutex_unlock(&kept->mutex);
  if (entry)
    return true;
  if (!encode(driver, kernel, number, key, map))
    return false;
  pthread_mutex_lock(&kept->mutex);
  entry = choose_entry(kept, key);
  entry->key = *key;
  entry->map = *map;
  pthread_mutex_unlock(&kept->mutex);
  return true;
}

bool lathe_impl_cuda_make_maps(const struct lathe_impl_cuda *driver, const lathe_mapped_kernel_desc *kernel,
                               const lathe_launch *launch, _Atomic(struct lathe_impl_cuda_kept_maps *) *kept,
                               struct lathe_impl_cuda_map *maps) {
  if (!driver->encode_map) {
    int version = 0;
    driver->driver_version(&version);
    lathe_impl_cuda_explain("kernel %s takes tensor maps, but the driver, for CUDA %d.%d, lacks "
                            "cuTensorMapEncodeTiled; install one for CUDA 12.0 or later, or compile the model with "
                            "--target=cuda:sm_80 [cuda-old-driver]",
                            kernel->kernel.name, version / 1000, version % 1000 / 10);
    return false;
  }
  const uint64_t *extents = launch->words + launch->word_count;
  for (uint32_t i = 0; i < kernel->map_count; ++i) {
    const lathe_tensor_map_desc *desc = kernel->maps[i];
    if (!desc) {
      lathe_impl_cuda_explain("tensor map %u of kernel %s is not described; the module is damaged: compile the model "
                              "again [module-damaged]",
                              i, kernel->kernel.name);
      return false;
    }
    if (desc->word >= launch->word_count || desc->rank < 1 || desc->rank > LATHE_TENSOR_MAP_RANK ||
        element_of(desc->dtype) < 0) {
      lathe_impl_cuda_explain("tensor map %u of kernel %s is of word %u of %u and of rank %u; the module is damaged: "
                              "compile the model again [module-damaged]",
                              i, kernel->kernel.name, desc->word, launch->word_count, desc->rank);
      return false;
    }
    struct key key = {.desc = desc, .address = launch->words[desc->word]};
    memcpy(key.extents, extents, (2 * desc->rank - 1) * sizeof extents[0]);
    extents += 2 * desc->rank - 1;
    if (!make_map(driver, find_kept(kept), kernel->kernel.name, i, &key, &maps[i]))
      return false;
  }
  return true;
}
