/* test/runtime/target.c: what the runtime finds out about the machine, held
 * against what the operating system says.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "CPU/Placement.h"
#include "Core/Internal.h"
#include "Fixture.h"
#include "Harness.h"
#include "lathe-runtime/cuda.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void refuses_other_processors(void) {
  CHECK_ERROR_HAS(lathe_target_supported("sparc:vis3"), LATHE_INCOMPATIBLE,
                  "code for target \"sparc:vis3\" cannot run here");
  CHECK_ERROR_HAS(lathe_target_supported(""), LATHE_INCOMPATIBLE, "[target-processor]");
  CHECK_ERROR_HAS(lathe_target_supported("x86"), LATHE_INCOMPATIBLE, "[target-processor]");
  CHECK_ERROR_HAS(lathe_target_supported(NULL), LATHE_INVALID_ARGUMENT, "[target-null]");
}

/* The folder for code of GPUs needs no GPU to be named. */
static void keeps_code_in_folders(void) {
  char path[800];
  memset(path, 'x', sizeof path);
  path[768] = 0;
  CHECK_ERROR_HAS(lathe_cuda_keep_code(path), LATHE_INVALID_ARGUMENT,
                  "has 768 bytes, but 767 at most are possible; name another one [cuda-code-folder]");
  path[767] = 0;
  CHECK(lathe_cuda_keep_code(path) == LATHE_OK);
  CHECK(lathe_cuda_keep_code("") == LATHE_OK);
  CHECK(lathe_cuda_keep_code(NULL) == LATHE_OK);
}

#if defined(__x86_64__)
/* LLVM's name, Linux's name. */
static const char *const names[][2] = {
    {"sse3", "pni"},
    {"sse4.2", "sse4_2"},
    {"avx", "avx"},
    {"f16c", "f16c"},
    {"fma", "fma"},
    {"bmi2", "bmi2"},
    {"lzcnt", "abm"},
    {"avx2", "avx2"},
    {"avx512f", "avx512f"},
    {"avx512bw", "avx512bw"},
    {"avx512dq", "avx512dq"},
    {"avx512vl", "avx512vl"},
    {"avx512cd", "avx512cd"},
    {"avx512vbmi", "avx512vbmi"},
    {"avx512vbmi2", "avx512_vbmi2"},
    {"avx512vnni", "avx512_vnni"},
    {"avx512bf16", "avx512_bf16"},
    {"avx512bitalg", "avx512_bitalg"},
    {"avx512vpopcntdq", "avx512_vpopcntdq"},
    {"avx512fp16", "avx512_fp16"},
    {"avxvnni", "avx_vnni"},
    {"gfni", "gfni"},
    {"amx-tile", "amx_tile"},
    {"amx-int8", "amx_int8"},
    {"amx-bf16", "amx_bf16"},
};
enum { NAMES = sizeof names / sizeof names[0] };

/* The flags of the first processor, with a blank before and after each. */
static bool read_flags(char *flags, int size) {
  FILE *file = fopen("/proc/cpuinfo", "r");
  bool found = false;
  while (file && !found && fgets(flags, size, file))
    found = strncmp(flags, "flags", 5) == 0;
  if (file)
    fclose(file);
  if (found)
    flags[strcspn(flags, "\n")] = ' ';
  return found;
}

