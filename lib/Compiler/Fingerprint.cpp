// lib/Compiler/Fingerprint.cpp: what tells two models apart that have one name.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "dialects/Graph/MappedFiles.h"
#include "lathe-runtime/seal.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

uint64_t modelFingerprint(ModuleOp module, ArrayRef<std::string> dims) {
  std::string text = llvm::join(dims, ",");
  llvm::raw_string_ostream out(text);
  module.print(out, OpPrintingFlags().elideLargeResourceString(64).elideLargeElementsAttrs(64));
  std::vector<uint64_t> sums = {lathe_checksum_of(text.data(), text.size())};
  auto add = [&](ArrayRef<char> bytes) { sums.push_back(weightsChecksum(StringRef(bytes.data(), bytes.size()))); };
  // What printing leaves out, in the order in which it stands.
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
  return lathe_checksum_of(sums.data(), sums.size() * sizeof(uint64_t));
}

} // namespace lathe
