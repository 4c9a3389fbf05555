/* lib/Runtime/Ops/HalfPrecision.h: conversions that compiled kernels call, and that older compilers' libraries lack.
 *
 * The result is in the register in which a float is returned, in its lowest bits.
 * Weak and hidden: each library of operators in a program has its own.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_LIB_RUNTIME_OPS_HALFPRECISION_H
#define LATHE_LIB_RUNTIME_OPS_HALFPRECISION_H

#include <stdint.h>
#include <string.h>

#define LATHE_OPS_HELPER __attribute__((weak, visibility("hidden")))

LATHE_OPS_HELPER float __truncsfbf2(float value);
LATHE_OPS_HELPER float __truncdfbf2(double value);

/* To the nearest, ties to even. */
LATHE_OPS_HELPER float __truncsfbf2(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (value != value)
    bits = bits >> 16 | 0x40; /* Quiet, whatever is cut off. */
  else
    bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

/* By way of a float that is odd where it is not exact, so that it is rounded once. */
LATHE_OPS_HELPER float __truncdfbf2(double value) {
  float narrow = (float)value;
  uint32_t bits;
  memcpy(&bits, &narrow, sizeof bits);
  if ((double)narrow != value && value == value && (bits & 0x7fffffff) < 0x7f800000) {
    double size = value < 0 ? -value : value, rounded = narrow < 0 ? -(double)narrow : (double)narrow;
    bits = (rounded > size ? bits - 1 : bits) | 1;
    memcpy(&narrow, &bits, sizeof narrow);
  }
  return __truncsfbf2(narrow);
}

#endif /* LATHE_LIB_RUNTIME_OPS_HALFPRECISION_H */