static void agrees_with_the_kernel(void) {
  static char flags[8192];
  char flag[64], target[64], message[160];
  int present = 0, absent = 0;
  if (!read_flags(flags, sizeof flags)) {
    printf("skip agrees-with-the-kernel: no /proc/cpuinfo\n");
    return;
  }
  for (int i = 0; i < NAMES; ++i) {
    snprintf(flag, sizeof flag, " %s ", names[i][1]);
    snprintf(target, sizeof target, "x86_64:sse3,%s", names[i][0]);
    if (strstr(flags, flag)) {
      CHECK_OK(lathe_target_supported(target));
      ++present;
      continue;
    }
    snprintf(message, sizeof message, "%s'; compile", names[i][0]);
    CHECK_ERROR_HAS(lathe_target_supported(target), LATHE_INCOMPATIBLE, message);
    CHECK_ERROR_HAS(lathe_target_supported(target), LATHE_INCOMPATIBLE, "[target-missing-feature]");
    ++absent;
    /* A module of that target is refused in the same words. */
    lathe_module_desc desc = *lathe_module_query(LATHE_ABI_VERSION);
    lathe_variant_desc variant = *desc.variants[0];
    const lathe_variant_desc *const variants[] = {&variant};
    lathe_module *module = NULL;
    desc.variants = variants;
    variant.target = target;
    CHECK_ERROR_HAS(lathe_module_from_desc(&desc, &module), LATHE_INCOMPATIBLE, message);
  }
  printf("features: %d present, %d absent\n", present, absent);
  CHECK(present > 0);
}

static void reads_target_strings(void) {
  CHECK_OK(lathe_target_supported("x86_64"));
  CHECK_OK(lathe_target_supported("x86_64:"));
  CHECK_OK(lathe_target_supported("x86_64:v1,sse3"));
  CHECK_ERROR_HAS(lathe_target_supported("x86_64:sse3,avx9000,v1"), LATHE_INCOMPATIBLE, "'avx9000'");
  CHECK_ERROR_HAS(lathe_target_supported("x86_64:sse3,,v1"), LATHE_INCOMPATIBLE, "[target-unknown-feature]");
  CHECK_ERROR_HAS(lathe_target_supported("x86_64:ss"), LATHE_INCOMPATIBLE, "[target-unknown-feature]");
}
#endif

/* --- Placement ---------------------------------------------------------- */

static void moves_away_from_a_cpu(void) {
  cpu_set_t before, after;
  bool moved = false;
  CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
  for (int i = 0; i < 100; ++i) {
    int cpu = lathe_impl_current_cpu();
    CHECK(cpu >= 0);
    lathe_impl_avoid_cpus(&cpu, 1);
    moved |= lathe_impl_current_cpu() != cpu;
  }
  CHECK(moved == (CPU_COUNT(&before) > 1));
  const int none = -1;
  lathe_impl_avoid_cpus(&none, 1);
  /* Nowhere to go: stays. */
  int all[CPU_SETSIZE];
  for (int i = 0; i < CPU_SETSIZE; ++i)
    all[i] = i;
  lathe_impl_avoid_cpus(all, CPU_SETSIZE);
  CHECK(sched_getaffinity(0, sizeof after, &after) == 0);
  CHECK(CPU_EQUAL(&before, &after));
}

static void counts_cpus(void) {
  cpu_set_t before, one;
  CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
  int cpus = lathe_impl_cpu_count();
  CHECK(cpus >= 1 && cpus <= CPU_COUNT(&before));
  CPU_ZERO(&one);
  CPU_SET(lathe_impl_current_cpu(), &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(lathe_impl_cpu_count() == 1);
  CHECK(sched_setaffinity(0, sizeof before, &before) == 0);
  CHECK(lathe_impl_cpu_count() == cpus);
}

/* --- Control groups ----------------------------------------------------- */

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  CHECK(file && fputs(text, file) >= 0);
  if (file)
    fclose(file);
}

static int limit(const char *membership) {
  write_text("cgroup-test/membership", membership);
  return lathe_impl_cgroup_cpus("cgroup-test/membership", "cgroup-test");
}

