# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe compile` and `convert` on real models: every kind of output does its work."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import pty
import re
import resource
import signal
import subprocess
import sys

import numpy as np
import onnx
import pytest
from command_line import ROOT, Run, program
from onnx import TensorProto, helper, numpy_helper

PHASES = ["import", "optimize", "partition", "lower", "schedule", "bufferize", "codegen", "emit"]
WEIGHTS = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)


@pytest.fixture
def model(tmp_path: pathlib.Path) -> pathlib.Path:
    """Scores = max(pixels @ WEIGHTS, 0) for pixels: f32[batch, 3]."""
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["pixels", "weights"], ["product"], name="dense"),
            helper.make_node("Relu", ["product"], ["scores"], name="clip"),
        ],
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 5])],
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    path = tmp_path / "small.onnx"
    onnx.save(made, path)
    return path


def check_scores(lathe: Run, folder: pathlib.Path, name: str, rows: int = 4) -> None:
    """The file `name` computes what the model says."""
    pixels = np.random.default_rng(1).standard_normal((rows, 3)).astype(np.float32)
    np.save(folder / "pixels.npy", pixels)
    result = lathe("run", name, "--input", "pixels=pixels.npy", "--save-outputs", "out")
    assert result.returncode == 0, result.stderr
    scores = np.load(folder / "out/scores.npy")
    np.testing.assert_allclose(scores, np.maximum(pixels @ WEIGHTS, 0), rtol=1e-5, atol=1e-6)


def left_behind(folder: pathlib.Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"small.onnx", "pixels.npy", "out"}


def test_the_model_itself(lathe: Run, model: pathlib.Path) -> None:
    check_scores(lathe, model.parent, model.name)


@pytest.mark.parametrize("name", ["a.so", "a.lathebin", "a.mlir", "a.lathe"])
def test_outputs_that_run(lathe: Run, model: pathlib.Path, name: str) -> None:
    result = lathe("compile", model.name, "-o", name)
    assert result.returncode == 0, result.stderr
    assert left_behind(model.parent) == {name}
    check_scores(lathe, model.parent, name)


def test_the_summary(lathe: Run, model: pathlib.Path) -> None:
    result = lathe("compile", model.name, "-o", "a.so")
    pattern = (
        r"a\.so: \S+ k?B\w* of code in \d+ kernels? and \S+ \w+ of weights for \w+.*, compiled"
    )
    assert re.match(pattern, result.stdout), result.stdout
    assert not result.stderr


PROGRAM = """\
#include "a.h"
#include "lathe-runtime/runtime.h"
#include <stdio.h>

int main(void) {
  float pixels[6] = {1, 2, 3, -1, -2, -3};
  lathe_tensor in = {pixels, LATHE_DTYPE_F32, 2, {2, 3}}, out = {0};
  lathe_module *module = NULL;
  if (lathe_module_from_query(lathe_module_query, &module) ||
      lathe_module_call(module, "main", &in, 1, &out, 1)) {
    fputs(lathe_last_error(), stderr);
    return 1;
  }
  for (int i = 0; i < out.dims[0] * out.dims[1]; ++i)
    printf("%.9g\\n", ((float *)out.data)[i]);
  lathe_tensor_free(&out);
  lathe_module_free(module);
  return 0;
}
"""


@pytest.mark.parametrize("name", ["a.a", "a.o"])
def test_outputs_to_link(lathe: Run, model: pathlib.Path, name: str) -> None:
    folder = model.parent
    result = lathe("compile", model.name, "-o", name, "--header", "a.h")
    assert result.returncode == 0, result.stderr
    assert left_behind(folder) == {name, "a.h"}
    (folder / "main.c").write_text(PROGRAM)
    runtime = sorted((ROOT / "lib/Runtime").glob("*/*.c"))
    command = ["cc", "-std=c11", "-Wall", "-Werror", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}"]
    command += ["main.c", name, *map(str, runtime), "-o", "main", "-lm", "-ldl", "-lpthread"]
    subprocess.run(command, cwd=folder, check=True)
    printed = subprocess.run([folder / "main"], capture_output=True, text=True, check=True).stdout
    pixels = np.array([[1, 2, 3], [-1, -2, -3]], np.float32)
    scores = np.array(printed.split(), np.float32).reshape(2, 5)
    np.testing.assert_allclose(scores, np.maximum(pixels @ WEIGHTS, 0), rtol=1e-5, atol=1e-6)


