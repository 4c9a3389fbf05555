# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Alternatives of kernels compute the same, a table chooses among them, `tune` finds the best."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lathe
import numpy as np
import pytest
from conftest import ValueSpec, make_model
from lathe import _choices, _search
from lathe._inputs import Sizes
from lathe.cache import CompileCache
from lathe.source import Source
from onnx import ModelProto, TensorProto, helper

F32 = TensorProto.FLOAT
RNG = np.random.default_rng(7)


def weights(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32) / 8


def products() -> ModelProto:
    """Return products of constants and of what is computed, with tails and epilogues."""
    nodes = [
        helper.make_node("MatMul", ["a", "w"], ["p"], name="packed"),
        helper.make_node("Add", ["p", "b"], ["q"], name="bias"),
        helper.make_node("Relu", ["q"], ["packed"], name="relu"),
        helper.make_node("MatMul", ["open", "w"], ["packed_open"], name="packed_open"),
        helper.make_node("MatMul", ["row", "w"], ["one_row"], name="one_row"),
        helper.make_node("MatMul", ["l", "r"], ["m"], name="batched"),
        helper.make_node("Mul", ["m", "scale"], ["batched"], name="scaled"),
    ]
    inputs: list[ValueSpec] = [
        ("a", F32, [37, 523]),
        ("open", F32, ["n", 523]),
        ("row", F32, [1, 523]),
        ("l", F32, [3, 29, 65]),
        ("r", F32, [3, 65, 331]),
    ]
    outputs: list[ValueSpec] = [
        ("packed", F32, [37, 77]),
        ("packed_open", F32, ["n", 77]),
        ("one_row", F32, [1, 77]),
        ("batched", F32, [3, 29, 331]),
    ]
    constants = {"w": weights(523, 77), "b": weights(77), "scale": np.float32(0.125)}
    return make_model(nodes, inputs, outputs, constants)


def convolutions() -> ModelProto:
    """Return convolutions of each strategy, with padding, tails and epilogues."""

    def conv(name: str, filter: str, **attributes: Any) -> Any:
        return helper.make_node("Conv", ["x", filter, "b"], [name], name=name, **attributes)

    same = {"pads": [1, 1, 1, 1]}
    nodes = [
        conv("taps", "w3", **same),
        helper.make_node("Add", ["taps", "x1"], ["sum"], name="residual"),
        helper.make_node("Relu", ["sum"], ["winograd"], name="relu"),
        conv("pointwise", "w1"),
        conv("depthwise", "wd", group=40, **same),
        helper.make_node("Clip", ["depthwise", "low", "high"], ["clipped"], name="clip"),
    ]
    inputs: list[ValueSpec] = [("x", F32, [1, 40, 19, 23]), ("x1", F32, [1, 40, 19, 23])]
    outputs: list[ValueSpec] = [
        ("winograd", F32, [1, 40, 19, 23]),
        ("pointwise", F32, [1, 40, 19, 23]),
        ("clipped", F32, [1, 40, 19, 23]),
    ]
    constants = {
        "w3": weights(40, 40, 3, 3),
        "w1": weights(40, 40, 1, 1),
        "wd": weights(40, 1, 3, 3),
        "b": weights(40),
        "low": np.float32(0),
        "high": np.float32(6),
    }
    return make_model(nodes, inputs, outputs, constants)


def pair() -> ModelProto:
    """Return two products of other sizes."""
    return make_model(
        [
            helper.make_node("MatMul", ["x", "w"], ["y"], name="first"),
            helper.make_node("MatMul", ["x", "v"], ["z"], name="second"),
        ],
        [("x", F32, [7, 32])],
        [("y", F32, [7, 24]), ("z", F32, [7, 40])],
        {"w": weights(32, 24), "v": weights(32, 40)},
    )


def product(rows: int | str = 16, name: str = "product") -> ModelProto:
    """Return one product of a constant matrix."""
    return make_model(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name=name)],
        [("x", F32, [rows, 96])],
        [("y", F32, [rows, 64])],
        {"w": weights(96, 64)},
    )


def inputs_of(model: lathe.CompiledModel, n: int = 41) -> list[Any]:
    shapes = [[d if isinstance(d, int) else n for d in v.shape] for v in model.inputs]
    return [RNG.standard_normal(shape).astype(np.float32) for shape in shapes]


