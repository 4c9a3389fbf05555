// dialects/Graph/NodeLocation.h: the model's node names in MLIR locations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_NODELOCATION_H
#define LATHE_DIALECTS_GRAPH_NODELOCATION_H

#include "mlir/IR/Location.h"
#include <string>

namespace lathe::graph {

/// The location of ops that come from a model's node: a name location `node`
/// around a name location `kind` ("Conv-11") around the file.
mlir::Location getNodeLocation(mlir::MLIRContext *context, llvm::StringRef file, llvm::StringRef node,
                               llvm::StringRef kind);

/// `node "conv1" (Conv-11)`; of a fused location, the first node in it; empty
/// where there is none.
std::string describeNode(mlir::Location loc);

/// The file that the location was read from, of a text with line and column; or "".
std::string describeFile(mlir::Location loc);

/// The names of all nodes in a location, each once, in order.
llvm::SmallVector<std::string> getNodeNames(mlir::Location loc);

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_NODELOCATION_H
