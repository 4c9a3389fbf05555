// lib/Compiler/DescribeKernels.cpp: where every kernel of a model comes from, for its description and for `inspect`.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Graph/ShapeSolver.h"
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Choice.h"
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
  SmallVector<kernel::FuncOp> kernels(module.getOps<kernel::FuncOp>());
  for (kernel::FuncOp kernel : kernels) {
    KernelInfo info = std::move(known[kernel.getSymName()]);
    info.name = kernel.getSymName().str();
    info.key = kernel.getKey().value_or("").str();
    if (auto strategy = kernel.getStrategyAttr()) {
      info.strategy = strategy.getName().str();
      info.isTuned = strategy.getConfig() && strategy.getConfig().contains(kernel::choiceName);
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
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  for (auto [kernel, info] : llvm::zip_equal(kernels, result)) {
    SmallVector<StringRef> nodes(info.nodes.begin(), info.nodes.end());
    SmallVector<Type> operands;
    for (Value operand : kernel.getTensorArguments())
      operands.push_back(operand.getType());
    host::KernelOp::create(builder, kernel.getLoc(), info.name, info.key, info.strategy, builder.getStrArrayAttr(nodes),
                           info.calls, kernel.getSizes(), builder.getTypeArrayAttr(operands),
                           builder.getTypeArrayAttr(kernel.getResultTypes()));
  }
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
  for (auto described : module.getOps<host::KernelOp>()) {
    KernelInfo &info = result.emplace_back();
    info.name = described.getName().str();
    info.key = described.getKey().str();
    info.strategy = described.getStrategy().str();
    info.calls = static_cast<unsigned>(described.getCalls());
    for (auto node : described.getNodes().getAsRange<StringAttr>())
      info.nodes.push_back(node.str());
  }
  return result;
}

} // namespace lathe
