# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that other packages export compute in Lathe what they compute where they come from.

    python test/exporters/run_exporters.py                    # all; installs the packages first
    python test/exporters/run_exporters.py --only sklearn     # of one exporter
    python test/exporters/run_exporters.py --only torch --match 'torch-script-.*lstm'

Each exporter has a script that makes models, `make_NAME.py`, and the packages for it,
`requirements-NAME.txt`, which are installed into a virtual environment of their own under
build/exporters (PyTorch's takes some gigabytes). What was made stays there until the script or the
packages change; `--again` makes it anew. A model is right if Lathe's results are those of the
framework, or of ONNX Runtime where the file itself says something else: the summary counts these
apart. What cannot be exported is listed in `not-exported.txt`, also if a file is written with an
operator that ONNX Runtime is said to have, and has not; anything else that is not, is a failure.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any

import cases
import lathe
import numpy as np
import numpy.typing as npt
import onnxruntime

Array = npt.NDArray[Any]
HERE = pathlib.Path(__file__).resolve().parent
WORK = HERE.parents[1] / "build" / "exporters"
NAMES = ("torch", "sklearn", "tensorflow", "paddle")


def hash_of(*paths: pathlib.Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def make(name: str, pattern: str, again: bool) -> pathlib.Path:
    """Return the folder of an exporter's models; stamps say what is there, at the end."""
    venv, folder = WORK / name / "venv", WORK / name / "models"
    python, script = venv / "bin" / "python", HERE / f"make_{name}.py"
    requirements = HERE / f"requirements-{name}.txt"
    installed, wanted = venv / "installed", hash_of(requirements)
    if not installed.exists() or installed.read_text() != wanted:
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        installed.write_text(wanted)
    made = folder / "made.json"
    content = hash_of(script, HERE / "cases.py", requirements)
    stamp = json.loads(made.read_text()) if made.exists() else {}
    # Those of all names have those of a pattern.
    if again or stamp.get("content") != content or stamp["pattern"] not in ("", pattern):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, script, folder, pattern], check=True)
        made.write_text(json.dumps({"content": content, "pattern": pattern}))
    return folder


def known() -> dict[str, str]:
    """What cannot be exported, with the reason."""
    lines = (HERE / "not-exported.txt").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def difference(found: Any, right: Any) -> str:
    """What differs, "" if nothing does. Lists and maps of results are looked through."""
    if isinstance(right, dict):
        if not isinstance(found, dict) or sorted(map(str, found)) != sorted(map(str, right)):
            return "other keys"
        return next((d for key in right if (d := difference(found[key], right[key]))), "")
    if isinstance(right, list):
        if len(found) != len(right):
            return f"{len(found)} elements, but {len(right)}"
        return next((d for a, b in zip(found, right, strict=True) if (d := difference(a, b))), "")
    a, b = np.asarray(found), np.asarray(right)
    # Texts are objects here and there; the script narrows f64, which some exporters compute in f32.
    if "O" not in (kinds := {a.dtype.kind.replace("U", "O"), b.dtype.kind.replace("U", "O")}):
        narrowed = {np.dtype(np.float64): np.dtype(np.float32)}
        if narrowed.get(a.dtype, a.dtype) != narrowed.get(b.dtype, b.dtype):
            return f"{a.dtype}, but {b.dtype}"
    elif kinds != {"O"}:
        return f"{a.dtype}, but {b.dtype}"
    if a.shape != b.shape and a.size == b.size == max(a.shape, default=1):
        a = a.reshape(b.shape)  # A column where the framework has a vector.
    if a.shape != b.shape:
        return f"shape {list(a.shape)}, but {list(b.shape)}"
    if a.dtype.kind not in "fc":
        same = a.astype(str) == b.astype(str) if kinds == {"O"} else a == b
        return "" if np.all(same) else f"{int(np.sum(~same))} of {a.size} elements differ"
    narrow = min(a.dtype.itemsize, b.dtype.itemsize)
    tolerance = 2e-3 if narrow == 2 else 2e-4
    scale = np.max(np.abs(b), initial=0, where=np.isfinite(b))
    if np.allclose(a, b, rtol=tolerance, atol=tolerance * float(scale), equal_nan=True):
        return ""
    return f"off by {np.nanmax(np.abs(a - b)):.3g} where results are up to {scale:.3g}"


