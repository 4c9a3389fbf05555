# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""SessionOptions and RunOptions: what has a meaning here is kept, the rest is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, ClassVar

from lathe._lathe import CancelToken
from lathe.custom_ops import register_op
from lathe.errors import CompileError
from lathe.ort.capi import onnxruntime_pybind11_state as errors

_LIMIT = "lathe.limit."  # Starts the keys of entries that are limits.


class _Enum(Enum):
    """An enumeration whose members are integers where a program asks for one."""

    def __int__(self) -> int:
        return int(self.value)

    __index__ = __int__


class GraphOptimizationLevel(_Enum):
    """Accepted for compatibility: Lathe always compiles with all its optimizations."""

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class ExecutionMode(_Enum):
    """Accepted for compatibility: kernels run one after the other, each on all threads."""

    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class ExecutionOrder(_Enum):
    """Accepted for compatibility: the order is the compiler's."""

    DEFAULT = 0
    PRIORITY_BASED = 1
    MEMORY_EFFICIENT = 2


class _Options:
    """Attributes with fixed names and types: a mistyped one is an error, not a silent new one."""

    _defaults: ClassVar[dict[str, Any]]

    def __init__(self) -> None:
        self.__dict__.update(self._defaults)
        self.__dict__["_entries"] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._defaults:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        expected = type(self._defaults[name])
        if expected is int and hasattr(value, "__index__") and not isinstance(value, bool):
            value = int(value)
        if type(value) is not expected:
            raise TypeError(f"{type(self).__name__}.{name} is a {expected.__name__}, not {value!r}")
        self.__dict__[name] = value


