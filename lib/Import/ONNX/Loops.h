// lib/Import/ONNX/Loops.h: loops that import functions make.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_LOOPS_H
#define LATHE_LIB_IMPORT_ONNX_LOOPS_H

#include "Import/Core/Node.h"

namespace lathe::onnx_import {

using namespace importer;

/// What one turn makes; `condition` is null where there always is a next turn.
struct Turn {
  Value condition;
  llvm::SmallVector<Value> carried, scanned;
};

/// Makes the body of a loop from the number of the turn and the carried values.
using TurnFn = llvm::function_ref<std::optional<Turn>(Value index, mlir::ValueRange carried)>;

/// Builds a loop; its results are the carried values, then `scans` stacked
/// ones. Null after an error, and without a loop where `makeTurn` gives it up without
/// one. `condition` may be null.
graph::LoopOp makeLoop(Node &node, Value tripCount, Value condition, llvm::ArrayRef<Value> inits, size_t scans,
                       TurnFn makeTurn);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_LOOPS_H
