// lib/Conversion/GraphToHost/Converter.h: the state of one conversion, which is written in two files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_GRAPHTOHOST_CONVERTER_H
#define LATHE_CONVERSION_GRAPHTOHOST_CONVERTER_H

#include "KernelForms.h"
#include "Lifetimes.h"
#include "MemoryPlan.h"
#include "Sizes.h"
#include "Spaces.h"
#include "dialects/Graph/SizeRanges.h"
#include <vector>

namespace lathe {

/// Where the elements of a value are.
struct Place {
  enum Kind {
    Input,
    Output,
    Constant,
    Workspace, ///< A slice whose size and place are known at entry.
    Heap,      ///< Allocated when what computes it is reached.
    Buffer,    ///< An address of the program: what branches, loops and turns hand on.
    Part,      ///< In the memory of a concatenation.
  } kind;
  unsigned index = 0;   ///< Of the input, output or temporary.
  std::string constant; ///< Symbol of the constant.
};

/// How a loop hands a carried value to the next turn.
struct Carried {
  enum Kind {
    Unchanged, ///< The body yields what it was given.
    Swapped,   ///< Two places in the workspace, in turn.
    Owned,     ///< Memory of its own in every turn.
    Scanned,   ///< The place in a scan output that the turn wrote.
    Shared,    ///< A sequence or an optional value, which belongs to the call.
  } kind;
  unsigned temporary = 0; ///< Of the two places.
  mlir::Value direct;     ///< What is computed where the next turn wants it; else it is copied.
};

/// How a loop stacks a scan output.
struct Scan {
  bool isGrowing;     ///< How many turns there are is known at the end.
  mlir::Value direct; ///< What is computed where it is stacked; else it is copied.
};

struct LoopPlan {
  llvm::SmallVector<Carried> carried;
  llvm::SmallVector<Scan> scans;
  unsigned turn = 0; ///< The temporary that holds the number of the turn.
};

/// What the conversions of all functions of a module share.
struct ModuleState {
  explicit ModuleState(mlir::ModuleOp module) : forms(module) {}

  KernelForms forms;
  unsigned constantCount = 0;
  bool hasCustomOps = false;
};

/// One conversion of one function. Its steps alternate with those of `ModuleState::forms`, in which what all
/// functions have decided so far changes kernels.
class Converter {
public:
  Converter(mlir::ModuleOp module, mlir::func::FuncOp func, ModuleState &state);
  /// Places what memory values have, and decides which calls store with strides.
  llvm::LogicalResult place();
  /// Decides which calls are in place (Inplace.cpp).
  void reuseOperands();
  /// Writes the programs in the place of the function.
  llvm::LogicalResult emit();

private:
  using Value = mlir::Value;

  //===--- Places -----------------------------------------------------------===//
  mlir::AffineExpr bytesOf(mlir::Type type);
  mlir::AffineExpr mostBytesOf(mlir::Type type);
  graph::Dims dimsOf(mlir::Type type);
  bool isKnownAtEntry(mlir::Type type);
  void checkRanges();
  std::string addConstant(graph::ConstantOp constant, kernel::PackOp pack);
  llvm::LogicalResult assignPlaces(mlir::Block &block);
  void assignOutputs();
  void planLoop(graph::LoopOp loop);
  unsigned addTemporary(mlir::AffineExpr bytes, unsigned first, unsigned last, host::Space space);
  void placeTemporary(mlir::Value result, Place &place);
  MemoryPlan plan(unsigned space);
  void addTemporaries();
  /// Operands of concatenations are computed in their parts of the result (Parts.cpp).
  void placeParts();
  void placeParts(kernel::CallOp call, mlir::IntegerAttr axis);
  bool mayBePart(mlir::Value operand, kernel::CallOp concat);
  mlir::AffineMapAttr partStrides(mlir::Value operand, mlir::Value owner, int64_t run, int64_t whole);
  unsigned firstWithParts(mlir::Value value) const;
  unsigned lastWithParts(mlir::Value value) const;
  /// Where a result may have the memory of an operand that nobody needs any more, it has.
  void reuseOperand(kernel::CallOp call);
  std::optional<unsigned> operandInPlace(kernel::CallOp call, llvm::function_ref<bool(mlir::Value owner)> mayTake);
  /// Outputs that callers may give the memory of an input for (Donations.cpp).
  llvm::LogicalResult checkDonations();
  void donate(unsigned output, mlir::BlockArgument input);

