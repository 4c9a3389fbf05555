// lib/Compiler/StartPhase.h: which phase wrote a file of IR, and so, which one can go on from it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_STARTPHASE_H
#define LATHE_LIB_COMPILER_STARTPHASE_H

#include "lathe/Pipeline/Pipeline.h"

namespace lathe {

/// What `module` is, and the phases that start from it: `first` to `last`, or none where `last` is before `first`.
struct StartPhase {
  std::string is;
  std::string way; ///< What to do where another phase is to be the first one.
  Phase first, last;

  bool fits(Phase phase) const { return phase >= first && phase <= last; }
};
StartPhase findStartPhase(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_LIB_COMPILER_STARTPHASE_H
