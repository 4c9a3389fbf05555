"""Turn a file of ONNX text models, separated by `# -----`, into model files.

Usage: make_onnx.py INPUT FOLDER writes FOLDER/0.onnx, FOLDER/1.onnx and so on.
A model without a header `<...>` gets the newest IR version and opset 20.

Part of the Lathe project, under the Apache License v2.0 with LLVM Exceptions.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import pathlib
import shutil
import sys

import onnx.parser

HEADER = '<ir_version: 10, opset_import: ["": 20]>\n'


def main(source: pathlib.Path, folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for index, part in enumerate(source.read_text().split("# -----\n")):
        lines = [line for line in part.splitlines() if not line.lstrip().startswith("#")]
        text = "\n".join(lines).strip()
        if not text.startswith("<"):
            text = HEADER + text
        onnx.save(onnx.parser.parse_model(text), folder / f"{index}.onnx")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