def by_onnxruntime(path: pathlib.Path, inputs: dict[str, Any]) -> list[Any] | None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        results: list[Any] = session.run(None, inputs)
    except Exception:
        return None
    return results


def run(path: pathlib.Path) -> tuple[str, str]:
    """How Lathe's results are: "passed", "as ONNX Runtime" or "failed", and what is noteworthy."""
    try:
        model = lathe.compile(path, cache=False)
    except lathe.CompileError as error:
        return "failed", f"not compiled: {str(error).splitlines()[0]}"
    compared, notes = 0, []
    for number, (inputs, wanted) in enumerate(cases.read(path)):
        given = {k: v.astype(object) if v.dtype.kind == "U" else v for k, v in inputs.items()}
        try:
            made = model.run(given)
        except lathe.RuntimeError as error:
            why = f"call {number} ended: {str(error).splitlines()[0]}"
            if by_onnxruntime(path, given) is not None:
                return "failed", why
            notes.append(why)  # The file cannot do it: exporters fix sizes that were open.
            continue
        found = [made[output.name] for output in model.outputs]
        why = difference(found, wanted) if wanted else "of maps"
        if why:
            right = by_onnxruntime(path, given)
            if right is None or difference(found, right):
                other = "ONNX Runtime has no result" if right is None else difference(found, right)
                return "failed", f"call {number}: {why}; ONNX Runtime: {other}"
            notes.append(f"call {number}: {why}")
        compared += 1
    if not compared:
        return "failed", f"no call was compared; {'; '.join(notes)}"
    return "as ONNX Runtime" if notes else "passed", "; ".join(notes)


def without_a_runtime(path: pathlib.Path) -> tuple[str, str]:
    """The same of a file that names an operator of ONNX Runtime's which that does not have."""
    takes_out = "is in not-exported.txt, but was exported; take it out"
    try:
        onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:
        if "is not a registered function/op" not in str(error):
            return "failed", takes_out
    else:
        return "failed", takes_out
    try:
        lathe.compile(path, cache=False)
    except lathe.CompileError as error:
        known = error.ids[0] == "onnx-unknown-op"
        return ("not exported" if known else "failed"), str(error).splitlines()[0]
    return "failed", takes_out


def check(path: pathlib.Path, exempt: dict[str, str]) -> tuple[str, str]:
    """The same of a model that may not have been exported. `exempt` are those that cannot be."""
    failed = path.with_suffix(".failed")
    if failed.exists():
        kind = "not exported" if path.stem in exempt else "failed"
        return kind, f"not exported: {failed.read_text().strip()}"
    if path.stem in exempt:
        return without_a_runtime(path)
    try:
        return run(path)
    except Exception as error:  # Others are still looked at.
        return "failed", f"{type(error).__name__}: {error}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(NAMES), help="names, with commas between them")
    parser.add_argument("--match", default="", help="a regular expression for names of models")
    parser.add_argument("--again", action="store_true", help="make the models anew")
    parser.add_argument("--models", type=pathlib.Path, help="a folder of models; none are made")
    chosen = parser.parse_args()
    folders = [chosen.models] if chosen.models else []
    for name in [] if chosen.models else chosen.only.split(","):
        if name not in NAMES:
            parser.error(f"no exporter is called {name!r}; there are {', '.join(NAMES)}")
        folders.append(make(name, chosen.match, chosen.again))
    counts: collections.Counter[str] = collections.Counter()
    exempt = known()
    for path in sorted(
        path.with_suffix(".onnx")
        for folder in folders
        for ending in ("npz", "failed")
        for path in folder.glob(f"*.{ending}")
    ):
        if not re.search(chosen.match, path.stem):
            continue
        kind, why = check(path, exempt)
        counts[kind] += 1
        print(f"{kind}: {path.stem}{': ' if why else ''}{why}", flush=True)
    kinds = ("passed", "as ONNX Runtime", "not exported", "failed")
    print(", ".join(f"{counts[kind]} {kind}" for kind in kinds))
    return int(counts["failed"] > 0 or not counts["passed"] + counts["as ONNX Runtime"])


if __name__ == "__main__":
    sys.exit(main())
