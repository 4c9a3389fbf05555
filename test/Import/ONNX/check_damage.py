"""Import a model with every truncation and thousands of random changes, and look for crashes.

Usage: check_damage.py TOOL FOLDER MODEL... writes the damaged files into
FOLDER and fails if the tool dies, or refuses a file without an [id].

Part of the Lathe project, under the Apache License v2.0 with LLVM Exceptions.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import pathlib
import random
import re
import subprocess
import sys

CHANGES = 500  # Random changes per model; seeded, so that a failure repeats.
BATCH = 200  # Files per process: a crash is then searched for one by one.


def damage(data: bytes, rng: random.Random) -> bytes:
    """Change, drop or repeat a few bytes."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(result))
        match rng.randrange(4):
            case 0:
                result[at] = rng.randrange(256)
            case 1:
                result[at] ^= 1 << rng.randrange(8)
            case 2:
                del result[at : at + rng.randint(1, 8)]
            case _:
                result[at:at] = result[at : at + rng.randint(1, 8)]
        if not result:
            return b"\0"
    return bytes(result)


def run(tool: str, files: list[pathlib.Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool, "--summary", *map(str, files)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
    )


def main(tool: str, folder: pathlib.Path, models: list[pathlib.Path]) -> int:
    files = []
    for number, model in enumerate(models):
        data = model.read_bytes()
        rng = random.Random(number)
        variants = [data[:size] for size in range(len(data))]
        variants += [damage(data, rng) for _ in range(CHANGES)]
        for index, variant in enumerate(variants):
            files.append(folder / f"damaged-{number}-{index}.onnx")
            files[-1].write_bytes(variant)

    imported = refused = 0
    bad: list[str] = []
    for start in range(0, len(files), BATCH):
        batch = files[start : start + BATCH]
        done = run(tool, batch)
        if done.returncode not in (0, 1):
            for file in batch:
                if (code := run(tool, [file]).returncode) not in (0, 1):
                    bad.append(f"{file}: exit code {code}")
            continue
        ok = {line.split(": ")[0] for line in done.stdout.splitlines()}
        errors = {
            line.split(": ")[0]
            for line in done.stderr.splitlines()
            if re.search(r"error: .*\[[a-z0-9-]+\]$", line)
        }
        for name in map(str, batch):
            imported += name in ok
            refused += name in errors and name not in ok
            if name not in ok and name not in errors:
                bad.append(f"{name}: refused without an id")
    print(*bad[:20], sep="\n")
    print(
        f"damaged files: {len(files)}, imported: {imported}, "
        f"refused with an id: {refused}, refused without: {len(bad)}"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]), [pathlib.Path(a) for a in sys.argv[3:]]))
