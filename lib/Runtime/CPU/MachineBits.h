/* lib/Runtime/CPU/MachineBits.h: what this processor and its operating system have, as bits, by the names of
 * cpu_features.def. The runtime includes it, and so does every library of operators.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_LIB_RUNTIME_CPU_MACHINEBITS_H
#define LATHE_LIB_RUNTIME_CPU_MACHINEBITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A feature by LLVM's name, the names that it implies, and where the machine
 * tells; a level is a name for several. */
struct feature {
  const char *name, *implies;
  uint32_t place[5];
};
struct level {
  const char *name, *features;
};

#if defined(__x86_64__)
#include <cpuid.h>
#define PROCESSOR "x86_64"

enum { EAX, EBX, ECX, EDX };

/* Register state that the operating system must save, as bits of XCR0. */
#define NONE 0x0u
#define AVX 0x6u
#define AVX512 0xE6u
#define AMX 0x60000u

static const struct feature features[] = {
#define LATHE_X86_FEATURE(name, implies, leaf, subleaf, reg, bit, state)                                               \
  {name, implies, {leaf, subleaf, reg, bit, state}},
#include "lathe-runtime/cpu_features.def"
};
static const struct level levels[] = {
#define LATHE_X86_LEVEL(name, features) {name, features},
#include "lathe-runtime/cpu_features.def"
};

static uint32_t saved_state(void) {
  uint32_t regs[4];
  const uint32_t osxsave = 1u << 27;
  if (!__get_cpuid(1, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]) || !(regs[ECX] & osxsave))
    return NONE;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static bool has_feature(const uint32_t place[5]) {
  uint32_t r[4] = {0};
  return __get_cpuid_count(place[0], place[1], &r[EAX], &r[EBX], &r[ECX], &r[EDX]) && (r[place[2]] >> place[3] & 1) &&
         (saved_state() & place[4]) == place[4];
}

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#define PROCESSOR "aarch64"

static const struct feature features[] = {
#define LATHE_ARM_FEATURE(name, implies, vector, bit) {name, implies, {vector, bit}},
#include "lathe-runtime/cpu_features.def"
};
static const struct level levels[] = {
#define LATHE_ARM_LEVEL(name, features) {name, features},
#include "lathe-runtime/cpu_features.def"
};

static bool has_feature(const uint32_t place[5]) {
  return getauxval(place[0] == 1 ? AT_HWCAP : AT_HWCAP2) >> place[1] & 1;
}

#elif defined(__riscv) && __riscv_xlen == 64 && defined(__linux__)
#include <sys/auxv.h>
#define PROCESSOR "riscv64"

static const struct feature features[] = {
#define LATHE_RISCV_FEATURE(name, implies, bit) {name, implies, {bit}},
#include "lathe-runtime/cpu_features.def"
};
static const struct level levels[] = {
#define LATHE_RISCV_LEVEL(name, features) {name, features},
#include "lathe-runtime/cpu_features.def"
};

static bool has_feature(const uint32_t place[5]) { return getauxval(AT_HWCAP) >> place[0] & 1; }

#else
#if defined(__wasm__)
#define PROCESSOR "wasm32"
#else
#define PROCESSOR "unknown"
#endif
static const struct feature features[] = {{"", "", {0}}};
static const struct level levels[] = {{"base", ""}};
static bool has_feature(const uint32_t place[5]) { return (void)place, false; }
#endif

enum { FEATURES = sizeof features / sizeof features[0], LEVELS = sizeof levels / sizeof levels[0] };

/* The next of the words that commas part; false at the end. */
static bool next_word(const char **rest, const char **word, size_t *length) {
  if (**rest == '\0')
    return false;
  *word = *rest;
  *length = strcspn(*rest, ",");
  *rest += *length + ((*rest)[*length] == ',');
  return true;
}

static bool is_word(const char *name, const char *word, size_t length) {
  return strlen(name) == length && memcmp(name, word, length) == 0;
}

/* Adds the bits of the features and levels in `list`, and of what they imply.
 * Returns the first word that is neither, or NULL. */
static const char *add_bits(const char *list, uint64_t *bits) {
  const char *word = NULL;
  size_t length = 0;
  while (next_word(&list, &word, &length)) {
    bool found = false;
    for (size_t i = 0; i < FEATURES && !found; ++i)
      if (length > 0 && is_word(features[i].name, word, length)) {
        *bits |= UINT64_C(1) << i;
        add_bits(features[i].implies, bits);
        found = true;
      }
    for (size_t i = 0; i < LEVELS && !found; ++i)
      if (is_word(levels[i].name, word, length)) {
        add_bits(levels[i].features, bits);
        found = true;
      }
    if (!found)
      return word;
  }
  return NULL;
}

/* Asked each time: a handful of instructions, and only when a module is loaded. */
static uint64_t machine_bits(void) {
  uint64_t bits = 0;
  for (size_t i = 0; i < FEATURES; ++i)
    if (has_feature(features[i].place))
      bits |= UINT64_C(1) << i;
  return bits;
}

/* Whether the operating system lets this process use the features `bits`, which the machine has. Linux grants the
 * registers of matrix tiles only when asked: without this the first tile instruction is illegal. It holds for all
 * threads. */
static bool lets_use(uint64_t bits) {
#if defined(__x86_64__) && defined(__linux__)
  const long arch_prctl = 158, request_permission = 0x1023, tile_data = 18;
  uint64_t tiles = 0;
  add_bits("amx-tile", &tiles);
  if (bits & tiles) {
    long status = arch_prctl;
    __asm__ volatile("syscall" : "+a"(status) : "D"(request_permission), "S"(tile_data) : "rcx", "r11", "memory");
    return status == 0;
  }
#endif
  return (void)bits, true;
}

/* What follows the architecture, if that is this machine's; else NULL. */
static const char *words_of(const char *target) {
  size_t length = strcspn(target, ":");
  return is_word(PROCESSOR, target, length) ? target + length + (target[length] == ':') : NULL;
}

#endif /* LATHE_LIB_RUNTIME_CPU_MACHINEBITS_H */
