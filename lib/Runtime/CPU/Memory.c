/* lib/Runtime/CPU/Memory.c: how much memory this process may use, which in a
 * container or under `ulimit` is less than the machine has.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "../Core/Internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* The number in the file; the largest there is if it has none, as in "max". */
static uint64_t read_bytes(const char *folder, const char *name) {
  char path[PATH_MAX], line[32], *end;
  FILE *file = snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path ? fopen(path, "re") : NULL;
  if (!file)
    return UINT64_MAX;
  uint64_t bytes = UINT64_MAX;
  if (fgets(line, sizeof line, file)) {
    unsigned long long number = strtoull(line, &end, 10);
    bytes = end == line ? UINT64_MAX : number;
  }
  fclose(file);
  return bytes;
}

/* The smallest limit of `group` and the groups around it, below `mount`. */
static uint64_t group_bytes(const char *mount, const char *group, const char *name) {
  char folder[PATH_MAX];
  uint64_t bytes = read_bytes(mount, name);
  if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= (int)sizeof folder)
    return bytes;
  size_t top = strlen(mount);
  for (char *slash; strlen(folder) > top; *slash = '\0') {
    bytes = smaller(bytes, read_bytes(folder, name));
    slash = strrchr(folder, '/');
    if (!slash || (size_t)(slash - folder) < top)
      break;
  }
  return bytes;
}

struct byte_limit {
  const char *root;
  uint64_t bytes;
};

static void add_group(const char *controllers, const char *group, void *context) {
  struct byte_limit *limit = context;
  char mount[PATH_MAX];
  if (*controllers == '\0')
    limit->bytes = smaller(limit->bytes, group_bytes(limit->root, group, "memory.max"));
  else if (strstr(controllers, "memory") && snprintf(mount, sizeof mount, "%s/memory", limit->root) < (int)sizeof mount)
    limit->bytes = smaller(limit->bytes, group_bytes(mount, group, "memory.limit_in_bytes"));
}

uint64_t lathe_impl_cgroup_bytes(const char *membership, const char *root) {
  struct byte_limit limit = {.root = root, .bytes = UINT64_MAX};
  lathe_impl_visit_cgroups(membership, add_group, &limit);
  return limit.bytes;
}

/* What `ulimit` leaves the process. */
static uint64_t resource_bytes(void) {
  struct rlimit space, data;
  uint64_t bytes = UINT64_MAX;
  if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
    bytes = smaller(bytes, space.rlim_cur);
  if (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY)
    bytes = smaller(bytes, data.rlim_cur);
  return bytes;
}

uint64_t lathe_get_memory(void) {
  static _Atomic uint64_t known;
  uint64_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
  if (bytes)
    return bytes;
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : PTRDIFF_MAX;
  bytes = smaller(bytes, lathe_impl_cgroup_bytes("/proc/self/cgroup", "/sys/fs/cgroup"));
  bytes = smaller(bytes, resource_bytes());
  bytes = smaller(bytes ? bytes : 1, PTRDIFF_MAX);
  atomic_store_explicit(&known, bytes, memory_order_relaxed);
  return bytes;
}
