// dialects/Host/Donations.h: what functions may say of outputs in the memory of an input.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_HOST_DONATIONS_H
#define LATHE_DIALECTS_HOST_DONATIONS_H

#include "mlir/Interfaces/FunctionInterfaces.h"

namespace lathe::host {

/// Whether `host.alias` is on results alone, and is the number of an argument there.
mlir::LogicalResult verifyDonations(mlir::FunctionOpInterface func);

} // namespace lathe::host

#endif // LATHE_DIALECTS_HOST_DONATIONS_H