def test_the_header_is_plain_c(lathe: Run, model: pathlib.Path) -> None:
    lathe("compile", model.name, "-o", "a.so", "--header", "a.h")
    (model.parent / "use.c").write_text('#include "a.h"\n#include "a.h"\n')
    for compiler, *flags in (("cc", "-xc", "-std=c11"), ("c++", "-xc++", "-std=c++20")):
        command = [compiler, *flags, "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        command += [f"-I{ROOT / 'include'}", "use.c"]
        subprocess.run(command, cwd=model.parent, check=True)
    text = (model.parent / "a.h").read_text()
    assert re.search(r"pixels.*\[batch, 3\]", text) and re.search(r"scores.*\[batch, 5\]", text)


def test_dim_fixes_a_size(lathe: Run, model: pathlib.Path) -> None:
    result = lathe("compile", model.name, "-o", "a.so", "--dim", "batch=4")
    assert result.returncode == 0, result.stderr
    assert "main(pixels: f32[4, 3]) -> (scores: f32[4, 5])" in lathe("inspect", "a.so").stdout
    check_scores(lathe, model.parent, "a.so")
    wrong = lathe("run", "a.so", "--shape", "pixels=5x3")
    assert wrong.returncode == 1 and "[inputs-shape-fixed]" in wrong.stderr


def test_dim_says_a_range(lathe: Run, model: pathlib.Path) -> None:
    result = lathe("compile", model.name, "-o", "a.so", "--dim", "batch=4..16%4")
    assert result.returncode == 0, result.stderr
    shown = lathe("inspect", "a.so").stdout
    assert "main(pixels: f32[batch, 3])" in shown and "dims       batch = 4..16%4\n" in shown
    assert lathe("run", "a.so", "--shape", "pixels=8x3").returncode == 0
    for size, message in (
        ("3", "dim 'batch' is 3, but must be at least 4, as the model was compiled for 4..16%4"),
        ("20", "dim 'batch' must be at most 16, but is 20"),
        ("6", "dim 'batch' is 6, which is no multiple of 4 (4 is the one below)"),
    ):
        wrong = lathe("run", "a.so", "--dim", f"batch={size}")
        assert wrong.returncode == 1 and message in wrong.stderr, wrong.stderr
        assert "[call-dim-range]" in wrong.stderr
    # Nobody says a size: the least.
    alone = lathe("run", model.name, "--dim", "batch=%3", "--no-cache")
    assert alone.returncode == 0 and "[3, 5]" in alone.stdout, alone.stdout
    wrong = lathe("check", model.name, "--dim", "batch=5..7%4")
    assert wrong.returncode == 2 and "or a range, as in batch=8..512%8" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("--input", "pixles=x.npy"), "no input \"pixles\"; did you mean 'pixels'?"),
        (("--shape", "pixles=2x3"), "no input \"pixles\"; did you mean 'pixels'?"),
        (("--input", "pixels=none.npy"), "none.npy: error: cannot read the file"),
    ],
)
def test_slips_are_found_before_compiling(
    lathe: Run, model: pathlib.Path, words: tuple[str, ...], answer: str
) -> None:
    result = lathe("run", model.name, "--progress", *words)
    assert result.returncode == 1 and answer in result.stderr
    assert "optimize" not in result.stderr


