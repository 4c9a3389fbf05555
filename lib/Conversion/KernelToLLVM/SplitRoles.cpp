// lib/Conversion/KernelToLLVM/SplitRoles.cpp: threads that copy and threads that compute go through the tasks apart.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "SplitRoles.h"
#include "DeviceEntry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

using namespace mlir;

namespace lathe {

device::RolesOp findRoles(Block &block) {
  auto found = block.getOps<device::RolesOp>();
  return found.empty() ? device::RolesOp() : *found.begin();
}

/// The loop with `role` in place of `roles`.
static void createLoop(OpBuilder &builder, scf::ForOp loop, device::RolesOp roles, Region &role) {
  Location loc = loop.getLoc();
  Value none = arith::ConstantIndexOp::create(builder, loc, 0);
  auto own = scf::ForOp::create(builder, loc, loop.getLowerBound(), loop.getUpperBound(), loop.getStep(), none);
  OpBuilder body = OpBuilder::atBlockEnd(own.getBody());
  Value turn = own.getRegionIterArg(0);
  IRMapping mapping;
  mapping.map(loop.getInductionVar(), own.getInductionVar());
  mapping.map(role.getArgument(0), turn);
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (&op != roles.getOperation()) {
      body.clone(op, mapping);
      continue;
    }
    for (Operation &inner : role.front())
      body.clone(inner, mapping);
  }
  Value one = arith::ConstantIndexOp::create(body, loc, 1);
  scf::YieldOp::create(body, loc, Value(arith::AddIOp::create(body, loc, turn, one)));
}

void splitRoles(scf::ForOp loop, device::RolesOp roles, int64_t threads) {
  Location loc = roles.getLoc();
  // What the setup computes with comes before the loop, too.
  moveLoopInvariantCode(cast<LoopLikeOpInterface>(loop.getOperation()));
  Block *setup = &roles.getSetup().front();
  loop->getBlock()->getOperations().splice(loop->getIterator(), setup->getOperations());
  OpBuilder builder(loop);
  Value first = arith::ConstantIntOp::create(builder, loc, threads - roles.getCopiers(), 64);
  Value copies =
      arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::uge, readRegister(builder, loc, "tid.x"), first);
  auto branch = scf::IfOp::create(builder, loc, copies, /*withElseRegion=*/true);
  auto fill = [&](OpBuilder side, Region &role, int64_t registers, NVVM::SetMaxRegisterAction action) {
    NVVM::SetMaxRegisterOp::create(side, loc, static_cast<uint32_t>(registers), action);
    createLoop(side, loop, roles, role);
  };
  fill(branch.getThenBodyBuilder(), roles.getCopy(), roles.getCopyRegisters(), NVVM::SetMaxRegisterAction::decrease);
  fill(branch.getElseBodyBuilder(), roles.getCompute(), roles.getComputeRegisters(),
       NVVM::SetMaxRegisterAction::increase);
  loop.erase();
}

} // namespace lathe
