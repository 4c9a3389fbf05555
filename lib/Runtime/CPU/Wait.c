/* lib/Runtime/CPU/Wait.c: futexes where the system has them, one condition for
 * all elsewhere (or with LATHE_NO_FUTEX, for testing).
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Wait.h"

#if defined(__linux__) && !defined(LATHE_NO_FUTEX)
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(atomic_uint) == 4, "a futex has 32 bits");

void lathe_impl_wait(atomic_uint *word, unsigned value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void lathe_impl_wake(atomic_uint *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

void lathe_impl_wake_all(atomic_uint *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0); }

void lathe_impl_wait_reset(void) {}
#else
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void lathe_impl_wait(atomic_uint *word, unsigned value) {
  pthread_mutex_lock(&mutex);
  while (atomic_load_explicit(word, memory_order_acquire) == value)
    pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}

void lathe_impl_wake(atomic_uint *word) {
  (void)word;
  /* The lock orders this after the check of a thread that is about to sleep. */
  pthread_mutex_lock(&mutex);
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}

void lathe_impl_wake_all(atomic_uint *word) { lathe_impl_wake(word); }

void lathe_impl_wait_reset(void) {
  mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}
#endif