def test_a_dim_that_the_model_lacks(lathe: Run, model: pathlib.Path) -> None:
    result = lathe("compile", model.name, "-o", "a.so", "--dim", "bach=4")
    assert result.returncode == 1
    assert '"bach"' in result.stderr or "'bach'" in result.stderr
    assert "batch" in result.stderr and not left_behind(model.parent)


@pytest.mark.parametrize("name", ["small.onnx", "a.so", "a.lathebin"])
def test_inspect(lathe: Run, model: pathlib.Path, name: str) -> None:
    if name != model.name:
        assert lathe("compile", model.name, "-o", name).returncode == 0
    result = lathe("inspect", name, "--dim", "batch=7")
    assert result.returncode == 0, result.stderr
    assert "signature  main(pixels: f32[batch, 3]) -> (scores: f32[batch, 5])" in result.stdout
    workspace = r"^workspace  \S+ \w+ for inputs \[7, 3\] on \d+ threads?$"
    assert re.search(workspace, result.stdout, re.MULTILINE)
    assert 'output     "scores" [7, 5]' in result.stdout
    assert re.search(r"^kernels    [1-9]", result.stdout, re.MULTILINE)
    assert "dense" in result.stdout and "clip" in result.stdout
    calls = re.search(r"^kernels    (\d+) in (\d+) calls$", result.stdout, re.MULTILINE)
    assert calls and int(calls[2]) >= int(calls[1])


@pytest.mark.parametrize("phase", PHASES[:-1])
def test_stop_after(lathe: Run, model: pathlib.Path, phase: str) -> None:
    result = lathe("compile", model.name, "--stop-after", phase)
    assert result.returncode == 0, result.stderr
    assert "module" in result.stdout
    lathe("compile", model.name, "--stop-after", phase, "-o", "a.mlir")
    assert (model.parent / "a.mlir").read_text() == result.stdout


def test_start_at(lathe: Run, model: pathlib.Path) -> None:
    assert lathe("compile", model.name, "--stop-after", "optimize", "-o", "a.mlir").returncode == 0
    result = lathe("compile", "a.mlir", "--start-at", "partition", "-o", "a.so")
    assert result.returncode == 0, result.stderr
    check_scores(lathe, model.parent, "a.so")


@pytest.mark.parametrize(("last", "first"), list(itertools.pairwise(PHASES[1:])))
def test_any_phase_starts_from_what_the_one_before_it_wrote(
    lathe: Run, model: pathlib.Path, last: str, first: str
) -> None:
    assert lathe("compile", model.name, "--stop-after", last, "-o", "a.mlir").returncode == 0
    result = lathe("compile", "a.mlir", "--start-at", first, "-o", "a.so")
    assert result.returncode == 0, result.stderr
    assert "in 1 kernels" in result.stdout
    check_scores(lathe, model.parent, "a.so")


@pytest.mark.parametrize(
    ("last", "first", "way"),
    [
        ("optimize", "codegen", "up to 'partition'"),
        ("optimize", "lower", "up to 'partition'"),
        ("optimize", "schedule", "up to 'partition'"),
        ("optimize", "bufferize", "up to 'partition'"),
        ("partition", "optimize", "--start-at lower"),
        ("partition", "schedule", "--start-at lower"),
        ("partition", "bufferize", "--start-at lower"),
        ("partition", "codegen", "--start-at lower"),
        ("lower", "partition", "--start-at schedule"),
        ("lower", "bufferize", "--start-at schedule"),
        ("schedule", "partition", "--start-at bufferize"),
        ("schedule", "lower", "--start-at bufferize"),
        ("schedule", "schedule", "--start-at bufferize"),
        ("bufferize", "optimize", "--start-at codegen"),
        ("bufferize", "schedule", "--start-at codegen"),
        ("codegen", "schedule", "--start-at emit"),
    ],
)
def test_a_phase_says_where_to_start_instead(
    lathe: Run, model: pathlib.Path, last: str, first: str, way: str
) -> None:
    assert lathe("compile", model.name, "--stop-after", last, "-o", "a.mlir").returncode == 0
    result = lathe("compile", "a.mlir", "--start-at", first, "-o", "a.so")
    assert result.returncode == 1
    assert "[phase-wrong-start]" in result.stderr and way in result.stderr
    assert not (model.parent / "a.so").exists()


