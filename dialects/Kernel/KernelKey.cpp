// dialects/Kernel/KernelKey.cpp: what makes two kernels the same, in any model and any process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Kernel/Kernel.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace lathe::kernel {

namespace {

/// Writes a kernel down without anything that differs between equal ones: names
/// of kernels, values and resources, and locations. Each part says its length
/// or its number, so that no two kernels are written alike.
class Description {
public:
  std::string text;

  void add(Operation *op) {
    add(op->getName().getStringRef());
    for (NamedAttribute attr : op->getAttrDictionary()) {
      if (auto kernel = dyn_cast<FuncOp>(op); kernel && isOfName(kernel, attr.getName()))
        continue;
      add(attr.getName().getValue());
      add(attr.getValue());
    }
    add(op->getNumOperands());
    for (Value operand : op->getOperands())
      add(numbers.lookup(operand));
    add(op->getNumResults());
    for (Value result : op->getResults())
      define(result);
    for (Region &region : op->getRegions())
      for (Block &block : region) {
        add(block.getNumArguments());
        for (Value argument : block.getArguments())
          define(argument);
        for (Operation &inner : block)
          add(&inner);
      }
    add("end");
  }

private:
  static bool isOfName(FuncOp kernel, StringAttr name) {
    return name == kernel.getSymNameAttrName() || name == kernel.getSymVisibilityAttrName() ||
           name == kernel.getKeyAttrName();
  }

  void add(StringRef part) { text += std::to_string(part.size()) + ":" + part.str(); }
  void add(uint64_t number) { text += std::to_string(number) + ","; }

  void add(Attribute attr) {
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr))
      if (AsmResourceBlob *blob = resource.getRawHandle().getBlob()) {
        add(resource.getType());
        return add(StringRef(blob->getData().data(), blob->getData().size()));
      }
    add(written(attr));
  }
  void add(Type type) { add(written(type)); }

  void define(Value value) {
    numbers.try_emplace(value, numbers.size());
    add(value.getType());
  }

  template <typename T> StringRef written(T thing) {
    std::string &known = texts[thing.getAsOpaquePointer()];
    if (known.empty())
      llvm::raw_string_ostream(known) << thing;
    return known;
  }

  DenseMap<Value, size_t> numbers;
  DenseMap<const void *, std::string> texts;
};

} // namespace

std::string computeKey(FuncOp kernel) {
  Description description;
  description.add(kernel.getOperation());
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(llvm::arrayRefFromStringRef(description.text));
  return llvm::utohexstr(hash.high64, /*LowerCase=*/true, 16) + llvm::utohexstr(hash.low64, /*LowerCase=*/true, 16);
}

} // namespace lathe::kernel
