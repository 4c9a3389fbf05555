// lib/Export/ONNX/Writer.h: what the functions that write nodes write with.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_EXPORT_ONNX_WRITER_H
#define LATHE_LIB_EXPORT_ONNX_WRITER_H

#include "dialects/Graph/Graph.h"
#include "lathe/Support/Diagnostics.h"
#include "onnx/onnx-ml.pb.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <deque>
#include <map>
#include <string>

namespace lathe::onnx_export {

using graph::Dims;
using graph::typeOf;
using mlir::AffineExpr;
using mlir::Operation;
using mlir::Type;
using mlir::Value;

/// The name of a tensor in the file.
using Name = std::string;
using Names = llvm::SmallVector<Name, 4>;

/// Writes the nodes of one model. Names of values, of the sizes that were computed and of
/// nodes are known here; which nodes an op becomes is in the tables.
class Writer {
public:
  Writer(::onnx::GraphProto &main, mlir::func::FuncOp func, llvm::StringRef place, Diagnostics &diagnostics)
      : main(main), func(func), place(place), diagnostics(diagnostics), solver(func) {
    scopes.emplace_back(main);
  }

  /// Writes the ops of a block but for its terminator.
  void writeBlock(mlir::Block &block);
  /// The least version of the operators that the nodes need.
  int version() const { return leastVersion; }

  //===--- Values ----------------------------------------------------------===//

  Name name(Value value) const { return values.lookup(value); }
  void setName(Value value, Name name) { values[value] = std::move(name); }
  /// A name that no other value has, like `hint`; without one it is a number.
  Name fresh(llvm::StringRef hint = "");

  //===--- Nodes -----------------------------------------------------------===//

  /// Adds a node of the op that is written. An input "" is left out.
  ::onnx::NodeProto &node(llvm::StringRef kind, llvm::ArrayRef<Name> inputs, llvm::ArrayRef<Name> outputs);
  /// A node with one output, which it returns the name of.
  Name add(llvm::StringRef kind, llvm::ArrayRef<Name> inputs);
  /// The same with whole numbers as attributes.
  Name add(llvm::StringRef kind, llvm::ArrayRef<Name> inputs,
           std::initializer_list<std::pair<llvm::StringRef, int64_t>> integers);
  void setInteger(::onnx::NodeProto &node, llvm::StringRef name, int64_t value);
  void setIntegers(::onnx::NodeProto &node, llvm::StringRef name, llvm::ArrayRef<int64_t> values);
  /// Attributes are of 32 bits.
  void setNumber(::onnx::NodeProto &node, llvm::StringRef name, double value);
  void setNumbers(::onnx::NodeProto &node, llvm::StringRef name, llvm::ArrayRef<double> values);
  void setText(::onnx::NodeProto &node, llvm::StringRef name, llvm::StringRef value);
  void setTexts(::onnx::NodeProto &node, llvm::StringRef name, llvm::ArrayRef<std::string> values);
  /// The model is of this version of the operators at least.
  void require(int version) { leastVersion = std::max(leastVersion, version); }
  /// The TensorProto.DataType of an element type that the file has; requires the version it came in.
  int32_t dataType(Type element);
  /// `kind` with one result, which is the op's.
  void finish(Operation *op, Name result) { setName(op->getResult(0), std::move(result)); }

  //===--- Tensors ---------------------------------------------------------===//

  Name constant(mlir::ElementsAttr value, Operation *op);
  Name integers(llvm::ArrayRef<int64_t> values);
  /// A scalar of a type of numbers.
  Name scalar(Type element, double value);
  Name cast(Name x, Type from, Type to);
  /// A vector of integers as one of 64 bits.
  Name wide(Value vector);

  //===--- Sizes -----------------------------------------------------------===//

  Dims dims(Value value);
  /// A vector of one element.
  Name size(AffineExpr expr);
  /// A vector of an element for each size.
  Name shape(llvm::ArrayRef<AffineExpr> sizes);
  /// What Reshape takes: the one size that is open may be -1.
  Name reshapeTo(llvm::ArrayRef<AffineExpr> sizes);
  Name reshape(Name x, llvm::ArrayRef<AffineExpr> sizes);
  /// Says that a symbol of the function is a vector of one element from here on.
  void defineSymbol(unsigned symbol, Name value) { scopes.back().symbols[symbol] = std::move(value); }
  /// Element `index` of a tensor of integers, as a vector of one element.
  Name element(Value tensor, int64_t index);
  /// Defines the symbols that `value` is the first to have as a dim.
  void defineDims(Value value);

  //===--- Graphs ----------------------------------------------------------===//

  /// Nodes go to `graph` until `leave`.
  void enter(::onnx::GraphProto &graph) { scopes.emplace_back(graph); }
  void leave() { scopes.pop_back(); }
  /// Writes what a value is, as inputs and outputs of graphs say it.
  void describe(::onnx::ValueInfoProto &info, llvm::StringRef name, Type type, bool withDims);
  /// Reports an op that has no form in ONNX.
  void refuse(Operation *op, const llvm::Twine &why);
  bool hasFailed() const { return failed; }
  /// Bytes of all constants, of those that are too many to be written, too.
  uint64_t constantBytes() const { return bytes; }

private:
  struct Scope {
    explicit Scope(::onnx::GraphProto &graph) : graph(&graph) {}

    ::onnx::GraphProto *graph;
    std::map<unsigned, Name> symbols;
    llvm::DenseMap<AffineExpr, Name> sizes;
  };

  void write(Operation *op);
  Name symbol(unsigned position);
  Name compute(AffineExpr expr);
  void describeType(::onnx::TypeProto &proto, Type type, bool withDims);

  ::onnx::GraphProto &main;
  mlir::func::FuncOp func;
  std::string place;
  Diagnostics &diagnostics;
  graph::ShapeSolver solver;
  std::deque<Scope> scopes;
  llvm::DenseMap<Value, Name> values;
  llvm::StringMap<unsigned> names;
  llvm::StringSet<> nodeNames;
  std::map<std::vector<int64_t>, Name> integerTensors;
  Operation *current = nullptr;
  int leastVersion = 21;
  uint64_t bytes = 0;
  bool failed = false;
};

/// Writes an op as nodes.
using WriteOp = void (*)(Writer &writer, Operation *op);
using OpTable = llvm::StringMap<WriteOp>;

void addElementwiseOps(OpTable &table);
void addLayerOps(OpTable &table);
void addShapeOps(OpTable &table);
void addIndexingOps(OpTable &table);
void addControlOps(OpTable &table);

/// Adds a row for an op of the dialect.
template <class OpT, void (*F)(Writer &, OpT)> void addRow(OpTable &table) {
  table[OpT::getOperationName()] = [](Writer &writer, Operation *op) { F(writer, mlir::cast<OpT>(op)); };
}

inline Type elementOf(Value value) { return mlir::getElementTypeOrSelf(value.getType()); }
/// The most bytes of a file: protocol buffers end at 2 GiB.
constexpr uint64_t mostFileBytes = (uint64_t(1) << 31) - 1;
/// The TensorProto.DataType of an element type.
int32_t dataType(Type element);
/// A tensor of the file: its elements and their type; fails for what is no plain data.
bool writeTensor(::onnx::TensorProto &tensor, mlir::ElementsAttr value);

} // namespace lathe::onnx_export

#endif // LATHE_LIB_EXPORT_ONNX_WRITER_H