class SessionOptions(_Options):
    """Options of an InferenceSession.

    `intra_op_num_threads` (0 for all) and the free dimension overrides decide how the model is
    compiled and called; `enable_profiling` and `optimized_model_filepath` write files; what else
    there is, is accepted and has nothing to act on.
    """

    enable_cpu_mem_arena: bool
    enable_mem_pattern: bool
    enable_mem_reuse: bool
    enable_profiling: bool
    execution_mode: ExecutionMode
    execution_order: ExecutionOrder
    graph_optimization_level: GraphOptimizationLevel
    inter_op_num_threads: int
    intra_op_num_threads: int
    log_severity_level: int
    log_verbosity_level: int
    logid: str
    optimized_model_filepath: str
    profile_file_prefix: str
    use_deterministic_compute: bool
    use_per_session_threads: bool

    _defaults: ClassVar[dict[str, Any]] = {
        "enable_cpu_mem_arena": True,
        "enable_mem_pattern": True,
        "enable_mem_reuse": True,
        "enable_profiling": False,
        "execution_mode": ExecutionMode.ORT_SEQUENTIAL,
        "execution_order": ExecutionOrder.DEFAULT,
        "graph_optimization_level": GraphOptimizationLevel.ORT_ENABLE_ALL,
        "inter_op_num_threads": 0,
        "intra_op_num_threads": 0,
        "log_severity_level": -1,
        "log_verbosity_level": 0,
        "logid": "",
        "optimized_model_filepath": "",
        "profile_file_prefix": "onnxruntime_profile_",
        "use_deterministic_compute": False,
        "use_per_session_threads": True,
    }

    def __init__(self) -> None:
        """Start with the defaults."""
        super().__init__()
        self.__dict__["_dims"] = {}

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Keep an entry for get_session_config_entry.

        "lathe.limit.NAME" takes the place of the limit NAME of docs/limits.md, as a whole number.
        Raises ValueError if it is none. "lathe.function" names the function to run of a file that
        has several.
        """
        if str(key).startswith(_LIMIT) and not (str(value).isdecimal() and int(value) > 0):
            raise ValueError(f"{key} is {value!r}; give a whole number of 1 or more")
        self.__dict__["_entries"][str(key)] = str(value)

    def get_session_config_entry(self, key: str) -> str:
        """Return an entry. Raises RuntimeError if there is none."""
        entries: dict[str, str] = self.__dict__["_entries"]
        if key not in entries:
            raise RuntimeError(f"SessionOptions does not have configuration with key: {key}")
        return entries[key]

    def add_free_dimension_override_by_name(self, name: str, value: int) -> None:
        """Fix the dim that the model calls `name`."""
        self.__dict__["_dims"][name] = int(value)

    def add_free_dimension_override_by_denotation(self, denotation: str, value: int) -> None:
        """Accept: a dim that stays free takes any size."""

    def add_initializer(self, name: str, ort_value: Any) -> None:
        """Refuse: initializers are read from the model."""
        raise NotImplementedError(
            f"initializer {name!r}: give values of initializers in the feed of each run, where the "
            "model lists them as inputs [ort-initializer]"
        )

    def add_external_initializers(self, names: Sequence[str], ort_values: Sequence[Any]) -> None:
        """Refuse, as `add_initializer`."""
        for name, value in zip(names, ort_values, strict=True):
            self.add_initializer(name, value)

    def add_provider(self, name: str, options: dict[str, str] | None = None) -> None:
        """Accept a provider; the model runs on the CPU."""

    def has_providers(self) -> bool:
        """Return False: providers are given to the session."""
        return False

    def register_custom_ops_library(self, path: str) -> None:
        """Take a library of operators of one's own, for all sessions that are made from now on.

        `path` is what `lathe.register_op` takes; Fail is raised for what it refuses, and for a
        library for onnxruntime's own interface, which has `RegisterCustomOps`.
        """
        try:
            register_op(path)
        except CompileError as error:
            if "module-no-query" not in error.ids:
                raise errors.Fail(str(error), error) from error
            raise errors.Fail(
                f"{error}; libraries for onnxruntime's own interface cannot be used: write "
                "`lathe_custom_ops_query` beside RegisterCustomOps, as "
                "include/lathe-runtime/custom_op.h shows [ort-custom-ops-library]",
                error,
            ) from error

    @property
    def limits(self) -> dict[str, int]:
        """The limits that were set, by name."""
        entries: dict[str, str] = self.__dict__["_entries"]
        return {k.removeprefix(_LIMIT): int(v) for k, v in entries.items() if k.startswith(_LIMIT)}

    @property
    def function(self) -> str | None:
        """The function to run; None for the only one."""
        entries: dict[str, str] = self.__dict__["_entries"]
        return entries.get("lathe.function")

    @property
    def free_dimensions(self) -> dict[str, int]:
        """The dims that were fixed, by name."""
        return dict(self.__dict__["_dims"])


class RunOptions(_Options):
    """Options of one run: `terminate` ends it, from another thread too.

    The others are accepted and have nothing to act on.
    """

    log_severity_level: int
    log_verbosity_level: int
    logid: str
    only_execute_path_to_fetches: bool
    terminate: bool

    _defaults: ClassVar[dict[str, Any]] = {
        "log_severity_level": -1,
        "log_verbosity_level": 0,
        "logid": "",
        "only_execute_path_to_fetches": False,
        "terminate": False,
    }

    def __init__(self) -> None:
        """Start with the defaults."""
        super().__init__()
        self.__dict__["_token"] = CancelToken()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "terminate":
            if value:
                self.cancel_token.cancel()
            else:
                self.__dict__["_token"] = CancelToken()

    @property
    def cancel_token(self) -> CancelToken:
        """What ends the runs that have these options."""
        token: CancelToken = self.__dict__["_token"]
        return token

    def add_run_config_entry(self, key: str, value: str) -> None:
        """Keep an entry for get_run_config_entry."""
        self.__dict__["_entries"][str(key)] = str(value)

    def get_run_config_entry(self, key: str) -> str:
        """Return an entry. Raises RuntimeError if there is none."""
        entries: dict[str, str] = self.__dict__["_entries"]
        if key not in entries:
            raise RuntimeError(f"RunOptions does not have configuration with key: {key}")
        return entries[key]
