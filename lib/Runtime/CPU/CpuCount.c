/* lib/Runtime/CPU/CpuCount.c: how many CPUs this process may really use, which
 * in a container is rarely how many the machine has.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "../Core/Internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>

static int affinity_cpus(void) {
  /* The kernel refuses a set that is smaller than its own. */
  for (size_t cpus = 1024; cpus <= 1u << 20; cpus *= 4) {
    cpu_set_t *set = CPU_ALLOC(cpus);
    if (!set)
      return 0;
    size_t size = CPU_ALLOC_SIZE(cpus);
    int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0)
      return count;
  }
  return 0;
}
#else
static int affinity_cpus(void) { return 0; }
#endif

/* Reads the first line. False if there is none, or it is longer than `size`. */
static bool read_line(const char *path, char *line, int size) {
  FILE *file = fopen(path, "re");
  if (!file)
    return false;
  bool read = fgets(line, size, file) != NULL;
  fclose(file);
  return read && strlen(line) + 1 < (size_t)size;
}

/* CPUs for a quota and a period, both in microseconds; 0 for no limit. Rounded
 * up: the last thread may sleep for part of the period, but no CPU idles. */
static int quota_cpus(long long quota, long long period) {
  if (quota <= 0 || period <= 0)
    return 0;
  long long cpus = quota / period + (quota % period != 0);
  return cpus > INT_MAX ? INT_MAX : (int)cpus;
}

static int smaller_limit(int a, int b) {
  if (a == 0 || b == 0)
    return a + b;
  return a < b ? a : b;
}

/* Reads a number at `*at` and steps behind it; false if there is none that fits. */
static bool read_number(const char **at, long long *number) {
  char *end;
  errno = 0;
  *number = strtoll(*at, &end, 10);
  if (end == *at || errno != 0)
    return false;
  *at = end;
  return true;
}

/* One group of version 2: "<quota or max> <period>". */
static int unified_limit(const char *folder) {
  char path[PATH_MAX], line[64];
  long long quota = 0, period = 0;
  const char *at = line;
  if (snprintf(path, sizeof path, "%s/cpu.max", folder) >= (int)sizeof path || !read_line(path, line, sizeof line) ||
      !read_number(&at, &quota) || !read_number(&at, &period))
    return 0;
  return quota_cpus(quota, period);
}

/* One group of version 1: a file for each; the quota is -1 for no limit. */
static int controller_limit(const char *folder) {
  char path[PATH_MAX], line[64];
  long long quota = 0, period = 0;
  const char *at = line;
  if (snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder) >= (int)sizeof path ||
      !read_line(path, line, sizeof line) || !read_number(&at, &quota))
    return 0;
  at = line;
  if (snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder) >= (int)sizeof path ||
      !read_line(path, line, sizeof line) || !read_number(&at, &period))
    return 0;
  return quota_cpus(quota, period);
}

/* The smallest limit of `group` and the groups around it. In a container, the
 * path may be the one outside, of which `mount` shows only the innermost group:
 * then all but the last step find no file. */
static int group_limit(const char *mount, const char *group, int (*limit_of)(const char *folder)) {
  char folder[PATH_MAX];
  if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= (int)sizeof folder)
    return limit_of(mount);
  int limit = 0;
  size_t top = strlen(mount);
  for (;;) {
    limit = smaller_limit(limit, limit_of(folder));
    char *slash = strrchr(folder, '/');
    if (!slash || (size_t)(slash - folder) < top)
      return limit;
    *slash = '\0';
  }
}

static bool names_cpu(const char *controllers) {
  const char *rest = controllers;
  while (*rest) {
    size_t length = strcspn(rest, ",");
    if (length == 3 && memcmp(rest, "cpu", 3) == 0)
      return true;
    rest += length + (rest[length] == ',');
  }
  return false;
}

void lathe_impl_visit_cgroups(const char *membership,
                              void (*visit)(const char *controllers, const char *group, void *context), void *context) {
  FILE *file = fopen(membership, "re");
  if (!file)
    return;
  char line[PATH_MAX];
  while (fgets(line, sizeof line, file)) {
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
      continue;
    *controllers++ = '\0';
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    visit(controllers, group, context);
  }
  fclose(file);
}

struct cpu_limit {
  const char *root;
  int cpus;
};

static void add_group(const char *controllers, const char *group, void *context) {
  struct cpu_limit *limit = context;
  char mount[PATH_MAX];
  if (*controllers == '\0')
    limit->cpus = smaller_limit(limit->cpus, group_limit(limit->root, group, unified_limit));
  else if (names_cpu(controllers) &&
           snprintf(mount, sizeof mount, "%s/%s", limit->root, controllers) < (int)sizeof mount)
    limit->cpus = smaller_limit(limit->cpus, group_limit(mount, group, controller_limit));
}

int lathe_impl_cgroup_cpus(const char *membership, const char *root) {
  struct cpu_limit limit = {.root = root};
  lathe_impl_visit_cgroups(membership, add_group, &limit);
  return limit.cpus;
}

int lathe_impl_cpu_count(void) {
  int cpus = affinity_cpus();
  if (cpus <= 0) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpus = online > 0 && online < INT_MAX ? (int)online : 1;
  }
  return smaller_limit(cpus, lathe_impl_cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup"));
}
