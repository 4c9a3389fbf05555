# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Libraries of operators that `lathe oplib build` wrote, called from Python.

ops = lathe.oplib.open("ops")
y = ops.call("gemm_f32", a=x, b=w, bias=bias, activation="relu")
ops.register_torch("ops")
y = torch.ops.ops.gemm_f32(x, w, bias=bias, activation="relu")

This file needs nothing of Lathe: each library's wheel has it as its binding.
"""

from __future__ import annotations

import ctypes
import json
import math
import pathlib
import platform
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    import ml_dtypes
except ImportError:  # Without it, bf16 is its bits.
    ml_dtypes = None  # type: ignore[assignment]

__all__ = ["BoundCall", "Choice", "Library", "OplibError", "open"]

_DTYPES: Mapping[str, np.dtype[Any]] = {
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16 if ml_dtypes else np.uint16),
    "i8": np.dtype(np.int8),
    "u8": np.dtype(np.uint8),
    "i32": np.dtype(np.int32),
    "i64": np.dtype(np.int64),
}
_TORCH_DTYPES: Mapping[str, str] = {
    "f32": "float32",
    "f64": "float64",
    "f16": "float16",
    "bf16": "bfloat16",
    "i8": "int8",
    "u8": "uint8",
    "i32": "int32",
    "i64": "int64",
}
_Array = npt.NDArray[Any]


class OplibError(Exception):
    """A call that does not fit the operator, or that the library refused; `ids` says which."""

    def __init__(self, id: str, message: str) -> None:
        super().__init__(f"{message} [{id}]")
        self.ids = (id,)


def _error(id: str, message: str) -> OplibError:
    return OplibError(id, message)


@dataclass(frozen=True, slots=True)
class Choice:
    """What computes an operator: the kernels' key is that of the manifest; `row` is that of the
    dispatch table, or -1 if the variant was forced.
    """

    isa: str
    variant: str
    kernel: str
    by: str
    row: int


class _CChoice(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("isa", "variant", "kernel", "by")] + [
        ("row", ctypes.c_int32)
    ]


@dataclass(frozen=True, slots=True)
class _Operand:
    name: str
    dtype: str
    dims: Sequence[str]
    strides: Sequence[str]
    optional: bool
    result: bool
    packed: bool
    alignment: int


class _Op:
    """The struct that one operator takes, and the functions that take it."""

    def __init__(self, library: ctypes.CDLL, prefix: str, about: Mapping[str, Any]) -> None:
        self.name: str = about["op"]
        self.symbols: list[str] = about["symbols"]
        self.operands = [_Operand(**operand) for operand in about["operands"]]
        self.derived: dict[str, str] = about["derived"]
        self.choice: str = about["choice"]
        self.choices: list[str] = about["choices"]
        fields: list[tuple[str, Any]] = [(symbol, ctypes.c_int64) for symbol in self.symbols]
        for operand in self.operands:
            fields.append((operand.name, ctypes.c_void_p))
            fields += [(stride, ctypes.c_int64) for stride in operand.strides]
        if self.choice:
            fields.append((self.choice, ctypes.c_int32))
        fields += [("workspace", ctypes.c_void_p), ("workspace_bytes", ctypes.c_size_t)]
        self.arguments: Any = type(self.name, (ctypes.Structure,), {"_fields_": fields})
        # The same for `struct`, natively aligned as in C; a struct ends as a pointer does.
        letters = {ctypes.c_int64: "q", ctypes.c_void_p: "P", ctypes.c_int32: "i"}
        letters[ctypes.c_size_t] = "N"
        self.layout = "@" + "".join(letters[kind] for _, kind in fields) + "0P"
        self.run = getattr(library, f"{prefix}_{self.name}")
        self.workspace = getattr(library, f"{prefix}_{self.name}_workspace")

    def operand(self, name: str) -> _Operand:
        for operand in self.operands:
            if operand.name == name:
                return operand
        raise _error("oplib-call", f"{self.name} has no operand {name!r}")

    def free_symbols(self) -> list[str]:
        """The sizes that no operand has which is always there and is no packed one."""
        seen = {
            dim
            for operand in self.operands[:-1]
            if not operand.optional and not operand.packed
            for dim in operand.dims
        }
        return [symbol for symbol in self.symbols if symbol not in seen]

    def torch_schema(self) -> str:
        """What the operator takes and returns, in PyTorch's words."""
        needed = [
            f"Tensor {operand.name}" for operand in self.operands[:-1] if not operand.optional
        ]
        named = [
            f"Tensor? {operand.name}=None" for operand in self.operands[:-1] if operand.optional
        ]
        if self.choice:
            named.append(f'str {self.choice}="{self.choices[0]}"')
        named = [f"SymInt {symbol}" for symbol in self.free_symbols()] + named
        return f"({', '.join([*needed, *(['*', *named] if named else [])])}) -> Tensor"

    def torch_fake(self, torch: Any) -> Any:
        """A function of the operator's tensors that returns one of the result's shape and dtype."""
        result = self.operands[-1]
        needed = [operand for operand in self.operands[:-1] if not operand.optional]
        dtype = getattr(torch, _TORCH_DTYPES[result.dtype])

        def fake(*tensors: Any, **given: Any) -> Any:
            sizes = {symbol: given[symbol] for symbol in self.free_symbols()}
            for operand, tensor in zip(needed, tensors, strict=True):
                if operand.packed:
                    continue
                if tensor.ndim != len(operand.dims):
                    raise _error(
                        "oplib-call",
                        f"{operand.name} has rank {tensor.ndim}, but {self.name} takes "
                        f"{len(operand.dims)}",
                    )
                for dim, size in zip(operand.dims, tensor.shape, strict=True):
                    if not dim.isdigit():
                        sizes.setdefault(dim, size)
            for name, expression in self.derived.items():
                sizes[name] = _evaluate(expression, sizes, self.name)
            shape = [int(dim) if dim.isdigit() else sizes[dim] for dim in result.dims]
            return tensors[0].new_empty(shape, dtype=dtype)

        return fake


