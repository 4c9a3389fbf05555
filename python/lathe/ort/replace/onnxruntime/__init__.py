# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `import onnxruntime` finds where the folder above comes first: lathe.ort in its place."""

import sys

import lathe.ort

del sys.modules["onnxruntime"]
lathe.ort.install()
