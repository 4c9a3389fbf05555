/* lib/Runtime/Core/Library.c: opens a compiled library, after a look at whether
 * all of it is there.
 *
 * The dynamic linker maps a library without comparing its headers with the
 * file's size: a truncated file ends the process with a bus error when a page
 * past its end is touched. Nor does it expect a wrong byte. Hence the look, and
 * the checksum of libraries that Lathe sealed.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Internal.h"

#include "lathe-runtime/seal.h"

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

static lathe_status damaged(const char *path, const char *what) {
  return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-checksum",
                         "%s: the file is damaged: %s since lathe compile wrote it; copy or compile it again", path,
                         what);
}

/* Adds the bytes [from, to) of the file; false if they cannot be read. */
static bool add_range(lathe_checksum *sum, int file, uint64_t from, uint64_t to) {
  unsigned char block[512 * LATHE_CHECKSUM_BLOCK];
  while (from < to) {
    size_t want = to - from < sizeof block ? (size_t)(to - from) : sizeof block;
    size_t have = 0;
    while (have < want) {
      ssize_t got = pread(file, block + have, want - have, (off_t)(from + have));
      if (got <= 0)
        return false;
      have += (size_t)got;
    }
    lathe_checksum_add(sum, block, want);
    from += want;
  }
  return true;
}

static lathe_status check_seal(const char *path, int file, uint64_t size) {
  lathe_seal seal;
  if (size < sizeof seal || pread(file, &seal, sizeof seal, (off_t)(size - sizeof seal)) != (ssize_t)sizeof seal ||
      memcmp(seal.magic, LATHE_SEAL_MAGIC, sizeof seal.magic) != 0)
    return LATHE_OK; /* Not sealed. */
  uint64_t end = size - sizeof seal;
  if (seal.file_size != size)
    return damaged(path, "bytes were lost or added");
  if (seal.skipped_begin > seal.skipped_end || seal.skipped_end > end ||
      (seal.skipped_begin | seal.skipped_end) % LATHE_CHECKSUM_BLOCK != 0)
    return damaged(path, "its seal was changed");
  lathe_checksum sum;
  lathe_checksum_begin(&sum);
  if (!add_range(&sum, file, 0, seal.skipped_begin) || !add_range(&sum, file, seal.skipped_end, end))
    return lathe_impl_fail(LATHE_NOT_FOUND, "module-cannot-read", "%s: cannot read the module to its end", path);
  if (lathe_checksum_end(&sum) != seal.checksum)
    return damaged(path, "bytes were changed");
  return LATHE_OK;
}

static lathe_status check_file(const char *path, int file, uint64_t size) {
  ElfW(Ehdr) header;
  ssize_t got = pread(file, &header, sizeof header, 0);
  if (got < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-not-a-library",
                           "%s: the file is not a shared library; give the .so "
                           "file that lathe compile wrote",
                           path);
  if (got < (ssize_t)sizeof header)
    return truncated(path, size, sizeof header);
  if (MACHINE != EM_NONE && header.e_machine != MACHINE)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-machine",
                           "%s: the library is for ELF machine %u, but this "
                           "processor is %u; compile the model for this target",
                           path, (unsigned)header.e_machine, (unsigned)MACHINE);
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
  return check_seal(path, file, size);
}
#else
static lathe_status check_file(const char *path, int file, uint64_t size) {
  (void)path, (void)file, (void)size;
  return LATHE_OK;
}
#endif

static lathe_status check_path(const char *path) {
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
    status = lathe_impl_fail(LATHE_INCOMPATIBLE, "module-not-a-library",
                             "%s: this is not a file; give the .so file that "
                             "lathe compile wrote",
                             path);
  else
    status = check_file(path, file, (uint64_t)info.st_size);
  close(file);
  return status;
}

static lathe_status open_path(const char *path, const char *full, void **library, lathe_module_query_fn *query) {
  *library = dlopen(full, RTLD_NOW | RTLD_LOCAL);
  if (!*library) {
    const char *reason = dlerror();
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-cannot-load", "%s: the system cannot load the library: %s", path,
                           reason ? reason : "no reason given");
  }
  void *symbol = dlsym(*library, "lathe_module_query");
  if (!symbol) {
    lathe_impl_library_close(*library);
    *library = NULL;
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-no-query",
                           "%s: the library has no symbol lathe_module_query; "
                           "give a .so file that lathe compile wrote",
                           path);
  }
  /* ISO C has no cast from void * to a function; POSIX makes this work. */
  memcpy(query, &symbol, sizeof symbol);
  return LATHE_OK;
}

lathe_status lathe_impl_library_open(const char *path, void **library, lathe_module_query_fn *query) {
  lathe_status status = check_path(path);
  if (status != LATHE_OK)
    return status;
  if (strchr(path, '/'))
    return open_path(path, path, library, query);
  /* A bare name would be looked for in the system's folders. */
  size_t size = strlen(path) + 3;
  char *full = malloc(size);
  if (!full)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "module-out-of-memory", "no memory for a path of %zu bytes", size);
  snprintf(full, size, "./%s", path);
  status = open_path(path, full, library, query);
  free(full);
  return status;
}

void lathe_impl_library_close(void *library) { dlclose(library); }
