// dialects/Graph/MappedFiles.h: which resources are pages of files, and when nobody needs those in memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_MAPPEDFILES_H
#define LATHE_DIALECTS_GRAPH_MAPPEDFILES_H

#include "mlir/IR/DialectInterface.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <vector>

namespace lathe::graph {

/// The mapped files that resources of a context refer to.
class MappedFiles final : public mlir::DialectInterface::Base<MappedFiles> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MappedFiles)

  explicit MappedFiles(mlir::Dialect *dialect) : Base(dialect) {}

  /// Those of `context`, which has loaded the graph dialect.
  static const MappedFiles &of(mlir::MLIRContext &context);

  /// Remembers `file`; buffers that are no mappings are let alone.
  void add(std::shared_ptr<const llvm::MemoryBuffer> file) const;

  /// Gives the pages of `bytes` back, if they are of one of the files; who
  /// reads them later reads the file again.
  void release(llvm::ArrayRef<char> bytes) const;

  /// The path of one that is not as it was when it was mapped; "" if all are.
  llvm::StringRef findChanged() const;

private:
  /// Dialect interfaces are handed out as constants.
  mutable std::vector<std::shared_ptr<const llvm::MemoryBuffer>> files;
};

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_MAPPEDFILES_H
