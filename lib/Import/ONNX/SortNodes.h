// lib/Import/ONNX/SortNodes.h: brings nodes into an order in which each follows what it uses.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_SORTNODES_H
#define LATHE_LIB_IMPORT_ONNX_SORTNODES_H

#include "onnx/onnx-ml.pb.h"

namespace lathe::onnx_import {

/// Sorts the nodes of all graphs and functions of `model`. The specification
/// wants them sorted, but tools that edit models append nodes at the end. What
/// is sorted stays as it is; nodes on a cycle keep their places, for
/// `checkModel` to report.
void sortNodes(::onnx::ModelProto &model);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_SORTNODES_H
