/* python/wheel/Program.c: the program `lathe` of a wheel, whose code is in the library beside the
 * package, where it is there once.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#if defined(__x86_64__)
__asm__(".symver first_start,__libc_start_main@GLIBC_2.2.5");
#elif defined(__aarch64__)
__asm__(".symver first_start,__libc_start_main@GLIBC_2.17");
#endif

typedef int Main(int, char **, char **);
typedef void Hook(void);

extern int first_start(Main *main, int argc, char **argv, Hook *init, Hook *fini, Hook *linker, void *stack);

/* What starts programs has a new version since glibc 2.34; this one calls the first. The hooks are
 * null here, as the program has no constructors. */
__attribute__((visibility("hidden"))) int __libc_start_main(Main *main, int argc, char **argv, Hook *init, Hook *fini,
                                                            Hook *linker, void *stack) {
  return first_start(main, argc, argv, init, fini, linker, stack);
}

int lathe_command_line(int argc, char **argv);

int main(int argc, char **argv) { return lathe_command_line(argc, argv); }
