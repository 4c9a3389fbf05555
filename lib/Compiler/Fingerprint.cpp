// lib/Compiler/Fingerprint.cpp: what tells two models apart that have one name.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "dialects/Graph/MappedFiles.h"
#include "dialects/Graph/NodeLocation.h"
#include "lathe-runtime/seal.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;

namespace lathe {

/// The text of a model, without its resources: MLIR would write each out to see how long it is, unless none is wanted.
static std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module.print(out, OpPrintingFlags().elideLargeResourceString(0).elideLargeElementsAttrs(64));
  return text;
}

/// A checksum of each constant, in the order in which they stand: of what printing leaves out.
static std::vector<uint64_t> constantSums(ModuleOp module) {
  std::vector<uint64_t> sums;
  auto add = [&](ArrayRef<char> bytes) { sums.push_back(weightsChecksum(StringRef(bytes.data(), bytes.size()))); };
  module.walk([&](Operation *op) {
    for (NamedAttribute attribute : op->getAttrs())
      if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute.getValue())) {
        if (AsmResourceBlob *blob = resource.getRawHandle().getBlob()) {
          add(blob->getData());
          graph::MappedFiles::of(*module.getContext()).release(blob->getData());
        }
      } else if (auto dense = dyn_cast<DenseIntOrFPElementsAttr>(attribute.getValue())) {
        add(dense.getRawData());
      }
  });
  return sums;
}

uint64_t modelFingerprint(ModuleOp module, ArrayRef<std::string> dims) {
  std::string text = llvm::join(dims, ",") + textOf(module);
  std::vector<uint64_t> sums = {lathe_checksum_of(text.data(), text.size())};
  llvm::append_range(sums, constantSums(module));
  return lathe_checksum_of(sums.data(), sums.size() * sizeof(uint64_t));
}

std::string Program::contentKey() const {
  ModuleOp module = *impl->module;
  std::string text = textOf(module);
  // The artifact tells which nodes a kernel computes, but not of which file.
  module.walk([&](Operation *op) {
    for (const std::string &name : graph::getNodeNames(op->getLoc()))
      text += name + '\0';
    text += '\1';
  });
  std::vector<uint64_t> sums = constantSums(module);
  llvm::SHA256 digest;
  digest.update(text);
  digest.update(StringRef(reinterpret_cast<const char *>(sums.data()), sums.size() * sizeof(uint64_t)));
  return llvm::toHex(digest.final(), /*LowerCase=*/true);
}

} // namespace lathe
