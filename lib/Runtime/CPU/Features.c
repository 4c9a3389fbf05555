/* lib/Runtime/CPU/Features.c: whether this processor has what a module was
 * compiled for, found before the first illegal instruction.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "../Core/Internal.h"

#include <string.h>

enum answer { ABSENT, PRESENT, UNKNOWN };

#if defined(__x86_64__)
#include <cpuid.h>
#define PROCESSOR "x86_64"

enum { EAX, EBX, ECX, EDX };

/* Register state that the operating system must save, as bits of XCR0. */
#define SSE 0x2u
#define AVX 0x6u
#define AVX512 0xE6u
#define AMX 0x60000u

/* LLVM's names, and where CPUID tells. */
static const struct {
  const char *name;
  uint32_t leaf, subleaf;
  uint8_t reg, bit;
  uint32_t state;
} features[] = {
    {"sse", 1, 0, EDX, 25, 0},
    {"sse2", 1, 0, EDX, 26, 0},
    {"sse3", 1, 0, ECX, 0, 0},
    {"pclmul", 1, 0, ECX, 1, 0},
    {"ssse3", 1, 0, ECX, 9, 0},
    {"fma", 1, 0, ECX, 12, AVX},
    {"cx16", 1, 0, ECX, 13, 0},
    {"sse4.1", 1, 0, ECX, 19, 0},
    {"sse4.2", 1, 0, ECX, 20, 0},
    {"movbe", 1, 0, ECX, 22, 0},
    {"popcnt", 1, 0, ECX, 23, 0},
    {"aes", 1, 0, ECX, 25, 0},
    {"xsave", 1, 0, ECX, 26, 0},
    {"avx", 1, 0, ECX, 28, AVX},
    {"f16c", 1, 0, ECX, 29, AVX},
    {"bmi", 7, 0, EBX, 3, 0},
    {"avx2", 7, 0, EBX, 5, AVX},
    {"bmi2", 7, 0, EBX, 8, 0},
    {"avx512f", 7, 0, EBX, 16, AVX512},
    {"avx512dq", 7, 0, EBX, 17, AVX512},
    {"avx512ifma", 7, 0, EBX, 21, AVX512},
    {"avx512cd", 7, 0, EBX, 28, AVX512},
    {"avx512bw", 7, 0, EBX, 30, AVX512},
    {"avx512vl", 7, 0, EBX, 31, AVX512},
    {"avx512vbmi", 7, 0, ECX, 1, AVX512},
    {"avx512vbmi2", 7, 0, ECX, 6, AVX512},
    {"gfni", 7, 0, ECX, 8, 0},
    {"vaes", 7, 0, ECX, 9, AVX},
    {"vpclmulqdq", 7, 0, ECX, 10, AVX},
    {"avx512vnni", 7, 0, ECX, 11, AVX512},
    {"avx512bitalg", 7, 0, ECX, 12, AVX512},
    {"avx512vpopcntdq", 7, 0, ECX, 14, AVX512},
    {"amx-bf16", 7, 0, EDX, 22, AMX},
    {"avx512fp16", 7, 0, EDX, 23, AVX512},
    {"amx-tile", 7, 0, EDX, 24, AMX},
    {"amx-int8", 7, 0, EDX, 25, AMX},
    {"avxvnni", 7, 1, EAX, 4, AVX},
    {"avx512bf16", 7, 1, EAX, 5, AVX512},
    {"amx-fp16", 7, 1, EAX, 21, AMX},
    {"avxifma", 7, 1, EAX, 23, AVX},
    {"avxvnniint8", 7, 1, EDX, 4, AVX},
    {"avxneconvert", 7, 1, EDX, 5, AVX},
    {"avxvnniint16", 7, 1, EDX, 10, AVX},
    {"lzcnt", 0x80000001, 0, ECX, 5, 0},
    {"prfchw", 0x80000001, 0, ECX, 8, 0},
};

