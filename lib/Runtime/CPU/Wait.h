/* lib/Runtime/CPU/Wait.h: sleeping until a number in memory changes.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CPU_WAIT_H
#define LATHE_RUNTIME_CPU_WAIT_H

#include <stdatomic.h>

/* Tells the processor that this thread spins. */
static inline void lathe_impl_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Sleeps while `*word` is `value`. May also return for no reason. */
void lathe_impl_wait(atomic_uint *word, unsigned value);

/* Wakes one who sleeps on `word`, or all, after it was changed. */
void lathe_impl_wake(atomic_uint *word);
void lathe_impl_wake_all(atomic_uint *word);

/* To be called in the child of a fork, where sleepers and locks are gone. */
void lathe_impl_wait_reset(void);

#endif /* LATHE_RUNTIME_CPU_WAIT_H */
