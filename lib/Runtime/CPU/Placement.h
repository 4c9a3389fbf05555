/* lib/Runtime/CPU/Placement.h: moving a thread away from the CPUs of others.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CPU_PLACEMENT_H
#define LATHE_RUNTIME_CPU_PLACEMENT_H

#include <stdbool.h>

/* The CPU that this thread runs on; -1 where the system does not tell. */
int lathe_impl_current_cpu(void);

/* Moves this thread to a CPU that is none of the `count` in `used`, if its
 * affinity leaves one. It may be moved on by the system at once: its affinity
 * is the same as before. */
void lathe_impl_avoid_cpus(const int *used, int count);

#endif /* LATHE_RUNTIME_CPU_PLACEMENT_H */
