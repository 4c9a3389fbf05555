# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `lathe reduce` does: finds what is wrong with a model, and makes it smaller."""
