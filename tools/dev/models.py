#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the models that tests and benchmarks run, and makes those that are made.

Most are exporters' graphs that a script completes with random weights; it lies in the
folder LATHE_MODELS, or in shared/models beside the checkout. The others are in Python
packages. As a program: prints the path of each model that it is asked for.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import fcntl
import importlib.util
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MADE = ROOT / "build" / "models"


class ModelUnavailableError(Exception):
    """The model cannot be had on this machine; says why and what would help."""


Shapes = dict[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Model:
    """A model by name; `feeds` are the shapes that tests run it at, three where dims are free."""

    name: str
    feeds: tuple[Shapes, ...]
    package_file: str = ""  # "package/path" where the model comes from a package
    small: bool = False  # light enough for every run of tools/check
    integers: tuple[int, int] = (0, 100)  # half-open range of integer inputs, which index tables
    # What an output of magnitude 1 may differ from ONNX Runtime's, absolute and relative: a few
    # times what was measured, so that a lost factor of ten in accuracy is seen.
    tolerance: float = 1e-5

    def path(self) -> pathlib.Path:
        """The ONNX file, made now if need be. ModelUnavailableError if it cannot be had."""
        return packaged(self) if self.package_file else made(self.name)


def image(name: str, *, small: bool = False, size: int = 224) -> Model:
    return Model(name, ({"image": (1, 3, size, size)},), small=small)


def tokens(name: str, *sizes: tuple[int, int]) -> Model:
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    feeds: tuple[Shapes, ...] = tuple(dict.fromkeys(inputs, size) for size in sizes)
    return Model(name, feeds, integers=(0, 30522))


def ppocr(name: str, file: str, *sizes: tuple[int, ...], tolerance: float = 1e-5) -> Model:
    feeds = tuple({"x": size} for size in sizes)
    package_file = f"rapidocr_onnxruntime/models/{file}"
    return Model(name, feeds, package_file, small=True, tolerance=tolerance)


MODELS = {
    model.name: model
    for model in (
        image("resnet50"),
        Model("resnet50_dyn", tuple({"image": (n, 3, 224, 224)} for n in (1, 2, 5))),
        image("mobilenet_v2", small=True),
        image("mobilenet_v3_small", small=True),
        image("efficientnet_b0"),
        image("squeezenet1_1", small=True),
        image("yolov3", size=416),
        tokens("bert_base", (1, 128)),
        tokens("bert_base_dyn", (1, 16), (2, 77), (3, 128)),
        Model("vit_b_16", ({"image": (1, 3, 224, 224)},), tolerance=4e-5),
        Model("gpt2", ({"input_ids": (1, 64)},), integers=(0, 50257), tolerance=4e-5),
        Model(
            "wide_deep",
            ({"ids": (64, 39), "values": (64, 39)},),
            small=True,
            integers=(0, 1000),
        ),
        ppocr(
            "ppocr_det",
            "ch_PP-OCRv4_det_infer.onnx",
            *((1, 3, 320, 480), (1, 3, 736, 1472), (2, 3, 64, 96)),
        ),
        ppocr(
            "ppocr_cls",
            "ch_ppocr_mobile_v2.0_cls_infer.onnx",
            *((1, 3, 48, 192), (6, 3, 48, 192), (3, 3, 48, 192)),
        ),
        ppocr(
            "ppocr_rec",
            "ch_PP-OCRv4_rec_infer.onnx",
            *((1, 3, 48, 320), (6, 3, 48, 417), (2, 3, 48, 1000)),
            tolerance=4e-5,
        ),
        Model(
            "magika",
            tuple({"bytes": (n, 2048)} for n in (1, 2, 7)),
            "magika/models/standard_v3_3/model.onnx",
            small=True,
            integers=(0, 257),
        ),
    )
}


def packaged(model: Model) -> pathlib.Path:
    package, _, inside = model.package_file.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModelUnavailableError(
            f"{model.name}: the Python package {package} is not installed;"
            " tools/quickstart installs it [models-no-package]"
        )
    return pathlib.Path(spec.origin).parent / inside


def script() -> pathlib.Path:
    folder = pathlib.Path(os.environ.get("LATHE_MODELS") or ROOT.parent / "shared" / "models")
    path = folder / "materialize.py"
    if not path.is_file():
        raise ModelUnavailableError(
            f"there is no {path}; set LATHE_MODELS to the folder that has the script"
            " [models-no-script]"
        )
    return path


def made(name: str) -> pathlib.Path:
    path = MADE / f"{name}.onnx"
    if path.is_file():
        return path
    maker = script()
    MADE.mkdir(parents=True, exist_ok=True)
    with (MADE / ".lock").open("w") as lock:  # Two tests may want the same model at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.is_file():
            return path
        scratch = MADE / "part"
        command = [sys.executable, str(maker), "--out", str(scratch), name]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            words = (result.stderr.strip().splitlines() or ["no message"])[-1]
            raise ModelUnavailableError(f"{name}: {maker} failed: {words} [models-script]")
        (scratch / path.name).rename(path)
    return path


def find(name: str) -> Model:
    """The model called `name`; KeyError with a hint if there is none."""
    if name not in MODELS:
        close = difflib.get_close_matches(name, MODELS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(MODELS)}"
        raise KeyError(f"no model '{name}'; {hint} [models-unknown]")
    return MODELS[name]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="default: all of them")
    try:
        for name in parser.parse_args().names or MODELS:
            print(find(name).path())
    except KeyError as error:
        print(f"models.py: error: {error.args[0]}", file=sys.stderr)
        return 2
    except ModelUnavailableError as error:
        print(f"models.py: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
