// lib/Conversion/GraphToHost/Inplace.cpp: results that are computed in the memory of an operand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Converter.h"
#include "dialects/Kernel/Views.h"

using namespace mlir;

namespace lathe {

void Converter::reuseOperands() {
  func.walk<WalkOrder::PreOrder>([&](kernel::CallOp call) { reuseOperand(call); });
  for (auto [output, input] : donated)
    donate(output, input);
}

/// The operand in whose memory `call` can compute its result, of those whose owners `mayTake` allows.
std::optional<unsigned> Converter::operandInPlace(kernel::CallOp call, function_ref<bool(Value)> mayTake) {
  auto kernel = module.lookupSymbol<kernel::FuncOp>(call.getCallee());
  if (!kernel || kernel.getInplace() || call.getNumResults() != 1 || kernel::isView(call) || joined.contains(call))
    return std::nullopt;
  Value result = call.getResult(0);
  for (auto [i, operand] : llvm::enumerate(call.getOperands())) {
    Value owner = lifetimes.ownerOf(operand);
    auto isOwner = [&](Value other) { return lifetimes.ownerOf(other) == owner; };
    if (mayTake(owner) && lifetimes.isWhole(operand) && llvm::count_if(call.getOperands(), isOwner) == 1 &&
        kernel.getArgAttr(kernel.getSizes() + i, kernel::FuncOp::inplaceAttrName) &&
        mostBytesOf(owner.getType()) == mostBytesOf(result.getType()) && spaces.of(owner) == spaces.of(result))
      return i;
  }
  return std::nullopt;
}

void Converter::reuseOperand(kernel::CallOp call) {
  if (call.getNumResults() != 1)
    return;
  Value result = call.getResult(0);
  const Place place = places[result];
  if (place.kind != Place::Workspace && place.kind != Place::Output)
    return;
  std::optional<unsigned> operand = operandInPlace(call, [&](Value owner) {
    return places[owner].kind == Place::Workspace && owner.getDefiningOp<kernel::CallOp>() &&
           lastWithParts(owner) == lifetimes.begin(call);
  });
  if (!operand)
    return;
  Value owner = lifetimes.ownerOf(call.getOperands()[*operand]);
  inplace[call] = *operand;
  sharesWith[result] = owner;
  if (place.kind == Place::Workspace)
    return;
  // An output is nobody else's memory: all that leads to it may be there.
  for (Value value = owner; value; value = sharesWith.lookup(value))
    places[value] = place;
}

} // namespace lathe
