// lib/Conversion/GraphToHost/Parts.cpp: operands of concatenations are computed in their parts of the result.
//
// Where all that comes before the axis is one position, an operand is a run of the
// result; any kernel may write it, and what is no kernel's is copied. Else it is
// strided there, and a kernel is made that writes so.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Converter.h"
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Kernel/Views.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using lathe::graph::Dims;

namespace lathe {

/// One thread copies what a launch would copy with all of them: up to so much.
static constexpr int64_t fewBytes = 1 << 16;

unsigned Converter::firstWithParts(Value value) const {
  Operation *op = value.getDefiningOp();
  unsigned first = lifetimes.begin(op);
  if (auto found = joined.find(op); found != joined.end())
    for (Value part : found->second.parts)
      first = std::min(first, firstWithParts(part));
  return first;
}

unsigned Converter::lastWithParts(Value value) const {
  unsigned last = lifetimes.last(value);
  if (auto found = joined.find(value.getDefiningOp()); found != joined.end())
    for (Value part : found->second.parts)
      last = std::max(last, lastWithParts(part));
  return last;
}

bool Converter::mayBePart(Value operand, kernel::CallOp concat) {
  Value owner = lifetimes.ownerOf(operand), result = concat.getResult(0);
  return lifetimes.isWhole(operand) && places[owner].kind == Place::Workspace &&
         owner.getDefiningOp<kernel::CallOp>() && owner.getParentBlock() == concat->getBlock() &&
         isKnownAtEntry(owner.getType()) && bytesOf(owner.getType()) == bytesOf(operand.getType()) &&
         spaces.of(owner) == spaces.of(result);
}

static bool hasReshapes(Operation *tasks) {
  return tasks
      ->walk([](Operation *op) {
        return isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op) ? WalkResult::interrupt()
                                                                       : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Whether code can be made of `kernel` that stores its result with `strides`: reshapes of the
/// result become views of where it is stored, and other ops see it as it is.
static bool mayStore(kernel::FuncOp kernel, AffineMapAttr strides) {
  Value value = kernel.getBody().front().getTerminator()->getOperand(0);
  auto tensor = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> distances;
  for (AffineExpr expr : strides.getValue().getResults())
    distances.push_back(cast<AffineConstantExpr>(expr).getValue());
  auto type = MemRefType::get(tensor.getShape(), tensor.getElementType(),
                              StridedLayoutAttr::get(kernel.getContext(), /*offset=*/0, distances));
  while (Operation *op = value.getDefiningOp()) {
    if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
      FailureOr<MemRefType> seen = memref::ExpandShapeOp::computeExpandedType(type, collapse.getSrcType().getShape(),
                                                                              collapse.getReassociationIndices());
      if (failed(seen))
        return false;
      type = *seen;
    } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      SmallVector<ReassociationIndices> groups = expand.getReassociationIndices();
      if (!memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups))
        return false;
      type = memref::CollapseShapeOp::computeCollapsedType(type, groups);
    } else {
      break;
    }
    value = op->getOperand(0);
  }
  auto tasks = value.getDefiningOp<scf::ForallOp>();
  return value.getDefiningOp() && !(tasks && hasReshapes(tasks));
}