def test_the_mark_of_a_precision_goes_on(lathe: Run, model: pathlib.Path) -> None:
    """IR that was optimized for bf16 says so; IR that was not is told that it is too late."""
    target = ("--target", "x86_64:amx")
    for option in ((), ("--precision", "bf16")):
        words = ("compile", model.name, *target, *option, "--stop-after", "optimize")
        assert lathe(*words, "-o", "a.mlir").returncode == 0
        words = ("compile", "a.mlir", *target, "--start-at", "partition", "-o", "a.o")
        result = lathe(*words)
        assert result.returncode == 0 and "warning" not in result.stderr, result.stderr
        result = lathe(*words, "--precision", "bf16")
        assert ("[precision-too-late]" in result.stderr) == (not option), result.stderr


def test_start_at_with_large_weights(lathe: Run, model: pathlib.Path) -> None:
    """What is written to a file has all constants; what is printed, and says so, has not."""
    graph = onnx.load(model)
    large = np.random.default_rng(2).standard_normal((3, 500)).astype(np.float32)
    graph.graph.initializer[0].CopyFrom(numpy_helper.from_array(large, "weights"))
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 500
    onnx.save(graph, model)
    folder = model.parent
    assert lathe("compile", model.name, "--stop-after", "optimize", "-o", "a.mlir").returncode == 0
    assert lathe("compile", "a.mlir", "--start-at", "partition", "-o", "a.so").returncode == 0
    pixels = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)
    np.save(folder / "pixels.npy", pixels)
    result = lathe("run", "a.so", "--input", "pixels=pixels.npy", "--save-outputs", "out")
    assert result.returncode == 0, result.stderr
    scores = np.load(folder / "out/scores.npy")
    np.testing.assert_allclose(scores, np.maximum(pixels @ large, 0), rtol=1e-5, atol=1e-6)

    printed = lathe("compile", model.name, "--stop-after", "optimize").stdout
    assert len(printed) < 2000 < (folder / "a.mlir").stat().st_size
    (folder / "b.mlir").write_text(printed)
    result = lathe("compile", "b.mlir", "--start-at", "partition", "-o", "b.so")
    assert result.returncode == 1 and "[graph-resource-missing]" in result.stderr
    assert "--stop-after" in result.stderr and not (folder / "b.so").exists()


def test_dump_phases(lathe: Run, model: pathlib.Path) -> None:
    result = lathe("compile", model.name, "-o", "a.so", "--dump-phases", "ir/phases")
    assert result.returncode == 0, result.stderr
    names = sorted(path.name for path in (model.parent / "ir/phases").iterdir())
    dumped = [next(p for p in PHASES if p in name) for name in names]
    assert dumped == [p for p in PHASES if p in dumped]
    assert set(PHASES[:-1]) <= set(dumped)


@pytest.mark.parametrize("form", ["mlir", "lathe"])
def test_convert_there_and_back(lathe: Run, model: pathlib.Path, form: str) -> None:
    assert lathe("convert", model.name, "-o", f"a.{form}").returncode == 0
    assert lathe("convert", f"a.{form}", "-o", "b.mlir").returncode == 0
    assert lathe("convert", model.name, "-o", "c.mlir").returncode == 0
    texts = [(model.parent / name).read_text() for name in ("b.mlir", "c.mlir")]
    if form == "mlir":  # A text is its own place: its operations are at its lines.
        assert "a.mlir" in texts[0]
        texts = [re.sub(r"(?m)^#loc.*\n| loc\(#\w+\)", "", text) for text in texts]
    assert texts[0] == texts[1]
    check_scores(lathe, model.parent, f"a.{form}")


