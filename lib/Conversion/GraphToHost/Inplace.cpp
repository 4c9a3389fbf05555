// lib/Conversion/GraphToHost/Inplace.cpp: results that are computed in the memory of an operand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Converter.h"
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Kernel/Views.h"

using namespace mlir;

namespace lathe {

void Converter::reuseOperands() {
  func.walk<WalkOrder::PreOrder>([&](kernel::CallOp call) { reuseOperand(call); });
  callInPlace();
}

void Converter::reuseOperand(kernel::CallOp call) {
  auto kernel = module.lookupSymbol<kernel::FuncOp>(call.getCallee());
  if (!kernel || kernel.getInplace() || call.getNumResults() != 1 || kernel::isView(call) || joined.contains(call))
    return;
  Value result = call.getResult(0);
  const Place place = places[result];
  if (place.kind != Place::Workspace && place.kind != Place::Output)
    return;
  for (auto [i, operand] : llvm::enumerate(call.getOperands())) {
    Value owner = lifetimes.ownerOf(operand);
    auto isOwner = [&](Value other) { return lifetimes.ownerOf(other) == owner; };
    bool isFree = places[owner].kind == Place::Workspace && owner.getDefiningOp<kernel::CallOp>() &&
                  lifetimes.isWhole(operand) && lastWithParts(owner) == lifetimes.begin(call) &&
                  llvm::count_if(call.getOperands(), isOwner) == 1;
    if (!isFree || !kernel.getArgAttr(kernel.getSizes() + i, kernel::FuncOp::inplaceAttrName) ||
        mostBytesOf(owner.getType()) != mostBytesOf(result.getType()) || spaces.of(owner) != spaces.of(result))
      continue;
    inplace[call] = i;
    if (place.kind == Place::Workspace) {
      sharesWith[result] = owner;
      return;
    }
    // An output is nobody else's memory: all that leads to it may be there.
    for (Value value = owner; value; value = sharesWith.lookup(value))
      places[value] = place;
    return;
  }
}

/// Marks kernels that all calls use in place, and makes a second one of others.
void Converter::callInPlace() {
  llvm::MapVector<Operation *, SmallVector<kernel::CallOp>> calls;
  func.walk([&](kernel::CallOp call) {
    if (Operation *kernel = module.lookupSymbol(call.getCallee()))
      calls[kernel].push_back(call);
  });
  SmallVector<Attribute> described;
  if (auto known = module->getAttrOfType<ArrayAttr>("host.kernels"))
    llvm::append_range(described, known);
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
      kernel::FuncOp target =
          operand == kinds.begin()->first ? kernel : addSecond(kernel, users, ".inplace", described);
      target.setInplace(*operand);
    }
  }
  if (!described.empty())
    module->setAttr("host.kernels", builder.getArrayAttr(described));
}

/// A copy of `kernel` that `users` call instead, whose name ends with `suffix`.
kernel::FuncOp Converter::addSecond(kernel::FuncOp kernel, ArrayRef<kernel::CallOp> users, StringRef suffix,
                                    SmallVectorImpl<Attribute> &described) {
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
      nodes.push_back(builder.getStringAttr(node));
  }
  describeSecond(described, kernel.getSymName(), name, nodes, static_cast<int64_t>(users.size()));
  return second;
}

/// Moves what `nodes` say from the description of a kernel to that of its copy.
void Converter::describeSecond(SmallVectorImpl<Attribute> &described, StringRef first, StringRef second,
                               ArrayRef<Attribute> nodes, int64_t calls) {
  for (Attribute &attr : described) {
    NamedAttrList entry(cast<DictionaryAttr>(attr));
    if (cast<StringAttr>(entry.get("name")).getValue() != first)
      continue;
    NamedAttrList copy(entry);
    copy.set("name", builder.getStringAttr(second));
    copy.set("nodes", builder.getArrayAttr(nodes));
    copy.set("calls", builder.getI64IntegerAttr(calls));
    SmallVector<Attribute> rest(cast<ArrayAttr>(entry.get("nodes")).getValue());
    for (Attribute node : nodes)
      if (auto *found = llvm::find(rest, node); found != rest.end())
        rest.erase(found);
    entry.set("nodes", builder.getArrayAttr(rest));
    entry.set("calls", builder.getI64IntegerAttr(cast<IntegerAttr>(entry.get("calls")).getInt() - calls));
    attr = entry.getDictionary(context);
    described.push_back(copy.getDictionary(context));
    return;
  }
}

} // namespace lathe
