/* lib/Runtime/CPU/Features.c: whether this processor has what a module was
 * compiled for, found before the first illegal instruction.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "../CUDA/Driver.h"
#include "../Core/Internal.h"
#include "MachineBits.h"

#include <stdio.h>
#include <string.h>

/* Writes the names of the features in `bits`, less those that others imply. */
static void name_bits(uint64_t bits, char *text, size_t size) {
  uint64_t implied = 0;
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < FEATURES; ++i)
    if (bits >> i & 1)
      add_bits(features[i].implies, &implied);
  for (size_t i = 0; i < FEATURES; ++i)
    if ((bits & ~implied) >> i & 1) {
      int more = snprintf(text + used, size - used, "%s%s", used ? ", " : "", features[i].name);
      if (more < 0 || (size_t)more >= size - used)
        return;
      used += (size_t)more;
    }
}

void lathe_impl_machine_name(char *text, size_t size) {
  uint64_t bits = machine_bits(), level = 0;
  size_t best = 0;
  for (size_t i = 0; i < LEVELS; ++i) {
    uint64_t needed = 0;
    add_bits(levels[i].features, &needed);
    if ((bits & needed) == needed) {
      best = i;
      level = needed;
    }
  }
  char rest[512];
  name_bits(bits & ~level, rest, sizeof rest);
  snprintf(text, size, PROCESSOR ":%s%s%s", levels[best].name, rest[0] ? ", " : "", rest);
}

lathe_status lathe_target_supported(const char *target) {
  if (!target)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "target-null",
                           "the target is NULL; give one such as "
                           "\"x86_64:avx2,fma\"");
  if (lathe_impl_cuda_names(target))
    return lathe_impl_cuda_supported(target, 0);
  const char *words = words_of(target);
  if (!words)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "target-processor",
                           "code for target \"%s\" cannot run here: this "
                           "processor is " PROCESSOR "; compile the model with --target=host",
                           target);
  uint64_t needed = 0;
  const char *unknown = add_bits(words, &needed);
  if (unknown)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "target-unknown-feature",
                           "code for target \"%s\" cannot run here: this "
                           "runtime cannot tell whether a " PROCESSOR " processor has '%.*s'; use a newer runtime, or "
                           "compile the model without it",
                           target, (int)strcspn(unknown, ","), unknown);
  uint64_t missing = needed & ~machine_bits();
  if (missing) {
    char names[256];
    name_bits(missing, names, sizeof names);
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "target-missing-feature",
                           "code for target \"%s\" cannot run here: this "
                           "processor, or its operating system, lacks '%s';"
                           " compile the model with --target=host",
                           target, names);
  }
  return LATHE_OK;
}

lathe_status lathe_impl_target_enable(const char *target) {
  uint64_t needed = 0;
  const char *words = words_of(target);
  if (!words)
    return LATHE_OK;
  add_bits(words, &needed);
  if (lets_use(needed))
    return LATHE_OK;
  return lathe_impl_fail(LATHE_INCOMPATIBLE, "target-amx-permission",
                         "code for target \"%s\" cannot run here: the "
                         "operating system does not let this process use "
                         "AMX; compile the model without it",
                         target);
}
