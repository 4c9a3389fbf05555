# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PTX as C: what a thread of the GPU would run.

The fake driver translates the text that it is given, so what LLVM's code generator did is run,
too. Threads that wait for each other ask `threads.h` for it.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import faults

BLOCK = re.compile(r"\.entry\s+(\w+)\s*\((.*?)\)(.*?)^\{(.*?)^\}", re.DOTALL | re.MULTILINE)
# How LLVM takes the upper half of a register.
HIGH_HALF = re.compile(r"\{ *\.reg \.b(?:16|32) tmp; mov\.(b32|b64) \{tmp, (%\w+)\}, (%\w+); *\}")
# How LLVM tells a product of a warpgroup whether it adds to its sums.
ADDS = re.compile(
    r"\{\s*\.reg \.pred p;\s*setp\.ne\.b32 p, ([%\w]+), 0;\s*"
    r"(wgmma\.mma_async[^;]*), p((?:,[^;]*)?);\s*\}"
)
# How MLIR waits for the phase of a barrier.
WAIT_PHASE = re.compile(
    r"\{\s*\.reg \.pred\s+P1;\s*LAB_WAIT:\s*mbarrier\.try_wait\.parity\.shared\.b64 P1, "
    r"(\[[^\]]+\]), ([%\w]+), [%\w]+;\s*@P1 bra\.uni DONE;\s*bra\.uni\s+LAB_WAIT;\s*DONE:\s*\}"
)
REGISTERS = re.compile(r"\.reg\s+\.\w+\s+%(\w+)(?:<(\d+)>)?")
LOCAL = re.compile(r"\.local\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\]")
GLOBAL = re.compile(
    r"^\.(?:visible |weak )?\.?(?:global|const)\s+\.align\s+(\d+)\s+\.(\w+)\s+([\w$]+)\[\d*\]"
    r"\s*=\s*\{(.*?)\}",
    re.DOTALL | re.MULTILINE,
)
SPECIAL = {f"%{name}.x": f"thread->{name}" for name in ("tid", "ntid", "ctaid", "nctaid")}
SPECIAL["%laneid"] = "(thread->tid % 32)"
# Memory of a block, whose size the launch says.
SHARED = re.compile(r"^\.extern\s+\.shared\s+\.align\s+\d+\s+\.b8\s+(\w+)\[\]", re.MULTILINE)
# What makes threads wait for each other.
WAITS = re.compile(r"\b(?:bar\.|barrier\.|shfl\.|mma\.|ldmatrix\.|wgmma\.|mbarrier\.)")


class UnknownTextError(Exception):
    """The text has something that the emulator does not know."""


def operand(text: str) -> str:
    """A register, a number or a name in C."""
    text = text.strip()
    if text in SPECIAL:
        return SPECIAL[text]
    if match := re.fullmatch(r"0[fd]([0-9A-Fa-f]+)", text):
        return f"0x{match[1]}ull"
    if re.fullmatch(r"-?\d+", text):
        return f"(reg)({text}ll)" if text != "-9223372036854775808" else "(reg)INT64_MIN"
    if match := re.fullmatch(r"(0x[0-9A-Fa-f]+)U?", text):
        return f"{match[1]}ull"
    if match := re.fullmatch(r"!(%\w+)", text):
        return f"!{operand(match[1])}"
    if match := re.fullmatch(r"[%$]?([\w$]+)", text):
        return "r_" + match[1].replace("$", "_")
    raise UnknownTextError(f"operand {text!r}")


def address(text: str) -> str:
    """`[%rd1+4]` as a number."""
    match = re.fullmatch(r"\[\s*([%\w$]+)\s*(?:\+\s*(-?\d+))?\s*\]", text.strip())
    if not match:
        raise UnknownTextError(f"address {text!r}")
    return f"({operand(match[1])} + (reg)({match[2] or 0}ll))"


def split(text: str) -> list[str]:
    """Operands, with what is in braces as one."""
    return [
        part.strip()
        for part in re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,{}\[\]]+", text)
        if part.strip()
    ]


