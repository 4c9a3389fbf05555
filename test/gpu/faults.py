#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Faults of kernels on purpose, to see whether the emulator notices.

faults.py NAME     compares a small model with the CPU, which LATHE_EMU_FAULT=NAME has to make fail

A fault is a change of the PTX that the driver loads. What it stands for is what a code generator
gets wrong: a wait, a fence or a barrier that is left out, an address, an order, a sign.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

WAIT = r"cp\.async\.wait_group\s+[12];"
FOUR = r"\{(%r\d+), (%r\d+), (%r\d+), (%r\d+)\}"
# How a thread waits for a barrier: those that multiply, and the one that copies.
PHASE = r"\{\s*\.reg \.pred\s+P1;\s*LAB_WAIT:[^}]*\}"
WAIT_FULL = PHASE + r"(?=[^{]*wgmma\.fence)"
WAIT_EMPTY = PHASE + r"(?=[^{]*expect_tx)"


@dataclass(frozen=True)
class Fault:
    """What is looked for in the text and what it becomes, everywhere or `times` times."""

    model: str
    pattern: str
    becomes: str
    times: int = 0


FAULTS = {
    # Copies that nobody waits for, and slots that others still read.
    "no-wait-for-copies": Fault("halves", WAIT, ""),
    "wait-for-one-copy-less": Fault("halves", WAIT, "cp.async.wait_group 2;"),
    "no-barrier-behind-copies": Fault("halves", rf"({WAIT}\s*)bar\.sync\s+0;", r"\1"),
    "copies-in-one-group": Fault("halves", r"cp\.async\.commit_group;", ""),
    # Ends of rows.
    "copies-beyond-the-end": Fault("halves", r"(cp\.async\.c\w[^;]*\], 16), %r\d+;", r"\1;"),
    "tail-is-not-zero": Fault("narrow", r"(cp\.async\.ca[^;]*\], 4), %r\d+;", r"\1;"),
    "stores-beyond-the-end": Fault(
        "halves", r"setp\.gt\.u64(\s+%p\d+, %rd\d+), 71;", r"setp.gt.u64\1, 72;"
    ),
    # Orders.
    "left-not-turned-back": Fault("halves", r"m8n8\.x4\.shared", "m8n8.x4.trans.shared"),
    "right-not-turned": Fault("halves", r"\.trans\.shared", ".shared"),
    "chunks-in-plain-order": Fault(
        "halves", r"xor\.b64(\s+%rd\d+, %rd\d+), %rd\d+;", r"xor.b64\1, 0;", 1
    ),
    "registers-swapped": Fault(
        "halves", rf"(mma\.sync\S+\s+\{{[^}}]*\}},\s*){FOUR}", r"\1{\2, \4, \3, \5}"
    ),
    "sums-start-anew": Fault(
        "halves", r"(mma\.sync[^;]*,\s*)\{[^}]*\};", r"\1{%fz, %fz, %fz, %fz};"
    ),
    "bytes-in-another-order": Fault("bytes", r"(prmt\.b32[^;]*, )0x5140U;", r"\g<1>0x4150U;"),
    "signs-of-the-left-lost": Fault("bytes", r"s32\.s8\.s8\.s32", "s32.u8.s8.s32"),
    # Four warps together.
    "copies-not-published": Fault("warpgroup", r"fence\.proxy\.async[^;]*;", ""),
    "registers-not-fenced": Fault("warpgroup", r"wgmma\.fence\.sync\.aligned;", ""),
    "no-wait-for-products": Fault("warpgroup", r"wgmma\.wait_group\.sync\.aligned 0;", ""),
    "products-not-committed": Fault("warpgroup", r"wgmma\.commit_group\.sync\.aligned;", ""),
    "right-factor-as-rows": Fault("warpgroup", r"(wgmma\.mma_async[^;]*),\s+1;", r"\1, 0;"),
    "published-before-the-wait": Fault(
        "warpgroup", rf"({WAIT})\s*(fence\.proxy\.async[^;]*;)", r"\2 \1"
    ),
    # Threads that copy by tensor maps for others.
    "no-wait-for-a-full-slot": Fault("roles", WAIT_FULL, ""),
    "no-wait-for-an-empty-slot": Fault("roles", WAIT_EMPTY, ""),
    "full-slots-of-another-phase": Fault(
        "roles", r"(P1, \[[^]]*\], )%r\d+(?=[^}]*\}[^{]*wgmma\.fence)", r"\g<1>1"
    ),
    "slots-not-released": Fault("roles", r"mbarrier\.arrive\.shared[^;]*;", ""),
    "other-bytes-expected": Fault("roles", r"(expect_tx[^;]*, )%r\d+;", r"\g<1>1024;"),
    "barriers-not-fenced": Fault("roles", r"fence\.mbarrier_init[^;]*;", ""),
    "no-barrier-behind-the-setup": Fault("roles", r"bar\.sync\s+0;", ""),
    "coordinates-swapped": Fault("roles", r"(global\.tile[^{]*\{)(%r\d+), (%r\d+),", r"\1\3, \2,"),
    "swizzle-left-out": Fault("roles", r"\b46116\d{14}\b", "0"),
    "results-not-published": Fault(
        "results", r"(st\.shared[^;]*;\s*)fence\.proxy\.async[^;]*;", r"\1"
    ),
    "no-barrier-before-results-are-copied": Fault("results", r"bar(rier)?\.sync\s+1, 256;", ""),
    "no-wait-for-copies-of-results": Fault(
        "results", r"cp\.async\.bulk\.wait_group\.read\s+\d;", ""
    ),
    "bytes-of-terms-as-others": Fault("wide bytes", r"\.s32\.u8\.s8", ".s32.s8.s8"),
    # Attention.
    "values-not-turned": Fault("attention", r"\.trans\.shared", ".shared"),
    "no-wait-for-keys": Fault("attention", r"cp\.async\.wait_group\s+0;", "", 1),
    "no-barrier-between-blocks-of-keys": Fault(
        "attention", r"(cp\.async\.wait_group\s+0;\s*)bar\.sync\s+0;", r"\1", 1
    ),
    "maximum-of-one-lane": Fault("attention", r"(shfl\.sync\.bfly\.b32[^;]*), 2, ", r"\1, 0, "),
    "keys-behind-the-last": Fault(
        "attention", r"(selp\.f32[^;]*, )0fFF800000, ", r"\g<1>0f00000000, "
    ),
    "sums-do-not-shrink": Fault(
        "attention", r"ex2\.approx\.ftz\.f32(\s+%r\d+), (%r\d+);", r"mov.b32\1, 0f3F800000;", 1
    ),
    # Sums of rows.
    "lanes-left-out": Fault("rows", r"(shfl\.sync\.bfly\.b32[^;]*), 16, ", r"\1, 8, "),
    "no-barrier-between-warps": Fault("rows", r"bar\.sync\s+0;", ""),
}


