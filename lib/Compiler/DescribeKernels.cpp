// lib/Compiler/DescribeKernels.cpp: where every kernel of a model comes from, for its description and for `inspect`.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Graph/ShapeSolver.h"
#include "dialects/Kernel/Kernel.h"

using namespace mlir;

namespace lathe {

/// The type in C of one element, and what a comment calls it.
static std::string elementName(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isF32())
    return "float";
  if (element.isF64())
    return "double";
  if (element.isInteger(1))
    return "bool";
  if (!isa<IntegerType>(element))
    return "uint16_t"; // Half precision, as its bits.
  return (element.isUnsignedInteger() ? "uint" : "int") + std::to_string(element.getIntOrFloatBitWidth()) + "_t";
}

/// What a header says of a kernel, from its types.
static void describeForC(kernel::FuncOp kernel, KernelInfo &info) {
  llvm::raw_string_ostream parameters(info.parameters), description(info.description);
  for (unsigned i = 0; i < kernel.getSizes(); ++i)
    parameters << ", int64_t s" << i;
  auto add = [&](Type type, const Twine &name, bool isResult) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    parameters << ", " << (isResult ? "" : "const ") << elementName(type) << " *" << name;
    description << " *   " << name << ": " << tensor.getElementType() << "[";
    auto dims = dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding());
    for (auto [i, size] : llvm::enumerate(tensor.getShape())) {
      description << (i ? ", " : "");
      if (ShapedType::isDynamic(size) && dims)
        description << graph::printDim(dims.getMap().getResult(i));
      else
        description << size;
    }
    description << "]\n";
  };
  for (auto [i, value] : llvm::enumerate(kernel.getTensorArguments()))
    add(value.getType(), "x" + Twine(i), /*isResult=*/false);
  for (auto [i, type] : llvm::enumerate(kernel.getResultTypes()))
    add(type, "y" + Twine(i), /*isResult=*/true);
}

llvm::StringMap<KernelInfo> describeForC(ModuleOp module) {
  llvm::StringMap<KernelInfo> result;
  for (auto kernel : module.getOps<kernel::FuncOp>())
    describeForC(kernel, result[kernel.getSymName()]);
  return result;
}

std::vector<KernelInfo> describeKernels(ModuleOp module, llvm::StringMap<KernelInfo> known) {
  std::vector<KernelInfo> result;
  llvm::StringMap<size_t> position;
  for (auto kernel : module.getOps<kernel::FuncOp>()) {
    KernelInfo info = std::move(known[kernel.getSymName()]);
    info.name = kernel.getSymName().str();
    info.key = kernel.getKey().value_or("").str();
    if (auto strategy = kernel.getStrategyAttr()) {
      info.strategy = strategy.getName().str();
      if (strategy.getConfig()) {
        std::string text;
        llvm::raw_string_ostream(text) << strategy.getConfig();
        info.strategy += " " + text;
      }
    }
    position[info.name] = result.size();
    result.push_back(std::move(info));
  }
  module.walk([&](kernel::CallOp call) {
    auto found = position.find(call.getCallee());
    if (found == position.end())
      return;
    KernelInfo &info = result[found->second];
    ++info.calls;
    for (const std::string &node : graph::getNodeNames(call.getLoc()))
      info.nodes.push_back(node);
  });
  Builder builder(module.getContext());
  SmallVector<Attribute> entries;
  for (const KernelInfo &info : result) {
    SmallVector<Attribute> nodes;
    for (const std::string &node : info.nodes)
      nodes.push_back(builder.getStringAttr(node));
    entries.push_back(
        builder.getDictionaryAttr({builder.getNamedAttr("calls", builder.getI64IntegerAttr(info.calls)),
                                   builder.getNamedAttr("key", builder.getStringAttr(info.key)),
                                   builder.getNamedAttr("name", builder.getStringAttr(info.name)),
                                   builder.getNamedAttr("nodes", builder.getArrayAttr(nodes)),
                                   builder.getNamedAttr("strategy", builder.getStringAttr(info.strategy))}));
  }
  module->setAttr("host.kernels", builder.getArrayAttr(entries));
  return result;
}

void describePacking(ModuleOp module, std::vector<KernelInfo> &kernels) {
  for (KernelInfo &info : kernels) {
    auto kernel = module.lookupSymbol<kernel::FuncOp>(info.name);
    for (unsigned i = kernel ? kernel.getSizes() : 0; kernel && i < kernel.getNumArguments(); ++i)
      if (auto packing = kernel.getArgAttrOfType<DictionaryAttr>(i, "kernel.packing"))
        info.packed.push_back({i - unsigned(kernel.getSizes()), packing.getAs<IntegerAttr>("tile").getInt()});
  }
}

std::vector<KernelInfo> readKernels(ModuleOp module) {
  std::vector<KernelInfo> result;
  auto list = module->getAttrOfType<ArrayAttr>("host.kernels");
  for (Attribute entry : list ? list.getValue() : ArrayRef<Attribute>()) {
    auto fields = dyn_cast<DictionaryAttr>(entry);
    auto name = fields ? fields.getAs<StringAttr>("name") : StringAttr();
    auto strategy = fields ? fields.getAs<StringAttr>("strategy") : StringAttr();
    auto nodes = fields ? fields.getAs<ArrayAttr>("nodes") : ArrayAttr();
    auto calls = fields ? fields.getAs<IntegerAttr>("calls") : IntegerAttr();
    if (!name || !strategy || !nodes || !calls)
      continue;
    KernelInfo info;
    info.name = name.str();
    if (auto key = fields.getAs<StringAttr>("key"))
      info.key = key.str();
    info.strategy = strategy.str();
    info.calls = calls.getInt();
    for (auto node : nodes.getAsRange<StringAttr>())
      info.nodes.push_back(node.str());
    result.push_back(std::move(info));
  }
  return result;
}

} // namespace lathe
