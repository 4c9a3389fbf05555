// lib/Conversion/KernelToLLVM/SplitRoles.h: a loop over tasks becomes one for each role of the threads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_KERNELTOLLVM_SPLITROLES_H
#define LATHE_CONVERSION_KERNELTOLLVM_SPLITROLES_H

#include "dialects/Device/Device.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace lathe {

/// The roles among the ops of `block`; null if all threads do the same there.
device::RolesOp findRoles(mlir::Block &block);

/// Replaces `loop`, the tasks that a block of `threads` takes in turn, whose body has `roles` and what these compute
/// with: by what `roles` sets up, a branch by the number of the thread, and on each side a loop with that role alone,
/// so that one kind of thread may be tasks ahead of the other, and each has registers of its own number.
/// What `loop` has besides is without effects.
void splitRoles(mlir::scf::ForOp loop, device::RolesOp roles, int64_t threads);

} // namespace lathe

#endif // LATHE_CONVERSION_KERNELTOLLVM_SPLITROLES_H
