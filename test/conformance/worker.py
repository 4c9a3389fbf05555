# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The child of run_conformance.py: runs the cases it is asked for and says how each ended.

Its argument is the device, as ONNX's backends call them: CPU or CUDA.

Reads one name a line from standard input and answers with one line of JSON each, on the
standard output it was started with; what else would be printed goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from typing import Any

import numpy as np
from cases import Case, load_cases
from lathe import CompileError, onnx_backend
from lathe import RuntimeError as LatheRuntimeError

DEVICE = sys.argv[1] if len(sys.argv) > 1 else "CPU"


def difference(expected: list[Any], actual: list[Any]) -> dict[str, float]:
    """Return the largest absolute difference, or nothing if shapes or dtypes differ."""
    largest = 0.0
    for right, have in zip(expected, actual, strict=True):
        if not (isinstance(right, np.ndarray) and isinstance(have, np.ndarray)):
            return {}
        if right.shape != have.shape or right.dtype != have.dtype:
            return {}
        if right.size:
            apart = np.abs(right.astype(np.float64) - have.astype(np.float64))
            largest = max(largest, float(apart.max()))
    return {"difference": largest} if np.isfinite(largest) else {}


def run(case: Case) -> dict[str, Any]:
    """Return the result of a case: pass, error (a clear one, with its id), wrong or broken."""
    model = case.model()
    try:
        prepared = onnx_backend.prepare(model, DEVICE, cache=False, threads=1)
    except CompileError as error:
        first = str(error).splitlines()[0]
        if not error.ids or "" in error.ids:
            return {"result": "broken", "detail": f"an error without an id: {first}"}
        return {"result": "error", "id": error.ids[0], "detail": first}
    for inputs, expected in case.data(model):
        try:
            actual = list(prepared.run(inputs))
        except (CompileError, LatheRuntimeError) as error:
            # What only a run can know of (values that the code depends on) is refused then.
            if not error.ids or "" in error.ids:
                return {"result": "broken", "detail": f"an error without an id: {error}"}
            return {"result": "error", "id": error.ids[0], "detail": str(error).splitlines()[0]}
        try:
            case.check(expected, actual)
        except (AssertionError, TypeError) as error:
            detail = " ".join(str(error).split())[:300]
            return {"result": "wrong", "detail": detail, **difference(expected, actual)}
    return {"result": "pass"}


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    cases = load_cases()
    print(json.dumps({"names": sorted(cases)}), file=answers)
    for line in sys.stdin:
        name = line.strip()
        answer: dict[str, Any]
        try:
            answer = run(cases[name])
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{os.path.basename(last.filename)}:{last.lineno}"  # noqa: PTH119
            answer = {"result": "broken", "detail": f"{type(error).__name__} at {place}: {error}"}
        print(json.dumps({"name": name, **answer}), file=answers)


if __name__ == "__main__":
    main()
