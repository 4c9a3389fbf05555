// dialects/Graph/GraphVersion.h: the version of the graph dialect in bytecode,
// so that old files stay readable and newer ones are named as such.
//
// The number goes up when bytecode of the present one would no longer be read as
// what it meant: an op, an attribute or a meaning changed. The change then adds a
// step to `upgradeFromVersion`. New ops and new optional attributes need none.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_GRAPHVERSION_H
#define LATHE_DIALECTS_GRAPH_GRAPHVERSION_H

#include "mlir/Bytecode/BytecodeImplementation.h"

namespace lathe::graph {

struct GraphVersion final : mlir::DialectVersion {
  /// What is written, and the newest that is read.
  static constexpr uint64_t current = 1;

  explicit GraphVersion(uint64_t number) : number(number) {}

  /// 0 are files from before there were versions, which say none.
  uint64_t number;
};

/// Writes and reads the version. A writer's configuration can ask for another
/// one, as tests do.
class GraphBytecode final : public mlir::BytecodeDialectInterface {
public:
  explicit GraphBytecode(mlir::Dialect *dialect) : BytecodeDialectInterface(dialect) {}

  void writeVersion(mlir::DialectBytecodeWriter &writer) const override;
  /// A newer version is an error [native-version].
  std::unique_ptr<mlir::DialectVersion> readVersion(mlir::DialectBytecodeReader &reader) const override;
  mlir::LogicalResult upgradeFromVersion(mlir::Operation *top, const mlir::DialectVersion &version) const override;
};

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_GRAPHVERSION_H
