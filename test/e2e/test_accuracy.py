# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""No approximated function is worse than docs/numerics.md says."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
from types import ModuleType

import pytest

PATH = pathlib.Path(__file__).resolve().parents[2] / "tools" / "dev" / "measure_accuracy.py"


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("measure_accuracy", PATH)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


measuring = tool()


@pytest.mark.parametrize("function", measuring.FUNCTIONS, ids=lambda f: f.name)
def test_errors_are_those_of_the_page(function: measuring.Function) -> None:  # type: ignore[name-defined]
    worst = measuring.measure(function, 65537)
    assert worst.count > 60_000
    # Other numbers than the page's were taken: among so few of them, none is much worse.
    assert worst.ulp <= 1.25 * measuring.documented()[function.name] + 0.5
    assert worst.odd == 0, worst.odd_at


def test_a_wrong_result_is_seen() -> None:
    function = measuring.Function("Exp", lambda x: measuring.np.exp(x) * (1 + 2.0**-20))
    assert measuring.measure(function, 65537).ulp > 4
    function = measuring.Function("Neg", lambda x: measuring.np.where(x == 1, measuring.np.inf, -x))
    with measuring.np.errstate(all="ignore"):
        assert measuring.measure(function, 1 << 23).odd == 1
