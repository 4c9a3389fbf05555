// dialects/Graph/ShapeSolver.h: dimensions as expressions of a function's symbols.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_SHAPESOLVER_H
#define LATHE_DIALECTS_GRAPH_SHAPESOLVER_H

#include "dialects/Graph/GraphAttrs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace lathe::graph {

/// One expression of symbols per dimension, or per element of a small tensor.
using Dims = llvm::SmallVector<mlir::AffineExpr, 6>;

/// Infers shapes in one function. Symbols and checks live in the attributes
/// `graph.symbols` and `graph.checks` of the function: the constructor reads
/// them, `commit` writes them back. Symbols are sizes, hence never negative.
class ShapeSolver {
public:
  /// The largest integer tensor whose elements are followed as expressions.
  static constexpr int64_t maxContents = 64;
  /// LATHE_MAX_RANK of the runtime's ABI.
  static constexpr size_t maxRank = 8;
  /// Sizes in bytes must stay far from 2^63.
  static constexpr int64_t maxElements = int64_t(1) << 40;

  explicit ShapeSolver(mlir::func::FuncOp func);
  void commit();

  mlir::MLIRContext *getContext() const { return context; }
  mlir::AffineExpr constant(int64_t value) const;
  /// A new symbol; dimensions of one name in a model share one (see `named`).
  mlir::AffineExpr fresh(llvm::StringRef name);
  /// The symbol called `name`, made if there is none.
  mlir::AffineExpr named(llvm::StringRef name);
  /// Gives every free dimension of the function's arguments a symbol.
  void resolveArguments();

  /// The names of all symbols, "" for those without one; derived symbols and
  /// elements of inputs have none.
  llvm::SmallVector<llvm::StringRef> symbolNames() const;
  /// Replaces every symbol in the checks and in derived symbols by its value.
  void substitute(llvm::ArrayRef<mlir::AffineExpr> values);

  /// The dimensions of a ranked tensor whose free dimensions are resolved.
  Dims dims(mlir::Value value);
  Dims dims(mlir::RankedTensorType type);
  /// The elements of a small integer tensor, if they are known; with
  /// `mayReadInputs`, elements of integer inputs become symbols.
  std::optional<Dims> contents(mlir::Value value);
  /// The elements of a constant integer tensor.
  static std::optional<llvm::SmallVector<int64_t>> constantContents(mlir::Value value);

  mlir::RankedTensorType type(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::Type element);
  /// The dims as an attribute; its map has as many symbols as the function.
  mlir::AffineMap map(llvm::ArrayRef<mlir::AffineExpr> dims);

  //===--- Arithmetic -------------------------------------------------------===//

  mlir::AffineExpr product(llvm::ArrayRef<mlir::AffineExpr> factors);
  mlir::AffineExpr min(mlir::AffineExpr a, mlir::AffineExpr b);
  mlir::AffineExpr max(mlir::AffineExpr a, mlir::AffineExpr b);
  /// `numerator / denominator` if that is known to be whole.
  mlir::AffineExpr divide(mlir::AffineExpr numerator, mlir::AffineExpr denominator);
  mlir::AffineExpr simplify(mlir::AffineExpr expr);
  bool isNonNegative(mlir::AffineExpr expr) const;
  bool isAtMostOne(mlir::AffineExpr expr) const;
  /// True or false where `a == b` or `a != b` for all symbols, else nothing.
  std::optional<bool> equal(mlir::AffineExpr a, mlir::AffineExpr b);
  /// True or false where `a < b` or `a >= b` for all symbols, else nothing.
  std::optional<bool> less(mlir::AffineExpr a, mlir::AffineExpr b);

  /// The common value of two dimensions that must be equal: an error on `op`
  /// if they never are, a check at run time if that depends. `what` names
  /// them: "'a' dim 1 and 'b' dim 0".
  llvm::FailureOr<mlir::AffineExpr> unify(mlir::Operation *op, mlir::AffineExpr a, mlir::AffineExpr b,
                                          const llvm::Twine &what);
  /// The same under broadcasting: a 1 gives way to the other.
  llvm::FailureOr<mlir::AffineExpr> broadcast(mlir::Operation *op, mlir::AffineExpr a, mlir::AffineExpr b,
                                              const llvm::Twine &what);
  /// Broadcasts two shapes, aligned at their last dimensions.
  llvm::FailureOr<Dims> broadcast(mlir::Operation *op, llvm::ArrayRef<mlir::AffineExpr> a,
                                  llvm::ArrayRef<mlir::AffineExpr> b);
  /// Requires `a >= b` at run time (an error if that never holds).
  llvm::LogicalResult require(mlir::Operation *op, mlir::AffineExpr a, mlir::AffineExpr b, const llvm::Twine &what);

  /// Output size of a window that moves over `in` (conv and pool).
  mlir::AffineExpr windowed(mlir::AffineExpr in, int64_t kernel, int64_t stride, int64_t padBegin, int64_t padEnd,
                            int64_t dilation, bool ceil);

  //===--- Ops --------------------------------------------------------------===//

  /// Sets the result types of a graph op from its operands; element types stay.
  llvm::LogicalResult infer(mlir::Operation *op);

  /// Makes an op whose single result has element type `element`, and infers
  /// its shape. `args` are the op's operands and attributes in ODS order.
  template <typename OpT, typename... Args>
  llvm::FailureOr<OpT> create(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type element, Args &&...args) {
    auto op = OpT::create(builder, loc, mlir::RankedTensorType::get({}, element), std::forward<Args>(args)...);
    stretchUnits(builder, op);
    if (failed(infer(op)))
      return llvm::failure();
    return op;
  }

private:
  /// Operands of an elementwise op that have one element or none along a
  /// dimension, such as the last row of a matrix of any height, are meant to be
  /// broadcast: from here on the dimension is 1, which is checked at run time.
  void stretchUnits(mlir::OpBuilder &builder, mlir::Operation *op);
  mlir::AffineExpr derived(mlir::AffineExpr a, mlir::AffineExpr b, bool isMin);
  mlir::AffineExpr symbol(SymbolAttr definition);
  std::optional<Dims> inputContents(mlir::BlockArgument argument);
  void addCheck(llvm::StringRef relation, mlir::AffineExpr a, mlir::AffineExpr b, mlir::Operation *op,
                const llvm::Twine &what);

  mlir::func::FuncOp func;
  mlir::MLIRContext *context;
  llvm::SmallVector<SymbolAttr> symbols;
  llvm::SmallVector<CheckAttr> checks;
  llvm::DenseMap<mlir::Value, std::optional<Dims>> contentsCache;
};

/// `s0`, `s0 floordiv 2 + 1` ... with the symbols' names, for messages.
std::string printDim(mlir::AffineExpr expr);

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_SHAPESOLVER_H