def elements(text: str) -> list[str]:
    """The registers of `{%r1, %r2}`, or the one."""
    return [part.strip() for part in text.strip("{}").split(",")]


def width(kind: str) -> int:
    """Bits of a type of PTX."""
    return int(re.sub(r"\D", "", kind))


class Kernel:
    """One function."""

    def __init__(self, name: str, parameters: dict[str, int]) -> None:
        """Take the names of the parameters with their bytes: 8, or more of a tensor map."""
        self.name = name
        self.parameters = parameters
        self.lines: list[str] = []
        self.words: dict[str, int] = {}
        count = 0
        for parameter, size in parameters.items():
            self.words[parameter] = count
            count += size // 8
        self.count = count

    @staticmethod
    def place(parts: list[str], text: str, size: int) -> str:
        """The address of an access, which is looked up where the instruction says the space."""
        for space in ("global", "shared", "local"):
            if space in parts:
                return f"at_{space}(thread, {address(text)}, {size})"
        return address(text)

    @staticmethod
    def copy(operands: list[str]) -> str:
        """`cp.async`, of which the last operand says how many bytes are read, if not all."""
        read = operand(operands[3]) if len(operands) > 3 else operands[2]
        where = f"{address(operands[0])}, {address(operands[1])}"
        return f"cp_async(thread, {where}, {operands[2]}, {read});"

    @staticmethod
    def barrier(parts: list[str], operands: list[str]) -> str:
        """`mbarrier`, whose state nobody reads."""
        if "init" in parts:
            return f"mbarrier_init(thread, {address(operands[0])}, {operand(operands[1])});"
        if "expect_tx" in parts:
            return f"mbarrier_expect(thread, {address(operands[1])}, {operand(operands[2])});"
        return f"mbarrier_arrive(thread, {address(operands[1])});"

    @staticmethod
    def box(parts: list[str], operands: list[str]) -> str:
        """`cp.async.bulk.tensor`, by the address of a map and a list of coordinates."""
        # cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
        is_store = parts[5] == "global"
        place = operands[0 if is_store else 1]
        match = re.fullmatch(r"\[\s*(%\w+),\s*\{([^}]*)\}\s*\]", place)
        rank = int(parts[4].rstrip("d"))
        if not match or "tile" not in parts or len(match[2].split(",")) != rank:
            raise UnknownTextError(".".join(parts))
        at = ", ".join(f"(int32_t){operand(one)}" for one in match[2].split(","))
        rest = f"{operand(match[1])}, at, {rank}"
        call = (
            f"store_box(thread, {address(operands[1])}, {rest})"
            if is_store
            else f"load_box(thread, {address(operands[0])}, {rest}, {address(operands[2])})"
        )
        return f"{{ const int32_t at[] = {{{at}}}; {call}; }}"

    @staticmethod
    def matrix(parts: list[str], operands: list[str]) -> str:
        """`ldmatrix`."""
        targets = elements(operands[0])
        assert f"x{len(targets)}" in parts
        transposed = "true" if "trans" in parts else "false"
        return (
            f"{{ reg v[4]; ldmatrix(thread, v, {len(targets)}, {transposed},"
            f" {address(operands[1])});"
            + "".join(f" {operand(to)} = v[{i}];" for i, to in enumerate(targets))
            + " }"
        )

    @staticmethod
    def product(parts: list[str], operands: list[str]) -> str:
        """`mma`."""
        lists = [", ".join(operand(one) for one in elements(each)) for each in operands[1:]]
        arrays = "".join(
            f" reg {name}[] = {{{values}}};" for name, values in zip("abc", lists, strict=True)
        )
        results = "".join(f" {operand(to)} = d[{i}];" for i, to in enumerate(elements(operands[0])))
        # mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
        shape = {"f16": "m16n8k16", "bf16": "m16n8k16", "tf32": "m16n8k8"}
        of_a, of_b = parts[parts.index("col") + 2 : -1]
        if shape.get(of_a, "m16n8k32") not in parts:
            raise UnknownTextError(".".join(parts))
        # Types that do not go together have no function.
        return f"{{ reg d[4];{arrays} mma_{of_a}_{of_b}(thread, d, a, b, c);{results} }}"

    @staticmethod
    def group_product(parts: list[str], operands: list[str]) -> str:
        """`wgmma.mma_async`, whose sums stay in registers by name."""
        # wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
        result, of_a, of_b = parts[-3:]
        is_whole = result == "s32"
        columns = re.fullmatch(rf"m64n(\d+)k{32 if is_whole else 16}", parts[-4])
        sums = elements(operands[0])
        a, b, adds, *rest = operands[1:]
        # Signs of floats, and which factor is turned: bytes are rows of terms in both.
        sign_a, sign_b, turned_a, turned_b = ["1", "1", "0", "0"] if is_whole else rest
        if not columns or result not in ("f32", "s32") or (sign_a, sign_b) != ("1", "1"):
            raise UnknownTextError(".".join(parts))
        registers = ", ".join(f"&{operand(one)}" for one in sums)
        return (
            f"{{ reg *sums[] = {{{registers}}};"
            f" wgmma_{of_a}_{of_b}(thread, {columns[1]}, sums, {operand(a)}, {operand(b)},"
            f" {operand(adds)}, {turned_a}, {turned_b}); }}"
        )

    def load(self, parts: list[str], operands: list[str]) -> str:
        """`ld`, of one value or a vector."""
        kind = parts[-1]
        if "param" in parts:
            name = operands[1].strip("[]").strip()
            return f"{operand(operands[0])} = parameters[{self.words[name]}];"
        step = width(kind) // 8
        base = self.place(parts, operands[1], step * len(elements(operands[0])))
        function = (
            f"load_s{width(kind)}" if kind[0] == "s" and width(kind) < 64 else f"load_{width(kind)}"
        )
        values = [
            f"reg v{i} = {function}({base} + {i * step});"
            for i in range(len(elements(operands[0])))
        ]
        # A register of the address may be among those that are loaded.
        return (
            "{ "
            + " ".join(values)
            + "".join(
                f" {operand(to)} = v{i};" for i, to in enumerate(elements(operands[0])) if to != "_"
            )
            + " }"
        )

    def store(self, parts: list[str], operands: list[str]) -> str:
        """`st`, of one value or a vector."""
        bits = width(parts[-1])
        size = bits // 8 * len(elements(operands[1]))
        base = self.place(parts, operands[0], size)
        noted = (
            f" note_shared(thread, {address(operands[0])}, {size});" if "shared" in parts else ""
        )
        return noted + " ".join(
            f"store_{bits}({base} + {i * bits // 8}, {operand(value)});"
            for i, value in enumerate(elements(operands[1]))
        )

    def move(self, parts: list[str], operands: list[str]) -> str:
        """`mov`, which also packs and unpacks registers."""
        to, source = operands
        if source.startswith("{"):
            values = elements(source)
            bits = width(parts[-1]) // len(values)
            mask = (1 << bits) - 1
            packed = " | ".join(
                f"({operand(v)} & {mask:#x}ull) << {i * bits}" for i, v in enumerate(values)
            )
            return f"{operand(to)} = {packed};"
        if to.startswith("{"):
            targets = elements(to)
            bits = width(parts[-1]) // len(targets)
            mask = (1 << bits) - 1
            return (
                f"{{ reg v = {operand(source)};"
                + "".join(
                    f" {operand(t)} = v >> {i * bits} & {mask:#x}ull;"
                    for i, t in enumerate(targets)
                    if t != "_"
                )
                + " }"
            )
        return f"{operand(to)} = {operand(source)};"

    def instruction(self, text: str) -> str:
        """One instruction without its predicate."""
        opcode, _, rest = text.partition(" ")
        parts, operands = opcode.split("."), split(rest)
        match parts[0]:
            case "ld" | "ldu":
                return self.load(parts, operands)
            case "st":
                return self.store(parts, operands)
            case "mov":
                return self.move(parts, operands)
            case "high":
                half = width(parts[1]) // 2
                mask = (1 << half) - 1
                return f"{operand(operands[0])} = ({operand(operands[1])} >> {half}) & {mask}u;"
            case "bra":
                return f"goto {operand(operands[0])};"
            case "ret" | "exit":
                return "return;"
            case "cvta":
                return f"{operand(operands[0])} = {operand(operands[1])};"
            case "bar" | "barrier":
                if len(operands) == 2 and "warp" not in parts:
                    return f"bar_sync_some(thread, {', '.join(map(operand, operands))});"
                wait = "bar_warp_sync" if "warp" in parts else "bar_sync"
                return f"{wait}(thread);"
            case "mbarrier":
                return self.barrier(parts, operands)
            case "mbarrier_wait":
                at, parity = address(operands[0]), operand(operands[1])
                return f"mbarrier_wait(thread, {at}, {parity});"
            case "setmaxnreg":
                return "setmaxnreg(thread);"
            case "cp" if "bulk" in parts and "commit_group" in parts:
                return "commit_boxes(thread);"
            case "cp" if "bulk" in parts and "wait_group" in parts:
                return f"wait_for_boxes(thread, {operands[0]});"
            case "cp" if "bulk" in parts:
                return self.box(parts, operands)
            case "cp" if "commit_group" in parts:
                return "cp_async_commit_group(thread);"
            case "cp" if "wait_group" in parts:
                return f"cp_async_wait_group(thread, {operands[0]});"
            case "cp" if "wait_all" in parts:
                return "cp_async_commit_group(thread); cp_async_wait_group(thread, 0);"
            case "cp" if "async" in parts:
                return self.copy(operands)
            case "fence" if "mbarrier_init" in parts:
                return "fence_mbarrier_init(thread);"
            case "fence" if "proxy" in parts:
                return "fence_proxy_async(thread);"
            case "wgmma" if "fence" in parts:
                return "wgmma_fence(thread);"
            case "wgmma" if "commit_group" in parts:
                return "wgmma_commit_group(thread);"
            case "wgmma" if "wait_group" in parts:
                if operands != ["0"]:
                    raise UnknownTextError(text)
                return "wgmma_wait_all(thread);"
            case "wgmma":
                return self.group_product(parts, operands)
            case "ldmatrix":
                return self.matrix(parts, operands)
            case "mma":
                return self.product(parts, operands)
            case "shfl":
                values = ", ".join(map(operand, operands[1:]))
                to = operand(operands[0].split("|")[0])
                return f"{to} = shfl_sync_{parts[2]}_b32(thread, {values});"
            case "atom" if "cas" in parts:
                values = ", ".join(map(operand, operands[2:]))
                call = f"compare_exchange_{parts[-1]}({address(operands[1])}, {values})"
                return f"{operand(operands[0])} = {call};"
        if parts[0] == "setp" and len(parts) == 4:
            # Together with another predicate: setp.lt.and.s32.
            compared = f"setp_{parts[1]}_{parts[3]}({operand(operands[1])}, {operand(operands[2])})"
            return f"{operand(operands[0])} = {parts[2]}_pred({compared}, {operand(operands[3])});"
        name = "_".join(part for part in parts if part not in ("ftz", "full"))
        return f"{operand(operands[0])} = {name}({', '.join(map(operand, operands[1:]))});"

    def statement(self, text: str) -> None:
        """One instruction, with its predicate if it has one."""
        text = re.sub(r"\s+", " ", text).strip()
        if match := re.match(r"@(!?)(%\w+) (.*)", text):
            self.lines.append(
                f"if ({match[1]}{operand(match[2])}) {{ {self.instruction(match[3])} }}"
            )
        elif text:
            self.lines.append(self.instruction(text))

    def c(self, body: str) -> str:
        """All of it."""
        body = re.sub(r"//.*", "", body)
        body = HIGH_HALF.sub(r"high.\1 \2, \3;", body)
        body = WAIT_PHASE.sub(r"mbarrier_wait \1, \2;", body)
        waits = "true" if WAITS.search(body) else "false"
        declared: list[str] = []
        for name, count in REGISTERS.findall(body):
            names = [f"r_{name}{i}" for i in range(int(count))] if count else [f"r_{name}"]
            declared += [f"  reg {one} = 0;" for one in names]
        for name, size in self.parameters.items():
            if size > 8:  # What it is called is its address.
                declared.append(
                    f"  reg {operand(name)} = (reg)(uintptr_t)&parameters[{self.words[name]}];"
                )
        for align, name, size in LOCAL.findall(body):
            declared.append(
                f"  _Alignas({align}) char m_{name}[{size}];"
                f" reg r_{name} = (reg)(uintptr_t)m_{name};"
            )
        # `.local` is also how instructions end that use such memory.
        body = re.sub(r"(?m)\.reg[^;]*;|^\s*\.local[^;]*;|\.pragma[^;]*;|\.loc\s[^\n]*\n", "", body)
        # Inner blocks hold what has a register of its own, whose name no other has.
        body = re.sub(r"(?m)^\s*[{}]\s*$", "", body)
        body = re.sub(r"\{\s*;", "", body)
        for piece in re.split(r";", body):
            rest = piece
            while match := re.match(r"\s*([$\w]+):", rest):
                self.lines.append(f"{operand(match[1])}:;")
                rest = rest[match.end() :]
            self.statement(rest)
        text = "\n  ".join(self.lines)
        sizes = ", ".join(map(str, self.parameters.values()))
        return (
            f"void {self.name}(struct thread *thread, const reg *parameters) {{\n"
            "  (void)thread, (void)parameters;\n"
            + "\n".join(declared)
            + f"\n  {text}\n}}\n"
            + f"static const unsigned {self.name}_bytes[] = {{{sizes}}};\n"
            + f"const struct function {self.name}_function = {{{self.name}, "
            + f'{len(self.parameters)}, {self.count}, "{self.name}", {waits}, '
            + f"{self.name}_bytes}};\n"
        )


