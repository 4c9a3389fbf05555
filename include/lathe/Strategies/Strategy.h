// include/lathe/Strategies/Strategy.h: how a kernel is computed, as data: a name, a match and an application.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_STRATEGIES_STRATEGY_H
#define LATHE_STRATEGIES_STRATEGY_H

#include "dialects/Kernel/Kernel.h"
#include "lathe/Target/Target.h"
#include <optional>

namespace lathe {

/// What a strategy is asked about: a kernel of graph ops, before lowering, or
/// what will become one.
struct Problem {
  /// The op that decides how the kernel is computed (`kernel::findRoot`).
  mlir::Operation *root;

  /// What the strategy that is asked says of itself.
  std::string *reason = nullptr;

  /// What `match` returns where the strategy does not fit; `why` says it to the
  /// user: "an operand is not f32".
  std::nullopt_t reject(const llvm::Twine &why) const {
    if (reason)
      *reason = why.str();
    return std::nullopt;
  }
  /// Whether `value`, an operand of the root, is an argument for which every
  /// caller passes a constant, or will be one when the kernel is outlined.
  bool isConstant(mlir::Value value) const;
  /// Whether `value` is an argument of the kernel whose strides are not those of its shape.
  bool hasStrides(mlir::Value value) const;
  /// Whether sums must be those of the root's definition, term by term.
  bool isStrict() const;
  /// Whether factors of f32 may be rounded to 11 bits (`tf32AttrName`).
  bool allowsTf32() const;
};

/// Whether a constant moves into the kernel of `user`, one of its users, where
/// it is code: one element, or one repeated. Weights of a product never do, as
/// they are wanted as an argument that can be packed.
bool movesInside(mlir::Value constant, mlir::Operation *user);

/// The parameters that a strategy chose, as `#kernel.strategy` records them.
using Config = mlir::DictionaryAttr;

struct Strategy {
  llvm::StringLiteral name;
  /// Whether the root stays a graph op until `apply`; if not, `apply` finds
  /// linalg only.
  bool keepsRoot;
  /// The configuration, or `problem.reject` if the strategy does not fit; with
  /// no reason, it is for other roots.
  std::optional<Config> (*match)(const Problem &problem, const Target &target);
  /// Whether `op`, an elementwise graph op on values of the root's shape that
  /// uses the root's result or what was computed from it, costs no more in the
  /// root's kernel than in one of its own.
  bool (*accepts)(const Problem &problem, mlir::Operation *op);
  /// Rewrites the kernel's body; decides nothing. After it, no graph op is left.
  llvm::LogicalResult (*apply)(kernel::FuncOp kernel, Config config, const Target &target);
  /// Whether `apply` takes in zeros around the image that the root, a convolution, reads: then the op that adds
  /// them belongs into the kernel.
  bool takesPadding = false;
  /// Adds configurations with which `apply` computes the root, too, its own choice first; none where it does not fit.
  /// Null for a strategy that has one way only.
  void (*alternatives)(const Problem &problem, const Target &target, llvm::SmallVectorImpl<Config> &list) = nullptr;
};

/// All strategies for a target, best first; the last one matches everything.
llvm::ArrayRef<const Strategy *> getStrategies(const Target &target);

/// The strategy called `name`, or null.
const Strategy *findStrategy(llvm::StringRef name, const Target &target);

/// The first strategy of the list that matches, with its configuration; `reasons`
/// is told why those before it did not.
struct Choice {
  const Strategy *strategy;
  Config config;
};
Choice chooseStrategy(const Problem &problem, const Target &target, std::string *reasons = nullptr);

/// A way to compute a kernel, of those that `lathe tune` measures.
struct Alternative {
  /// "gemm.packed/6x64/u8/t48x1": says all of it, so that it is the same way in each kernel that has one of this name.
  std::string name;
  Choice choice;
};

/// All ways to compute the root, with `chosen`, what `chooseStrategy` says, first.
llvm::SmallVector<Alternative> listAlternatives(const Problem &problem, const Target &target, Choice chosen);

} // namespace lathe

#endif // LATHE_STRATEGIES_STRATEGY_H