static uint32_t saved_state(void) {
  uint32_t regs[4];
  const uint32_t osxsave = 1u << 27;
  if (!__get_cpuid(1, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]) || !(regs[ECX] & osxsave))
    return SSE;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static enum answer has_feature(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof features / sizeof features[0]; ++i) {
    if (strlen(features[i].name) != length || memcmp(features[i].name, name, length) != 0)
      continue;
    uint32_t r[4] = {0};
    bool known = __get_cpuid_count(features[i].leaf, features[i].subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]);
    bool present = known && (r[features[i].reg] >> features[i].bit & 1) &&
                   (saved_state() & features[i].state) == features[i].state;
    return present ? PRESENT : ABSENT;
  }
  return UNKNOWN;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#define PROCESSOR "aarch64"

/* LLVM's names, and the bits of AT_HWCAP or AT_HWCAP2 that tell. */
static const struct {
  const char *name;
  unsigned long type;
  unsigned bit;
} features[] = {
    {"neon", AT_HWCAP, 1},  {"fullfp16", AT_HWCAP, 10}, {"dotprod", AT_HWCAP, 20}, {"sve", AT_HWCAP, 22},
    {"sve2", AT_HWCAP2, 1}, {"i8mm", AT_HWCAP2, 13},    {"bf16", AT_HWCAP2, 14},
};

static enum answer has_feature(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof features / sizeof features[0]; ++i)
    if (strlen(features[i].name) == length && memcmp(features[i].name, name, length) == 0)
      return getauxval(features[i].type) >> features[i].bit & 1 ? PRESENT : ABSENT;
  return UNKNOWN;
}

#else
#if defined(__riscv)
#define PROCESSOR "riscv64"
#elif defined(__wasm__)
#define PROCESSOR "wasm32"
#elif defined(__aarch64__)
#define PROCESSOR "aarch64"
#else
#define PROCESSOR "unknown"
#endif
static enum answer has_feature(const char *name, size_t length) {
  (void)name, (void)length;
  return UNKNOWN;
}
#endif

/* The next of the features that commas part; false at the end. */
static bool next_feature(const char **rest, const char **name, size_t *length) {
  if (**rest == '\0')
    return false;
  *name = *rest;
  *length = strcspn(*rest, ",");
  *rest += *length + ((*rest)[*length] == ',');
  return true;
}

lathe_status lathe_target_supported(const char *target) {
  if (!target)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "target-null",
                           "the target is NULL; give one such as "
                           "\"x86_64:avx2,fma\"");
  size_t length = strcspn(target, ":");
  if (length != strlen(PROCESSOR) || memcmp(target, PROCESSOR, length) != 0)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "target-processor",
                           "code for target \"%s\" cannot run here: this "
                           "processor is " PROCESSOR "; compile the model with --target=host",
                           target);
  const char *rest = target + length + (target[length] == ':'), *name = NULL;
  while (next_feature(&rest, &name, &length)) {
    enum answer answer = has_feature(name, length);
    if (answer == ABSENT)
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "target-missing-feature",
                             "code for target \"%s\" cannot run here: this "
                             "processor, or its operating system, lacks '%.*s';"
                             " compile the model with --target=host",
                             target, (int)length, name);
    if (answer == UNKNOWN)
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "target-unknown-feature",
                             "code for target \"%s\" cannot run here: this "
                             "runtime cannot tell whether a " PROCESSOR
                             " processor has '%.*s'; use a newer runtime, or "
                             "compile the model without it",
                             target, (int)length, name);
  }
  return LATHE_OK;
}

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

lathe_status lathe_impl_target_enable(const char *target) {
  /* Linux grants a process the tile registers only when asked: without this
   * the first tile instruction is illegal. It holds for all threads. */
  const long request_permission = 0x1023, tile_data = 18;
  const char *rest = strchr(target, ':'), *name = NULL;
  size_t length = 0;
  if (!rest)
    return LATHE_OK;
  ++rest;
  while (next_feature(&rest, &name, &length)) {
    if (length < 4 || memcmp(name, "amx-", 4) != 0)
      continue;
    if (syscall(SYS_arch_prctl, request_permission, tile_data) != 0)
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "target-amx-permission",
                             "code for target \"%s\" cannot run here: the "
                             "operating system does not let this process use "
                             "AMX; compile the model without it",
                             target);
    return LATHE_OK;
  }
  return LATHE_OK;
}
#else
lathe_status lathe_impl_target_enable(const char *target) {
  (void)target;
  return LATHE_OK;
}
#endif
