// lib/Conversion/HostToLLVM/PlaceConstants.cpp: one place in the weights for all that is equal.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Conversion/PlaceConstants.h"
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/MappedFiles.h"
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe-runtime/module_abi.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace lathe {

namespace {

class Placer {
public:
  explicit Placer(ArrayRef<ModuleOp> modules) : modules(modules) {}
  void place();

private:
  /// What tells two constants apart besides their elements: type and order.
  static std::pair<Type, Attribute> kindOf(host::ConstantOp constant);
  /// The elements as they lie in memory, if that is many and they are there.
  static ArrayRef<char> elementsOf(host::ConstantOp constant);
  int64_t placeOf(host::ConstantOp constant);

  ArrayRef<ModuleOp> modules;
  int64_t end = 0;
  DenseMap<std::pair<Type, Attribute>, unsigned> counts; ///< Different elements of a kind.
  DenseMap<std::pair<Attribute, Attribute>, int64_t> byAttribute;
  struct Place {
    ArrayRef<char> elements;
    int64_t offset;
  };
  DenseMap<std::pair<Type, Attribute>, llvm::DenseMap<uint64_t, SmallVector<Place, 1>>> byContent;
};

/// Bytes that a constant takes in the weights.
int64_t sizeOf(host::ConstantOp constant) {
  auto type = cast<RankedTensorType>(constant.getValue().getType());
  int64_t elements = type.getNumElements();
  if (constant.getTile())
    elements = llvm::product_of(kernel::packedShape(type.getShape(), *constant.getTiled(), *constant.getOrder(),
                                                    *constant.getTile(), constant.getStep(), constant.getRun(),
                                                    constant.getWinograd(), constant.getBits()));
  return elements * std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8;
}

} // namespace

std::pair<Type, Attribute> Placer::kindOf(host::ConstantOp constant) {
  NamedAttrList order(constant->getAttrDictionary());
  for (StringAttr name : {constant.getSymNameAttrName(), constant.getValueAttrName(), constant.getOffsetAttrName()})
    order.erase(name);
  return {constant.getValue().getType(), order.getDictionary(constant.getContext())};
}

ArrayRef<char> Placer::elementsOf(host::ConstantOp constant) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  return blob ? blob->getData() : ArrayRef<char>();
}

int64_t Placer::placeOf(host::ConstantOp constant) {
  auto kind = kindOf(constant);
  auto [known, isNew] = byAttribute.try_emplace({constant.getValue(), kind.second}, end);
  if (!isNew)
    return known->second;
  ArrayRef<char> elements = elementsOf(constant);
  if (elements.empty() || counts.lookup(kind) < 2) {
    end = llvm::alignTo(end + sizeOf(constant), LATHE_ALIGNMENT);
    return known->second;
  }
  uint64_t hash = llvm::xxh3_64bits(ArrayRef(reinterpret_cast<const uint8_t *>(elements.data()), elements.size()));
  SmallVector<Place, 1> &places = byContent[kind][hash];
  auto same = llvm::find_if(places, [&](const Place &place) { return place.elements == elements; });
  if (same != places.end()) {
    known->second = same->offset;
  } else {
    places.push_back({elements, end});
    end = llvm::alignTo(end + sizeOf(constant), LATHE_ALIGNMENT);
  }
  // Large models do not have to be in memory twice.
  if (constant.getContext()->getLoadedDialect<graph::GraphDialect>())
    graph::MappedFiles::of(*constant.getContext()).release(elements);
  return known->second;
}

void Placer::place() {
  DenseSet<std::pair<Attribute, Attribute>> seen;
  for (ModuleOp module : modules)
    for (auto constant : module.getOps<host::ConstantOp>())
      if (auto kind = kindOf(constant); seen.insert({constant.getValue(), kind.second}).second)
        ++counts[kind];
  for (ModuleOp module : modules)
    for (auto constant : module.getOps<host::ConstantOp>())
      constant.setOffset(placeOf(constant));
  for (ModuleOp module : modules) {
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    host::WeightsOp::create(builder, module.getLoc(), end);
  }
}

void placeConstants(ArrayRef<ModuleOp> modules) { Placer(modules).place(); }

} // namespace lathe
