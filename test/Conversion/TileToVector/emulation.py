# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Instructions that the machine does not have, written out in LLVM IR by their manuals' formulas.

A kernel that calls them then computes with any vector unit what it would compute with its own.
"""

from __future__ import annotations

import re


def dot(name: str, lanes: int, step: int, signs: str, bits: int = 8) -> str:
    """`c + sum of a b` over `step` neighbours; `signs` has "s", "z" (none) or "f" for a and b: the
    upper half of a float.
    """
    count, element = lanes * step, "float" if signs == "ff" else "i32"
    total, narrow = f"<{lanes} x {element}>", f"<{count} x i{bits}>"
    wide, product = f"<{count} x i32>", f"<{count} x {element}>"
    operation = "f" if signs == "ff" else ""
    lines = [f"define internal {total} @{name}({total} %c, {narrow} %a, {narrow} %b) {{"]
    for value, sign in zip("ab", signs, strict=True):
        extend = "sext" if sign == "s" else "zext"
        lines.append(f"  %{value}w = {extend} {narrow} %{value} to {wide}")
        if sign == "f":
            half = ", ".join(["i32 16"] * count)
            lines.append(f"  %{value}u = shl {wide} %{value}w, <{half}>")
            lines.append(f"  %{value}f = bitcast {wide} %{value}u to {product}")
    last = "f" if signs == "ff" else "w"
    lines.append(f"  %p = {operation}mul {product} %a{last}, %b{last}")
    result = "%c"
    for i in range(step):
        mask = ", ".join(f"i32 {lane * step + i}" for lane in range(lanes))
        lines.append(
            f"  %q{i} = shufflevector {product} %p, {product} poison, <{lanes} x i32> <{mask}>"
        )
        lines.append(f"  %s{i} = {operation}add {total} {result}, %q{i}")
        result = f"%s{i}"
    return "\n".join([*lines, f"  ret {total} {result}", "}"])


def madd(name: str, lanes: int) -> str:
    """pmaddwd, which has no sum that it adds to."""
    text = dot(name, lanes, 2, "ss", 16)
    return text.replace(f"<{lanes} x i32> %c, ", "", 1).replace("%c,", "zeroinitializer,")


FUNCTIONS = {
    **{
        f"llvm.x86.avx512.vpdpbusd.{lanes * 32}": dot(f"vpdpbusd.{lanes}", lanes, 4, "zs")
        for lanes in (4, 8, 16)
    },
    **{
        f"llvm.x86.avx512bf16.dpbf16ps.{lanes * 32}": dot(f"dpbf16ps.{lanes}", lanes, 2, "ff", 16)
        for lanes in (4, 8, 16)
    },
    "llvm.x86.avx512.pmaddw.d.512": madd("pmaddw.16", 16),
    "llvm.aarch64.neon.sdot": dot("sdot.4", 4, 4, "ss"),
    "llvm.aarch64.neon.udot": dot("udot.4", 4, 4, "zz"),
    "llvm.aarch64.neon.usdot": dot("usdot.4", 4, 4, "zs"),
}


# AMX: a tile register is at most 16 rows of 64 bytes; `b` holds 4 bytes of 16 columns in each row.
# What is outside of the shape that a register was configured for is poisoned, and another
# configuration empties all registers.
TILES_C = """
typedef unsigned char u8; typedef signed char s8; typedef unsigned short u16;
static float f(u16 x) { union { unsigned i; float f; } u; u.i = (unsigned)x << 16; return u.f; }
static struct { char data[1024]; int rows, bytes; } tiles[8];
void emulated_ldtilecfg(const u8 *config) {
  for (int i = 0; i < 8; ++i) {
    tiles[i].rows = config[48 + i];
    tiles[i].bytes = config[16 + 2 * i] + 256 * config[17 + 2 * i];
    __builtin_memset(tiles[i].data, 0xee, sizeof tiles[i].data);
  }
}
void emulated_tilerelease(void) { __builtin_memset(tiles, 0, sizeof tiles); }
void emulated_tilezero(char t) {
  for (int i = 0; i < tiles[t].rows; ++i)
    __builtin_memset(tiles[t].data + i * 64, 0, tiles[t].bytes);
}
void emulated_tileloadd64(char t, const char *from, long pitch) {
  for (int i = 0; i < tiles[t].rows; ++i)
    __builtin_memcpy(tiles[t].data + i * 64, from + i * pitch, tiles[t].bytes);
}
void emulated_tilestored64(char t, char *to, long pitch) {
  for (int i = 0; i < tiles[t].rows; ++i)
    __builtin_memcpy(to + i * pitch, tiles[t].data + i * 64, tiles[t].bytes);
}
#define PRODUCT(NAME, SUM, A, B, EXPRESSION) \\
  void emulated_##NAME(char tc, char ta, char tb) { \\
    SUM *c = (SUM *)tiles[tc].data; \\
    const A *a = (const A *)tiles[ta].data; \\
    const B *b = (const B *)tiles[tb].data; \\
    const int step = 4 / sizeof *a, row = 64 / sizeof *a; \\
    for (int i = 0; i < tiles[tc].rows; ++i) \\
      for (int j = 0; j < tiles[tc].bytes / 4; ++j) \\
        for (int x = 0; x < tiles[ta].bytes / (int)sizeof *a; ++x) { \\
          A left = a[i * row + x]; \\
          B right = b[x / step * row + j * step + x % step]; \\
          c[i * 16 + j] += EXPRESSION; \\
        } \\
  }
