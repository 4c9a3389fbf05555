# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Families of operators: each is built, and the tests that come with a library pass."""

from __future__ import annotations

import filecmp
import json
import pathlib
import re
import subprocess

import numpy as np
import pytest
from command_line import ROOT, Run
from lathe import oplib

SPEC = ROOT / "test/tools/families.yaml"


def command(*words: str | pathlib.Path) -> str:
    result = subprocess.run(words, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def folder(lathe_in: Run, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where the library `many` and its cache are."""
    folder = tmp_path_factory.mktemp("families")
    result = lathe_in(folder, "oplib", "build", str(SPEC), "-o", "many", "--cache", "cache")
    assert result.returncode == 0, result.stderr
    assert "cached" not in result.stdout
    return folder


def test_the_shipped_tests_pass(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    command("cmake", "-S", folder / "many/test", "-B", tmp_path / "build")
    command("cmake", "--build", tmp_path / "build", "--parallel", "2")
    printed = command("ctest", "--test-dir", tmp_path / "build", "--verbose", "-E", "_static$")
    manifest = json.loads((folder / "many/share/many/manifest.json").read_text())
    names = {op["op"] for op in manifest["interface"]}
    assert "100% tests passed" in printed and f"out of {len(names)}" in printed
    runs = re.findall(r"(\w+) v3\.\w+: (\d+) calls, (\d+) wrong", printed)
    assert {name for name, _, _ in runs} == names
    assert {(calls, wrong) for _, calls, wrong in runs} == {("300", "0")}
    families = {op["family"] for op in manifest["interface"]}
    assert len(families) == 11 and len(names) > 30


TAILS = """\
lathe-oplib: 1
name: tails
targets: [x86_64:v2]
ops:
  gemm:
    dtypes: [f32, bf16]
    epilogue: {bias: optional, activation: [none, gelu], residual: optional}
"""


def test_columns_that_are_left_over_where_masks_are_branches(
    lathe_in: Run, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "tails.yaml").write_text(TAILS)
    result = lathe_in(tmp_path, "oplib", "build", "tails.yaml", "-o", "tails")
    assert result.returncode == 0, result.stderr
    result = lathe_in(tmp_path, "oplib", "test", "tails")
    assert result.returncode == 0, result.stdout
    for op in ("gemm_f32", "gemm_bf16"):
        assert re.search(rf"{op} +passed +\d+ +0 +\d+ +0 ", result.stdout), result.stdout


def test_tests_of_a_graph_can_fail(
    lathe: Run, folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """The oracle is another program: with a smaller tolerance than rounding, it is missed."""
    test = (folder / "many/test/test_feed_forward.c").read_text()
    (tmp_path / "t.c").write_text(test.replace("0.000020", "0.00000001"))
    library = folder / "many"
    flags = ["-std=c11", f"-I{library}/include", f"-I{library}/test", f"-I{library}/share/many/src"]
    sources = [library / f"test/{name}" for name in ("harness.c", "reference.c")]
    objects = [library / "test/x86_64/oracle_feed_forward.a", library / "lib/libmany.a"]
    command("cc", *flags, "-o", tmp_path / "t", tmp_path / "t.c", *sources, *objects, "-lm")
    assert subprocess.run([tmp_path / "t"], capture_output=True).returncode == 1


@pytest.mark.parametrize(
    ("before", "after"), [("nearbyint(", "round("), ("LEAST + 255", "LEAST + 254")]
)
def test_tests_of_bytes_can_fail(
    folder: pathlib.Path, tmp_path: pathlib.Path, before: str, after: str
) -> None:
    """Halves that are rounded away from zero are found, and so is a wrong end of the range."""
    library = folder / "many"
    test = (library / "test/test_gemm_s8s8_u8_columns.c").read_text()
    assert before in test
    (tmp_path / "t.c").write_text(test.replace(before, after))
    flags = ["-std=c11", f"-I{library}/include", f"-I{library}/test", f"-I{library}/share/many/src"]
    sources = [library / f"test/{name}" for name in ("harness.c", "reference.c")]
    words: list[str | pathlib.Path] = ["cc", *flags, "-o", tmp_path / "t", tmp_path / "t.c"]
    command(*words, *sources, library / "lib/libmany.a", "-lm")
    assert subprocess.run([tmp_path / "t"], capture_output=True).returncode == 1


def test_a_second_build_compiles_what_has_changed(
    lathe: Run, folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "feed_forward.mlir").symlink_to(ROOT / "test/tools/feed_forward.mlir")
    spec = SPEC.read_text()
    (tmp_path / "ops.yaml").write_text(spec)
    cache = str(folder / "cache")
    result = lathe("oplib", "build", "ops.yaml", "-o", "again", "--cache", cache)
    assert result.returncode == 0, result.stderr
    kernels, cached = map(int, re.findall(r"(\d+) kernels, (\d+) of them cached", result.stdout)[0])
    assert kernels == cached
    for path in (folder / "many").rglob("*"):
        other = tmp_path / "again" / path.relative_to(folder / "many")
        assert path.is_dir() or filecmp.cmp(path, other, shallow=False), path
    units = sorted(pathlib.Path(cache).iterdir())
    # One formula is another one.
    (tmp_path / "ops.yaml").write_text(spec.replace("silu(gate) * up", "gate * up"))
    result = lathe("oplib", "build", "ops.yaml", "-o", "again", "--cache", cache)
    assert f"{kernels} kernels, {kernels - 1} of them cached" in result.stdout
    # One unit of the cache is damaged.
    units[0].write_bytes(units[0].read_bytes()[:-1])
    (tmp_path / "ops.yaml").write_text(spec)
    result = lathe("oplib", "build", "ops.yaml", "-o", "again", "--cache", cache)
    assert f"{kernels} kernels, {kernels - 1} of them cached" in result.stdout


@pytest.mark.parametrize(
    ("ops", "says"),
    [
        ("elementwise: {functions: {f: 'x +'}}", "ends too early [oplib-spec-formula]"),
        ("elementwise: {functions: {f: 'x + y z'}}", 'goes on with "z" [oplib-spec-formula]'),
        ("elementwise: {functions: {f: 'epx(x)'}}", "did you mean 'exp'? [oplib-spec-formula]"),
        ("elementwise: {functions: {f: 'max(x)'}}", "which takes 2 [oplib-spec-formula]"),
        ("elementwise: {functions: {f: '2 * 3'}}", "has 0 variables"),
        ("elementwise: {functions: {f: '" + "(" * 99 + "'}}", "nested deeper than 64"),
        ("elementwise: {functions: {f: 'int + 1'}}", "[oplib-spec-name]"),
        ("elementwise: {functions: {f: 'y + 1'}}", "[oplib-spec-name]"),
        ("elementwise: {functions: {open: 'x'}, dtypes: []}", "[oplib-spec-empty]"),
        ("elementwise: {functions: {f: {formula: x, rows: [x]}}}", "all variables"),
        ("elementwise: {functions: {f: {formula: x, rows: [z]}}}", "[oplib-spec-value]"),
        ("elementwise: {functions: {f: {rows: [z]}}}", "[oplib-spec-missing]"),
        ("elementwise: {functions: {sum_inner: x}}\n  reduce: {}", "[oplib-spec-twice]"),
        ("conv2d: {}", "[oplib-spec-missing]"),
        ("conv2d: {shapes: [{kernel: 3}]}", "lacks 'channels' or 'filters' [oplib-spec-missing]"),
        ("conv2d: {shapes: [{channels: 3, filters: 4, groups: 2}]}", "[oplib-spec-groups]"),
        ("conv2d: {shapes: [{channels: 3, filters: 4, kernel: 0}]}", "[oplib-spec-number]"),
        ("attention: {head: [0]}", "[oplib-spec-number]"),
        ("reduce: {kinds: [argmax], axes: [all]}", "[oplib-spec-value]"),
        ("transpose: {permutations: ['11']}", "no permutation [oplib-spec-value]"),
        ("gemm: {dtypes: [f16], b: [packed]}", "[oplib-spec-packed]"),
        (
            "gemm: {dtypes: ['u8*s8->s32'], epilogue: {activation: [relu]}}",
            "[oplib-spec-epilogue]",
        ),
        (
            "gemm: {dtypes: ['s8*s8->s8'], epilogue: {residual: optional}}",
            "[oplib-spec-epilogue]",
        ),
        ("gemm: {dtypes: ['u8*s8->s32'], scale: column}", "[oplib-spec-scale]"),
        ("gemm: {dtypes: ['u8*s8->u8'], scale: row}", "[oplib-spec-value]"),
        ("graph: {f: {file: none.mlir}}", "none.mlir"),
        ("graph: {f: {}}", "[oplib-spec-missing]"),
        ("graph: {f: {file: g.mlir, tolerance: 2}}", "[oplib-spec-number]"),
        ("graph: {f: {file: g.mlir, function: ''}}", "'function' of a file is empty"),
        ("from-model: {f: {file: g.mlir, node: ''}}", "'node' of a model is empty"),
        ("graph: {f: {file: two.mlir}}", "2 results [oplib-graph-results]"),
        ("graph: {f: {file: several.mlir}}", "functions main, other [oplib-graph-results]"),
        ("graph: {f: {file: data.mlir}}", "known only when the graph runs [oplib-graph-dims]"),
        ("graph: {f: {file: double.mlir}}", "is 's0 * 2' [oplib-graph-dims]"),
        ("graph: {f: {file: text.mlir}}", "[oplib-graph-type]"),
        ("graph: {f: {file: dash.mlir}}", "[oplib-graph-symbol]"),
        ("graph: {f: {file: wide.mlir}}", "16 inputs and 1 results [oplib-graph-results]"),
    ],
)
def test_mistakes(lathe: Run, tmp_path: pathlib.Path, ops: str, says: str) -> None:
    def graph(inputs: str, result: str, symbols: str = "", body: str = "") -> str:
        value = re.findall(r"%\w+", body or inputs)[0]
        return (
            f"func.func @main({inputs}) -> {result} attributes "
            f"{{graph.checks = [], graph.symbols = [{symbols}]}} {{\n{body}"
            f"  return {value} : {result}\n}}\n"
        )

    four, open_dim = "tensor<4xf32>", '#graph.symbol<"">'
    twice = "tensor<?xf32, #graph.dims<()[s0] -> (s0 * 2)>>"
    once = "tensor<?xf32, #graph.dims<()[s0] -> (s0)>>"
    files = {
        "g": graph(f"%x: {four}", four),
        "two": f"func.func @main(%x: {four}) -> ({four}, {four}) attributes "
        f"{{graph.checks = [], graph.symbols = []}} {{\n  return %x, %x : {four}, {four}\n}}\n",
        "several": graph(f"%x: {four}", four)
        + graph(f"%x: {four}", four).replace("@main", "@other"),
        "data": graph(
            f"%x: {four}",
            "tensor<1x?xi64>",
            "",
            f"  %y = graph.nonzero %x : {four} -> tensor<1x?xi64>\n",
        ),
        "double": graph(f"%x: {twice}, %z: {once}", twice, open_dim),
        "text": graph("%x: tensor<4x!graph.string>", "tensor<4x!graph.string>"),
        "dash": graph(f"%x: {once}", once, '#graph.symbol<"batch-size">'),
        "wide": graph(", ".join(f"%x{i}: {four}" for i in range(16)), four),
    }
    for name, text in files.items():
        (tmp_path / f"{name}.mlir").write_text(text)
    spec = f"lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  {ops}\n"
    (tmp_path / "ops.yaml").write_text(spec)
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 1 and says in result.stderr, result.stderr
    # It points into the specification, and says what to write instead.
    assert re.search(r"ops\.yaml:[567]:\d+", result.stderr) and "note: " in result.stderr


def test_a_graph_that_calls_another(lathe: Run, tmp_path: pathlib.Path) -> None:
    """A private function is part of the operator that calls it."""
    four = "tensor<4xf32>"
    (tmp_path / "g.mlir").write_text(
        f"func.func private @negated(%x: {four}) -> {four} {{\n"
        f"  %y = graph.neg %x : {four} -> {four}\n  return %y : {four}\n}}\n"
        f"func.func @main(%x: {four}) -> {four} {{\n"
        f"  %y = graph.call @negated(%x) : ({four}) -> {four}\n  return %y : {four}\n}}\n"
    )
    spec = "lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  graph: {f: {file: g.mlir}}\n"
    (tmp_path / "ops.yaml").write_text(spec)
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 0, result.stderr


SEVERAL = """\
func.func private @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func @negated(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.neg %x : tensor<4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func @folded(%x: tensor<4xf32>, %z: tensor<4xf32>) -> tensor<4xf32> {
  %t = graph.call @twice(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %n = graph.call @negated(%z) : (tensor<4xf32>) -> tensor<4xf32>
  %y = graph.sub %t, %n : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
"""


def test_functions_of_one_file_are_operators(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "several.mlir").write_text(SEVERAL)
    spec = "lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  graph:\n"
    for name, function in (("minus", "negated"), ("fold", "folded")):
        spec += f"    {name}: {{file: several.mlir, function: {function}}}\n"
    (tmp_path / "ops.yaml").write_text(spec)
    result = lathe("oplib", "build", "ops.yaml", "-o", "ops")
    assert result.returncode == 0, result.stderr
    library = oplib.Library(tmp_path / "ops")
    assert [len(op["operands"]) for op in library.interface.values()] == [2, 3]
    x, z = np.arange(4, dtype=np.float32), np.array([1, -2, 3, 0.5], np.float32)
    np.testing.assert_array_equal(library.call("minus", input0=x), -x)
    np.testing.assert_array_equal(library.call("fold", input0=x, input1=z), 2 * x + z)
    result = lathe("oplib", "test", "ops")
    assert result.returncode == 0 and "4 of 4 tests passed" in result.stdout, result.stdout


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("negate", "has no function \"negate\"; did you mean 'negated'? [function-unknown]"),
        ("twice", 'has no function "twice" [function-unknown]'),  # Only others may call it.
        ("[negated]", "[oplib-spec-kind]"),
    ],
)
def test_a_function_that_is_not_there(
    lathe: Run, tmp_path: pathlib.Path, function: str, says: str
) -> None:
    (tmp_path / "several.mlir").write_text(SEVERAL)
    entry = f"{{f: {{file: several.mlir, function: {function}}}}}"
    spec = f"lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  graph: {entry}\n"
    (tmp_path / "ops.yaml").write_text(spec)
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 1 and says in result.stderr, result.stderr
    if "unknown" in says:
        assert "its functions are negated, folded" in result.stderr
        assert "ops.yaml:5:15 asks for the operator 'f'" in result.stderr


def test_names_of_many_functions(lathe: Run, tmp_path: pathlib.Path) -> None:
    """A message lists some of them."""
    one = (
        "func.func @f{0}(%x: tensor<4xf32>) -> tensor<4xf32> {{\n  return %x : tensor<4xf32>\n}}\n"
    )
    spec = "lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  graph: {f: {file: g.mlir%s}}\n"
    for count, function, says in (
        (1, ", function: g", "its only function is f0\n"),
        (25, ", function: g", "its functions are f0, f1, f2, "),
        (25, ", function: g", " f19 and 5 more\n"),
        (25, "", " f19 and 5 more [oplib-graph-results]"),
    ):
        (tmp_path / "g.mlir").write_text("".join(one.format(i) for i in range(count)))
        (tmp_path / "ops.yaml").write_text(spec % function)
        result = lathe("oplib", "check", "ops.yaml")
        assert result.returncode == 1 and says in result.stderr, result.stderr


@pytest.mark.parametrize("function", ["", ", function: folded"])
def test_ir_of_a_later_phase_is_no_graph(lathe: Run, tmp_path: pathlib.Path, function: str) -> None:
    (tmp_path / "several.mlir").write_text(SEVERAL)
    words = ("compile", "several.mlir", "--target", "x86_64:v3", "--stop-after", "partition")
    assert lathe(*words, "-o", "late.mlir").returncode == 0
    entry = f"{{f: {{file: late.mlir{function}}}}}"
    spec = f"lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  graph: {entry}\n"
    (tmp_path / "ops.yaml").write_text(spec)
    for request in ("check ops.yaml", "build ops.yaml -o ops"):
        result = lathe("oplib", *request.split())
        assert result.returncode == 1 and "internal" not in result.stderr, result.stderr
        assert "IR of a phase behind 'optimize' and no graph [oplib-graph-file]" in result.stderr
        assert result.stderr.startswith("ops.yaml:5:"), result.stderr


def test_a_node_of_a_file_without_names(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "several.mlir").write_text(SEVERAL)
    entry = "{f: {file: several.mlir, function: negated, node: minus}}"
    spec = f"lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  from-model: {entry}\n"
    (tmp_path / "ops.yaml").write_text(spec)
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 1 and 'loc("NAME"("KIND"))' in result.stderr, result.stderr


def test_a_node_of_one_of_several_functions(lathe: Run, tmp_path: pathlib.Path) -> None:
    located = SEVERAL.replace(
        "graph.neg %x : tensor<4xf32> -> tensor<4xf32>",
        'graph.neg %x : tensor<4xf32> -> tensor<4xf32> loc("minus"("Neg"))',
    )
    (tmp_path / "several.mlir").write_text(located)
    spec = "lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  from-model: "
    for function, code in (("", 1), (", function: negated", 0)):
        entry = f"{{f: {{file: several.mlir{function}, node: minus}}}}\n"
        (tmp_path / "ops.yaml").write_text(spec + entry)
        result = lathe("oplib", "check", "ops.yaml")
        assert result.returncode == code, result.stderr
        assert code == 0 or "function: negated" in result.stderr


def test_a_graph_called_open_is_an_error(lathe: Run, tmp_path: pathlib.Path) -> None:
    spec = "lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  graph: {open: {file: %s}}\n"
    (tmp_path / "ops.yaml").write_text(spec % (ROOT / "test/tools/feed_forward.mlir"))
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 1 and "called 'open'" in result.stderr
    assert result.stderr.startswith("ops.yaml:5:")


def test_limits_of_what_a_specification_names(lathe: Run, tmp_path: pathlib.Path) -> None:
    model = ROOT / "test/tools/feed_forward.mlir"
    spec = (
        f"lathe-oplib: 1\nname: ops\ntargets: x86_64:v3\nops:\n  graph: {{f: {{file: {model}}}}}\n"
    )
    (tmp_path / "ops.yaml").write_text(spec)
    build = ("build", "ops.yaml", "-o", "ops")
    for words in (("check", "ops.yaml"), build, ("harvest", str(model), "-o", "f.yaml")):
        result = lathe("oplib", *words, "--limit", "file-bytes=10")
        assert result.returncode == 1 and "[limit-file-bytes]" in result.stderr, result.stderr
        asks = "ops.yaml:5:15 asks for the operator 'f'" in result.stderr
        assert asks == (words[0] != "harvest"), result.stderr
        result = lathe("oplib", *words, "--limit", "file-byte=10")
        assert result.returncode == 1 and "[limit-unknown]" in result.stderr
    result = lathe("oplib", *build, "--limit", "compile-bytes=1")
    assert result.returncode == 1 and "[limit-compile-bytes]" in result.stderr
    result = lathe("oplib", "diff", "a", "b", "--limit", "file-bytes=10")
    assert result.returncode == 2 and "check and build and harvest alone" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ops.yaml"]


SHARED = """\
lathe-oplib: 1
name: shared
targets: [x86_64:v3, x86_64:v4, "x86_64:v4,avx512vnni"]
ops:
  gemm:
    - {}
    - {dtypes: [bf16], hot: [[2, 3, 4]]}
    - {dtypes: ["u8*s8->u8"]}
"""


def test_targets_share_kernels(lathe: Run, tmp_path: pathlib.Path) -> None:
    """Where the types of an operator have no use for what one target has beyond another."""
    (tmp_path / "ops.yaml").write_text(SHARED)
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 0, result.stderr
    f32, bf16, u8 = re.split(r"\n(?=gemm_)", result.stdout)
    own = ("row", "narrow", "any")
    assert " ".join(f"v4+avx512vnni.{name}" for name in own) + ", as for x86_64:v4\n" in f32
    assert "v4+avx512vnni.2x3x4 v4+avx512vnni.row v4+avx512vnni.any, as for x86_64:v4\n" in bf16
    assert "  x86_64:v4,avx512vnni: v4+avx512vnni.any\n" in u8 and "forms: only\n" in u8
    # The variants for one row where they pay: not for bytes on v4.
    assert "v3.row" in f32 and "v4.row" in f32 and "v3.row" in u8 and "v4.row" not in u8
    assert "v3.narrow" in f32 and "v4.narrow" in f32 and "narrow" not in bf16
    assert "3 operators, 16 kernels" in result.stdout
    result = lathe("oplib", "build", "ops.yaml", "-o", "shared")
    assert result.returncode == 0, result.stderr
    manifest = json.loads((tmp_path / "shared/share/shared/manifest.json").read_text())
    variants = {
        (entry["op"], variant["name"]): variant
        for entry in manifest["ops"]
        for variant in entry["variants"]
    }
    vnni = variants["gemm_f32", "v4+avx512vnni.any"]
    v4 = variants["gemm_f32", "v4.any"]
    assert vnni["same_as"] == "v4.any" and vnni["code_bytes"] == 0 and v4["code_bytes"] > 0
    assert vnni["kernel"] == v4["kernel"] and "same_as" not in v4
    for columns, variant in ((32, "narrow"), (33, "any")):
        words = ("gemm_f32", "m=9", f"n={columns}", "k=8")
        assert (
            f"x86_64:v4: v4.{variant} by row" in lathe("oplib", "explain", "shared", *words).stdout
        )
    assert variants["gemm_u8s8_u8", "v4+avx512vnni.any"]["code_bytes"] > 0
    result = lathe("oplib", "test", "shared")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "gemm_f32 " in result.stdout and "6 of 6 tests passed" in result.stdout


def test_targets_share_what_became_the_same_code(lathe: Run, tmp_path: pathlib.Path) -> None:
    """Products of open sizes have no use for the unit that those of fixed sizes take."""
    spec = SHARED.split("ops:")[0].replace("[x86_64:v3, x86_64:v4,", "[x86_64:v4, x86_64:amx,")
    (tmp_path / "ops.yaml").write_text(
        spec + "ops:\n  gemm: {dtypes: [bf16], hot: [[32, 8, 32]]}\n"
    )
    result = lathe("oplib", "build", "ops.yaml", "-o", "shared")
    assert result.returncode == 0, result.stderr
    manifest = json.loads((tmp_path / "shared/share/shared/manifest.json").read_text())
    variants = {variant["name"]: variant for op in manifest["ops"] for variant in op["variants"]}
    for name in ("any", "row"):
        assert variants[f"amx.{name}"]["same_as"] == f"v4.{name}"
        assert variants[f"amx.{name}"]["code_bytes"] == 0 < variants[f"v4.{name}"]["code_bytes"]
    assert "same_as" not in variants["amx.32x8x32"]
    assert variants["amx.32x8x32"]["code_bytes"] > 0


AMX = """\
lathe-oplib: 1
name: amx
targets: [x86_64:v3, x86_64:amx]
ops:
  gemm: {dtypes: [bf16, "u8*s8->s32"], hot: [[37, 45, 36]]}
"""


def test_tiles_of_a_matrix_unit(lathe: Run, tmp_path: pathlib.Path) -> None:
    """Compiled everywhere; a machine without the unit skips its variants."""
    (tmp_path / "ops.yaml").write_text(AMX)
    result = lathe("oplib", "build", "ops.yaml", "-o", "amx")
    assert result.returncode == 0, result.stderr
    manifest = json.loads((tmp_path / "amx/share/amx/manifest.json").read_text())
    units = {
        (entry["op"], variant["name"]): variant["kernels"][0]["strategy"]
        for entry in manifest["ops"]
        for variant in entry["variants"]
    }
    assert 'unit = "amx.bf16"' in units["gemm_bf16", "amx.37x45x36"]
    assert 'unit = "amx.u8s8"' in units["gemm_u8s8", "amx.37x45x36"]
    assert "amx." not in units["gemm_bf16", "amx.any"]
    result = lathe("oplib", "test", "amx")
    assert result.returncode == 0, result.stdout + result.stderr
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    if {"amx_bf16", "amx_int8", "avx512_bf16"} <= set(flags):
        rows = [line.split() for line in result.stdout.splitlines()]
        assert [row[1:4] for row in rows[1:-1]] == [
            ["passed", "6", "0"],
            ["passed", "6", "0"],
            ["passed", "5", "0"],
            ["passed", "5", "0"],
        ]