def alternatives(model: ModelProto) -> dict[str, list[str]]:
    """Return the names of the alternatives of each kernel, by its key, its choice first."""
    options = _search.Options(Source(model).load(), [], "standard", "f32", None, 1, None)
    names: dict[str, list[str]] = {}
    number = 1
    while (variant := options.compile(alternative=number)).choices:
        for key, name in variant.choices.items():
            names.setdefault(key, [variant.instead_of[key]]).append(name)
        number += 1
    return names


def plant(path: Path, choices: Mapping[str, str]) -> Path:
    _choices.write(path, {key: {"choice": name} for key, name in choices.items()})
    return path


def strategy(model: lathe.CompiledModel) -> str:
    (kernel,) = (k for k in model.kernels if "gemm" in k["strategy"])
    return kernel["strategy"]


@pytest.mark.parametrize("make", [products, convolutions])
def test_all_alternatives_compute_the_same(make: Any) -> None:
    proto = make()
    options = _search.Options(Source(proto).load(), [], "standard", "f32", None, 2, None)
    base = options.compile()
    inputs = inputs_of(base.model)
    expected = base.call(inputs)
    seen: set[tuple[str, str]] = set()
    number = 1
    while (variant := options.compile(alternative=number)).choices:
        seen |= set(variant.choices.items())
        for value, actual, reference in zip(
            base.model.outputs, variant.call(inputs), expected, strict=True
        ):
            np.testing.assert_allclose(
                actual,
                reference,
                rtol=1e-4,
                atol=2e-5,
                err_msg=f"{value.name}: {variant.choices}",
            )
        number += 1
    kinds = {name.split("/")[0] for _, name in seen}
    wanted = {
        products: {"gemm.packed", "gemm.batched"},
        convolutions: {"conv.winograd", "conv.direct", "gemm.packed", "conv.depthwise"},
    }
    assert kinds == wanted[make]
    assert len(seen) > 20


def test_a_table_chooses_for_any_model(tmp_path: Path, own_cache: CompileCache) -> None:
    proto = product()
    ((key, names),) = alternatives(proto).items()
    table = plant(tmp_path / "choices.json", {key: names[2]})
    plain, tuned = lathe.compile(proto), lathe.compile(proto, choices=table)
    assert "choice" not in strategy(plain)
    assert f'choice = "{names[2]}", instead_of = "{names[0]}"' in strategy(tuned)
    x = inputs_of(plain)
    np.testing.assert_allclose(tuned(*x)[0], plain(*x)[0], rtol=1e-5, atol=1e-6)
    # Another model that has the same kernel, and one that has not.
    assert names[2] in strategy(lathe.compile(product(name="other"), choices=table))
    with pytest.warns(lathe.CompileWarning, match="choices-unused"):
        assert "choice" not in strategy(lathe.compile(product(17), choices=table))


def test_the_table_beside_the_models(own_cache: CompileCache) -> None:
    proto = product()
    path = _choices.default_path()
    assert path is not None
    before = lathe.compile(proto)
    ((key, names),) = alternatives(proto).items()
    plant(path, {key: names[1]})
    # Neither is taken for the other, in memory or on disk.
    tuned = lathe.compile(proto)
    assert names[1] in strategy(tuned)
    assert lathe.compile(proto)._artifact is tuned._artifact
    assert "choice" not in strategy(lathe.compile(proto, choices=False))
    fresh = CompileCache(own_cache.directory)
    assert names[1] in strategy(lathe.compile(proto, cache=fresh))
    assert "choice" not in strategy(lathe.compile(proto, choices=False, cache=fresh))
    assert fresh.stats.disk_hits == 2
    assert "choice" not in strategy(before)
    own_cache.clear()
    assert path.exists(), "what was measured is no compiled model"


