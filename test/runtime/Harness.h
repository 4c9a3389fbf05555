/* test/runtime/Harness.h: checks that hold in every build type, unlike assert,
 * and a list of cases that can be run one by one.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_TEST_RUNTIME_HARNESS_H
#define LATHE_TEST_RUNTIME_HARNESS_H

#include "lathe-runtime/runtime.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static atomic_int failures; /* Checks may run on any thread. */

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      atomic_fetch_add(&failures, 1);                                                                                  \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                        \
    }                                                                                                                  \
  } while (0)

#define CHECK_OK(call) check_ok(__FILE__, __LINE__, #call, (call))

/* The call must fail with this status and leave exactly this message. */
#define CHECK_ERROR(call, status, message) check_error(__FILE__, __LINE__, #call, (call), (status), (message), true)

/* The same; the message must contain this text. */
#define CHECK_ERROR_HAS(call, status, part) check_error(__FILE__, __LINE__, #call, (call), (status), (part), false)

static inline void check_ok(const char *file, int line, const char *call, lathe_status status) {
  if (status == LATHE_OK)
    return;
  atomic_fetch_add(&failures, 1);
  fprintf(stderr, "%s:%d: %s: %s: %s\n", file, line, call, lathe_status_name(status), lathe_last_error());
}

static inline void check_error(const char *file, int line, const char *call, lathe_status actual, lathe_status expected,
                               const char *text, bool whole) {
  const char *message = actual == LATHE_OK ? "" : lathe_last_error();
  if (actual == expected && (whole ? strcmp(message, text) == 0 : strstr(message, text) != NULL))
    return;
  atomic_fetch_add(&failures, 1);
  fprintf(stderr, "%s:%d: %s\n  is    %s: %s\n  wants %s: %s\n", file, line, call, lathe_status_name(actual), message,
          lathe_status_name(expected), text);
}

struct test_case {
  const char *name;
  void (*run)(void);
};

/* Runs all cases, or the one that argv[1] names. Returns the exit code. */
static inline int run_cases(const struct test_case *cases, size_t count, const char *only) {
  size_t ran = 0;
  for (size_t i = 0; i < count; ++i) {
    if (only && strcmp(only, cases[i].name) != 0)
      continue;
    int before = atomic_load(&failures);
    cases[i].run();
    ++ran;
    printf("%s %s\n", atomic_load(&failures) == before ? "pass" : "FAIL", cases[i].name);
    fflush(stdout);
  }
  if (ran == 0) {
    fprintf(stderr, "no case is called \"%s\"\n", only ? only : "");
    return 2;
  }
  return atomic_load(&failures) ? 1 : 0;
}

#define RUN_CASES(cases, argc, argv) run_cases(cases, sizeof(cases) / sizeof((cases)[0]), (argc) > 1 ? (argv)[1] : NULL)

#endif /* LATHE_TEST_RUNTIME_HARNESS_H */
