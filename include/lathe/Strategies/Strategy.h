// include/lathe/Strategies/Strategy.h: how a kernel is computed, as data: a name, a match and an application.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_STRATEGIES_STRATEGY_H
#define LATHE_STRATEGIES_STRATEGY_H

#include "dialects/Kernel/Kernel.h"
#include "lathe/Target/Target.h"
#include <optional>

namespace lathe {

/// What a strategy is asked about: a kernel of graph ops, before lowering.
struct Problem {
  kernel::FuncOp kernel;
  /// The op that is not elementwise; the last elementwise op if all are.
  mlir::Operation *root;

  /// Whether every caller passes a constant for `value`, an argument.
  bool isConstant(mlir::Value value) const;
  /// Whether every op after the root is elementwise, of the root's shape.
  bool hasElementwiseEpilogue() const;
};

/// The parameters that a strategy chose, as `#kernel.strategy` records them.
using Config = mlir::DictionaryAttr;

struct Strategy {
  llvm::StringLiteral name;
  /// Whether the root stays a graph op until `apply`; if not, `apply` finds
  /// linalg only.
  bool keepsRoot;
  /// The configuration, or nothing if the strategy does not fit.
  std::optional<Config> (*match)(const Problem &problem, const Target &target);
  /// Rewrites the kernel's body; decides nothing. After it, no graph op is left.
  llvm::LogicalResult (*apply)(kernel::FuncOp kernel, Config config, const Target &target);
};

/// All strategies for a target, best first; the last one matches everything.
llvm::ArrayRef<const Strategy *> getStrategies(const Target &target);

/// The strategy called `name`, or null.
const Strategy *findStrategy(llvm::StringRef name, const Target &target);

/// The root of a kernel (see Problem::root).
mlir::Operation *findRoot(kernel::FuncOp kernel);

} // namespace lathe

#endif // LATHE_STRATEGIES_STRATEGY_H
