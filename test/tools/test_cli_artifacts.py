# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Artifacts as programs and people meet them: their names, their damage, other machines."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import numpy as np
import onnx
import pytest
from command_line import ROOT, Result, Run, program
from onnx import TensorProto, helper, numpy_helper

BUILD = ROOT / "build/release"


def save(path: pathlib.Path, weights: list[float], name: str = "scale") -> None:
    """Save y = x * weights."""
    values = np.array(weights, np.float32)
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"], name=name)],
        "scale",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", len(weights)])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", len(weights)])],
        [numpy_helper.from_array(values, "w")],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


PROGRAM = """
#include "lathe-runtime/runtime.h"
#include "{first}"
#include "{second}"
#include <stdio.h>

static void scale(lathe_module_query_fn query) {{
  float one[2] = {{1, 1}};
  lathe_tensor input = {{one, LATHE_DTYPE_F32, 2, {{1, 2}}}}, output = {{0}};
  lathe_module *module;
  if (lathe_module_from_query(query, &module) != LATHE_OK ||
      lathe_module_call(module, "main", &input, 1, &output, 1) != LATHE_OK)
    puts(lathe_last_error());
  else
    printf("%g ", ((float *)output.data)[0]);
}}

int main(void) {{
  scale({query_first});
  scale({query_second});
  return 0;
}}
"""


def build(
    folder: pathlib.Path, names: tuple[str, str], queries: tuple[str, str], *more: str
) -> Result:
    """Compile and link a C program that uses two models."""
    compiler = shutil.which("cc") or shutil.which("clang-22")
    if compiler is None:
        pytest.skip("there is no C compiler; tools/check without --no-setup installs one")
    text = PROGRAM.format(
        first=f"{names[0]}.h",
        second=f"{names[1]}.h",
        query_first=queries[0],
        query_second=queries[1],
    )
    (folder / "program.c").write_text(text)
    words = [compiler, "program.c", f"{names[0]}.a", f"{names[1]}.a", "-I.", f"-I{ROOT}/include"]
    words += ["-L", f"{BUILD}/lib", "-lLatheRuntime", "-lm", "-pthread", "-o", "program", *more]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_models_of_one_file_name_in_one_program(lathe: Run, tmp_path: pathlib.Path) -> None:
    for folder, weight in (("cats", 3.0), ("dogs", 5.0)):
        save(tmp_path / folder / "model.onnx", [weight, weight])
        made = lathe(
            "compile", f"{folder}/model.onnx", "-o", f"{folder}.a", "--header", f"{folder}.h"
        )
        assert made.returncode == 0, made.stderr
    result = build(tmp_path, ("cats", "dogs"), ("lathe_query_cats", "lathe_query_dogs"))
    assert result.returncode == 0, result.stderr
    out = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True)
    assert out.stdout == "3 5 "


def test_two_models_of_one_name_never_link(lathe: Run, tmp_path: pathlib.Path) -> None:
    """One source file sees both headers, or each of two sees its own."""
    for folder, weight in (("a", 3.0), ("b", 5.0)):
        save(tmp_path / folder / "model.onnx", [weight, weight])
        base = f"{folder}/model"
        made = lathe("compile", f"{base}.onnx", "-o", f"{base}.a", "--header", f"{base}.h")
        assert made.returncode == 0, made.stderr
    result = build(tmp_path, ("a/model", "b/model"), ("lathe_query_model",) * 2)
    assert result.returncode != 0
    assert "two models are called model: compile one of them with another --name" in result.stderr

    (tmp_path / "other.c").write_text(
        '#include "b/model.h"\nconst void *other(void) { return lathe_query_model(0); }\n'
    )
    result = build(
        tmp_path, ("a/model", "a/model"), ("lathe_query_model",) * 2, "other.c", "b/model.a"
    )
    assert result.returncode != 0
    assert "lathe_query_model" in result.stderr
    assert re.search("multiple definition|duplicate symbol", result.stderr)


