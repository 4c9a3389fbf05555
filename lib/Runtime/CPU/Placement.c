/* lib/Runtime/CPU/Placement.c: moves a worker that the system woke on the CPU
 * of the thread it should help.
 *
 * In a virtual machine, Linux takes a halted CPU for one that the host gave to
 * somebody else, and wakes a thread beside its waker instead. Threads that wait
 * for each other every few microseconds are then never spread: two of them were
 * seen to share one CPU for seconds, slower than one alone. Pinning would cure
 * that too, but hold on to a CPU that others may need.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Placement.h"

#if defined(__linux__)
#include <sched.h>

int lathe_impl_current_cpu(void) { return sched_getcpu(); }

void lathe_impl_avoid_cpus(const int *used, int count) {
  /* Machines with more CPUs than a cpu_set_t holds have enough idle ones. */
  cpu_set_t allowed, rest;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
    return;
  rest = allowed;
  for (int i = 0; i < count; ++i)
    if (used[i] >= 0 && used[i] < CPU_SETSIZE)
      CPU_CLR(used[i], &rest);
  if (CPU_COUNT(&rest) == 0 || sched_setaffinity(0, sizeof rest, &rest) != 0)
    return;
  sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
int lathe_impl_current_cpu(void) { return -1; }

void lathe_impl_avoid_cpus(const int *used, int count) { (void)used, (void)count; }
#endif