static void reads_version_2(void) {
  mkdir("cgroup-test", 0700);
  mkdir("cgroup-test/outer", 0700);
  mkdir("cgroup-test/outer/inner", 0700);
  write_text("cgroup-test/outer/inner/cpu.max", "max 100000\n");
  write_text("cgroup-test/outer/cpu.max", "max 100000\n");
  remove("cgroup-test/cpu.max");
  CHECK(limit("0::/outer/inner\n") == 0);
  write_text("cgroup-test/outer/cpu.max", "250000 100000\n");
  CHECK(limit("0::/outer/inner\n") == 3); /* The group around it counts. */
  write_text("cgroup-test/outer/inner/cpu.max", "200000 100000\n");
  CHECK(limit("0::/outer/inner\n") == 2);
  CHECK(limit("0::/outer\n") == 3);
  write_text("cgroup-test/outer/inner/cpu.max", "1000 100000\n");
  CHECK(limit("0::/outer/inner\n") == 1);
  /* The path is the one outside of the container. */
  CHECK(limit("0::/docker/0123\n") == 0);
  write_text("cgroup-test/cpu.max", "400000 100000\n");
  CHECK(limit("0::/docker/0123\n") == 4);
  CHECK(limit("0::/\n") == 4);
  remove("cgroup-test/cpu.max");
}

static void reads_version_1(void) {
  mkdir("cgroup-test", 0700);
  mkdir("cgroup-test/cpu,cpuacct", 0700);
  mkdir("cgroup-test/cpu,cpuacct/job", 0700);
  write_text("cgroup-test/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write_text("cgroup-test/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  write_text("cgroup-test/cpu,cpuacct/job/cpu.cfs_quota_us", "150000\n");
  write_text("cgroup-test/cpu,cpuacct/job/cpu.cfs_period_us", "50000\n");
  CHECK(limit("3:cpuset:/job\n2:cpu,cpuacct:/job\n") == 3);
  CHECK(limit("2:cpu,cpuacct:/\n") == 0);
  CHECK(limit("2:cpuset:/job\n") == 0);
  CHECK(limit("nonsense\n") == 0);
  CHECK(lathe_impl_cgroup_cpus("no-such-file", "cgroup-test") == 0);
}

static uint64_t memory(const char *membership) {
  write_text("cgroup-test/membership", membership);
  return lathe_impl_cgroup_bytes("cgroup-test/membership", "cgroup-test");
}

static void reads_memory(void) {
  mkdir("cgroup-test", 0700);
  mkdir("cgroup-test/outer", 0700);
  mkdir("cgroup-test/outer/inner", 0700);
  mkdir("cgroup-test/memory", 0700);
  mkdir("cgroup-test/memory/job", 0700);
  remove("cgroup-test/memory.max");
  write_text("cgroup-test/outer/inner/memory.max", "max\n");
  write_text("cgroup-test/outer/memory.max", "max\n");
  CHECK(memory("0::/outer/inner\n") == UINT64_MAX);
  write_text("cgroup-test/outer/memory.max", "1000000\n");
  CHECK(memory("0::/outer/inner\n") == 1000000);
  write_text("cgroup-test/outer/inner/memory.max", "4096\n");
  CHECK(memory("0::/outer/inner\n") == 4096);
  CHECK(memory("0::/\n") == UINT64_MAX);
  write_text("cgroup-test/memory.max", "2048\n");
  CHECK(memory("0::/docker/0123\n") == 2048);
  remove("cgroup-test/memory.max");
  write_text("cgroup-test/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write_text("cgroup-test/memory/job/memory.limit_in_bytes", "8192\n");
  CHECK(memory("3:cpuset:/job\n2:memory:/job\n") == 8192);
  CHECK(memory("nonsense\n") == UINT64_MAX);
  CHECK(lathe_impl_cgroup_bytes("no-such-file", "cgroup-test") == UINT64_MAX);
}

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"refuses-other-processors", refuses_other_processors},
      {"keeps-code-in-folders", keeps_code_in_folders},
#if defined(__x86_64__)
      {"agrees-with-the-kernel", agrees_with_the_kernel},
      {"reads-target-strings", reads_target_strings},
#endif
      {"moves-away-from-a-cpu", moves_away_from_a_cpu},
      {"counts-cpus", counts_cpus},
      {"reads-version-2", reads_version_2},
      {"reads-memory", reads_memory},
      {"reads-version-1", reads_version_1},
  };
  return RUN_CASES(cases, argc, argv);
}