def test_the_name_is_of_the_file_or_given(lathe: Run, tmp_path: pathlib.Path) -> None:
    save(tmp_path / "model.onnx", [1.0])
    names = {
        "模型.a": "lathe_query_e6a8a1e59e8b",
        "модель.a": "lathe_query_d0bcd0bed0b4d0b5d0bbd18c",
    }
    for file, symbol in names.items():
        assert lathe("compile", "model.onnx", "-o", file, "--header", "m.h").returncode == 0
        assert symbol in (tmp_path / "m.h").read_text()
    assert (
        lathe("compile", "model.onnx", "-o", "a.a", "--name", "cat", "--header", "m.h").returncode
        == 0
    )
    assert "lathe_query_cat" in (tmp_path / "m.h").read_text()
    assert lathe("compile", "model.onnx", "-o", "a.so", "--name", "cat").returncode == 0
    assert re.search(r"^model +cat$", lathe("inspect", "a.so").stdout, re.MULTILINE)


def test_targets_share_a_header(lathe: Run, tmp_path: pathlib.Path) -> None:
    save(tmp_path / "m.onnx", [1.0, 2.0])
    headers = []
    for target in ("x86_64:v3", "aarch64"):
        made = lathe("compile", "m.onnx", "-o", "m.a", "--header", "m.h", "--target", target)
        assert made.returncode == 0, made.stderr
        headers.append(re.findall(r"lathe_query_m_[0-9a-f]{16}", (tmp_path / "m.h").read_text())[0])
    assert headers[0] == headers[1]
    save(tmp_path / "m.onnx", [1.0, 2.5])
    assert lathe("compile", "m.onnx", "-o", "m.a", "--header", "m.h").returncode == 0
    assert headers[0] not in (tmp_path / "m.h").read_text()


@pytest.mark.parametrize("ending", [".so", ".lathebin"])
def test_changed_weights_are_noticed(lathe: Run, tmp_path: pathlib.Path, ending: str) -> None:
    weights = np.random.default_rng(0).standard_normal(5_000_000).astype(np.float32)
    save(tmp_path / "m.onnx", list(weights))
    assert lathe("compile", "m.onnx", "-o", f"m{ending}").returncode == 0
    whole = (tmp_path / f"m{ending}").read_bytes()
    at = whole.index(weights[3_000_000:3_001_000].tobytes())
    (tmp_path / f"m{ending}").write_bytes(whole[:at] + b"\xff" * 4000 + whole[at + 4000 :])
    result = lathe("run", f"m{ending}", "--dim", "n=1")
    assert result.returncode == 1
    assert "damaged: weights were changed" in result.stderr
    result = lathe("run", f"m{ending}", "--dim", "n=1", "--unchecked-weights")
    assert result.returncode == 0
    assert f"m{ending}: note: the weights are not compared with their checksum" in result.stderr


@pytest.mark.parametrize("target", ["aarch64", "riscv64", "x86_64:v3"])
@pytest.mark.parametrize("ending", [".so", ".a", ".o", ".lathebin"])
def test_inspect_reads_artifacts_of_all_machines(
    lathe: Run, tmp_path: pathlib.Path, target: str, ending: str
) -> None:
    save(tmp_path / "m.onnx", [1.0, 2.0])
    assert lathe("compile", "m.onnx", "-o", f"m{ending}", "--target", target).returncode == 0
    result = lathe("inspect", f"m{ending}")
    assert result.returncode == 0, result.stderr
    assert f"target     {target}" in result.stdout
    assert "signature  main(x: f32[n, 2]) -> (y: f32[n, 2])" in result.stdout
    assert re.search("^  mul .* scale ", result.stdout, re.MULTILINE), result.stdout
    if target != "x86_64:v3":
        assert re.search(f"^machine +another one: .*{target}", result.stdout, re.MULTILINE)
        assert lathe("run", f"m{ending}", "--dim", "n=1").returncode == 1
    elif ending in (".a", ".o"):
        assert "machine    this one, in a program that the file is linked into" in result.stdout


