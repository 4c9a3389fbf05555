/* python/wheel/NoZstd.c: LLVM can compress debug information with zstd; Lathe never asks for it.
 *
 * LLVM's archives refer to these functions, and Debian has no archive of zstd that a shared library
 * could take. All of them say that they failed, which LLVM reports as an error.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include <stddef.h>

static const size_t failed = (size_t)-1;

unsigned ZSTD_isError(size_t code) { return code == failed; }
const char *ZSTD_getErrorName(size_t code) {
  (void)code;
  return "this build has no zstd";
}
size_t ZSTD_compressBound(size_t size) { return size; }
void *ZSTD_createCCtx(void) { return NULL; }
size_t ZSTD_freeCCtx(void *context) {
  (void)context;
  return 0;
}
size_t ZSTD_CCtx_setParameter(void *context, int parameter, int value) {
  (void)context, (void)parameter, (void)value;
  return failed;
}
size_t ZSTD_compress2(void *context, void *target, size_t room, const void *source, size_t size) {
  (void)context, (void)target, (void)room, (void)source, (void)size;
  return failed;
}
size_t ZSTD_decompress(void *target, size_t room, const void *source, size_t size) {
  (void)target, (void)room, (void)source, (void)size;
  return failed;
}
