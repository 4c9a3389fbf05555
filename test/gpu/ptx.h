/* test/gpu/ptx.h: what each instruction of PTX does, for `ptx_to_c.py`: registers are 64 bits, of which an instruction
 * reads and writes as many as its type has.
 *
 * An instruction that is not here is an error of the C compiler: the emulator never guesses.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "threads.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t reg;

#define FROM_BITS(NAME, TYPE, BITS)                                                                                    \
  static inline TYPE NAME(reg bits) {                                                                                  \
    BITS part = (BITS)bits;                                                                                            \
    TYPE value;                                                                                                        \
    memcpy(&value, &part, sizeof value);                                                                               \
    return value;                                                                                                      \
  }                                                                                                                    \
  static inline reg to_##NAME(TYPE value) {                                                                            \
    BITS part;                                                                                                         \
    memcpy(&part, &value, sizeof value);                                                                               \
    return part;                                                                                                       \
  }
FROM_BITS(u8, uint8_t, uint8_t)
FROM_BITS(s8, int8_t, uint8_t)
FROM_BITS(u16, uint16_t, uint16_t)
FROM_BITS(s16, int16_t, uint16_t)
FROM_BITS(u32, uint32_t, uint32_t)
FROM_BITS(s32, int32_t, uint32_t)
FROM_BITS(u64, uint64_t, uint64_t)
FROM_BITS(s64, int64_t, uint64_t)
FROM_BITS(f32, float, uint32_t)
FROM_BITS(f64, double, uint64_t)
FROM_BITS(f16, _Float16, uint16_t)
#define b8 u8
#define b16 u16
#define b32 u32
#define b64 u64
#define to_b8 to_u8
#define to_b16 to_u16
#define to_b32 to_u32
#define to_b64 to_u64

/* --- Arithmetic --------------------------------------------------------- */

#define BINARY(NAME, TYPE, EXPRESSION)                                                                                 \
  static inline reg NAME(reg a, reg b) {                                                                               \
    __auto_type x = TYPE(a);                                                                                           \
    __auto_type y = TYPE(b);                                                                                           \
    (void)x, (void)y;                                                                                                  \
    return to_##TYPE(EXPRESSION);                                                                                      \
  }
#define UNARY(NAME, TYPE, EXPRESSION)                                                                                  \
  static inline reg NAME(reg a) {                                                                                      \
    __auto_type x = TYPE(a);                                                                                           \
    return to_##TYPE(EXPRESSION);                                                                                      \
  }
/* Sums and products wrap: they are computed without a sign. */
#define WRAPPING(T, U)                                                                                                 \
  static inline reg add_##T(reg a, reg b) { return to_##U(U(a) + U(b)); }                                              \
  static inline reg sub_##T(reg a, reg b) { return to_##U(U(a) - U(b)); }                                              \
  static inline reg mul_lo_##T(reg a, reg b) { return to_##U((uint64_t)U(a) * U(b)); }                                 \
  static inline reg mad_lo_##T(reg a, reg b, reg c) { return to_##U((uint64_t)U(a) * U(b) + U(c)); }
WRAPPING(s16, u16)
WRAPPING(u16, u16)
WRAPPING(b16, u16)
WRAPPING(s32, u32)
WRAPPING(u32, u32)
WRAPPING(b32, u32)
WRAPPING(s64, u64)
WRAPPING(u64, u64)
WRAPPING(b64, u64)
static inline reg mul_wide_s32(reg a, reg b) { return (reg)((int64_t)s32(a) * s32(b)); }
static inline reg mul_wide_u32(reg a, reg b) { return (reg)u32(a) * u32(b); }
static inline reg mul_wide_s16(reg a, reg b) { return to_s32(s16(a) * s16(b)); }
static inline reg mul_wide_u16(reg a, reg b) { return (reg)u16(a) * u16(b); }
static inline reg mad_wide_s32(reg a, reg b, reg c) { return mul_wide_s32(a, b) + c; }
static inline reg mad_wide_u32(reg a, reg b, reg c) { return mul_wide_u32(a, b) + c; }
static inline reg mad_wide_s16(reg a, reg b, reg c) { return to_u32((uint32_t)(mul_wide_s16(a, b) + c)); }
static inline reg mad_wide_u16(reg a, reg b, reg c) { return to_u32((uint32_t)(mul_wide_u16(a, b) + c)); }
BINARY(mul_hi_s16, s16, (int16_t)(((int32_t)x * y) >> 16))
BINARY(mul_hi_u16, u16, (uint16_t)(((uint32_t)x * y) >> 16))
BINARY(mul_hi_s32, s32, (int32_t)(((int64_t)x * y) >> 32))
BINARY(mul_hi_u32, u32, (uint32_t)(((uint64_t)x * y) >> 32))
BINARY(mul_hi_s64, s64, (int64_t)(((__int128)x * y) >> 64))
BINARY(mul_hi_u64, u64, (uint64_t)(((unsigned __int128)x * y) >> 64))

