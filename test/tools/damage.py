# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Damages files of every kind that `lathe` reads, the same way for the same seed.

As a program it looks for crashes for as long as you like:
`python test/tools/damage.py --count 5000 --seed 7 FOLDER` leaves what it found in FOLDER. Set
LATHE_BUILD to a build with sanitizers to see more.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import re
import subprocess
import sys
from collections.abc import Iterator

from command_line import program
from onnx import TensorProto, helper

SUFFIXES = (".onnx", ".mlir", ".lathe", ".lathebin", ".so")
LIMIT_S = 120

# What a number, a type or a dimension in the text of a model is replaced with.
INTEGERS = ("0", "-1", "1", "2", "7", "65", "9223372036854775807", "-9223372036854775808", "?")
ELEMENTS = ("f32", "f64", "f16", "bf16", "i1", "i8", "i32", "i64", "ui8", "index", "i7", "none")
SHAPE = re.compile(r"(?<=tensor<)(?:(?:\d+|\?)x)*\w+(?=[>,])")
NUMBER = re.compile(r"(?<![\w.%#@])-?\d+(?![\w.])")
WORD = re.compile(r"[%#@]?[A-Za-z_][\w.]*")


def write_models(folder: pathlib.Path) -> None:
    """Write small models with fixed and free sizes, in all formats of models and artifacts."""
    make, value = helper.make_node, helper.make_tensor_value_info
    f32, i64 = TensorProto.FLOAT, TensorProto.INT64
    graphs = {
        "conv": (
            [
                make("Conv", ["x", "w", "b"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
                make("Relu", ["c"], ["r"]),
                make("MaxPool", ["r"], ["y"], kernel_shape=[2, 2]),
            ],
            [
                value("x", f32, ["n", 3, "h", 9]),
                value("w", f32, [4, 3, 3, 3]),
                value("b", f32, [4]),
            ],
            [value("y", f32, None)],
        ),
        "shape": (
            [
                make("Reshape", ["x", "shape"], ["r"]),
                make("Softmax", ["r"], ["s"], axis=-1),
                make("ReduceMean", ["s"], ["y"], keepdims=0),
            ],
            [value("x", f32, ["n", 6]), value("shape", i64, [2])],
            [value("y", f32, None)],
        ),
        "pad": (
            [
                make("Pad", ["x", "pads"], ["p"]),
                make("Concat", ["p", "p"], ["c"], axis=0),
                make("Transpose", ["c"], ["y"]),
            ],
            [value("x", f32, ["n", 4]), value("pads", i64, [4])],
            [value("y", f32, None)],
        ),
    }
    for name, (nodes, inputs, outputs) in graphs.items():
        graph = helper.make_graph(nodes, name, inputs, outputs)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        source = folder / f"{name}.onnx"
        source.write_bytes(model.SerializeToString())
        for suffix in SUFFIXES[1:]:
            command = "convert" if suffix in (".mlir", ".lathe") else "compile"
            subprocess.run(
                [program(), command, source, "-o", source.with_suffix(suffix)], check=True
            )


def damage_bytes(data: bytes, rng: random.Random) -> bytes:
    """Change, drop, repeat or move a few bytes, or cut the end off."""
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, count = rng.randrange(len(result)), rng.randint(1, 16)
        match rng.randrange(7):
            case 0:
                result[at] = rng.randrange(256)
            case 1:
                result[at] ^= 1 << rng.randrange(8)
            case 2:
                result[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 3:
                del result[at : at + count]
            case 4:
                result[at:at] = result[at : at + count]
            case 5:
                start = rng.randrange(len(result))
                result[at : at + count] = result[start : start + count]
            case _:
                del result[at:]
        if not result:
            return b"\0"
    return bytes(result)


def damage_shape(shape: str, rng: random.Random) -> str:
    """Change a dimension or the element type of "2x?xf32"."""
    *dims, element = shape.split("x")
    at = rng.randrange(len(dims) + 1)
    if at == len(dims):
        element = rng.choice(ELEMENTS)
    elif rng.random() < 0.3:
        del dims[at]
    else:
        dims[at] = rng.choice(INTEGERS).removeprefix("-")
    return "x".join([*dims, element])


def damage_text(text: str, rng: random.Random) -> str:
    """Change a shape (everywhere), a number or a word: much of it is still read as a model."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        kind = rng.random()
        pattern = SHAPE if kind < 0.5 else NUMBER if kind < 0.9 else WORD
        found = list(pattern.finditer(text))
        if not found:
            continue
        chosen = rng.choice(found)
        if pattern is SHAPE:
            new = damage_shape(chosen[0], rng)
            text = text.replace(f"tensor<{chosen[0]}", f"tensor<{new}")
            continue
        new = rng.choice(INTEGERS) if pattern is NUMBER else rng.choice(found)[0]
        text = text[: chosen.start()] + new + text[chosen.end() :]
    return text


def damaged(seed: pathlib.Path, rng: random.Random) -> bytes:
    """Return the bytes of the file `seed` with some damage."""
    if seed.suffix == ".mlir" and rng.random() < 0.9:
        return damage_text(seed.read_text(), rng).encode()
    return damage_bytes(seed.read_bytes(), rng)


def complaint(path: pathlib.Path) -> str:
    """Return what is wrong with the way in which `lathe` takes the file, or ""."""
    try:
        done = subprocess.run(
            [program(), "inspect", path],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {LIMIT_S} s"
    last = done.stderr.strip().splitlines()[-1:]
    if done.returncode not in (0, 1):
        return f"ended with {done.returncode}: {last}"
    if "runtime error:" in done.stderr:
        return f"undefined behaviour: {done.stderr}"
    if done.returncode == 0:
        return ""
    if not re.search(r"error: .*\[[a-z0-9-]+\]$", done.stderr, re.MULTILINE):
        return f"refused without an id: {last}"
    return f"an internal error: {last}" if "error: internal" in done.stderr else ""


def search(
    seeds: list[pathlib.Path], folder: pathlib.Path, count: int, seed: int
) -> Iterator[tuple[pathlib.Path, str]]:
    """Try `count` damaged files of each suffix; yields those that are taken wrongly."""
    for suffix in SUFFIXES:
        rng = random.Random(f"{seed}{suffix}")
        originals = [path for path in seeds if path.suffix == suffix]
        for number in range(count if originals else 0):
            path = folder / f"damaged-{seed}-{number}{suffix}"
            path.write_bytes(damaged(rng.choice(originals), rng))
            if words := complaint(path):
                yield path, words
            else:
                path.unlink()


def main() -> int:
    """Search, with models of our own or with those in a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, help="for the damaged files")
    parser.add_argument("--seeds", type=pathlib.Path, help="a folder of files to damage")
    parser.add_argument("--count", type=int, default=1000, help="of damaged files of each suffix")
    parser.add_argument("--seed", type=int, default=0, help="another gives other damage")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    seeds = options.seeds
    if seeds is None:
        seeds = options.folder / "seeds"
        seeds.mkdir(exist_ok=True)
        write_models(seeds)
    bad = 0
    files = sorted(seeds.iterdir())
    for path, words in search(files, options.folder, options.count, options.seed):
        print(f"{path}: {words}", flush=True)
        bad += 1
    print(f"{bad} of {options.count} damaged files a suffix were taken wrongly")
    return int(bad != 0)


if __name__ == "__main__":
    sys.exit(main())
