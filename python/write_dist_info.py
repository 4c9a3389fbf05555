#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Write the metadata that makes an installed package one that pip can list and remove."""

import argparse
import base64
import hashlib
import shutil
import sysconfig
import tomllib
from pathlib import Path
from typing import Any


def metadata(project: dict[str, Any], version: str) -> str:
    """Return METADATA, in the core metadata format, for the [project] table."""
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"License: {project['license']}",
        f"Requires-Python: {project['requires-python']}",
    ]
    lines += [f"Classifier: {c}" for c in project["classifiers"]]
    lines += [f"Requires-Dist: {d}" for d in project["dependencies"]]
    for extra, needs in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {d}; extra == "{extra}"' for d in needs]
    return "\n".join(lines) + "\n"


def entry_points(project: dict[str, Any]) -> str:
    """Return entry_points.txt: where other packages find parts of this one."""
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {place}" for name, place in entries.items())]
    return "\n".join(lines) + "\n"


def record_row(site: Path, path: Path) -> str:
    """Return the line of RECORD for an installed file."""
    data = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path.relative_to(site).as_posix()},sha256={digest},{len(data)}"


def main() -> None:
    """Replace the dist-info of every other version in the folder given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("site", type=Path, help="the site-packages that holds lathe")
    arguments = parser.parse_args()
    site: Path = arguments.site
    here = Path(__file__).resolve().parent
    project = tomllib.loads((here / "pyproject.toml").read_text())["project"]

    for old in site.glob("lathe_compiler-*.dist-info"):
        shutil.rmtree(old)
    info = site / f"lathe_compiler-{arguments.version}.dist-info"
    info.mkdir(parents=True)
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    (info / "METADATA").write_text(metadata(project, arguments.version))
    (info / "WHEEL").write_text(
        "Wheel-Version: 1.0\nGenerator: lathe-cmake\n"
        f"Root-Is-Purelib: false\nTag: cp3-none-{platform}\n"
    )
    (info / "INSTALLER").write_text("cmake\n")
    (info / "entry_points.txt").write_text(entry_points(project))
    files = [p for p in sorted((site / "lathe").rglob("*")) if p.is_file() and p.suffix != ".pyc"]
    rows = [record_row(site, p) for p in [*files, *sorted(info.iterdir())]]
    rows.append(f"{info.name}/RECORD,,")
    (info / "RECORD").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