/* A division by 0 has some result, and so has that of the least number by -1. */
#define DIVIDING(T)                                                                                                    \
  BINARY(div_##T, T, y == 0 ? (__typeof__(x))-1 : (__typeof__(x))-1 < 0 && y == (__typeof__(x))-1 ? 0 - x : x / y)     \
  BINARY(rem_##T, T, y == 0 ? x : (__typeof__(x))-1 < 0 && y == (__typeof__(x))-1 ? 0 : x % y)
DIVIDING(s16)
DIVIDING(u16)
DIVIDING(s32)
DIVIDING(u32)
DIVIDING(s64)
DIVIDING(u64)
#define ORDERED(T)                                                                                                     \
  BINARY(min_##T, T, x < y ? x : y)                                                                                    \
  BINARY(max_##T, T, x > y ? x : y)
ORDERED(s16)
ORDERED(u16)
ORDERED(s32)
ORDERED(u32)
ORDERED(s64)
ORDERED(u64)
UNARY(neg_s16, s16, (int16_t)-x)
UNARY(neg_s32, s32, (int32_t)(0u - (uint32_t)x))
UNARY(neg_s64, s64, (int64_t)(0u - (uint64_t)x))
UNARY(abs_s16, s16, (int16_t)(x < 0 ? -x : x))
UNARY(abs_s32, s32, (int32_t)(x < 0 ? 0u - (uint32_t)x : (uint32_t)x))
UNARY(abs_s64, s64, (int64_t)(x < 0 ? 0u - (uint64_t)x : (uint64_t)x))

#define BITS(T, WIDTH)                                                                                                 \
  BINARY(and_##T, T, x &y)                                                                                             \
  BINARY(or_##T, T, x | y)                                                                                             \
  BINARY(xor_##T, T, x ^ y)                                                                                            \
  UNARY(not_##T, T, (__typeof__(x))~x)                                                                                 \
  static inline reg shl_##T(reg a, reg b) { return u32(b) >= WIDTH ? 0 : to_##T((__typeof__(T(a)))(T(a) << u32(b))); }
BITS(b16, 16)
BITS(b32, 32)
BITS(b64, 64)
static inline reg and_pred(reg a, reg b) { return a && b; }
static inline reg or_pred(reg a, reg b) { return a || b; }
static inline reg xor_pred(reg a, reg b) { return !a != !b; }
static inline reg not_pred(reg a) { return !a; }
#define SHIFTED(T, WIDTH)                                                                                              \
  static inline reg shr_##T(reg a, reg b) {                                                                            \
    uint32_t by = u32(b) >= WIDTH ? WIDTH - 1 : u32(b);                                                                \
    __auto_type x = T(a);                                                                                              \
    return u32(b) >= WIDTH && (__typeof__(x))-1 > 0 ? 0 : to_##T((__typeof__(x))(x >> by));                            \
  }
SHIFTED(s16, 16)
SHIFTED(u16, 16)
SHIFTED(s32, 32)
SHIFTED(u32, 32)
SHIFTED(s64, 64)
SHIFTED(u64, 64)
static inline reg clz_b32(reg a) { return u32(a) ? (reg)__builtin_clz(u32(a)) : 32; }
static inline reg clz_b64(reg a) { return a ? (reg)__builtin_clzll(a) : 64; }
static inline reg popc_b32(reg a) { return (reg)__builtin_popcount(u32(a)); }
static inline reg popc_b64(reg a) { return (reg)__builtin_popcountll(a); }
static inline reg prmt_b32(reg a, reg b, reg c) {
  uint64_t bytes = (uint64_t)u32(b) << 32 | u32(a);
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    uint32_t select = c >> 4 * i & 15;
    uint8_t byte = bytes >> 8 * (select & 7);
    if (select & 8)
      byte = byte & 0x80 ? 0xff : 0;
    result |= (uint32_t)byte << 8 * i;
  }
  return result;
}
static inline reg shf_l_wrap_b32(reg a, reg b, reg c) {
  return u32((uint32_t)((((uint64_t)u32(b) << 32 | u32(a)) << (c & 31)) >> 32));
}
static inline reg shf_r_wrap_b32(reg a, reg b, reg c) {
  return u32((uint32_t)(((uint64_t)u32(b) << 32 | u32(a)) >> (c & 31)));
}
static inline reg bfe_u32(reg a, reg b, reg c) {
  uint32_t from = b & 255, length = c & 255;
  uint64_t part = from < 32 ? u32(a) >> from : 0;
  return length < 32 ? part & ((1ull << length) - 1) : part;
}
static inline reg bfe_s32(reg a, reg b, reg c) {
  uint32_t length = c & 255;
  uint32_t part = (uint32_t)bfe_u32(a, b, c);
  return length && length < 32 ? to_s32((int32_t)(part << (32 - length)) >> (32 - length)) : part;
}

static inline reg bfe_u64(reg a, reg b, reg c) {
  uint32_t from = b & 255, length = c & 255;
  uint64_t part = from < 64 ? a >> from : 0;
  return length < 64 ? part & ((1ull << length) - 1) : part;
}
static inline reg bfe_s64(reg a, reg b, reg c) {
  uint32_t length = c & 255;
  uint64_t part = bfe_u64(a, b, c);
  return length && length < 64 ? (reg)((int64_t)(part << (64 - length)) >> (64 - length)) : part;
}

/* --- Numbers with a point ----------------------------------------------- */

#define FLOATING(T, C, MIN, MAX, FMA, SQRT, ABS)                                                                       \
  BINARY(add_rn_##T, T, (C)(x + y))                                                                                    \
  BINARY(sub_rn_##T, T, (C)(x - y))                                                                                    \
  BINARY(mul_rn_##T, T, (C)(x * y))                                                                                    \
  BINARY(div_rn_##T, T, (C)(x / y))                                                                                    \
  BINARY(min_##T, T, (C)MIN(x, y))                                                                                     \
  BINARY(max_##T, T, (C)MAX(x, y))                                                                                     \
  UNARY(sqrt_rn_##T, T, (C)SQRT(x))                                                                                    \
  UNARY(abs_##T, T, (C)ABS(x))                                                                                         \
  UNARY(neg_##T, T, (C) - x)                                                                                           \
  static inline reg fma_rn_##T(reg a, reg b, reg c) { return to_##T((C)FMA(T(a), T(b), T(c))); }
FLOATING(f32, float, fminf, fmaxf, fmaf, sqrtf, fabsf)
FLOATING(f64, double, fmin, fmax, fma, sqrt, fabs)
FLOATING(f16, _Float16, fminf, fmaxf, fma, sqrtf, fabsf)
#define add_f32 add_rn_f32
#define sub_f32 sub_rn_f32
#define mul_f32 mul_rn_f32
#define add_f64 add_rn_f64
#define sub_f64 sub_rn_f64
#define mul_f64 mul_rn_f64
#define add_f16 add_rn_f16
#define sub_f16 sub_rn_f16
#define mul_f16 mul_rn_f16
static inline reg rcp_rn_f32(reg a) { return to_f32(1.0f / f32(a)); }
static inline reg rcp_rn_f64(reg a) { return to_f64(1.0 / f64(a)); }
static inline reg max_NaN_f32(reg a, reg b) { return isnan(f32(a)) || isnan(f32(b)) ? 0x7fffffff : max_f32(a, b); }
static inline reg min_NaN_f32(reg a, reg b) { return isnan(f32(a)) || isnan(f32(b)) ? 0x7fffffff : min_f32(a, b); }
static inline reg max_NaN_f16(reg a, reg b) {
  return isnan((float)f16(a)) || isnan((float)f16(b)) ? 0x7fff : max_f16(a, b);
}
static inline reg min_NaN_f16(reg a, reg b) {
  return isnan((float)f16(a)) || isnan((float)f16(b)) ? 0x7fff : min_f16(a, b);
}
static inline reg copysign_f32(reg a, reg b) { return to_f32(copysignf(f32(b), f32(a))); }
static inline reg copysign_f64(reg a, reg b) { return to_f64(copysign(f64(b), f64(a))); }
static inline float bf16(reg a) { return f32((reg)u16(a) << 16); }
static inline reg to_bf16(float value) {
  uint32_t bits = (uint32_t)to_f32(value);
  if (isnan(value))
    return 0x7fff;
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
static inline reg fma_rn_bf16(reg a, reg b, reg c) {
  /* In f64 the product is exact; the sum is rounded once more, which a test would see as half a step of bf16. */
  return to_bf16((float)(bf16(a) * (double)bf16(b) + bf16(c)));
}
static inline reg neg_bf16(reg a) { return u16(a) ^ 0x8000; }
static inline reg abs_bf16(reg a) { return u16(a) & 0x7fff; }

/* --- Comparisons -------------------------------------------------------- */

#define COMPARING(T)                                                                                                   \
  static inline reg setp_eq_##T(reg a, reg b) { return T(a) == T(b); }                                                 \
  static inline reg setp_ne_##T(reg a, reg b) { return T(a) != T(b); }                                                 \
  static inline reg setp_lt_##T(reg a, reg b) { return T(a) < T(b); }                                                  \
  static inline reg setp_le_##T(reg a, reg b) { return T(a) <= T(b); }                                                 \
  static inline reg setp_gt_##T(reg a, reg b) { return T(a) > T(b); }                                                  \
  static inline reg setp_ge_##T(reg a, reg b) { return T(a) >= T(b); }
COMPARING(s16)
COMPARING(u16)
COMPARING(b16)
COMPARING(s32)
COMPARING(u32)
COMPARING(b32)
COMPARING(s64)
COMPARING(u64)
COMPARING(b64)
#define setp_lo_u32 setp_lt_u32
#define setp_ls_u32 setp_le_u32
#define setp_hi_u32 setp_gt_u32
#define setp_hs_u32 setp_ge_u32
/* Without a number, "equal" and the like are false and their kin with a `u` are true. */
#define COMPARING_FLOATS(T, C)                                                                                         \
  static inline bool unordered_##T(reg a, reg b) { return isnan((C)T(a)) || isnan((C)T(b)); }                          \
  static inline reg setp_eq_##T(reg a, reg b) { return T(a) == T(b); }                                                 \
  static inline reg setp_ne_##T(reg a, reg b) { return !unordered_##T(a, b) && T(a) != T(b); }                         \
  static inline reg setp_lt_##T(reg a, reg b) { return T(a) < T(b); }                                                  \
  static inline reg setp_le_##T(reg a, reg b) { return T(a) <= T(b); }                                                 \
  static inline reg setp_gt_##T(reg a, reg b) { return T(a) > T(b); }                                                  \
  static inline reg setp_ge_##T(reg a, reg b) { return T(a) >= T(b); }                                                 \
  static inline reg setp_equ_##T(reg a, reg b) { return unordered_##T(a, b) || T(a) == T(b); }                         \
  static inline reg setp_neu_##T(reg a, reg b) { return unordered_##T(a, b) || T(a) != T(b); }                         \
  static inline reg setp_ltu_##T(reg a, reg b) { return unordered_##T(a, b) || T(a) < T(b); }                          \
  static inline reg setp_leu_##T(reg a, reg b) { return unordered_##T(a, b) || T(a) <= T(b); }                         \
  static inline reg setp_gtu_##T(reg a, reg b) { return unordered_##T(a, b) || T(a) > T(b); }                          \
  static inline reg setp_geu_##T(reg a, reg b) { return unordered_##T(a, b) || T(a) >= T(b); }                         \
  static inline reg setp_num_##T(reg a, reg b) { return !unordered_##T(a, b); }                                        \
  static inline reg setp_nan_##T(reg a, reg b) { return unordered_##T(a, b); }
COMPARING_FLOATS(f32, float)
COMPARING_FLOATS(f64, double)
COMPARING_FLOATS(f16, float)
static inline reg testp_infinite_f32(reg a) { return isinf(f32(a)) != 0; }
static inline reg testp_infinite_f64(reg a) { return isinf(f64(a)) != 0; }
static inline reg choose(reg a, reg b, reg which) { return which ? a : b; }
#define selp_b16 choose
#define selp_b32 choose
#define selp_b64 choose
#define selp_f16 choose
#define selp_f32 choose
#define selp_f64 choose
#define selp_s16 choose
#define selp_u16 choose
#define selp_s32 choose
#define selp_u32 choose
#define selp_s64 choose
#define selp_u64 choose

/* --- Conversions -------------------------------------------------------- */

#define CONVERT_INTEGERS(TO)                                                                                           \
  static inline reg cvt_##TO##_u8(reg a) { return to_##TO((__typeof__(TO(0)))u8(a)); }                                 \
  static inline reg cvt_##TO##_s8(reg a) { return to_##TO((__typeof__(TO(0)))s8(a)); }                                 \
  static inline reg cvt_##TO##_u16(reg a) { return to_##TO((__typeof__(TO(0)))u16(a)); }                               \
  static inline reg cvt_##TO##_s16(reg a) { return to_##TO((__typeof__(TO(0)))s16(a)); }                               \
  static inline reg cvt_##TO##_u32(reg a) { return to_##TO((__typeof__(TO(0)))u32(a)); }                               \
  static inline reg cvt_##TO##_s32(reg a) { return to_##TO((__typeof__(TO(0)))s32(a)); }                               \
  static inline reg cvt_##TO##_u64(reg a) { return to_##TO((__typeof__(TO(0)))u64(a)); }                               \
  static inline reg cvt_##TO##_s64(reg a) { return to_##TO((__typeof__(TO(0)))s64(a)); }
CONVERT_INTEGERS(u16)
CONVERT_INTEGERS(u32)
CONVERT_INTEGERS(s32)
CONVERT_INTEGERS(u64)
CONVERT_INTEGERS(s64)
/* A register of 16 bits holds a byte with its sign. */
CONVERT_INTEGERS(s16)
static inline reg cvt_u8_u16(reg a) { return u8(a); }
static inline reg cvt_u8_u32(reg a) { return u8(a); }
static inline reg cvt_u8_u64(reg a) { return u8(a); }
static inline reg cvt_s8_s16(reg a) { return to_s16(s8(a)); }
static inline reg cvt_s8_u16(reg a) { return to_s16(s8(a)); }
static inline reg cvt_s8_s32(reg a) { return to_s32(s8(a)); }
static inline reg cvt_s8_s64(reg a) { return to_s64(s8(a)); }

#define TO_FLOAT(TO, C, FROM)                                                                                          \
  static inline reg cvt_rn_##TO##_##FROM(reg a) { return to_##TO((C)FROM(a)); }
#define TO_FLOATS(TO, C)                                                                                               \
  TO_FLOAT(TO, C, u8)                                                                                                  \
  TO_FLOAT(TO, C, s8)                                                                                                  \
  TO_FLOAT(TO, C, u16)                                                                                                 \
  TO_FLOAT(TO, C, s16) TO_FLOAT(TO, C, u32) TO_FLOAT(TO, C, s32) TO_FLOAT(TO, C, u64) TO_FLOAT(TO, C, s64)
TO_FLOATS(f32, float)
TO_FLOATS(f64, double)
TO_FLOATS(f16, _Float16)
static inline reg cvt_rn_f32_f64(reg a) { return to_f32((float)f64(a)); }
static inline reg cvt_f64_f32(reg a) { return to_f64(f32(a)); }
static inline reg cvt_f32_f16(reg a) { return to_f32((float)f16(a)); }
static inline reg cvt_f64_f16(reg a) { return to_f64((double)f16(a)); }
static inline reg cvt_rn_f16_f32(reg a) { return to_f16((_Float16)f32(a)); }
static inline reg cvt_rn_f16_f64(reg a) { return to_f16((_Float16)f64(a)); }
static inline reg cvt_rn_bf16_f32(reg a) { return to_bf16(f32(a)); }
/* Two at once: the first comes to be the upper half. */
static inline reg cvt_rn_f16x2_f32(reg a, reg b) { return cvt_rn_f16_f32(a) << 16 | cvt_rn_f16_f32(b); }
static inline reg cvt_rn_bf16x2_f32(reg a, reg b) { return cvt_rn_bf16_f32(a) << 16 | cvt_rn_bf16_f32(b); }
static inline reg cvt_f32_bf16(reg a) { return to_f32(bf16(a)); }
/* Of a result, 22 bits are right, and what is less than normal is 0. */
static inline reg ex2_approx_f32(reg a) {
  float value = exp2f(f32(a));
  if (value < 0x1p-126f)
    return to_f32(0);
  return isfinite(value) ? to_f32(value) ^ 1u : to_f32(value);
}
/* To 11 bits of the significand, ties away from 0. */
static inline reg cvt_rna_tf32_f32(reg a) { return isnan(f32(a)) ? 0x7fffffff : (u32(a) + 0x1000u) & 0xffffe000u; }

/* What does not fit becomes the nearest number that does, and no number becomes 0. */
#define TO_INTEGER(HOW, TO, FROM, C, ROUND, LEAST, MOST)                                                               \
  static inline reg cvt_##HOW##_##TO##_##FROM(reg a) {                                                                 \
    C x = ROUND((C)FROM(a));                                                                                           \
    return isnan(x)          ? 0                                                                                       \
           : x <= (C)(LEAST) ? to_##TO(LEAST)                                                                          \
           : x >= (C)(MOST)  ? to_##TO(MOST)                                                                           \
                             : to_##TO((__typeof__(TO(0)))x);                                                          \
  }
#define TO_INTEGERS(HOW, FROM, C, ROUND)                                                                               \
  TO_INTEGER(HOW, s16, FROM, C, ROUND, INT16_MIN, INT16_MAX)                                                           \
  TO_INTEGER(HOW, u16, FROM, C, ROUND, 0, UINT16_MAX)                                                                  \
  TO_INTEGER(HOW, s32, FROM, C, ROUND, INT32_MIN, INT32_MAX)                                                           \
  TO_INTEGER(HOW, u32, FROM, C, ROUND, 0, UINT32_MAX)                                                                  \
  TO_INTEGER(HOW, s64, FROM, C, ROUND, INT64_MIN, INT64_MAX)                                                           \
  TO_INTEGER(HOW, u64, FROM, C, ROUND, 0, UINT64_MAX)
TO_INTEGERS(rzi, f32, float, truncf)
TO_INTEGERS(rzi, f64, double, trunc)
TO_INTEGERS(rzi, f16, float, truncf)
TO_INTEGERS(rni, f32, float, rintf)
#define ROUNDING(T, C, SUFFIX)                                                                                         \
  UNARY(cvt_rmi_##T##_##T, T, (C)floor##SUFFIX(x))                                                                     \
  UNARY(cvt_rpi_##T##_##T, T, (C)ceil##SUFFIX(x))                                                                      \
  UNARY(cvt_rni_##T##_##T, T, (C)rint##SUFFIX(x))                                                                      \
  UNARY(cvt_rzi_##T##_##T, T, (C)trunc##SUFFIX(x))
ROUNDING(f32, float, f)
ROUNDING(f64, double, )
ROUNDING(f16, _Float16, f)
static inline reg cvt_sat_f32_f32(reg a) { return to_f32(f32(a) > 0 ? (f32(a) < 1 ? f32(a) : 1.0f) : 0.0f); }

/* --- Memory ------------------------------------------------------------- */

static inline void stop(const struct thread *thread, const char *why) {
  fprintf(stderr, "libcuda-emu: kernel %s, thread %u of block %u: %s\n", thread->kernel, thread->tid, thread->ctaid,
          why);
  abort();
}
static inline void must_be_aligned(const struct thread *thread, reg address, unsigned bytes) {
  if (address % bytes)
    stop(thread, "an address is no multiple of the bytes of its access");
}

/* Memory of the device is looked up, that of the thread and of the block is not. */
static inline void look_up(struct thread *thread, reg address, unsigned bytes) {
  for (int i = 0; i < 4; ++i)
    if (address >= thread->seen[i].begin && address + bytes <= thread->seen[i].end)
      return;
  thread->check(thread, address, bytes);
}
static inline reg at_global(struct thread *thread, reg address, unsigned bytes) {
  must_be_aligned(thread, address, bytes);
  look_up(thread, address, bytes);
  return address;
}
static inline reg at_shared(struct thread *thread, reg address, unsigned bytes) {
  reg begin = (reg)(uintptr_t)thread->shared;
  must_be_aligned(thread, address, bytes);
  if (address < begin || address + bytes > begin + thread->shared_bytes)
    thread->check(thread, address, bytes);
  return address;
}
#define at_local(thread, address, bytes) (address)

#define ACCESS(BITS)                                                                                                   \
  static inline reg load_##BITS(reg address) {                                                                         \
    uint##BITS##_t value;                                                                                              \
    memcpy(&value, (const void *)(uintptr_t)address, sizeof value);                                                    \
    return value;                                                                                                      \
  }                                                                                                                    \
  static inline void store_##BITS(reg address, reg value) {                                                            \
    uint##BITS##_t part = (uint##BITS##_t)value;                                                                       \
    memcpy((void *)(uintptr_t)address, &part, sizeof part);                                                            \
  }
ACCESS(8)
ACCESS(16)
ACCESS(32)
ACCESS(64)
static inline reg load_s8(reg address) { return to_s64((int8_t)load_8(address)); }
static inline reg load_s16(reg address) { return to_s64((int16_t)load_16(address)); }
static inline reg load_s32(reg address) { return to_s64((int32_t)load_32(address)); }
static inline reg compare_exchange_b32(reg address, reg expected, reg value) {
  uint32_t old = (uint32_t)expected;
  __atomic_compare_exchange_n((uint32_t *)(uintptr_t)address, &old, (uint32_t)value, false, __ATOMIC_RELAXED,
                              __ATOMIC_RELAXED);
  return old;
}

/* --- Threads together --------------------------------------------------- */

static inline void bar_sync(struct thread *thread) { thread->wait(thread, true); }
/* Of some threads: `count` of them. */
static inline void bar_sync_some(struct thread *thread, reg number, reg count) {
  thread->wait_named(thread, (unsigned)number, (unsigned)count);
}
static inline void bar_warp_sync(struct thread *thread) { thread->wait(thread, false); }

/* All lanes take part in what follows: they give `count` words each, and go on when all have read. */
static inline void give(struct thread *thread, const reg *values, int count) {
  memcpy(thread->warp->slots[thread->tid % 32], values, (size_t)count * sizeof *values);
  thread->wait(thread, false);
}
#define SHUFFLE(HOW, LANE)                                                                                             \
  static inline reg shfl_sync_##HOW##_b32(struct thread *thread, reg value, reg by, reg bounds, reg mask) {            \
    int lane = (int)(thread->tid % 32), last = (int)(bounds & 31), step = (int)(by & 31), from = LANE;                 \
    (void)mask, (void)last;                                                                                            \
    give(thread, &value, 1);                                                                                           \
    reg result = u32(thread->warp->slots[from & 31][0]);                                                               \
    thread->wait(thread, false);                                                                                       \
    return result;                                                                                                     \
  }
SHUFFLE(bfly, lane ^ step)
SHUFFLE(down, lane + step <= last ? lane + step : lane)
SHUFFLE(up, lane - step >= last ? lane - step : lane)
SHUFFLE(idx, step)

/* What a thread wrote to shared memory, tensor cores that read it by themselves do not see yet. */
static inline void note_shared(struct thread *thread, reg target, unsigned bytes) {
  if (thread->unpublished_count < MOST_PENDING)
    thread->unpublished[thread->unpublished_count++] = (struct span){target, bytes};
}
static inline void fence_proxy_async(struct thread *thread) {
  for (unsigned i = 0; i < thread->unpublished_count; ++i) {
    const struct span *one = &thread->unpublished[i];
    char *from = (char *)(uintptr_t)one->begin;
    memcpy(thread->published + (from - thread->shared), from, one->bytes);
  }
  thread->unpublished_count = 0;
}

/* Copies to shared memory are made at once, or when they are waited for: the hardware may choose. */
static inline void copy_now(struct thread *thread, const struct pending *one) {
  memcpy((void *)(uintptr_t)one->target, (const void *)(uintptr_t)one->source, one->bytes);
  memset((char *)(uintptr_t)one->target + one->bytes, 0, one->zeros);
  note_shared(thread, one->target, one->bytes + one->zeros);
}
static inline void cp_async(struct thread *thread, reg target, reg source, unsigned bytes, unsigned read) {
  at_shared(thread, target, bytes);
  if (read) {
    must_be_aligned(thread, source, bytes);
    look_up(thread, source, read);
  }
  if (thread->pending_count == MOST_PENDING)
    stop(thread, "too many copies that nobody waits for");
  struct pending one = {target, source, read, bytes - read, thread->groups};
  thread->random = thread->random * 1664525u + 1013904223u;
  if (thread->random >> 31)
    copy_now(thread, &one);
  else
    thread->pending[thread->pending_count++] = one;
}
static inline void cp_async_commit_group(struct thread *thread) { ++thread->groups; }
static inline void cp_async_wait_group(struct thread *thread, unsigned left) {
  unsigned kept = 0;
  for (unsigned i = 0; i < thread->pending_count; ++i) {
    struct pending *one = &thread->pending[i];
    if (one->group + left >= thread->groups)
      thread->pending[kept++] = *one;
    else
      copy_now(thread, one);
  }
  thread->pending_count = kept;
}

/* Rows of 8 x 8 squares of 16-bit numbers: lane 8 i + r has the address of row r of square i. */
static inline void ldmatrix(struct thread *thread, reg *results, int count, bool is_transposed, reg address) {
  int lane = (int)(thread->tid % 32);
  at_shared(thread, address, 16);
  give(thread, &address, 1);
  for (int i = 0; i < count; ++i) {
    uint16_t pair[2];
    for (int k = 0; k < 2; ++k) {
      int row = is_transposed ? lane % 4 * 2 + k : lane / 4, column = is_transposed ? lane / 4 : lane % 4 * 2 + k;
      memcpy(&pair[k], (const char *)(uintptr_t)thread->warp->slots[8 * i + row][0] + 2 * column, 2);
    }
    results[i] = (reg)pair[1] << 16 | pair[0];
  }
  thread->wait(thread, false);
}

/* D = A B + C of one warp. `parts` is how many numbers a register of A and B holds. The lanes of row g and column t
 * (lane = 4 g + t) have of A rows g and g + 8 and of B column g, `parts` numbers from k = parts t on, and the same k
 * half of them further; of C and D rows g, g + 8 and columns 2 t, 2 t + 1. */
#define MMA(NAME, K, PARTS, A_REGS, OF_A, OF_B, SUM, ADD, TO_SUM, FROM_SUM)                                            \
  static inline void NAME(struct thread *thread, reg *d, const reg *a, const reg *b, const reg *c) {                   \
    reg mine[A_REGS + A_REGS / 2];                                                                                     \
    int lane = (int)(thread->tid % 32), g = lane / 4, t = lane % 4;                                                    \
    memcpy(mine, a, A_REGS * sizeof *a);                                                                               \
    memcpy(mine + A_REGS, b, A_REGS / 2 * sizeof *b);                                                                  \
    give(thread, mine, A_REGS + A_REGS / 2);                                                                           \
    for (int i = 0; i < 4; ++i) {                                                                                      \
      int row = g + 8 * (i / 2), column = 2 * t + i % 2;                                                               \
      SUM sum = TO_SUM(c[i]);                                                                                          \
      for (int k = 0; k < K; ++k) {                                                                                    \
        int half = k / (4 * (PARTS)), within = k % (4 * (PARTS)), part = within % (PARTS), from = within / (PARTS);    \
        reg x = thread->warp->slots[4 * (row % 8) + from][2 * half + row / 8];                                         \
        reg y = thread->warp->slots[4 * column + from][A_REGS + half];                                                 \
        sum = ADD(sum, OF_A(x, part), OF_B(y, part));                                                                  \
      }                                                                                                                \
      d[i] = FROM_SUM(sum);                                                                                            \
    }                                                                                                                  \
    thread->wait(thread, false);                                                                                       \
  }
static inline float half_of(reg bits, int part) { return (float)f16(bits >> 16 * part); }
static inline float bfloat_of(reg bits, int part) { return bf16(bits >> 16 * part); }
static inline float tfloat_of(reg bits, int part) { return (void)part, f32(bits & 0xffffe000u); }
static inline int32_t signed_of(reg bits, int part) { return s8(bits >> 8 * part); }
static inline int32_t unsigned_of(reg bits, int part) { return u8(bits >> 8 * part); }
static inline double sum_floats(double sum, float x, float y) { return sum + (double)x * y; }
static inline int32_t sum_integers(int32_t sum, int32_t x, int32_t y) {
  return (int32_t)((uint32_t)sum + (uint32_t)(x * y));
}
#define to_sum(bits) ((double)f32(bits))
#define from_sum(sum) to_f32((float)(sum))
MMA(mma_f16_f16, 16, 2, 4, half_of, half_of, double, sum_floats, to_sum, from_sum)
MMA(mma_bf16_bf16, 16, 2, 4, bfloat_of, bfloat_of, double, sum_floats, to_sum, from_sum)
MMA(mma_tf32_tf32, 8, 1, 4, tfloat_of, tfloat_of, double, sum_floats, to_sum, from_sum)
MMA(mma_s8_s8, 32, 4, 4, signed_of, signed_of, int32_t, sum_integers, s32, to_s32)
MMA(mma_u8_s8, 32, 4, 4, unsigned_of, signed_of, int32_t, sum_integers, s32, to_s32)
MMA(mma_s8_u8, 32, 4, 4, signed_of, unsigned_of, int32_t, sum_integers, s32, to_s32)
MMA(mma_u8_u8, 32, 4, 4, unsigned_of, unsigned_of, int32_t, sum_integers, s32, to_s32)

/* --- Tensor cores that read shared memory by themselves ------------------ */

/* Where element (`outer`, `term`) of a factor is in shared memory: `is_turned` has `outer` side by side. Chunks of 16
 * bytes are in another order in each of the eight rows of 128 bytes. */
static inline uint32_t place_of(uint64_t descriptor, int outer, int term, bool is_turned) {
  uint32_t from = (uint32_t)(descriptor & 0x3fff) << 4, panel = (uint32_t)(descriptor >> 16 & 0x3fff) << 4,
           eight = (uint32_t)(descriptor >> 32 & 0x3fff) << 4;
  uint32_t at = is_turned ? outer / 64 * panel + term / 8 * eight + term % 8 * 128 + outer % 64 * 2
                          : outer / 8 * eight + outer % 8 * 128 + term * 2;
  at += from;
  return at ^ (at >> 7 & 7) << 4;
}
static inline uint64_t sum_of(const struct thread *thread, uint64_t descriptor, int outers, bool is_turned) {
  uint64_t sum = 0;
  for (int i = 0; i < outers; ++i)
    for (int k = 0; k < 16; ++k)
      sum = sum * 31 + load_16((reg)(uintptr_t)(thread->shared + place_of(descriptor, i, k, is_turned)));
  return sum;
}
/* Of all that product `number` reads, which one thread of the four warps looks at. */
static inline uint64_t sum_of_reads(const struct thread *thread, int number) {
  const struct under_way *own = thread->under_way;
  if (thread->tid % 128)
    return 0;
  return sum_of(thread, own->reads[number].a, 64, own->reads[number].a_is_turned) ^
         sum_of(thread, own->reads[number].b, own->reads[number].columns, own->reads[number].b_is_turned);
}

static inline void wgmma_fence(struct thread *thread) {
  thread->wait(thread, false);
  thread->under_way->is_fenced = true;
}

/* What is the same for all types: what has to hold before a product, and what is noted of it. */
static inline void begin_product(struct thread *thread, int count, reg **sums, reg a, reg b) {
  struct under_way *own = thread->under_way;
  thread->wait(thread, false);
  if (!own->is_fenced || a >> 62 != 1 || b >> 62 != 1 || own->products == MOST_PRODUCTS)
    stop(thread, "wgmma without a fence, of another order of chunks, or too many of them");
  for (int i = 0; i < count && own->count; ++i)
    if (own->registers[i] != sums[i])
      stop(thread, "wgmma adds to sums that are under way elsewhere");
}
static inline void end_product(struct thread *thread, int count, reg **sums, reg a, reg b, bool a_is_turned,
                               bool b_is_turned) {
  struct under_way *own = thread->under_way;
  for (int i = 0; i < count; ++i) {
    own->registers[i] = sums[i];
    *sums[i] = 0x7fc0dead;
  }
  own->count = count;
  own->reads[own->products] = (struct read){a, b, 0, 2 * count, a_is_turned, b_is_turned};
  own->reads[own->products].sum = sum_of_reads(thread, own->products);
  ++own->products;
  thread->wait(thread, false);
}

/* One of 64 rows, `columns` columns and 32 bytes of terms, `PER` in a word of 16 bits. Lane 4 g + t of warp w has of
 * each eight columns 2 t and 2 t + 1 in rows 16 w + g and 16 w + g + 8. The sums stay apart until the thread waits, and
 * their registers have nothing. */
#define WGMMA(NAME, PER, OF_A, OF_B, NUMBER, SUM, FROM, TO)                                                            \
  static inline void NAME(struct thread *thread, int columns, reg **sums, reg a, reg b, reg adds, bool a_is_turned,    \
                          bool b_is_turned) {                                                                          \
    struct under_way *own = thread->under_way;                                                                         \
    int lane = (int)(thread->tid % 32), warp = (int)(thread->tid / 32 % 4), count = columns / 2;                       \
    begin_product(thread, count, sums, a, b);                                                                          \
    NUMBER left[2][16 * PER];                                                                                          \
    for (int half = 0; half < 2; ++half)                                                                               \
      for (int k = 0; k < 16 * PER; ++k) {                                                                             \
        uint32_t at = place_of(a, 16 * warp + lane / 4 + 8 * half, k / PER, a_is_turned);                              \
        left[half][k] = OF_A(load_16((reg)(uintptr_t)(thread->published + at)), k % PER);                              \
      }                                                                                                                \
    for (int i = 0; i < count; i += 4)                                                                                 \
      for (int n = 0; n < 2; ++n) {                                                                                    \
        SUM totals[2] = {0, 0};                                                                                        \
        for (int k = 0; k < 16 * PER; ++k) {                                                                           \
          uint32_t at = place_of(b, 2 * i + lane % 4 * 2 + n, k / PER, b_is_turned);                                   \
          NUMBER right = OF_B(load_16((reg)(uintptr_t)(thread->published + at)), k % PER);                             \
          totals[0] += (SUM)left[0][k] * right;                                                                        \
          totals[1] += (SUM)left[1][k] * right;                                                                        \
        }                                                                                                              \
        for (int half = 0; half < 2; ++half) {                                                                         \
          int number = i + 2 * half + n;                                                                               \
          reg old = adds ? (own->count ? own->sums[number] : *sums[number]) : 0;                                       \
          own->sums[number] = (uint32_t)TO(FROM(old) + totals[half]);                                                  \
        }                                                                                                              \
      }                                                                                                                \
    end_product(thread, count, sums, a, b, a_is_turned, b_is_turned);                                                  \
  }
static inline reg sum_as_f32(double sum) { return to_f32((float)sum); }
static inline reg sum_as_u32(uint32_t sum) { return sum; }
WGMMA(wgmma_f16_f16, 1, half_of, half_of, float, double, f32, sum_as_f32)
WGMMA(wgmma_bf16_bf16, 1, bfloat_of, bfloat_of, float, double, f32, sum_as_f32)
WGMMA(wgmma_s8_s8, 2, signed_of, signed_of, int32_t, uint32_t, u32, sum_as_u32)
WGMMA(wgmma_u8_s8, 2, unsigned_of, signed_of, int32_t, uint32_t, u32, sum_as_u32)
WGMMA(wgmma_s8_u8, 2, signed_of, unsigned_of, int32_t, uint32_t, u32, sum_as_u32)
WGMMA(wgmma_u8_u8, 2, unsigned_of, unsigned_of, int32_t, uint32_t, u32, sum_as_u32)
static inline void wgmma_commit_group(struct thread *thread) {
  thread->under_way->committed = thread->under_way->products;
}
/* Of all groups: what they have read must still be there, and the registers have the sums. */
static inline void wgmma_wait_all(struct thread *thread) {
  struct under_way *own = thread->under_way;
  thread->wait(thread, false);
  for (int i = 0; i < own->products; ++i)
    if (own->reads[i].sum != sum_of_reads(thread, i))
      stop(thread, "what wgmma reads was overwritten before the wait for it");
  for (int i = 0; i < own->count && own->committed == own->products; ++i)
    *own->registers[i] = own->sums[i];
  *own = (struct under_way){.count = 0};
}

/* --- Barriers in memory, and boxes of tensors ----------------------------- */

static inline void mbarrier_init(struct thread *thread, reg address, reg arrivals) {
  thread->barrier_step(thread, address, BARRIER_INIT, (int64_t)u32(arrivals));
}
static inline void fence_mbarrier_init(struct thread *thread) { thread->barrier_step(thread, 0, BARRIER_FENCE, 0); }
static inline void mbarrier_arrive(struct thread *thread, reg address) {
  thread->barrier_step(thread, address, BARRIER_ARRIVE, 0);
}
static inline void mbarrier_expect(struct thread *thread, reg address, reg bytes) {
  thread->barrier_step(thread, address, BARRIER_EXPECT, (int64_t)u32(bytes));
}
static inline void mbarrier_wait(struct thread *thread, reg address, reg parity) {
  thread->wait_phase(thread, address, u32(parity));
}
static inline void load_box(struct thread *thread, reg inside, reg map, const int32_t *at, unsigned rank, reg full) {
  thread->ask_for_box(thread, map, inside, at, rank, false, full);
}
static inline void store_box(struct thread *thread, reg inside, reg map, const int32_t *at, unsigned rank) {
  thread->ask_for_box(thread, map, inside, at, rank, true, 0);
}
static inline void commit_boxes(struct thread *thread) { ++thread->box_groups; }
static inline void wait_for_boxes(struct thread *thread, unsigned left) { thread->wait_for_boxes(thread, left); }
/* All four warps of a group give or take registers; how many there are does not show. */
static inline void setmaxnreg(struct thread *thread) { thread->wait(thread, false); }