@pytest.mark.parametrize("change", ["empty", "cut", "text"])
def test_bad_models(lathe: Run, model: pathlib.Path, change: str) -> None:
    data = model.read_bytes()
    model.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "text": b"hello"}[change])
    for words in (("compile", model.name, "-o", "a.so"), ("run", model.name)):
        result = lathe(*words)
        assert result.returncode == 1
        assert re.match(r"small\.onnx: .*error: .* \[[a-z-]+\]$", result.stderr, re.MULTILINE)
    assert not left_behind(model.parent)


@pytest.mark.parametrize("name", ["a.so", "a.o", "a.a", "a.lathebin", "a.mlir", "a.lathe"])
def test_outputs_that_cannot_be_written(lathe: Run, model: pathlib.Path, name: str) -> None:
    for path in (f"none/{name}", f"small.onnx/{name}", "/proc/" + name):
        result = lathe("compile", model.name, "-o", path)
        assert result.returncode == 1
        assert re.search(r": error: .*\[[a-z-]+\]$", result.stderr, re.MULTILINE)
    (model.parent / name).mkdir()
    result = lathe("compile", model.name, "-o", name)
    assert result.returncode == 1 and "[cli-output-folder]" in result.stderr
    assert left_behind(model.parent) == {name} and not list((model.parent / name).iterdir())


def limit_files() -> None:
    """Lets no file of this process grow beyond 200 bytes, as if the disk were full there."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))


@pytest.mark.parametrize("name", ["a.so", "a.o", "a.a", "a.lathebin", "a.mlir", "a.lathe"])
def test_a_disk_that_is_full(model: pathlib.Path, name: str) -> None:
    result = subprocess.run(
        [program(), "compile", model.name, "-o", name],
        cwd=model.parent,
        preexec_fn=limit_files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert re.search(rf"^{name}: error: .*\[[a-z-]+\]$", result.stderr, re.MULTILINE)
    assert not left_behind(model.parent)


def test_without_a_linker(lathe: Run, model: pathlib.Path) -> None:
    result = lathe("compile", model.name, "-o", "a.so", PATH="/nonexistent")
    assert result.returncode == 1
    assert "no linker" in result.stderr and ".lathebin" in result.stderr
    assert not left_behind(model.parent)
    assert lathe("compile", model.name, "-o", "a.lathebin", PATH="/nonexistent").returncode == 0


def test_an_unknown_target(lathe: Run, model: pathlib.Path) -> None:
    for words in (("compile", "-o", "a.so"), ("run",), ("bench",), ("inspect",)):
        result = lathe(words[0], model.name, *words[1:], "--target", "x86_65")
        assert result.returncode == 1
        assert "did you mean 'x86_64'?" in result.stderr
    assert not left_behind(model.parent)


def test_progress(lathe: Run, model: pathlib.Path) -> None:
    quiet = lathe("compile", model.name, "-o", "a.so")
    assert not quiet.stderr
    shown = lathe("compile", model.name, "-o", "a.so", "--progress")
    steps = re.findall(r"^small\.onnx: (\w+)$", shown.stderr, re.MULTILINE)
    assert steps == ["load", *PHASES[1:], "write"]


def test_a_terminal_is_left_clean(model: pathlib.Path) -> None:
    """What is done within a second draws nothing; what takes longer wipes what it drew."""
    mine, theirs = pty.openpty()
    with subprocess.Popen(
        [program(), "compile", model.name, "-o", "a.so"],
        cwd=model.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                part = os.read(mine, 4096)
            except OSError:  # The other end is closed.
                break
            if not part:
                break
            drawn += part
    os.close(mine)
    assert process.returncode == 0
    assert not drawn or drawn.endswith(b"\r\x1b[K")


def test_verify(lathe: Run, model: pathlib.Path, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("lathe")
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    cache = str(tmp_path / "cache")
    result = lathe("run", model.name, "--verify", PATH=path, LATHE_CACHE_DIR=cache)
    assert result.returncode == 0, result.stderr
    assert "scores" in result.stdout and "DIFFERS" not in result.stdout


def test_bench(lathe: Run, model: pathlib.Path) -> None:
    result = lathe("bench", model.name, "--rounds", "1", "--dim", "batch=2")
    assert result.returncode == 0, result.stderr
    assert re.search(r"^small\.onnx +\d+\.\d+ +\d+\.\d+ +\d+\.\d%", result.stdout, re.MULTILINE)


def test_profile(lathe: Run, model: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Every kernel has a row, with its nodes; the trace has an event for each launch."""
    files = ("--trace", tmp_path / "trace.json", "--json", tmp_path / "figures.json")
    result = lathe("profile", model.name, "--rounds", "3", "--dim", "batch=2", *files)
    assert result.returncode == 0, result.stderr
    assert re.search(r"^all +\d+\.\d+ +100\.0 %", result.stdout, re.MULTILINE)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["kernels"] and figures["ms"] > 0
    for kernel in figures["kernels"]:
        assert re.search(rf"^{kernel['kernel']} +cpu\.", result.stdout, re.MULTILINE)
        assert kernel["launches"] >= 1
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(events) == sum(kernel["launches"] for kernel in figures["kernels"])
    assert {event["name"] for event in events} == {k["kernel"] for k in figures["kernels"]}