def plant(name: str, text: str) -> str:
    """Return the text with the fault, of which it says on stderr that it is there."""
    fault = FAULTS[name]
    text, count = re.subn(fault.pattern, fault.becomes, text, count=fault.times)
    if count == 0:
        raise LookupError(f"there is no place for fault {name}")
    if "%fz" in fault.becomes:
        text = re.sub(r"(?m)^\{$", "{\n.reg .b32 %fz;", text)
    print(f"planted {name}: {count} times", file=sys.stderr)
    return text


def models() -> dict[str, Callable[[], object]]:
    """Return what each compares with the CPU."""
    import families
    import numpy as np
    from families import RNG, check, normal
    from onnx import TensorProto, helper

    product = helper.make_node("MatMul", ["a", "b"], ["p"])
    nodes = [product, helper.make_node("Add", ["p", "c"], ["y"])]
    half = TensorProto.FLOAT16

    def halves() -> None:
        a, b, c = normal(70, 200), normal(200, 72), normal(72)
        check(nodes, {"a": a, "b": b, "c": c}, dtype=half, tolerance=2e-3)

    def roles() -> None:
        # Steps: one more than slots; the emulator's processors have many tiles each.
        a, b, c = normal(1100, 264), normal(264, 1032), normal(1032)
        check(nodes, {"a": a, "b": b, "c": c}, dtype=half, tolerance=2e-3)

    def results() -> None:
        # Tiles of four panels of columns.
        given = {"a": normal(1500, 64), "b": normal(64, 1800), "c": normal(1800)}
        check(nodes, given, dtype=half, tolerance=2e-3)

    def narrow() -> None:
        a, b, c = normal(70, 66), normal(66, 30), normal(30)
        check(nodes, {"a": a, "b": b, "c": c}, dtype=half, tolerance=2e-3)

    def bytes_of() -> None:
        kind = TensorProto.INT8
        a, b = families.random_bytes(kind, 40, 96), families.random_bytes(kind, 96, 80)
        node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
        families.exact_bytes(node, {"a": a, "b": b}, {}, a.astype("int64") @ b.astype("int64"))

    def attention() -> None:
        from attention import check_attention, e2e_tests

        e2e_tests("ops")
        import test_attention

        # Several blocks of keys, the last of which is not full; larger scores come late.
        case = test_attention.Attention((1, 2, 1, 37, 203, 48, 40), scale=0.5)
        check_attention(replace(case, dtype=np.dtype(np.float16)), free=False)

    def wide_bytes() -> None:
        a = families.random_bytes(TensorProto.UINT8, 1100, 144)
        b = families.random_bytes(TensorProto.INT8, 144, 1032)
        node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
        exact = a.astype("int64") @ b.astype("int64")
        families.exact_bytes(node, {"a": a}, {"b": b}, exact)

    def rows() -> None:
        node = helper.make_node("Softmax", ["x"], ["y"], axis=-1)
        check([node], {"x": 4 * RNG.standard_normal((5, 1000))})

    return {
        "halves": halves,
        "warpgroup": halves,
        "roles": roles,
        "results": results,
        "narrow": narrow,
        "bytes": bytes_of,
        "rows": rows,
        "attention": attention,
        "wide bytes": wide_bytes,
    }


if __name__ == "__main__":
    models()[FAULTS[sys.argv[1]].model if sys.argv[1] in FAULTS else sys.argv[1]]()
