/* lib/Runtime/Core/TextNumbers.c: numbers as text, and text as numbers.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- Half precision ----------------------------------------------------- */

static double half_value(uint16_t bits, bool is_bfloat) {
  uint32_t wide = (uint32_t)bits << 16;
  if (!is_bfloat) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                  : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                 : ldexp(fraction, -24);
    return bits >> 15 ? -size : size;
  }
  float value;
  memcpy(&value, &wide, sizeof value);
  return (double)value;
}

/* Whether `number` is read as this finite number of the format: less than half a unit
 * away. Behind the largest number, the next one counts as if there were more of them. */
static bool is_nearest(double number, uint16_t bits, bool is_bfloat) {
  if ((bits & 0x7fff) == 0)
    return number == 0;
  double value = fabs(half_value(bits, is_bfloat)), below = fabs(half_value((uint16_t)(bits - 1), is_bfloat));
  double above = fabs(half_value((uint16_t)(bits + 1), is_bfloat)), size = fabs(number);
  if (isinf(above))
    above = is_bfloat ? 0x1p128 : 0x1p16;
  return size > (value + below) / 2 && size < (value + above) / 2;
}

/* --- Numbers to text ---------------------------------------------------- */

/* Whether `text` is read as element `i`. */
static bool is_same(const char *text, lathe_dtype dtype, const void *data, int64_t i) {
  if (dtype == LATHE_DTYPE_F32)
    return strtof(text, NULL) == ((const float *)data)[i];
  if (dtype == LATHE_DTYPE_F64)
    return strtod(text, NULL) == ((const double *)data)[i];
  return is_nearest(strtod(text, NULL), ((const uint16_t *)data)[i], dtype == LATHE_DTYPE_BF16);
}

/* Digits and a decimal exponent, as "1.5", "1e-05" or "1e+16". */
static void write_digits(char *text, const char *digits, int exponent, bool is_negative) {
  char *at = text;
  int count = (int)strlen(digits);
  if (is_negative)
    *at++ = '-';
  if (exponent < -4 || exponent >= 16) {
    *at++ = digits[0];
    if (count > 1)
      at += sprintf(at, ".%s", digits + 1);
    sprintf(at, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
  } else if (exponent < 0) {
    at += sprintf(at, "0.");
    for (int i = -1; i > exponent; --i)
      *at++ = '0';
    strcpy(at, digits);
  } else {
    for (int i = 0; i <= exponent || i < count; ++i) {
      if (i == exponent + 1)
        *at++ = '.';
      *at++ = i < count ? digits[i] : '0';
    }
    strcpy(at, count <= exponent + 1 ? ".0" : "");
  }
}

static void format_float(char *text, double value, lathe_dtype dtype, const void *data, int64_t i) {
  if (isnan(value) || isinf(value)) {
    strcpy(text, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
    return;
  }
  char scientific[40] = "";
  for (int digits = 0; digits <= 17; ++digits) {
    snprintf(scientific, sizeof scientific, "%.*e", digits, value);
    if (is_same(scientific, dtype, data, i))
      break;
  }
  char digits[24];
  int count = 0;
  const char *at = scientific + (scientific[0] == '-');
  for (; *at && *at != 'e'; ++at)
    if (isdigit((unsigned char)*at))
      digits[count++] = *at;
  int exponent = *at ? atoi(at + 1) : 0;
  while (count > 1 && digits[count - 1] == '0')
    --count;
  digits[count] = 0;
  write_digits(text, digits, exponent, signbit(value) != 0);
}

void lathe_impl_format_number(char *text, lathe_dtype dtype, const void *data, int64_t i) {
  switch (dtype) {
  case LATHE_DTYPE_F32:
    format_float(text, (double)((const float *)data)[i], dtype, data, i);
    break;
  case LATHE_DTYPE_F64:
    format_float(text, ((const double *)data)[i], dtype, data, i);
    break;
  case LATHE_DTYPE_F16:
  case LATHE_DTYPE_BF16:
    format_float(text, half_value(((const uint16_t *)data)[i], dtype == LATHE_DTYPE_BF16), dtype, data, i);
    break;
  case LATHE_DTYPE_BOOL:
    strcpy(text, ((const uint8_t *)data)[i] ? "True" : "False");
    break;
#define INTEGER(DTYPE, TYPE, FORMAT)                                                                                   \
  case DTYPE:                                                                                                          \
    sprintf(text, "%" FORMAT, ((const TYPE *)data)[i]);                                                                \
    break;
    INTEGER(LATHE_DTYPE_I8, int8_t, PRId8)
    INTEGER(LATHE_DTYPE_I16, int16_t, PRId16)
    INTEGER(LATHE_DTYPE_I32, int32_t, PRId32)
    INTEGER(LATHE_DTYPE_I64, int64_t, PRId64)
    INTEGER(LATHE_DTYPE_U8, uint8_t, PRIu8)
    INTEGER(LATHE_DTYPE_U16, uint16_t, PRIu16)
    INTEGER(LATHE_DTYPE_U32, uint32_t, PRIu32)
    INTEGER(LATHE_DTYPE_U64, uint64_t, PRIu64)
#undef INTEGER
  default:
    *text = 0;
  }
}

/* --- Text to numbers ---------------------------------------------------- */

static const char *skip_blanks(const char *text) {
  while (isspace((unsigned char)*text))
    ++text;
  return text;
}

/* Numbers in decimal only: no hexadecimal ones, as strtod takes them. */
static bool is_decimal(const char *text) {
  text += *text == '+' || *text == '-';
  if (strncasecmp(text, "inf", 3) == 0 || strncasecmp(text, "nan", 3) == 0)
    return true;
  return (isdigit((unsigned char)*text) || *text == '.') && !(text[0] == '0' && (text[1] == 'x' || text[1] == 'X'));
}

/* Whole numbers digit by digit: a double has not those of every integer of 64 bits. */
static bool parse_integer(const char *text, bool is_signed, uint64_t *number) {
  char *end = NULL;
  errno = 0;
  *number = is_signed ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
  if (end != text && *skip_blanks(end) == 0 && errno == 0 && (is_signed || *text != '-'))
    return true;
  double value = strtod(text, &end), most = is_signed ? 0x1p63 : 0x1p64;
  if (end == text || *skip_blanks(end) != 0 || !(value < most && value > (is_signed ? -most : -1)))
    return false;
  *number = is_signed ? (uint64_t)(int64_t)value : (uint64_t)value;
  return true;
}

bool lathe_impl_parse_number(const char *text, lathe_dtype dtype, void *data, int64_t i) {
  text = skip_blanks(text);
  if (!is_decimal(text))
    return false;
  if (dtype == LATHE_DTYPE_I64 || dtype == LATHE_DTYPE_U64) {
    uint64_t number = 0;
    bool good = parse_integer(text, dtype == LATHE_DTYPE_I64, &number);
    memcpy((uint64_t *)data + i, &number, sizeof number);
    return good;
  }
  char *end = NULL;
  if (dtype == LATHE_DTYPE_F32)
    ((float *)data)[i] = strtof(text, &end);
  else
    ((double *)data)[i] = strtod(text, &end);
  return end != text && *skip_blanks(end) == 0;
}
