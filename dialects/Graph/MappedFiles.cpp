// dialects/Graph/MappedFiles.cpp: weights leave memory once they are in the artifact, so that they are there once.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/MappedFiles.h"
#include "dialects/Graph/Graph.h"
#include "lathe/Support/MappedFile.h"
#include "lathe/Support/Pages.h"

namespace lathe::graph {

const MappedFiles &MappedFiles::of(mlir::MLIRContext &context) {
  return *context.getLoadedDialect<GraphDialect>()->getRegisteredInterface<MappedFiles>();
}

void MappedFiles::add(std::shared_ptr<const llvm::MemoryBuffer> file) const {
  if (file && file->getBufferKind() == llvm::MemoryBuffer::MemoryBuffer_MMap && !llvm::is_contained(files, file))
    files.push_back(std::move(file));
}

void MappedFiles::release(llvm::ArrayRef<char> bytes) const {
  bool isMapped = llvm::any_of(files, [&](const auto &file) {
    return bytes.begin() >= file->getBufferStart() && bytes.end() <= file->getBufferEnd();
  });
  if (isMapped)
    releasePages(bytes);
}

llvm::StringRef MappedFiles::findChanged() const {
  auto changed = llvm::find_if_not(files, [](const auto &file) { return isAsMapped(*file); });
  return changed == files.end() ? "" : (*changed)->getBufferIdentifier();
}

} // namespace lathe::graph
