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


# AMX: a tile register is 16 rows of 64 bytes, and `b` holds 4 bytes of 16 columns in each row.
TILE = "<256 x i32>"
TILES_C = """
typedef unsigned char u8; typedef signed char s8; typedef unsigned short u16;
static float f(u16 x) { union { unsigned i; float f; } u; u.i = (unsigned)x << 16; return u.f; }
void emulated_load(short rows, short bytes, const char *from, long pitch, char *tile) {
  __builtin_memset(tile, 0, 1024);
  for (int i = 0; i < rows; ++i) __builtin_memcpy(tile + i * 64, from + i * pitch, bytes);
}
void emulated_store(short rows, short bytes, char *to, long pitch, const char *tile) {
  for (int i = 0; i < rows; ++i) __builtin_memcpy(to + i * pitch, tile + i * 64, bytes);
}
#define BYTES(NAME, A, B) \\
  void emulated_##NAME(short m, short n, short k, int *c, const A *a, const B *b) { \\
    for (int i = 0; i < m; ++i) \\
      for (int j = 0; j < n / 4; ++j) \\
        for (int x = 0; x < k; ++x) \\
          c[i * 16 + j] += (int)a[i * 64 + x] * b[x / 4 * 64 + j * 4 + x % 4]; \\
  }
BYTES(tdpbssd, s8, s8) BYTES(tdpbsud, s8, u8) BYTES(tdpbusd, u8, s8) BYTES(tdpbuud, u8, u8)
void emulated_tdpbf16ps(short m, short n, short k, float *c, const u16 *a, const u16 *b) {
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n / 4; ++j)
      for (int x = 0; x < k / 2; ++x)
        c[i * 16 + j] += f(a[i * 32 + x]) * f(b[x / 2 * 32 + j * 2 + x % 2]);
}
"""


def tile_functions() -> str:
    """The intrinsics on values, by way of the functions above on memory."""
    spill = f"  store {TILE} %{{0}}, ptr %p{{0}}"
    text = [
        "declare void @emulated_load(i16, i16, ptr, i64, ptr)",
        "declare void @emulated_store(i16, i16, ptr, i64, ptr)",
        f"define internal {TILE} @tile_zero(i16 %m, i16 %n) {{",
        f"  ret {TILE} zeroinitializer",
        "}",
        f"define internal {TILE} @tile_load(i16 %m, i16 %n, ptr %from, i64 %pitch) {{",
        f"  %p = alloca {TILE}",
        "  call void @emulated_load(i16 %m, i16 %n, ptr %from, i64 %pitch, ptr %p)",
        f"  %r = load {TILE}, ptr %p",
        f"  ret {TILE} %r",
        "}",
        f"define internal void @tile_store(i16 %m, i16 %n, ptr %to, i64 %pitch, {TILE} %v) {{",
        f"  %pv = alloca {TILE}",
        spill.format("v"),
        "  call void @emulated_store(i16 %m, i16 %n, ptr %to, i64 %pitch, ptr %pv)",
        "  ret void",
        "}",
    ]
    for name in ("tdpbssd", "tdpbsud", "tdpbusd", "tdpbuud", "tdpbf16ps"):
        text += [
            f"declare void @emulated_{name}(i16, i16, i16, ptr, ptr, ptr)",
            f"define internal {TILE} @tile_{name}(i16 %m, i16 %n, i16 %k, {TILE} %c, {TILE} %a, "
            f"{TILE} %b) {{",
            *[f"  %p{v} = alloca {TILE}" for v in "abc"],
            *[spill.format(v) for v in "abc"],
            f"  call void @emulated_{name}(i16 %m, i16 %n, i16 %k, ptr %pc, ptr %pa, ptr %pb)",
            f"  %r = load {TILE}, ptr %pc",
            f"  ret {TILE} %r",
            "}",
        ]
    return "\n".join(text)


def emulate_tiles(llvm_ir: str) -> str:
    """`llvm_ir` with tile registers as vectors; the caller links TILES_C."""
    lines = [line for line in llvm_ir.splitlines() if not re.match("declare.*(tile|tdp)", line)]
    text = "\n".join(lines).replace("x86_amx", TILE)
    names = {"tilezero": "zero", "tileloadd64": "load", "tilestored64": "store"}
    for intrinsic, name in names.items():
        text = text.replace(f"@llvm.x86.{intrinsic}.internal", f"@tile_{name}")
    text = re.sub(r"@llvm\.x86\.(tdp\w+)\.internal", r"@tile_\1", text)
    return "\n".join([text, tile_functions(), ""])


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
