# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The licence check finds files that do not name theirs, and --fix puts it where it belongs."""

from __future__ import annotations

import pathlib
import subprocess

import tree

LINE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
FILES = {
    "lib/A.cpp": '// lib/A.cpp: one.\n\n#include "A.h"\nint a;\n',
    "lib/B.c": "/* lib/B.c: two. */\nint b;\n",
    "tools/run": "#!/usr/bin/env bash\n# tools/run: three.\n",
    "python/c.py": '"""Four."""\n',
    "python/py.typed": "",
    "docs/d.md": "# Five\n",
}


def check(root: pathlib.Path, *words: str) -> tuple[int, str]:
    result = tree.run_script("tools/dev/check_licence.py", *words, str(root))
    return result.returncode, result.stdout


def test_what_is_missing_is_found_and_put_right(tmp_path: pathlib.Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tree.write(tmp_path, FILES), check=True)
    code, text = check(tmp_path)
    assert code == 1
    named = [line.partition(":")[0] for line in text.splitlines()]
    assert named == ["lib/A.cpp", "lib/B.c", "python/c.py", "tools/run"]
    assert check(tmp_path, "--fix") == (0, "")
    assert check(tmp_path) == (0, "")

    def read(name: str) -> str:
        return (tmp_path / name).read_text()

    # The lines of code stay where they were, as far as that can be.
    assert read("lib/A.cpp") == f'// lib/A.cpp: one.\n// {LINE}\n#include "A.h"\nint a;\n'
    assert read("lib/B.c") == f"// {LINE}\n/* lib/B.c: two. */\nint b;\n"
    assert read("tools/run") == f"#!/usr/bin/env bash\n# {LINE}\n# tools/run: three.\n"
    assert read("python/c.py") == f'# {LINE}\n"""Four."""\n'
    assert read("docs/d.md") == FILES["docs/d.md"]


def test_an_identifier_further_down_does_not_count(tmp_path: pathlib.Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    tree.write(tmp_path, {"lib/A.cpp": "int a;\n" * 20 + f"// {LINE}\n"})
    assert check(tmp_path)[0] == 1