PRODUCT(tdpbssd, int, s8, s8, (int)left * right)
PRODUCT(tdpbsud, int, s8, u8, (int)left * right)
PRODUCT(tdpbusd, int, u8, s8, (int)left * right)
PRODUCT(tdpbuud, int, u8, u8, (int)left * right)
PRODUCT(tdpbf16ps, float, u16, u16, f(left) * f(right))
"""


def emulate_tiles(llvm_ir: str) -> str:
    """`llvm_ir` with calls in place of tile instructions; the caller links TILES_C."""
    names = r"@llvm\.x86\.(ldtilecfg|tilerelease|tilezero|tileloadd64|tilestored64|tdp\w+)\("
    called = sorted(set(re.findall(names, llvm_ir)))
    parameters = {
        "ldtilecfg": "ptr",
        "tilerelease": "",
        "tilezero": "i8",
        "tileloadd64": "i8, ptr, i64",
        "tilestored64": "i8, ptr, i64",
    }
    lines = [
        line
        for line in llvm_ir.splitlines()
        if not (line.startswith("declare") and re.search(names, line))
    ]
    text = re.sub(names, r"@emulated_\1(", "\n".join(lines))
    declared = [
        f"declare void @emulated_{name}({parameters.get(name, 'i8, i8, i8')})" for name in called
    ]
    return "\n".join([text, *declared, ""])


def emulate(llvm_ir: str, names: frozenset[str]) -> str:
    """`llvm_ir` with calls of what begins with one of `names` replaced."""
    added = []
    # Without the instruction, LLVM makes calls of what has bf16 in vectors.
    llvm_ir = llvm_ir.replace("bfloat", "i16")
    for intrinsic, text in FUNCTIONS.items():
        if not any(intrinsic.startswith(name) for name in names) or intrinsic not in llvm_ir:
            continue
        name = re.search(r"@([\w.]+)", text)[1]  # type: ignore[index]
        pattern = re.escape("@" + intrinsic) + r"(\.v[\w.]+)?(?=\()"
        lines = [
            line
            for line in llvm_ir.splitlines()
            if not (line.startswith("declare") and re.search(pattern, line))
        ]
        llvm_ir = re.sub(pattern, "@" + name, "\n".join(lines))
        added.append(text)
    return "\n".join([llvm_ir, *added, ""])