def test_profile_of_no_folder(lathe: Run, model: pathlib.Path) -> None:
    result = lathe("profile", model.name, "--trace", "none/t.json")
    assert result.returncode == 1
    assert "[cli-output-unwritable]" in result.stderr


def test_code_does_not_depend_on_threads(lathe: Run, tmp_path: pathlib.Path) -> None:
    """Kernels are compiled in groups, on several threads: the bytes are always the same."""
    nodes, weights, value = [], [], "x0"
    for i, (rows, columns) in enumerate(
        [(3, 40), (40, 72), (72, 104), (104, 24), (24, 136), (136, 5)]
    ):
        weights.append(numpy_helper.from_array(np.full((rows, columns), 0.1, np.float32), f"w{i}"))
        nodes.append(helper.make_node("MatMul", [value, f"w{i}"], [f"m{i}"]))
        nodes.append(helper.make_node(["Relu", "Tanh", "Sigmoid"][i % 3], [f"m{i}"], [f"x{i + 1}"]))
        value = f"x{i + 1}"
    graph = helper.make_graph(
        nodes,
        "deep",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["batch", 5])],
        weights,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "deep.onnx",
    )
    for ending in ("lathebin", "a"):
        made = []
        for threads in ("1", "2", "3"):
            output = f"{threads}.{ending}"
            result = lathe(
                "compile", "deep.onnx", "-o", output, "--name", "deep", "--threads", threads
            )
            assert result.returncode == 0, result.stderr
            made.append((tmp_path / output).read_bytes())
        assert made[0] == made[1] == made[2]
    objects = int.from_bytes((tmp_path / "1.lathebin").read_bytes()[44:48], "little")
    assert objects >= 3, "there must be something to do at once"


def test_links_to_tensor_files(lathe: Run, model: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "linked.onnx"
    onnx.save(
        onnx.load(model), path, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    (tmp_path / "w.bin").rename(tmp_path / "blob")
    (tmp_path / "w.bin").symlink_to("blob")
    for command in (
        ("check",),
        ("convert", "-o", tmp_path / "m.mlir"),
        ("compile", "-o", tmp_path / "m.so"),
    ):
        refused = lathe(*command, path)
        assert refused.returncode != 0
        assert "allow them with --allow-links" in refused.stderr
        done = lathe(*command, path, "--allow-links")
        assert done.returncode == 0, done.stderr
