# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which files hold RUN lines, and which programs those may name."""

# lit defines the names `config` and `lit_config` before it reads this file.
# ruff: noqa: F821

import os
import pathlib

import lit.formats

if not hasattr(config, "build_root"):
    lit_config.fatal(
        "name a build tree, such as build/release/test: lit knows from there which programs to test"
    )

config.name = "lathe"
config.test_format = lit.formats.ShTest(execute_external=False)
config.test_source_root = str(pathlib.Path(__file__).parent)
config.suffixes = [".mlir"]
# These are for pytest and CTest.
config.excludes = ["conformance", "dev", "docs", "e2e", "fuzz", "python", "runtime", "tools"]

# The build first, so that no installed `lathe` answers in its place.
config.environment["PATH"] = os.pathsep.join(
    [f"{config.build_root}/bin", config.llvm_bin, os.environ["PATH"]]
)
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
config.environment["LATHE_CACHE_DIR"] = f"{config.build_root}/test/cache"
# For a build with sanitizers. LLVM is not instrumented: it neither keeps the notes on the rests of
# containers and pools that our code reads, nor frees what lives to the end.
config.environment.setdefault(
    "ASAN_OPTIONS", "detect_leaks=0:detect_container_overflow=0:allow_user_poisoning=0"
)
config.environment.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
config.substitutions.append(("%python", config.python))
