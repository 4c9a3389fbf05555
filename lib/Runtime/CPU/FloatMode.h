/* lib/Runtime/CPU/FloatMode.h: puts a thread into the floating point environment
 * of a call, so that results depend neither on what the host program set nor on
 * which thread computes them.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CPU_FLOATMODE_H
#define LATHE_RUNTIME_CPU_FLOATMODE_H

#include <stdbool.h>
#include <stdint.h>

/* Round to nearest, denormals kept, no traps; and the bits that read and write
 * denormals as zero. */
#if defined(__x86_64__)
#define LATHE_IMPL_FLOAT_DEFAULT 0x1F80u
#define LATHE_IMPL_FLOAT_FLUSH 0x8040u
typedef uint32_t lathe_impl_float_mode;
#define LATHE_IMPL_FLOAT_READ(mode) __asm__ volatile("stmxcsr %0" : "=m"(mode))
#define LATHE_IMPL_FLOAT_WRITE(mode) __asm__ volatile("ldmxcsr %0" ::"m"(mode))
/* The low bits report past exceptions: no reason for a slow write. */
#define LATHE_IMPL_FLOAT_CONTROL 0xFFC0u
#elif defined(__aarch64__)
#define LATHE_IMPL_FLOAT_DEFAULT 0u
#define LATHE_IMPL_FLOAT_FLUSH (UINT64_C(1) << 24)
typedef uint64_t lathe_impl_float_mode;
#define LATHE_IMPL_FLOAT_READ(mode) __asm__ volatile("mrs %0, fpcr" : "=r"(mode))
#define LATHE_IMPL_FLOAT_WRITE(mode) __asm__ volatile("msr fpcr, %0" ::"r"(mode))
#define LATHE_IMPL_FLOAT_CONTROL (~(uint64_t)0)
#else
#define LATHE_IMPL_FLOAT_DEFAULT 0
#define LATHE_IMPL_FLOAT_FLUSH 0
typedef int lathe_impl_float_mode;
#define LATHE_IMPL_FLOAT_READ(mode) ((mode) = 0)
#define LATHE_IMPL_FLOAT_WRITE(mode) ((void)(mode))
#define LATHE_IMPL_FLOAT_CONTROL 0
#endif

/* Goes over to `mode`, if `old` is another; the write is slow. */
static inline void lathe_impl_float_mode_change(lathe_impl_float_mode old, lathe_impl_float_mode mode) {
  if ((old & LATHE_IMPL_FLOAT_CONTROL) != (mode & LATHE_IMPL_FLOAT_CONTROL))
    LATHE_IMPL_FLOAT_WRITE(mode);
}

/* Returns what lathe_impl_float_mode_leave restores. */
static inline lathe_impl_float_mode lathe_impl_float_mode_enter(bool flushes_denormals) {
  lathe_impl_float_mode old, mode = LATHE_IMPL_FLOAT_DEFAULT;
  if (flushes_denormals)
    mode |= LATHE_IMPL_FLOAT_FLUSH;
  LATHE_IMPL_FLOAT_READ(old);
  lathe_impl_float_mode_change(old, mode);
  return old;
}

static inline void lathe_impl_float_mode_leave(lathe_impl_float_mode mode) {
  lathe_impl_float_mode own;
  LATHE_IMPL_FLOAT_READ(own);
  lathe_impl_float_mode_change(own, mode);
}

#endif /* LATHE_RUNTIME_CPU_FLOATMODE_H */