def test_inspect_of_damaged_artifacts(lathe: Run, tmp_path: pathlib.Path) -> None:
    """Neither a changed byte nor a cut one is a crash or a wrong table."""
    save(tmp_path / "m.onnx", [1.0, 2.0])
    for ending in (".so", ".a", ".o"):
        made = lathe("compile", "m.onnx", "-o", f"m{ending}", "--target", "aarch64")
        assert made.returncode == 0, made.stderr
        whole = (tmp_path / f"m{ending}").read_bytes()
        places = range(0, len(whole), max(1, len(whole) // 25))
        for at in places:
            changed = whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :]
            for data in (changed, whole[:at]):
                (tmp_path / f"d{ending}").write_bytes(data)
                result = lathe("inspect", f"d{ending}")
                assert result.returncode == 0 or "error: " in result.stderr, (ending, at)
    (tmp_path / "empty.a").write_bytes(b"!<arch>\n")
    assert "[artifact-no-description]" in lathe("inspect", "empty.a").stderr
    strip = shutil.which("llvm-strip-22") or shutil.which("llvm-strip")
    if strip:
        subprocess.run([strip, tmp_path / "m.so"], check=True)
        assert "[artifact-no-description]" in lathe("inspect", "m.so").stderr


def test_targets_have_short_names(lathe: Run, tmp_path: pathlib.Path) -> None:
    save(tmp_path / "m.onnx", [1.0, 2.0])
    target = "x86_64:amx,gfni,avx512vbmi,avx512bitalg,avx512fp16"
    made = lathe("compile", "m.onnx", "-o", "m.a", "--target", target)
    assert "for x86_64:v4+amx, compiled in" in made.stdout + made.stderr
    shown = lathe("inspect", "m.a").stdout
    assert "target     x86_64:v4+amx\nfeatures   amx,gfni," in shown, shown


def test_libraries_bind_the_default_memcpy(lathe: Run, tmp_path: pathlib.Path) -> None:
    """What the library takes from libc has a version, where glibc for the target is there."""
    save(tmp_path / "m.onnx", [1.0, 2.0])
    made = lathe("compile", "m.onnx", "-o", "m.so", "--target", "x86_64:v3")
    assert made.returncode == 0, made.stderr
    nm = shutil.which("llvm-nm-22") or shutil.which("nm")
    assert nm
    out = subprocess.run([nm, "-D", tmp_path / "m.so"], capture_output=True, text=True, check=True)
    for line in out.stdout.splitlines():
        if " U " in line:
            assert "@" in line, line


def test_a_static_program_cannot_load_libraries(lathe: Run, tmp_path: pathlib.Path) -> None:
    compiler = shutil.which("cc") or shutil.which("clang-22")
    if compiler is None:
        pytest.skip("there is no C compiler; tools/check without --no-setup installs one")
    save(tmp_path / "m.onnx", [1.0, 2.0])
    assert lathe("compile", "m.onnx", "-o", "m.so").returncode == 0
    (tmp_path / "p.c").write_text(
        '#include "lathe-runtime/runtime.h"\n#include <stdio.h>\nint main(void) {\n'
        'lathe_module *m;\nlathe_module_load("m.so", &m);\nputs(lathe_last_error());\n}\n'
    )
    words = [compiler, "-static", "p.c", f"-I{ROOT}/include", f"-L{BUILD}/lib", "-lLatheRuntime"]
    made = subprocess.run(
        [*words, "-lm", "-pthread", "-o", "p"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    out = subprocess.run(["./p"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "m.so: this program is linked statically" in out.stdout, (out.stdout, out.returncode)
    assert "[module-static-program]" in out.stdout


NO_MEMORY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
void *__libc_malloc(size_t size);
static int is_over;
void *malloc(size_t size) { return is_over ? NULL : __libc_malloc(size); }
int open64(const char *path, int flags, int mode) {
  int (*real)(const char *, int, int) = (int (*)(const char *, int, int))dlsym(RTLD_NEXT, "open64");
  int file = real(path, flags, mode);
  is_over |= strstr(path, "m.lathebin.") != NULL;
  return file;
}
int open(const char *path, int flags, int mode) { return open64(path, flags, mode); }
"""


def test_nothing_half_written_stays_where_memory_ends(tmp_path: pathlib.Path) -> None:
    save(tmp_path / "m.onnx", [1, 2])
    (tmp_path / "over.c").write_text(NO_MEMORY)
    library = str(tmp_path / "over.so")
    command = ["cc", "-shared", "-fPIC", "-fno-builtin", "over.c", "-o", library, "-ldl"]
    subprocess.run(command, check=True, cwd=tmp_path)
    result = subprocess.run(
        [program(), "compile", "m.onnx", "-o", "m.lathebin"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "LD_PRELOAD": library},
    )
    assert result.returncode == 1 and "[out-of-memory]" in result.stderr, result.stderr
    assert not list(tmp_path.glob("m.lathebin*"))
