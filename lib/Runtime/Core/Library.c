/* lib/Runtime/Core/Library.c: opens a compiled library, after a look at whether
 * all of it is there.
 *
 * The dynamic linker maps a library without comparing its headers with the
 * file's size: a truncated file ends the process with a bus error when a page
 * past its end is touched. Nor does it expect a wrong byte. Hence the look, and
 * the checksum of libraries that Lathe sealed, in Seal.c.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <elf.h>
#include <link.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#else
#define MACHINE EM_NONE /* Left to the dynamic linker. */
#endif

static lathe_status truncated(const char *path, uint64_t size, uint64_t needed) {
  return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-truncated",
                         "%s: the file has %llu bytes, but its headers ask for "
                         "%llu; copy or compile it again",
                         path, (unsigned long long)size, (unsigned long long)needed);
}

/* True if [offset, offset + length) lies within `size`, with no overflow. */
static bool within(uint64_t size, uint64_t offset, uint64_t length) {
  return offset <= size && length <= size - offset;
}

static uint64_t end_of(uint64_t offset, uint64_t length) {
  return length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
}

/* What people call a machine of ELF. */
static const char *machine_name(unsigned machine) {
  switch (machine) {
  case EM_386:
    return "x86";
  case EM_X86_64:
    return "x86_64";
  case EM_ARM:
    return "arm";
  case EM_AARCH64:
    return "aarch64";
  case EM_RISCV:
    return "riscv";
  case EM_PPC64:
    return "ppc64";
  case EM_S390:
    return "s390";
  default:
    return "another machine";
  }
}

/* A static program has no dynamic linker: dlopen would bring a second C library
 * into it, or crash. What the linker started names it in PT_INTERP. */
static int find_interpreter(struct dl_phdr_info *info, size_t size, void *found) {
  (void)size;
  for (unsigned i = 0; i < info->dlpi_phnum; ++i)
    if (info->dlpi_phdr[i].p_type == PT_INTERP)
      *(bool *)found = true;
  return 1; /* The first is the program itself. */
}

static lathe_status check_program(const char *path) {
  bool is_dynamic = false;
  dl_iterate_phdr(find_interpreter, &is_dynamic);
  if (is_dynamic)
    return LATHE_OK;
  return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-static-program",
                         "%s: this program is linked statically and cannot load shared libraries; link the model "
                         "into it: lathe compile MODEL -o MODEL.a --header MODEL.h",
                         path);
}

static lathe_status check_file(const char *path, int file, uint64_t size, bool checks_weights) {
  ElfW(Ehdr) header;
  ssize_t got = pread(file, &header, sizeof header, 0);
  if (got < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-not-a-library",
                           "%s: the file is not a shared library; give a .so file", path);
  if (got < (ssize_t)sizeof header)
    return truncated(path, size, sizeof header);
  if (MACHINE != EM_NONE && header.e_machine != MACHINE)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-machine",
                           "%s: the library is for %s (ELF machine %u), but this processor is %s; compile the "
                           "model for this target",
                           path, machine_name(header.e_machine), (unsigned)header.e_machine, machine_name(MACHINE));
  if (header.e_type != ET_DYN || header.e_phentsize != sizeof(ElfW(Phdr)))
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-not-a-library",
                           "%s: the file has ELF type %u, but a shared library "
                           "has %u; give the .so file that lathe compile wrote",
                           path, (unsigned)header.e_type, (unsigned)ET_DYN);
  /* Linkers write the section headers last, so this alone finds most cuts. */
  uint64_t sections = (uint64_t)header.e_shnum * header.e_shentsize;
  if (!within(size, header.e_shoff, sections))
    return truncated(path, size, end_of(header.e_shoff, sections));
  uint64_t segments = (uint64_t)header.e_phnum * sizeof(ElfW(Phdr));
  if (!within(size, header.e_phoff, segments))
    return truncated(path, size, end_of(header.e_phoff, segments));
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment;
    off_t at = (off_t)(header.e_phoff + i * sizeof segment);
    if (pread(file, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
      return truncated(path, size, (uint64_t)at + sizeof segment);
    if (segment.p_type == PT_LOAD && !within(size, segment.p_offset, segment.p_filesz))
      return truncated(path, size, end_of(segment.p_offset, segment.p_filesz));
  }
  lathe_status status = check_program(path);
  return status == LATHE_OK ? lathe_impl_check_seal(path, file, size, checks_weights) : status;
}
#else
static lathe_status check_file(const char *path, int file, uint64_t size, bool checks_weights) {
  (void)path, (void)file, (void)size, (void)checks_weights;
  return LATHE_OK;
}
#endif

static lathe_status check_path(const char *path, bool checks_weights) {
  /* Nonblocking, so that a pipe at that path does not hang us. */
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0) {
    int reason = errno;
    if (file >= 0)
      close(file);
    return lathe_impl_fail(LATHE_NOT_FOUND, "module-cannot-read", "%s: cannot read the module: %s", path,
                           strerror(reason));
  }
  lathe_status status;
  if (!S_ISREG(info.st_mode))
    status =
        lathe_impl_fail(LATHE_INCOMPATIBLE, "module-not-a-library", "%s: this is not a file; give a .so file", path);
  else
    status = check_file(path, file, (uint64_t)info.st_size, checks_weights);
  close(file);
  return status;
}

static lathe_status open_path(const char *path, const char *full, const char *name, void **library, void **symbol) {
  *library = dlopen(full, RTLD_NOW | RTLD_LOCAL);
  if (!*library) {
    const char *reason = dlerror();
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-cannot-load", "%s: the system cannot load the library: %s", path,
                           reason ? reason : "no reason given");
  }
  *symbol = dlsym(*library, name);
  if (*symbol)
    return LATHE_OK;
  lathe_impl_library_close(*library);
  *library = NULL;
  return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-no-query",
                         "%s: the library has no symbol %s; give one that was made for this", path, name);
}

lathe_status lathe_impl_library_open(const char *path, bool checks_weights, const char *name, void **library,
                                     void **symbol) {
  lathe_status status = check_path(path, checks_weights);
  if (status != LATHE_OK)
    return status;
  if (strchr(path, '/'))
    return open_path(path, path, name, library, symbol);
  /* A bare name would be looked for in the system's folders. */
  size_t size = strlen(path) + 3;
  char *full = malloc(size);
  if (!full)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "module-out-of-memory", "no memory for a path of %zu bytes", size);
  snprintf(full, size, "./%s", path);
  status = open_path(path, full, name, library, symbol);
  free(full);
  return status;
}

void lathe_impl_library_close(void *library) { dlclose(library); }