def tables(text: str) -> str:
    """Constant arrays at the top of the text."""
    result = []
    for align, kind, name, values in GLOBAL.findall(text):
        numbers = ", ".join(operand(value) for value in values.split(","))
        result.append(
            f"_Alignas({align}) static const uint{width(kind)}_t m_{name}[] = {{{numbers}}};"
        )
        result.append(f"#define r_{name} ((reg)(uintptr_t)m_{name})")
    rows = "".join(f"{{m_{name}, sizeof m_{name}}}, " for _, _, name, _ in GLOBAL.findall(text))
    result.append(f"const struct table emu_tables[] = {{{rows}{{0, 0}}}};")
    return "\n".join(result)


def translate(text: str) -> str:
    """All kernels of a PTX text, each a C function of its name."""
    text = ADDS.sub(r"\2, \1\3;", text)
    made = ['#include "ptx.h"', tables(text)]
    made += [f"#define r_{name} ((reg)(uintptr_t)thread->shared)" for name in SHARED.findall(text)]
    for name, parameters, _, body in BLOCK.findall(text):
        named = [line.split()[-1] for line in parameters.split(",") if line.strip()]
        sizes = {
            match[1]: int(match[2] or 8)
            for match in (re.fullmatch(r"(\w+)(?:\[(\d+)\])?", one) for one in named)
            if match
        }
        made.append(Kernel(name, sizes).c(body))
    return "\n".join(made)


if __name__ == "__main__":
    ptx = Path(sys.argv[1]).read_text()
    if fault := os.environ.get("LATHE_EMU_FAULT"):
        ptx = faults.plant(fault, ptx)
    Path(sys.argv[2]).write_text(translate(ptx))