  //===--- Programs ---------------------------------------------------------===//
  void defineEntrySymbols();
  void computeOffsets();
  void computeOffsets(MemoryPlan &plan);
  Value limited(mlir::Location loc, Value bytes);
  /// Defines an inner symbol; one above its bound ends the call.
  void defineSymbol(mlir::Location loc, unsigned symbol, Value value);
  llvm::LogicalResult check(mlir::Location loc, graph::CheckAttr check, unsigned id);
  llvm::LogicalResult checkWhatIsKnown(mlir::Location loc, bool isEntry);
  unsigned addMessage(const llvm::Twine &text);
  /// `text` behind the name of the node at `loc`: one message for all that is said of it in the same words.
  unsigned addNodeMessage(mlir::Location loc, const llvm::Twine &text);
  /// Memory of `bytes`; where there is not enough, the error says that the node at `loc` needs it.
  Value allocate(mlir::Location loc, mlir::Type type, Value bytes);
  /// That the sizes of what `plan` places are some that there can be.
  void checkSizes();
  llvm::LogicalResult emitPlan();
  llvm::LogicalResult emitRun();
  void emitOutputs();
  llvm::LogicalResult emitBlock(mlir::Block &block);
  llvm::LogicalResult emit(mlir::Operation &op);
  void emitCall(kernel::CallOp call);
  std::string addTexts(graph::TextOp op);
  void emitText(graph::TextOp op);
  Value workspace(mlir::Location loc, unsigned temporary);
  Value address(mlir::Location loc, mlir::Value value);
  void copy(mlir::Location loc, mlir::Value value, Value target, bool unlessSame = false);
  Value allocate(mlir::Location loc, mlir::Type type, host::Space space = host::Space::host);
  /// Where an op is to write its result.
  Value target(mlir::Location loc, mlir::Value result);
  mlir::Type bufferIn(host::Space space) { return host::BufferType::get(context, space); }
  mlir::Type bufferOf(mlir::Value value) { return bufferIn(spaces.of(value)); }
  llvm::LogicalResult checkSizesAreHere();
  void writeSignature();

  //===--- Sequences and optional values (Values.cpp) -----------------------===//
  void placeValues(mlir::Operation &op);
  void emitValue(mlir::Operation &op);
  friend class ValueEmitter;

  //===--- Branches and loops (Control.cpp) ---------------------------------===//
  /// Memory that the block has to give back, or to hand on.
  struct Owned {
    mlir::Value value; ///< Its owner in the graph.
    Value address;
  };
  struct OpenBlock {
    llvm::SmallVector<Owned> owned;
    llvm::SmallVector<mlir::Value> handedOn;
  };
  /// Gives back what nothing reads after `step`.
  void freeAfter(mlir::Location loc, unsigned step);
  void own(mlir::Value value, Value address) { blocks.back().owned.push_back({value, address}); }
  /// Takes what the open block owns of `value` away from it, or gives null.
  Value release(mlir::Value value);
  /// An address of the elements of `value` that is good behind the open block, and
  /// the memory that goes with it, or null.
  std::pair<Value, Value> handOn(mlir::Location loc, mlir::Value value);
  /// Symbols that dims of `types` are and that nothing has defined here yet, and
  /// the expressions for them in `sources`.
  llvm::SmallVector<std::pair<unsigned, mlir::AffineExpr>> newSymbols(mlir::TypeRange types, mlir::TypeRange sources);
  Value isTrue(mlir::Location loc, mlir::Value condition);
  llvm::LogicalResult emitBranch(graph::IfOp op, mlir::Region &region, mlir::TypeRange types);
  llvm::LogicalResult emitIf(graph::IfOp op);
  llvm::LogicalResult emitLoop(graph::LoopOp op);
  Value null(mlir::Location loc, mlir::Value value) { return host::NullOp::create(builder, loc, bufferOf(value)); }
  friend class LoopEmitter;

  mlir::ModuleOp module;
  ModuleState &state;
  llvm::MapVector<mlir::Operation *, unsigned> &inplace;
  llvm::MapVector<mlir::Operation *, Joined> &joined;
  llvm::MapVector<mlir::Operation *, mlir::AffineMapAttr> &strided;
  mlir::func::FuncOp func;
  mlir::MLIRContext *context;
  mlir::Location loc;
  mlir::OpBuilder builder;
  mlir::Type buffer, index;
  llvm::SmallVector<graph::SymbolAttr> symbols;
  graph::SizeRanges ranges; ///< Of the symbols.
  llvm::SmallVector<graph::CheckAttr> checks;
  llvm::SmallVector<bool> isChecked; ///< In the program that is written.
  llvm::SmallVector<mlir::Attribute> messages;
  llvm::DenseMap<mlir::Attribute, unsigned> nodeMessages; ///< Their places in `messages`.
  Spaces spaces;
  Lifetimes lifetimes;
  llvm::DenseMap<mlir::Value, Place> places;           ///< Of owners.
  llvm::DenseMap<mlir::Value, mlir::Value> sharesWith; ///< The owner whose memory a result takes.
  llvm::DenseMap<mlir::Value, std::pair<mlir::Value, mlir::AffineExpr>> partOf; ///< The whole, and the first byte.
  llvm::MapVector<unsigned, mlir::BlockArgument> donated;                       ///< By output.
  llvm::DenseMap<mlir::Operation *, unsigned> startsDonated; ///< The output whose memory a call finds its operand in.
  llvm::SmallVector<Temporary> temporaries;
  llvm::SmallVector<std::pair<unsigned, mlir::Value>> copies; ///< To outputs.
  llvm::DenseMap<mlir::Operation *, LoopPlan> loops;
  std::vector<MemoryPlan> plans; ///< One for each space.
  bool usesValues = false;       ///< Whether the program asks the runtime to make values.

  std::unique_ptr<Sizes> sizes;               ///< Of the program that is written.
  llvm::DenseMap<mlir::Value, Value> buffers; ///< Of places of kind Heap and Buffer.
  llvm::SmallVector<OpenBlock> blocks;        ///< From the outermost in.
};

} // namespace lathe

#endif // LATHE_CONVERSION_GRAPHTOHOST_CONVERTER_H
