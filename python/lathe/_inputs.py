# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random inputs for a model, the same for every engine and in every process."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from lathe._arrays import from_strings
from lathe.signature import Dim

Array = npt.NDArray[Any]


class InputError(ValueError):
    """The sizes given do not make inputs for the model."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """An input as an engine describes it."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[Dim, ...]
    rows: int = 0  # Of the table that the elements are ids of; 0 if there is none.


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the user says about free dims, and the range of integers.

    `dims` gives sizes by the name of the dim, `shapes` whole shapes by the name of the input;
    `integers` is the half-open range for inputs of integers; None for 0 to 99, or to the last row
    of the table that they are ids of.
    """

    dims: Mapping[str, int] = field(default_factory=dict)
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    integers: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return {
            "dims": dict(self.dims),
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "integers": self.integers and list(self.integers),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Sizes:
        """Return the sizes that `to_json` described."""
        given = data.get("integers")
        return Sizes(data.get("dims", {}), data.get("shapes", {}), given and (given[0], given[1]))


def resolve_shape(spec: InputSpec, sizes: Sizes) -> tuple[int, ...]:
    """Return the shape of an input. Raises InputError if a free dim has no size.

    A free first dim is taken for the batch and is 1 if nothing else is said.
    """
    if spec.name in sizes.shapes:
        shape = tuple(sizes.shapes[spec.name])
        if len(shape) != len(spec.shape):
            raise InputError(
                f'--shape gives input "{spec.name}" {len(shape)} dims, '
                f"but it has {len(spec.shape)}; such as {_example(spec, sizes)} [inputs-shape-rank]"
            )
        for given, own in zip(shape, spec.shape, strict=True):
            if isinstance(own, int) and own != given:
                raise InputError(
                    f'--shape gives input "{spec.name}" a dim of {given}, '
                    f"but the model fixes it to {own} [inputs-shape-fixed]"
                )
        return shape
    resolved = []
    for axis, dim in enumerate(spec.shape):
        if isinstance(dim, int):
            resolved.append(dim)
        elif dim is not None and dim in sizes.dims:
            resolved.append(sizes.dims[dim])
        elif axis == 0:
            resolved.append(1)
        else:
            way = f"--dim {dim}=SIZE or " if dim not in (None, "?") else ""
            raise InputError(
                f'dim {axis} of input "{spec.name}" is free; give its size with '
                f"{way}{_example(spec, sizes)} [inputs-free-dim]"
            )
    return tuple(resolved)


def _example(spec: InputSpec, sizes: Sizes) -> str:
    """Return the option with a shape that fits the input."""
    known = [
        d if isinstance(d, int) else sizes.dims.get(d or "", 32 if axis else 1)
        for axis, d in enumerate(spec.shape)
    ]
    return f"--shape {spec.name}={'x'.join(map(str, known))}"


def make_input(spec: InputSpec, sizes: Sizes, seed: int = 0) -> Array:
    """Return a random array for an input: its values depend on name, shape and `seed` alone.

    Floats are drawn from the standard normal distribution, integers as `sizes.integers` says, those
    of less than a byte from all that there are; strings are "word0" to "word99".
    Inputs that a model uses as flags get flags: integers whose names contain "mask" or "type" are
    0 or 1, and the first of each row of a mask is 1, so that no row is masked out.
    """
    shape = resolve_shape(spec, sizes)
    key = f"{spec.name}:{'x'.join(map(str, shape))}:{seed}"
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode("utf-8", "replace"))))
    kind = spec.dtype.kind
    if kind == "b":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if kind in "iu":
        name = spec.name.lower()
        if "mask" in name or "type" in name:
            flags = rng.integers(0, 2, shape).astype(spec.dtype)
            if "mask" in name and shape and shape[-1] > 0:
                flags[..., 0] = 1
            return flags
        low, high = sizes.integers or (0, min(100, spec.rows or 100))
        info = np.iinfo(spec.dtype)
        return rng.integers(max(low, info.min), min(high, info.max + 1), shape).astype(spec.dtype)
    if kind == "O":
        words = [f"word{i}" for i in rng.integers(0, 100, int(np.prod(shape, dtype=np.int64)))]
        return from_strings(words, list(shape))
    if "int" in spec.dtype.name:  # Of less than a byte, which NumPy does not know.
        narrow = ml_dtypes.iinfo(spec.dtype)  # type: ignore[no-untyped-call]
        return rng.integers(int(narrow.min), int(narrow.max) + 1, shape).astype(spec.dtype)
    values = rng.standard_normal(shape, dtype=np.float32)
    if kind == "c":
        return (values + 1j * rng.standard_normal(shape, dtype=np.float32)).astype(spec.dtype)
    if "e8m0" in spec.dtype.name:  # It has no sign.
        values = np.abs(values)
    return values.astype(spec.dtype)


def make_inputs(
    specs: Sequence[InputSpec], sizes: Sizes, seed: int = 0, files: Mapping[str, str] | None = None
) -> list[Array]:
    """Return arrays for all inputs: those of the `.npy` files named, and random ones.

    Free dims that nothing else says are as large as in the files. Raises InputError for names that
    no input has, and for files that cannot be read.
    """
    files = files or {}
    names = {s.name for s in specs}
    _check_names("shape", "input", sizes.shapes, names)
    _check_names("input", "input", files, names)
    free = {d for s in specs for d in s.shape if isinstance(d, str)}
    _check_names("dim", "free dim", sizes.dims, free)
    given = {s.name: _read(s, files[s.name]) for s in specs if s.name in files}
    dims = dict(sizes.dims)
    for spec in specs:
        if spec.name in given:
            for dim, size in zip(spec.shape, given[spec.name].shape, strict=False):
                if isinstance(dim, str):
                    dims.setdefault(dim, size)
    sizes = replace(sizes, dims=dims)
    return [given[s.name] if s.name in given else make_input(s, sizes, seed) for s in specs]


def _read(spec: InputSpec, file: str) -> Array:
    """Return the array of a `.npy` file. Raises InputError if it is none."""
    try:
        array: Array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f'--input gives "{spec.name}" the file {file}, which cannot be read: {error} '
            "[inputs-unreadable]"
        ) from None
    # Types that NumPy does not know are bytes to it.
    return array.view(spec.dtype) if array.dtype.kind == "V" else array


def _check_names(option: str, what: str, given: Mapping[str, Any], known: set[str]) -> None:
    if unknown := [name for name in given if name not in known]:
        there = ", ".join(sorted(known)) or "none"
        raise InputError(
            f"--{option} {unknown[0]}: the model has no such {what}; there is: {there} "
            f"[inputs-unknown-{option}]"
        )


def parse_dim(text: str) -> tuple[str, int]:
    """Return name and size of "NAME=SIZE". Raises ValueError for anything else."""
    name, equals, value = text.rpartition("=")
    if not equals or not name or not value.isdecimal():
        raise ValueError(f"{text!r} is not NAME=SIZE")
    return name, int(value)


def parse_file(text: str) -> tuple[str, str]:
    """Return name and path of "NAME=FILE.npy". Raises ValueError for anything else."""
    name, equals, path = text.partition("=")
    if not equals or not name or not path:
        raise ValueError(f"{text!r} is not NAME=FILE.npy")
    return name, path


def parse_shape(text: str) -> tuple[str, list[int]]:
    """Return name and shape of "INPUT=1x3x48x320". Raises ValueError for anything else."""
    name, equals, value = text.rpartition("=")
    parts = value.split("x") if value else []
    if not equals or not name or not all(p.isdecimal() for p in parts):
        raise ValueError(f"{text!r} is not INPUT=1x3x48x320")
    return name, [int(p) for p in parts]


def describe(arrays: Sequence[Array]) -> str:
    """Return the shapes, for a table: "1x3x224x224"."""
    return ", ".join("x".join(map(str, a.shape)) or "scalar" for a in arrays)
