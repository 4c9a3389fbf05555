// lib/Conversion/GraphToHost/KernelForms.cpp: second kernels, for calls with strides or in place.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelForms.h"
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Kernel/Views.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <map>

using namespace mlir;

namespace lathe {

void KernelForms::callInPlace() {
  llvm::MapVector<Operation *, SmallVector<kernel::CallOp>> calls;
  module.walk([&](kernel::CallOp call) {
    if (Operation *kernel = module.lookupSymbol(call.getCallee()))
      calls[kernel].push_back(call);
  });
  for (auto &[op, list] : calls) {
    auto kernel = cast<kernel::FuncOp>(op);
    // The first kind keeps the kernel, which is that of calls with memory of their own if there are any.
    std::map<std::optional<unsigned>, SmallVector<kernel::CallOp>> kinds;
    for (kernel::CallOp call : list) {
      auto found = inplace.find(call);
      kinds[found == inplace.end() ? std::nullopt : std::optional(found->second)].push_back(call);
    }
    for (auto &[operand, users] : kinds) {
      if (!operand)
        continue;
      kernel::FuncOp target = operand == kinds.begin()->first ? kernel : addSecond(kernel, users, ".inplace");
      target.setInplace(*operand);
    }
  }
}

void KernelForms::callStrided() {
  if (strided.empty())
    return;
  using Kinds = llvm::MapVector<Attribute, SmallVector<kernel::CallOp>>;
  llvm::MapVector<Operation *, Kinds> calls;
  module.walk([&](kernel::CallOp call) {
    if (Operation *kernel = module.lookupSymbol(call.getCallee()))
      calls[kernel][strided.lookup(call)].push_back(call);
  });
  for (auto &[op, kinds] : calls) {
    auto kernel = cast<kernel::FuncOp>(op);
    // The kernel itself stays that of calls without strides, if there are any.
    bool isKept = kinds.contains(Attribute());
    SmallVector<std::pair<kernel::FuncOp, Attribute>> made;
    for (auto &[strides, users] : kinds) {
      if (!strides)
        continue;
      made.push_back({isKept ? addSecond(kernel, users, ".part") : kernel, strides});
      isKept = true;
    }
    for (auto [target, strides] : made)
      target.setResultAttr(0, kernel::FuncOp::stridesAttrName, strides);
  }
}

/// Moves what calls of `nodes` are from the description of a kernel to that of its copy.
static void describeSecond(ModuleOp module, StringRef first, StringRef second, ArrayRef<Attribute> nodes,
                           int64_t calls) {
  for (auto info : module.getOps<host::KernelOp>()) {
    if (info.getName() != first)
      continue;
    OpBuilder builder(module.getContext());
    builder.setInsertionPointAfter(info);
    auto copy = cast<host::KernelOp>(builder.clone(*info));
    copy.setName(second);
    copy.setNodesAttr(builder.getArrayAttr(nodes));
    copy.setCalls(calls);
    SmallVector<Attribute> rest(info.getNodes().getValue());
    for (Attribute node : nodes)
      if (auto *found = llvm::find(rest, node); found != rest.end())
        rest.erase(found);
    info.setNodesAttr(builder.getArrayAttr(rest));
    info.setCalls(info.getCalls() - calls);
    return;
  }
}

/// A copy of `kernel` that `users` call instead, whose name ends with `suffix`.
kernel::FuncOp KernelForms::addSecond(kernel::FuncOp kernel, ArrayRef<kernel::CallOp> users, StringRef suffix) {
  OpBuilder after(kernel->getContext());
  after.setInsertionPointAfter(kernel);
  auto second = cast<kernel::FuncOp>(after.clone(*kernel));
  std::string name = (kernel.getSymName() + suffix).str();
  while (module.lookupSymbol(name))
    name += "_";
  second.setSymName(name);
  SmallVector<Attribute> nodes;
  for (kernel::CallOp call : users) {
    call.setCallee(name);
    for (const std::string &node : graph::getNodeNames(call.getLoc()))
      nodes.push_back(after.getStringAttr(node));
  }
  describeSecond(module, kernel.getSymName(), name, nodes, static_cast<int64_t>(users.size()));
  return second;
}

void KernelForms::eraseUnused() {
  DenseSet<StringRef> launched;
  llvm::SetVector<StringRef> arranged;
  module.walk([&](kernel::CallOp call) {
    if (kernel::isView(call) || joined.contains(call))
      arranged.insert(call.getCallee());
    else
      launched.insert(call.getCallee());
  });
  for (StringRef name : arranged) {
    if (launched.contains(name))
      continue;
    for (auto info : llvm::make_early_inc_range(module.getOps<host::KernelOp>()))
      if (info.getName() == name)
        info.erase();
    if (Operation *kernel = module.lookupSymbol(name))
      kernel->erase();
  }
}

} // namespace lathe
