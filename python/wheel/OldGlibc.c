/* python/wheel/OldGlibc.c: binds a wheel's libraries to the symbols that glibc 2.28 has.
 *
 * A linker takes the newest version of each function that the C library of the build machine has,
 * and then the older ones lack it. The functions here have the same names, are hidden, and call the
 * first version; what 2.28 has not at all is made of what it has.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#define FIRST "GLIBC_2.2.5"
#define SETNAME "GLIBC_2.12"
#define STAT_VERSION 1
#define MKNOD_VERSION 0
#elif defined(__aarch64__)
#define FIRST "GLIBC_2.17"
#define SETNAME "GLIBC_2.17"
#define STAT_VERSION 0
#define MKNOD_VERSION 0
#else
#error "say which versions of glibc's functions this architecture began with"
#endif

/* Declares old_NAME, the function of that version. */
#define OLD_OF(VERSION, RESULT, NAME, PARAMETERS)                                                                      \
  extern RESULT old_##NAME PARAMETERS;                                                                                 \
  __asm__(".symver old_" #NAME "," #NAME "@" VERSION)
#define OLD(RESULT, NAME, PARAMETERS) OLD_OF(FIRST, RESULT, NAME, PARAMETERS)

/* Defines NAME by it. */
#define FORWARD_OF(VERSION, RESULT, NAME, PARAMETERS, ARGUMENTS)                                                       \
  OLD_OF(VERSION, RESULT, NAME, PARAMETERS);                                                                           \
  RESULT NAME PARAMETERS { return old_##NAME ARGUMENTS; }
#define FORWARD(RESULT, NAME, PARAMETERS, ARGUMENTS) FORWARD_OF(FIRST, RESULT, NAME, PARAMETERS, ARGUMENTS)

/* 2.34 moved these into libc.so.6, under new versions. */
FORWARD(void *, dlopen, (const char *file, int mode), (file, mode))
FORWARD(void *, dlsym, (void *restrict handle, const char *restrict name), (handle, name))
FORWARD(char *, dlerror, (void), ())
FORWARD(int, dlclose, (void *handle), (handle))
FORWARD(int, dladdr, (const void *address, Dl_info *info), (address, info))
FORWARD(int, pthread_once, (pthread_once_t * once, void (*init)(void)), (once, init))
FORWARD(int, pthread_create,
        (pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*start)(void *),
         void *restrict argument),
        (thread, attributes, start, argument))
FORWARD(int, pthread_join, (pthread_t thread, void **result), (thread, result))
FORWARD(int, pthread_detach, (pthread_t thread), (thread))
FORWARD(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
FORWARD(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
FORWARD(int, pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock))
FORWARD(int, pthread_attr_setstacksize, (pthread_attr_t * attributes, size_t size), (attributes, size))
FORWARD(int, pthread_key_create, (pthread_key_t * key, void (*destroy)(void *)), (key, destroy))
FORWARD(int, pthread_key_delete, (pthread_key_t key), (key))
FORWARD(void *, pthread_getspecific, (pthread_key_t key), (key))
FORWARD(int, pthread_setspecific, (pthread_key_t key, const void *value), (key, value))
FORWARD(int, pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex))
FORWARD_OF(SETNAME, int, pthread_setname_np, (pthread_t thread, const char *name), (thread, name))
FORWARD(int, pthread_sigmask, (int how, const sigset_t *restrict set, sigset_t *restrict old), (how, set, old))
OLD(int, __pthread_key_create, (pthread_key_t *, void (*)(void *)));
int __pthread_key_create(pthread_key_t *key, void (*destroy)(void *)) { return old___pthread_key_create(key, destroy); }

/* 2.29 has versions that set no error handler. */
FORWARD(double, exp, (double x), (x))
FORWARD(double, exp2, (double x), (x))
FORWARD(double, log, (double x), (x))
FORWARD(double, log2, (double x), (x))
FORWARD(double, pow, (double x, double y), (x, y))

/* Before 2.33 the headers called these with a version of the struct. */
OLD(int, __xstat, (int, const char *, struct stat *));
OLD(int, __lxstat, (int, const char *, struct stat *));
OLD(int, __fxstat, (int, int, struct stat *));
OLD(int, __xmknod, (int, const char *, mode_t, dev_t *));
int stat(const char *restrict path, struct stat *restrict status) { return old___xstat(STAT_VERSION, path, status); }
int lstat(const char *restrict path, struct stat *restrict status) { return old___lxstat(STAT_VERSION, path, status); }
int fstat(int file, struct stat *status) { return old___fxstat(STAT_VERSION, file, status); }
int mknod(const char *path, mode_t mode, dev_t device) { return old___xmknod(MKNOD_VERSION, path, mode, &device); }
/* On 64-bit machines the structs are the same. */
int stat64(const char *restrict path, struct stat64 *restrict status) { return stat(path, (struct stat *)status); }
int lstat64(const char *restrict path, struct stat64 *restrict status) { return lstat(path, (struct stat *)status); }
int fstat64(int file, struct stat64 *status) { return fstat(file, (struct stat *)status); }

/* 2.30. The conditions of libstdc++ count by the clock of the day. */
int pthread_cond_clockwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t clock,
                           const struct timespec *restrict until) {
  const int64_t second = 1000000000;
  struct timespec now, today;
  if (clock_gettime(clock, &now) || clock_gettime(CLOCK_REALTIME, &today))
    return EINVAL;
  int64_t left = (until->tv_sec - now.tv_sec) * second + until->tv_nsec - now.tv_nsec;
  int64_t then = today.tv_sec * second + today.tv_nsec + left;
  struct timespec end = {.tv_sec = then / second, .tv_nsec = then % second};
  return pthread_cond_timedwait(condition, mutex, &end);
}
pid_t gettid(void) { return (pid_t)syscall(SYS_gettid); }

/* 2.32: "may skip atomics"; without it nobody skips them. */
char __libc_single_threaded = 0;

/* 2.33: only statistics of LLVM ask. */
struct mallinfo2 mallinfo2(void) { return (struct mallinfo2){0}; }

/* 2.36. */
uint32_t arc4random(void) {
  uint32_t number = 0;
  return getentropy(&number, sizeof number) ? 0 : number;
}