/// The strides of what computes `operand` as runs of `run` elements, one in each `whole` elements of the result. Null
/// if they are no numbers, if something else reads it, or if its kernel cannot store so.
AffineMapAttr Converter::partStrides(Value operand, Value owner, int64_t run, int64_t whole) {
  for (Value value = operand;; value = value.getDefiningOp()->getOperand(0)) {
    if (!value.hasOneUse())
      return {};
    if (value == owner)
      break;
  }
  auto call = owner.getDefiningOp<kernel::CallOp>();
  auto kernel = module.lookupSymbol<kernel::FuncOp>(call.getCallee());
  if (!kernel || kernel.getInplace() || call.getNumResults() != 1 || joined.contains(call))
    return {};
  if (getElementTypeOrSelf(owner) != getElementTypeOrSelf(operand))
    return {};
  ArrayRef<int64_t> shape = cast<RankedTensorType>(owner.getType()).getShape();
  SmallVector<AffineExpr> strides(shape.size());
  int64_t stride = 1;
  bool isOuter = false; // The dims of the run are behind.
  for (size_t dim = shape.size(); dim-- > 0;) {
    if (!isOuter && stride == run && dim + 1 < shape.size()) {
      isOuter = true;
      stride = whole;
    }
    strides[dim] = getAffineConstantExpr(stride, context);
    if (dim == 0)
      break;
    if (ShapedType::isDynamic(shape[dim]) || shape[dim] == 0)
      return {};
    stride *= shape[dim];
  }
  // The run ends where a dim of the kernel's result does.
  if (!isOuter)
    return {};
  auto map = AffineMapAttr::get(AffineMap::get(0, kernel.getSizes(), strides, context));
  return mayStore(kernel, map) ? map : AffineMapAttr();
}

void Converter::placeParts(kernel::CallOp call, IntegerAttr axisAttr) {
  Value result = call.getResult(0);
  Place::Kind kind = places[result].kind;
  auto type = cast<RankedTensorType>(result.getType());
  unsigned bits = graph::bitsInMemory(type.getElementType());
  if ((kind != Place::Workspace && kind != Place::Output) || !isKnownAtEntry(type) || bits < 8)
    return;
  int64_t axis = axisAttr.getInt();
  bool isRun = llvm::all_of(type.getShape().take_front(axis), [](int64_t size) { return size == 1; });
  ArrayRef<int64_t> inner = type.getShape().drop_front(axis);
  if (!isRun && llvm::any_of(inner, ShapedType::isDynamic))
    return;
  int64_t whole = isRun ? 0 : ShapedType::getNumElements(inner);

  Joined plan;
  SmallVector<std::pair<Value, AffineExpr>> begins;
  SmallVector<std::pair<Operation *, AffineMapAttr>> stores;
  DenseSet<Value> taken;
  AffineExpr begin = getAffineConstantExpr(0, context);
  int64_t direct = 0, copied = 0; // In bytes; sizes that the run knows count as direct ones of few bytes.
  for (Value operand : call.getOperands()) {
    Value owner = lifetimes.ownerOf(operand);
    AffineExpr bytes = bytesOf(operand.getType());
    auto number = dyn_cast<AffineConstantExpr>(bytes);
    bool isPart = mayBePart(operand, call) && taken.insert(owner).second;
    if (!isRun) {
      int64_t run = ShapedType::getNumElements(cast<RankedTensorType>(operand.getType()).getShape().drop_front(axis));
      AffineMapAttr strides = isPart ? partStrides(operand, owner, run, whole) : AffineMapAttr();
      if (!strides)
        return;
      stores.push_back({owner.getDefiningOp(), strides});
      bytes = getAffineConstantExpr(run * (bits / 8), context);
    }
    if (isPart) {
      plan.parts.push_back(owner);
      begins.push_back({owner, begin});
      direct += number ? number.getValue() : 1;
    } else if (number) {
      plan.copies.push_back({operand, begin});
      copied += number.getValue();
    } else {
      return;
    }
    begin = simplifyAffineExpr(begin + bytes, 0, symbols.size());
  }
  if (plan.parts.empty() || (copied > direct && copied > fewBytes))
    return;
  for (auto [owner, at] : begins) {
    places[owner] = {Place::Part, 0, ""};
    partOf[owner] = {result, at};
  }
  for (auto [producer, strides] : stores)
    strided[producer] = strides;
  joined[call] = std::move(plan);
}

void Converter::placeParts() {
  func.walk<WalkOrder::PreOrder>([&](kernel::CallOp call) {
    if (auto axis = call->getAttrOfType<IntegerAttr>(kernel::concatAttrName))
      placeParts(call, axis);
  });
}

} // namespace lathe