class BoundCall:
    """A call that can be made again and again: what `Library.bind` returns."""

    __slots__ = ("_about", "_arguments", "_keep", "_library", "_struct", "result")

    def __init__(
        self,
        library: Library,
        about: _Op,
        arguments: Any,
        keep: tuple[list[_Array], _Array | None],  # Operands and workspace.
        result: _Array,
    ) -> None:
        self._library, self._about = library, about
        self._struct, self._arguments, self._keep = arguments, ctypes.byref(arguments), keep
        self.result = result

    def __call__(self) -> _Array:
        """Computes the operator and returns `result`. Raises OplibError if the library refuses."""
        status = self._about.run(self._library._ctx, self._arguments)
        self._library._check(status, self._about.name)
        return self.result

    def _is_as_given(self, given: Mapping[str, Any]) -> bool:
        """Whether each operand is NumPy's array of its name in `given`, and no copy of it."""
        values = [given.get(operand.name) for operand in self._about.operands[:-1]]
        return all(
            type(value) is np.ndarray and value is kept
            for value, kept in zip(
                (value for value in values if value is not None), self._keep[0], strict=True
            )
        )

    def _plan(self, given: Mapping[str, Any]) -> _Plan:
        """What is the same for the next arrays like those in `given`."""
        about, workspace, result = self._about, self._keep[1], self._about.operands[-1]
        fields = [name for name, _ in about.arguments._fields_]
        operands = tuple(
            (fields.index(operand.name), operand.name)
            for operand in about.operands[:-1]
            if given.get(operand.name) is not None
        )
        return _Plan(
            about.run,
            struct.Struct(about.layout).pack,
            [getattr(self._struct, field) or 0 for field in fields],
            operands,
            fields.index(result.name),
            self.result.shape,
            self.result.dtype,
            result.alignment,
            0 if workspace is None else workspace.size,
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known of a call by the shapes, strides and dtypes of its arrays."""

    run: Any  # The library's function.
    pack: Callable[..., bytes]  # From the values of all fields of the struct.
    values: list[Any]  # These, with pointers that are yet to be set.
    operands: tuple[tuple[int, str], ...]  # The fields of operands that are given, and their names.
    result: int  # Its field; what follows is what `_empty` takes.
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    alignment: int
    workspace: int


# Plans that a library keeps: beyond it, all are made anew.
_MOST_PLANS = 1024


class Library:
    """An open library. Calls from several threads are fine; `force` needs to be alone."""

    def __init__(self, folder: str | pathlib.Path) -> None:
        manifests = sorted(pathlib.Path(folder).glob("share/*/manifest.json"))
        if not manifests:
            raise _error(
                "oplib-no-library",
                f"{folder} holds no library: there is no share/NAME/manifest.json",
            )
        about = json.loads(manifests[0].read_text())
        self.name: str = about["name"]
        self.version: str = about["version"]
        machine = platform.machine().lower()
        arch = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
        if not about.get("libraries"):
            raise _error(
                "oplib-manifest",
                f"{manifests[0]} names no library, as those of earlier versions of lathe do; "
                "build it again",
            )
        if arch not in about["libraries"]:
            raise _error(
                "oplib-load",
                f"{self.name} is for {' and '.join(about['libraries'])}, but this machine is "
                f"{machine}",
            )
        shared = pathlib.Path(folder).resolve() / about["libraries"][arch]
        self._library = ctypes.CDLL(str(shared))
        self._text = self._function("status_text", ctypes.c_char_p)
        # What the manifest says of each operator, by name.
        self.interface: dict[str, Mapping[str, Any]] = {op["op"]: op for op in about["interface"]}
        # The names of its variants, such as "v3.512x512", of all instruction sets.
        self.variants: dict[str, set[str]] = {op: set() for op in self.interface}
        for op in about["ops"]:
            self.variants[op["op"]].update(variant["name"] for variant in op["variants"])
        self._ops = {op["op"]: _Op(self._library, self.name, op) for op in about["interface"]}
        self._ctx = (ctypes.c_uint64 * about["context_words"])()
        self._check(self._function("open")(None, self._ctx), "open")
        self._torch_libraries: list[Any] = []
        self._plans: dict[Any, _Plan] = {}

    @property
    def ops(self) -> list[str]:
        """The names of the operators."""
        return list(self._ops)

    def _function(self, name: str, result: Any = ctypes.c_int) -> Any:
        function = getattr(self._library, f"{self.name}_{name}")
        function.restype = result
        return function

    def _check(self, status: int, what: str) -> None:
        if status:
            raise _error("oplib-status", f"{what}: {self._text(status).decode()}")

    def _op(self, name: str) -> _Op:
        if name not in self._ops:
            raise _error(
                "oplib-call", f"there is no operator {name!r}, only {', '.join(self._ops)}"
            )
        return self._ops[name]

    def force(self, op: str | None, isa_or_variant: str | None) -> None:
        """Makes `op` (None: all) take one instruction set or variant; None brings the choice back.

        Raises OplibError if there is no such name or this machine cannot run it.
        """
        self._plans.clear()  # Another kernel may need another workspace.
        words = [word.encode() if word else None for word in (op, isa_or_variant)]
        self._check(self._function("force")(self._ctx, *words), f"force {isa_or_variant}")

    def select(self, op: str, **sizes: int) -> Choice:
        """What computes `op` for these sizes, one for each of its symbols."""
        about = self._op(op)
        if set(sizes) != set(about.symbols):
            raise _error("oplib-call", f"{op} has the sizes {', '.join(about.symbols)}")
        values = (ctypes.c_int64 * len(sizes))(*[sizes[name] for name in about.symbols])
        choice = _CChoice()
        status = self._function("select")(self._ctx, op.encode(), values, ctypes.byref(choice))
        self._check(status, f"select {op}")
        isa, variant, kernel, by = (
            getattr(choice, name).decode() for name in ("isa", "variant", "kernel", "by")
        )
        return Choice(isa, variant, kernel, by, choice.row)

    def pack(self, op: str, operand: str, matrix: Any) -> npt.NDArray[np.uint8]:
        """Packs a matrix for calls of `op` on this machine. Keeps its bytes, not the matrix."""
        about = self._op(op).operand(operand)
        if not about.packed:
            raise _error("oplib-call", f"{op} does not take {operand} packed")
        array = np.ascontiguousarray(matrix, _DTYPES[about.dtype])
        if array.ndim != len(about.dims):
            raise _error(
                "oplib-call", f"{operand} has {array.ndim} dims, but {op} takes {len(about.dims)}"
            )
        function = self._function(f"{op}_pack_{operand}")
        size = ctypes.c_size_t(0)
        dims = [ctypes.c_int64(dim) for dim in array.shape]
        source = ctypes.c_void_p(array.ctypes.data)
        words = [*dims, source, ctypes.c_int64(0)]
        self._check(function(self._ctx, *words, None, ctypes.byref(size)), f"pack {operand}")
        out = np.empty(size.value, np.uint8)
        target = ctypes.c_void_p(out.ctypes.data)
        self._check(function(self._ctx, *words, target, ctypes.byref(size)), f"pack {operand}")
        return out

    def call(self, op: str, *, out: _Array | None = None, **given: Any) -> _Array:
        """Computes `op` and returns its result, which is in `out` if that is given.

        Operands are arrays by name, of the operator's dtype; rows may have any distance, but the
        elements of a row are side by side. Sizes are those of the arrays; one that only a packed
        operand has is an argument by its name. Raises OplibError if something does not fit.

        What was checked for arrays of some shapes, strides and dtypes is not checked again for
        others like them.
        """
        key: list[Any] = [op]
        for name, value in given.items():
            if type(value) is np.ndarray:
                key += name, value.shape, value.strides, value.dtype
            else:
                key += name, value
        try:
            plan = self._plans.get(tuple(key)) if out is None else None
        except TypeError:  # What has no hash is no array of NumPy.
            return self.bind(op, **given)()
        if plan is None:
            return self._call_first(op, tuple(key), out, given)
        result = _empty(plan.shape, plan.dtype, plan.alignment)
        values = plan.values[:]
        for field, name in plan.operands:
            values[field] = _address(given[name])
        values[plan.result] = _address(result)
        if plan.workspace:
            workspace = np.empty(plan.workspace, np.uint8)
            values[-2] = _address(workspace)
        if status := plan.run(self._ctx, plan.pack(*values)):
            self._check(status, op)
        return result

    def _call_first(
        self, op: str, key: tuple[Any, ...], out: _Array | None, given: Mapping[str, Any]
    ) -> _Array:
        """A call as of `call`, whose plan is kept if the next one can go by it."""
        bound = self.bind(op, out=out, **given)
        result = bound()
        if out is None and bound._is_as_given(given):
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[key] = bound._plan(given)
        return result

    def bind(self, op: str, *, out: _Array | None = None, **given: Any) -> BoundCall:
        """A call as of `call` to be made often: its arguments are set, and its workspace is there.

        It reads and writes the memory of the arrays that it was given here. Not for several
        threads at once.
        """
        about = self._op(op)
        arguments = about.arguments()
        sizes: dict[str, int] = {}
        keep: list[_Array] = []
        for symbol in about.symbols:
            if symbol in given:
                sizes[symbol] = int(given.pop(symbol))
        if about.choice and about.choice in given:
            value = given.pop(about.choice)
            if value not in about.choices:
                raise _error(
                    "oplib-call", f"{about.choice} is {value!r}, not {', '.join(about.choices)}"
                )
            setattr(arguments, about.choice, about.choices.index(value))
        for operand in about.operands[:-1]:
            value = given.pop(operand.name, None)
            if value is not None:
                keep.append(self._set(arguments, operand, np.asarray(value), sizes))
            elif not operand.optional:
                raise _error("oplib-call", f"{op} needs the operand {operand.name}")
        if given:
            raise _error("oplib-call", f"{op} takes no {', '.join(given)}")
        for name, expression in about.derived.items():
            sizes[name] = _evaluate(expression, sizes, op)
        result = about.operands[-1]
        if out is None:
            if missing := [dim for dim in result.dims if not dim.isdigit() and dim not in sizes]:
                raise _error("oplib-call", f"{op} needs the sizes {', '.join(missing)}")
            shape = [int(dim) if dim.isdigit() else sizes[dim] for dim in result.dims]
            out = _empty(shape, _DTYPES[result.dtype], result.alignment)
        self._set(arguments, result, out, sizes)
        for symbol in about.symbols:
            if symbol not in sizes:
                raise _error("oplib-call", f"{op} needs the size {symbol}")
            setattr(arguments, symbol, sizes[symbol])
        size = ctypes.c_size_t(0)
        status = about.workspace(self._ctx, ctypes.byref(arguments), ctypes.byref(size))
        self._check(status, op)
        workspace = np.empty(size.value, np.uint8) if size.value else None
        if workspace is not None:
            arguments.workspace, arguments.workspace_bytes = _address(workspace), size.value
        return BoundCall(self, about, arguments, (keep, workspace), out)

    def call_any(self, op: str, **given: Any) -> Any:
        """`call` for arrays of other packages, which share memory with the library's.

        Takes what has DLPack on the CPU. The result is of the kind of the first operand: a tensor
        of PyTorch, an array of JAX or of another package with the array API, else one of NumPy.
        """
        other = next((value for value in given.values() if _is_foreign(value)), None)
        given = {name: _as_array(value) for name, value in given.items() if value is not None}
        result = self.call(op, **given)
        return result if other is None else _like(other, result)

    def register_torch(self, namespace: str) -> None:
        """Makes each operator one of PyTorch's: `torch.ops.NAMESPACE.OP`, for tensors on the CPU.

        Each has a kernel that only says the shape and the dtype of the result, so that
        torch.compile and torch.export keep the operator in their graphs. Choices and optional
        operands are given by name, and so are sizes that no operand has; there are no gradients.
        A packed operand is what `pack` returned, as a tensor of bytes. Done twice for a
        namespace, it is an error of PyTorch.
        """
        import torch

        library = torch.library.Library(namespace, "FRAGMENT")
        for name, about in self._ops.items():
            library.define(name + about.torch_schema())
            library.impl(name, self._torch_kernel(name), "CPU")
            torch.library.register_fake(
                f"{namespace}::{name}", about.torch_fake(torch), lib=library
            )
        # PyTorch forgets the operators of a library that nobody holds.
        self._torch_libraries.append(library)

    def _torch_kernel(self, op: str) -> Any:
        names = [operand.name for operand in self._ops[op].operands[:-1] if not operand.optional]
        return lambda *tensors, **given: self.call_any(
            op, **dict(zip(names, tensors, strict=True)), **given
        )

    def _set(
        self, arguments: Any, operand: _Operand, array: _Array, sizes: dict[str, int]
    ) -> _Array:
        """Puts an array into the struct, and its shape into `sizes`."""
        if operand.packed:
            if array.dtype != np.uint8 or array.ndim != 1 or array.size < 64:
                raise _error("oplib-call", f"{operand.name} is to be what pack() returned")
            array = np.ascontiguousarray(array)
            setattr(arguments, operand.name, _address(array))
            return array
        if array.dtype != _DTYPES[operand.dtype] or array.ndim != len(operand.dims):
            raise _error(
                "oplib-call",
                f"{operand.name} is {array.dtype} of rank {array.ndim}, but {operand.dtype} of "
                f"rank {len(operand.dims)} is expected",
            )
        for dim, size in zip(operand.dims, array.shape, strict=True):
            if size != (int(dim) if dim.isdigit() else sizes.setdefault(dim, size)):
                raise _error(
                    "oplib-call", f"{operand.name} has a {dim} of {size}, but others differ"
                )
        if not _is_in_rows(array, bool(operand.strides)):
            if operand.result:
                raise _error(
                    "oplib-call", f"{operand.name} does not have its rows in one piece each"
                )
            array = np.ascontiguousarray(array)
        setattr(arguments, operand.name, _address(array))
        # Strides of 0 are those of rows without gaps; that of a dim of size 1 may be anything.
        if operand.strides and not array.flags.c_contiguous and max(array.shape[:-1]) > 1:
            for name, stride in zip(operand.strides, array.strides, strict=False):
                setattr(arguments, name, stride // array.itemsize)
        return array


def _is_foreign(value: Any) -> bool:
    """Whether it is an array of another package than NumPy."""
    return hasattr(value, "__dlpack__") and not isinstance(value, np.ndarray)


def _as_array(value: Any) -> Any:
    """An array that shares memory with `value`, or `value` if it is no array of another kind."""
    if not _is_foreign(value):
        return value
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":
        # Neither NumPy nor its DLPack has the type: its bits do.
        bits = np.from_dlpack(value.detach().view(_torch_type(value, "int16")))
        return bits.view(_DTYPES["bf16"])
    if str(getattr(value, "dtype", "")) == "bfloat16":
        return np.asarray(value)
    return np.from_dlpack(value.detach() if hasattr(value, "detach") else value)


def _torch_type(tensor: Any, name: str) -> Any:
    import importlib

    return getattr(importlib.import_module(type(tensor).__module__.partition(".")[0]), name)


def _like(other: Any, array: _Array) -> Any:
    """An array of the package of `other`; it shares memory with `array` if that package can."""
    if hasattr(other, "data_ptr"):
        from_numpy = _torch_type(other, "from_numpy")
        if array.dtype == _DTYPES["bf16"]:
            return from_numpy(array.view(np.int16)).view(_torch_type(other, "bfloat16"))
        return from_numpy(array)
    if not hasattr(other, "__array_namespace__"):
        return array
    package = other.__array_namespace__()
    # DLPack of NumPy does not have the type.
    has_dlpack = array.dtype != _DTYPES["bf16"]
    return package.from_dlpack(array) if has_dlpack else package.asarray(array)


def _evaluate(expression: str, sizes: Mapping[str, int], op: str) -> int:
    """A size that follows from others, in reverse Polish notation as the manifest has it."""
    stack: list[int] = []
    for word in expression.split():
        if word.lstrip("-").isdigit():
            stack.append(int(word))
        elif word in sizes:
            stack.append(sizes[word])
        elif word in ("+", "*", "/", "^/", "%"):
            right, left = stack.pop(), stack.pop()
            stack.append(
                left + right
                if word == "+"
                else left * right
                if word == "*"
                else left // right
                if word == "/"
                else -(-left // right)
                if word == "^/"
                else left % right
            )
        else:
            raise _error("oplib-call", f"{op} needs the size {word}")
    if stack[0] < 0:
        raise _error("oplib-call", f"{op} has no result for operands this small")
    return stack[0]


def _slow_address(array: _Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


# An array of NumPy begins with what all objects of CPython begin with, and then has this pointer:
# compiled extensions read it there, so it cannot move. `__array_interface__` takes far longer.
_HEAD = object.__basicsize__
_pointer_at = ctypes.c_void_p.from_address


def _fast_address(array: _Array) -> int:
    return _pointer_at(id(array) + _HEAD).value or 0


def _choose_address() -> Callable[[_Array], int]:
    sample = np.zeros(3, np.uint8)[1:]
    if sys.implementation.name != "cpython" or _fast_address(sample) != _slow_address(sample):
        return _slow_address
    return _fast_address


# The address of the first element.
_address = _choose_address()


def _empty(shape: Sequence[int], dtype: np.dtype[Any], alignment: int) -> _Array:
    """An array whose first element is aligned."""
    if alignment <= dtype.itemsize:
        return np.empty(shape, dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + alignment, np.uint8)
    begin = -_address(memory) % alignment
    return memory[begin : begin + size].view(dtype).reshape(shape)


def _is_in_rows(array: _Array, may_have_gaps: bool) -> bool:
    """Whether C code can read the array as it is."""
    if array.flags.c_contiguous or not may_have_gaps:
        return array.flags.c_contiguous
    inner = array.shape[-1] <= 1 or array.strides[-1] == array.itemsize
    return inner and all(
        stride >= array.shape[-1] * array.itemsize and stride % array.itemsize == 0
        for stride in array.strides[:-1]
    )


def open(folder: str | pathlib.Path) -> Library:
    """Opens the library in `folder`, which `lathe oplib build` wrote, for this machine.

    Raises OplibError if it holds none or the machine runs none of its targets.
    """
    return Library(folder)
