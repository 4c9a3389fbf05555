// dialects/Graph/ShapeSolver.h: dimensions as expressions of a function's symbols.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_SHAPESOLVER_H
#define LATHE_DIALECTS_GRAPH_SHAPESOLVER_H

#include "dialects/Graph/SizeRanges.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace lathe::graph {

/// One expression of symbols per dimension, or per element of a small tensor.
using Dims = llvm::SmallVector<mlir::AffineExpr, 6>;

class CallOp;
class IfOp;
class LoopOp;
class TransposeOp;

/// A dimension of a value that a loop carries, by its number in `inits`.
struct CarriedDim {
  unsigned value, dim;
};

/// Infers shapes in one function. Symbols and checks live in the attributes
/// `graph.symbols` and `graph.checks` of the function: the constructor reads
/// them, `commit` writes them back. Dimensions are sizes, hence never negative;
/// elements of tensors may be anything.
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

  /// Says that the symbol at `position`, a dim of inputs, is in `range`, too: in what
  /// is returned then, or, if that is nothing, never.
  std::optional<SizeRange> restrict(unsigned position, const SizeRange &range);
  /// What is known of `expr` from the ranges of symbols.
  SizeRange rangeOf(mlir::AffineExpr expr) const { return ranges.of(expr); }
  /// The names of all symbols, "" for those without one; derived symbols and
  /// elements of inputs have none.
  llvm::SmallVector<llvm::StringRef> symbolNames() const;
  /// Replaces every symbol in the checks and in derived symbols by its value.
  void substitute(llvm::ArrayRef<mlir::AffineExpr> values);
  /// Replaces symbols by `values` in what ops and types say of dims; `values` must outlive it.
  mlir::AttrTypeReplacer replacerOf(llvm::ArrayRef<mlir::AffineExpr> values);

  /// The dimensions of a ranked tensor whose free dimensions are resolved.
  Dims dims(mlir::Value value);
  Dims dims(mlir::RankedTensorType type);
  /// The elements of a small integer tensor, if they are known; with
  /// `mayReadInputs`, elements of integer inputs become symbols.
  std::optional<Dims> contents(mlir::Value value);
  /// Element `index`, in row-major order, of an integer or boolean tensor of
  /// fixed shape: what `contents` knows, else a symbol that a
  /// `graph.define_symbol` behind the tensor reads at run time, one for each
  /// tensor and element. Null for other tensors.
  mlir::AffineExpr element(mlir::OpBuilder &builder, mlir::Value tensor, int64_t index);
  /// The integer that the scalar `tensor` holds and that is known to be from 0
  /// to `most`: the symbol's `bound`.
  mlir::AffineExpr count(mlir::OpBuilder &builder, mlir::Value tensor, mlir::AffineExpr most);
  /// All elements, of at most `maxContents`.
  std::optional<Dims> elements(mlir::OpBuilder &builder, mlir::Value tensor);
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
  bool isNeverOne(mlir::AffineExpr expr);
  /// True or false where `a == b` or `a != b` for all symbols, else nothing.
  std::optional<bool> equal(mlir::AffineExpr a, mlir::AffineExpr b);
  /// True or false where `a < b` or `a >= b` for all symbols, else nothing.
  std::optional<bool> less(mlir::AffineExpr a, mlir::AffineExpr b);

  /// The common value of two dimensions that must be equal: an error on `op`
  /// if they never are, a check at run time if that depends. `what` names
  /// them: "'a' dim 1 and 'b' dim 0".
  llvm::FailureOr<mlir::AffineExpr> unify(mlir::Operation *op, mlir::AffineExpr a, mlir::AffineExpr b,
                                          const llvm::Twine &what);
  /// The same under broadcasting: a 1 gives way to the other. Sizes of which
  /// nothing relates one to the other (see `mayStretch`) need not be equal: one
  /// of them may turn out to be 1 at run time, and the value is `stretched`.
  llvm::FailureOr<mlir::AffineExpr> broadcast(mlir::Operation *op, mlir::AffineExpr a, mlir::AffineExpr b,
                                              const llvm::Twine &what);
  /// Broadcasts two shapes, aligned at their last dimensions.
  llvm::FailureOr<Dims> broadcast(mlir::Operation *op, llvm::ArrayRef<mlir::AffineExpr> a,
                                  llvm::ArrayRef<mlir::AffineExpr> b);
  /// The value of two sizes that broadcast: `min(max(a, b), a * b)`, which is
  /// the other one where one is 1, and the common one where they are equal.
  mlir::AffineExpr stretched(mlir::AffineExpr a, mlir::AffineExpr b);
  /// Whether of two sizes one may be 1 in a call where the other is not. Sizes
  /// that follow from one and the same input are meant to be equal.
  bool mayStretch(mlir::AffineExpr a, mlir::AffineExpr b) const;
  /// Puts, for sizes that follow from those that have a value now, the
  /// value that follows; `values` has one entry per symbol.
  void resolveDerived(llvm::MutableArrayRef<mlir::AffineExpr> values);
  /// Requires `a >= b` at run time (an error if that never holds).
  llvm::LogicalResult require(mlir::Operation *op, mlir::AffineExpr a, mlir::AffineExpr b, const llvm::Twine &what);

  /// Output size of a window that moves over `in` (conv and pool).
  mlir::AffineExpr windowed(mlir::AffineExpr in, int64_t kernel, int64_t stride, int64_t padBegin, int64_t padEnd,
                            int64_t dilation, bool ceil);

  //===--- Ops --------------------------------------------------------------===//

  /// Sets the result types of a graph op from its operands; element types stay.
  ///
  /// A `graph.if` or `graph.loop` is inferred with all that is in its regions,
  /// which have their terminators. Dims of results that are symbols already stay
  /// so where they have to be; others that differ between branches, or from turn to
  /// turn, become new `inner` symbols. A `graph.call` becomes the body of its
  /// callee, which nobody changes meanwhile.
  llvm::LogicalResult infer(mlir::Operation *op);

  //===--- Regions ----------------------------------------------------------===//
  // What was inferred in the body of a loop under the assumption that carried
  // values keep their sizes is void where they do not. Whoever makes a body op by
  // op makes it again then:
  //
  //   Mark before = solver.mark();
  //   for (;;) { make the body; changing = solver.changingDims(loop);
  //              if (changing.empty()) break;
  //              remove what is in the body; solver.rollBack(before);
  //              before = solver.widen(loop, changing); }
  //   solver.infer(loop);

  /// How many symbols and checks there are.
  struct Mark {
    size_t symbols, checks;
  };
  Mark mark() const;
  /// Forgets the symbols and checks made since, and all that is known of values.
  void rollBack(Mark mark);
  /// Carried dims that are other ones before the loop, in its body, or at the end
  /// of a turn, and no symbols of the body yet.
  llvm::SmallVector<CarriedDim> changingDims(LoopOp loop);
  /// Makes them symbols that the body's arguments define.
  Mark widen(LoopOp loop, llvm::ArrayRef<CarriedDim> changing);
  /// Whether all symbols in `expr` are defined in `region` or around it.
  bool isVisible(mlir::AffineExpr expr, mlir::Region *region) const;

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
  /// Operands that are broadcast along a dimension which may be 1 at run time
  /// go through a `graph.broadcast`: kernels see equal sizes only.
  void stretchOperands(mlir::Operation *op, llvm::ArrayRef<mlir::AffineExpr> shape);
  /// `a` and `b` if `expr` is `stretched(a, b)`.
  std::optional<std::pair<mlir::AffineExpr, mlir::AffineExpr>> stretchedFrom(mlir::AffineExpr expr) const;
  bool absorbs(mlir::AffineExpr whole, mlir::AffineExpr part) const;
  bool isChecked(llvm::StringRef relation, mlir::AffineExpr a, mlir::AffineExpr b) const;
  mlir::AffineExpr derived(mlir::AffineExpr a, mlir::AffineExpr b, bool isMin);
  mlir::AffineExpr symbol(SymbolAttr definition);
  /// A new symbol that `op` defines for what is in `region`; `bound` may be null.
  mlir::AffineExpr inner(llvm::StringRef name, mlir::Region *region, mlir::Operation *op, mlir::AffineExpr bound);
  /// Whether `expr` is exactly a symbol that `op` defines for what is in `region`.
  bool isInner(mlir::AffineExpr expr, mlir::Region *region, mlir::Operation *op) const;
  /// `expr`, a dim of a result of `op`, or null where it has to be a symbol: the
  /// one that it `was`, if that is a symbol of the op, else a new one.
  mlir::AffineExpr resultDim(mlir::Operation *op, mlir::AffineExpr expr, mlir::AffineExpr was, mlir::AffineExpr bound);
  /// Puts `value` in the place of a symbol in all ops of the function and in what is known of it.
  void replaceSymbol(unsigned position, mlir::AffineExpr value);
  /// Notes what the ops in `root` define.
  void findInner(mlir::Operation *root);
  /// What the callee's symbols are for the operands of a call.
  llvm::FailureOr<llvm::SmallVector<mlir::AffineExpr>> symbolsOf(CallOp call, mlir::func::FuncOp callee);
  /// Asks that `dim`, a dim of an operand of `call`, is in `range`.
  llvm::LogicalResult requireRange(CallOp call, mlir::AffineExpr dim, const SizeRange &range, const llvm::Twine &what);
  llvm::FailureOr<mlir::Value> operandOf(CallOp call, unsigned number, mlir::Type input,
                                         llvm::ArrayRef<mlir::AffineExpr> values);
  /// `value` with the dims that `wanted` says, in which symbols are `values`; `what` names both: "operand 1 and of
  /// that input of @f".
  llvm::FailureOr<mlir::Value> fitted(CallOp call, mlir::Value value, mlir::Type wanted,
                                      llvm::ArrayRef<mlir::AffineExpr> values, const llvm::Twine &what);
  /// Adds what the callee checks, with its symbols replaced by `replacer`.
  llvm::LogicalResult addChecksOf(CallOp call, mlir::func::FuncOp callee, mlir::AttrTypeReplacer &replacer);
  llvm::LogicalResult inlineCall(CallOp call);
  llvm::LogicalResult inferBlock(mlir::Region &region);
  llvm::LogicalResult inferIf(IfOp op);
  llvm::LogicalResult inferLoop(LoopOp op);
  llvm::LogicalResult inferScans(LoopOp op);
  llvm::LogicalResult setDims(mlir::Operation *op, mlir::Value result, Dims dims);
  bool isChecked(mlir::AffineExpr expr) const;
  mlir::AffineExpr readElement(mlir::OpBuilder &builder, mlir::Value tensor, int64_t index, mlir::AffineExpr most = {});
  std::optional<Dims> inputContents(mlir::BlockArgument argument);
  std::optional<Dims> transposedContents(TransposeOp op);
  void addCheck(llvm::StringRef relation, mlir::AffineExpr a, mlir::AffineExpr b, mlir::Operation *op,
                const llvm::Twine &what);
  /// Adds `check` to those of every call, or where the branch of `op` is taken.
  void addCheck(CheckAttr check, mlir::Operation *op);

  mlir::func::FuncOp func;
  mlir::MLIRContext *context;
  llvm::SmallVector<SymbolAttr> symbols;
  SizeRanges ranges; ///< Of the symbols.
  llvm::SmallVector<CheckAttr> checks;
  llvm::DenseMap<mlir::Value, std::optional<Dims>> contentsCache;
  /// Where and by what `inner` symbols are defined; never followed, only compared.
  llvm::DenseMap<unsigned, std::pair<mlir::Region *, mlir::Operation *>> definers;
  /// Elements that are symbols, and those of these that may be negative.
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, unsigned> elementSymbols;
  llvm::DenseSet<unsigned> signedSymbols;
  mlir::OpBuilder *reader = nullptr; ///< While `contents` may read elements.
};

/// The tensor type of `dims`. Its map has just as many symbols as they use, so
/// that types of one shape are equal; all types of dimensions are made here.
mlir::RankedTensorType tensorType(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::Type element);

/// `s0`, `s0 floordiv 2 + 1` ... with the symbols' names, for messages.
std::string printDim(mlir::AffineExpr expr);

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_SHAPESOLVER_H
