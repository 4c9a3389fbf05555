// dialects/Graph/GraphVersion.cpp: writes, reads and checks the dialect's version.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/GraphVersion.h"

using namespace mlir;

namespace lathe::graph {

void GraphBytecode::writeVersion(DialectBytecodeWriter &writer) const {
  FailureOr<const DialectVersion *> wanted = writer.getDialectVersion("graph");
  uint64_t number = succeeded(wanted) ? static_cast<const GraphVersion *>(*wanted)->number : GraphVersion::current;
  if (number != 0)
    writer.writeVarInt(number);
}

std::unique_ptr<DialectVersion> GraphBytecode::readVersion(DialectBytecodeReader &reader) const {
  uint64_t number;
  if (failed(reader.readVarInt(number)))
    return nullptr;
  if (number > GraphVersion::current) {
    reader.emitError() << "has version " << number << " of the graph dialect, but this version of Lathe reads up to "
                       << GraphVersion::current << " [native-version]";
    return nullptr;
  }
  return std::make_unique<GraphVersion>(number);
}

LogicalResult GraphBytecode::upgradeFromVersion(Operation *, const DialectVersion &) const {
  // Version 1 is the first: files without a version have the same ops.
  return success();
}

} // namespace lathe::graph
