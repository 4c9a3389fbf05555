# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small copies of the graphs that exporters write, one file a family."""
