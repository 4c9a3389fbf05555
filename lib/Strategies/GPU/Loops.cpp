// lib/Strategies/GPU/Loops.cpp: the fallback of GPUs: fuse; `assign-elements` then gives each element a thread.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../PrepareLoops.h"
#include "Strategies.h"

using namespace mlir;

namespace lathe {

static std::optional<Config> match(const Problem &problem, const Target &) {
  return Config::get(problem.root->getContext());
}

static bool accepts(const Problem &, Operation *) { return true; }

static LogicalResult apply(kernel::FuncOp kernel, Config, const Target &) { return prepareLoops(kernel); }

const Strategy gpuLoops = {"gpu.loops", /*keepsRoot=*/false, match, accepts, apply};

} // namespace lathe