def table_of(kernels: Any) -> str:
    return json.dumps({"format": 1, "version": lathe.__version__, "kernels": kernels})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 1, "version": 1}',
        table_of([]),
        table_of({"x": {"choice": "y"}}),
        table_of({"0" * 32: {}}),
        table_of({"0" * 32: "y"}),
    ],
)
def test_a_damaged_table(text: str, tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    path.write_text(text)
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile(product(), choices=path)
    assert caught.value.ids == ("choices-damaged",)
    default = _choices.default_path()
    assert default is not None
    default.write_text(text)
    with pytest.warns(lathe.CompileWarning, match="choices-damaged"):
        assert "choice" not in strategy(lathe.compile(product()))


def test_tables_of_others(tmp_path: Path) -> None:
    proto = product()
    ((key, names),) = alternatives(proto).items()
    path = plant(tmp_path / "choices.json", {key: names[1]})
    path.write_text(path.read_text().replace(f'"{lathe.__version__}"', '"0.0.0"'))
    with pytest.warns(lathe.CompileWarning, match="choices-version"):
        assert "choice" not in strategy(lathe.compile(proto, choices=path))
    plant(path, {key: "gemm.packed/no/such"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "choice" not in strategy(lathe.compile(proto, choices=path))
    with pytest.raises(lathe.CompileError, match="No such file") as caught:
        lathe.compile(proto, choices=tmp_path / "none.json")
    assert caught.value.ids == ("choices-unreadable",)


class FastThird(_search.Variant):
    """Kernels whose third alternative is said to be twice as fast, and their second wrong."""

    def seconds(self, inputs: Any) -> dict[str, float]:
        choices = self.choices
        return {
            key: 0.5 if choices.get(key, "").endswith(self.fast) else 1.0
            for key in ["", *self.keys]
        }

    def call(self, inputs: Any) -> list[Any]:
        outputs = super().call(inputs)
        if any(name.endswith(self.wrong) for name in self.choices.values()):
            outputs[0] = outputs[0] + 1
        return outputs

    fast = wrong = "none"


def test_tune_keeps_what_is_faster_and_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proto = product()
    ((key, names),) = alternatives(proto).items()
    monkeypatch.setattr(_search, "Variant", FastThird)
    monkeypatch.setattr(_search, "_SECONDS", 0.0)
    monkeypatch.setattr(_search.Search, "compare_whole", lambda self, kept: (1.0, 0.5))
    monkeypatch.setattr(FastThird, "fast", names[3])
    table = tmp_path / "choices.json"
    plant(table, {"1" * 32: "another"})
    steps: list[tuple[int, int, str]] = []
    tuning = lathe.tune(proto, table=table, progress=lambda *step: steps.append(step))
    (kernel,) = tuning.kernels
    assert (kernel.key, kernel.before, kernel.after) == (key, names[0], names[3])
    assert kernel.gain == 2
    assert kernel.shares == {name: 0.5 if name == names[3] else 1 for name in names[1:]}
    assert tuning.table == table
    assert not tuning.problems
    assert len(steps) >= len(names)
    kept = json.loads(table.read_text())["kernels"]
    assert kept.keys() == {key, "1" * 32}
    assert kept[key]["choice"] == names[3]
    assert names[3] in strategy(lathe.compile(proto, choices=table))
    # What is wrong is said and not kept, however fast it is; what was kept before is no more.
    monkeypatch.setattr(FastThird, "wrong", names[3])
    tuning = lathe.tune(proto, table=table)
    assert tuning.table is None
    (problem,) = tuning.problems
    assert problem.endswith("[tune-differs]")
    assert names[3] in problem
    assert json.loads(table.read_text())["kernels"].keys() == {"1" * 32}


def test_wrong_alternatives_are_found_among_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proto = pair()
    names = alternatives(proto)
    wrong = next(iter(names.values()))[1]
    monkeypatch.setattr(_search, "Variant", FastThird)
    monkeypatch.setattr(_search, "_SECONDS", 0.0)
    monkeypatch.setattr(FastThird, "wrong", wrong)
    search = _search.Search(
        _search.Options(Source(proto).load(), [], "standard", "f32", None, 1, None),
        Sizes(),
        0,
        None,
        None,
    )
    variant = search.options.compile(alternative=1)
    search._note_kernels(variant)
    search._measure(variant)
    found = {key for key, kernel in search.kernels.items() if kernel.wrong}
    assert len(variant.choices) == 2
    assert found == {key for key, name in variant.choices.items() if name.endswith(wrong)}
    assert len(search.problems) == len(found)


def test_tune_by_the_clock(tmp_path: Path) -> None:
    table = tmp_path / "choices.json"
    tuning = lathe.tune(product("n"), sizes={"n": 33}, table=table, minutes=0.02, threads=2)
    assert tuning.interrupted
    assert tuning.threads == 2
    assert tuning.seconds_before > 0
    assert all(k.before and k.seconds_before > 0 for k in tuning.kernels)


def test_what_tune_refuses() -> None:
    with pytest.raises(ValueError, match="inputs-unknown-dim"):
        lathe.tune(product("n"), sizes={"m": 33})
    with pytest.raises(ValueError, match="threads is 0"):
        lathe.tune(product(), threads=0)
    with pytest.raises(ValueError, match="minutes is 0"):
        lathe.tune(product(), minutes=0)
    with pytest.raises(lathe.CompileError) as caught:
        lathe.tune(product(), table=Path(__file__) / "choices.json")
    assert caught.value.ids == ("choices-unwritable",)
