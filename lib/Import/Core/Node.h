// lib/Import/Core/Node.h: what an import function sees of its node, and builds
// with.
//
// After an error, every method still returns: values are null, numbers 0. So
// an import function needs no checks but where it would index into a shape.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_CORE_NODE_H
#define LATHE_LIB_IMPORT_CORE_NODE_H

#include "OpSchema.h"
#include "Operator.h"
#include "lathe/Support/Diagnostics.h"

#include "dialects/Graph/Graph.h"
#include "llvm/ADT/StringSet.h"

namespace lathe::importer {

using graph::Dims;
using mlir::Type;
using mlir::Value;

/// What all nodes of one import share.
struct ImportContext {
  Diagnostics &diagnostics;
  mlir::OpBuilder builder;
  graph::ShapeSolver solver;
  /// How many nodes ask for random bits.
  unsigned randomNodes = 0;
};

/// The rank that the model declares of one of its values, if it does.
using DeclaredRankFn = llvm::function_ref<std::optional<int64_t>(llvm::StringRef name)>;

class Node {
public:
  /// `place` is the file and node as messages show them; `operands` has one
  /// entry per input name, null where an optional input is left out.
  Node(ImportContext &context, const Operator &op, const OpSchema &schema, std::string place, mlir::Location loc,
       llvm::ArrayRef<Value> operands, DeclaredRankFn declaredRank);

  int version() const { return schema.since; }
  llvm::StringRef opType() const { return schema.name; }

  //===--- Inputs and outputs
  //----------------------------------------------===//

  /// Input `index`, or null if it is optional and left out.
  Value input(unsigned index) const { return index < operands.size() ? operands[index] : Value(); }
  llvm::ArrayRef<Value> inputs() const { return operands; }
  /// How messages call an input: by its name in the spec.
  llvm::StringRef inputName(unsigned index) const;

  unsigned numOutputs() const { return op.outputs.size(); }
  /// Whether the model uses the output.
  bool wantsOutput(unsigned index) const { return index < numOutputs() && !op.outputs[index].empty(); }
  void setOutput(unsigned index, Value value);
  Value output(unsigned index) const { return index < results.size() ? results[index] : Value(); }
  /// The rank that the model declares of an output, or of what elementwise nodes
  /// make of it.
  std::optional<int64_t> declaredRank(unsigned index) const {
    return index < numOutputs() ? declaredRankFn(op.outputs[index]) : std::nullopt;
  }
  /// Says that the output is an optional value without an element.
  void setEmpty(unsigned index) { empty.push_back(index); }
  bool isEmpty(unsigned index) const { return llvm::is_contained(empty, index); }

  //===--- Attributes; absent ones have the default of the spec
  //-------------===//

  bool has(llvm::StringRef name);
  int64_t integer(llvm::StringRef name);
  /// Attribute `name`, which says how many groups or heads there are: an error, and 0, if it is not from 1 to 2^31.
  int64_t positiveCount(llvm::StringRef name);
  bool flag(llvm::StringRef name) { return integer(name) != 0; }
  double number(llvm::StringRef name);
  llvm::StringRef string(llvm::StringRef name);
  llvm::SmallVector<int64_t> integers(llvm::StringRef name);
  llvm::SmallVector<double> numbers(llvm::StringRef name);
  llvm::SmallVector<llvm::StringRef> strings(llvm::StringRef name);
  const TensorAttribute *tensor(llvm::StringRef name);
  const GraphAttribute *graph(llvm::StringRef name);
  /// Imports the graph of attribute `name` at the builder's insertion point; it
  /// must have `expected` outputs. Null inputs and outputs are empty optionals.
  bool importGraph(llvm::StringRef name, llvm::ArrayRef<Value> inputs, llvm::SmallVectorImpl<Value> &outputs,
                   size_t expected);
  /// Imports the graph of attribute `name` for what it lacks, after an error in one
  /// beside it. Nothing is to become of its ops.
  void lookInto(llvm::StringRef name);
  /// Attribute `name` as a dimension of `x`, from 0 on.
  int64_t axis(llvm::StringRef name, Value x);
  /// Says that the attributes cannot change a result that we compute.
  void ignore(std::initializer_list<llvm::StringRef> names);
  /// The first attribute of the node that no method was asked for, or "".
  llvm::StringRef unreadAttribute() const;

  //===--- Knowledge of values
  //----------------------------------------------===//

  int64_t rank(Value x) const;
  Dims dims(Value x);
  Type element(Value x) const;
  bool isFloat(Value x) const;
  /// Dimension `i` of `x` if it is static; else reports that `what` needs it.
  int64_t staticDim(Value x, unsigned i, llvm::StringRef what);
  /// The elements of an integer or bool input as expressions: constants, sizes,
  /// or what the program reads when it runs. Only how many they are must be
  /// known.
  Dims entries(unsigned input) { return entries(this->input(input), ("input '" + inputName(input) + "'").str()); }
  Dims entries(Value x, llvm::StringRef what);
  /// The same for a single element; the constant 0 after an error.
  mlir::AffineExpr entry(unsigned input) {
    return entry(this->input(input), ("input '" + inputName(input) + "'").str());
  }
  mlir::AffineExpr entry(Value x, llvm::StringRef what);
  /// The number that the integer scalar `x` holds, which is never negative and
  /// at most `bound`.
  mlir::AffineExpr count(Value x, mlir::AffineExpr bound);
  /// The elements of a float input, if it is a small constant.
  std::optional<llvm::SmallVector<double>> knownNumbers(unsigned input);
  /// Brings `axis` from [-rank, rank) into [0, rank).
  int64_t normalizeAxis(int64_t axis, int64_t rank, llvm::StringRef what);
  /// The same for a list of distinct axes, sorted.
  llvm::SmallVector<int64_t> normalizeAxes(llvm::ArrayRef<int64_t> axes, int64_t rank, llvm::StringRef what);

  //===--- Building
  //-----------------------------------------------------------===//

  ImportContext &context;
  mlir::Location loc;

  graph::ShapeSolver &solver() { return context.solver; }
  mlir::OpBuilder &builder() { return context.builder; }

  /// Makes `OpT` with result element type `element`; `args` are its operands
  /// and attributes in ODS order.
  template <typename OpT, typename... Args> Value createAs(Type element, Args &&...args) {
    if (failed())
      return {};
    auto op = context.solver.create<OpT>(context.builder, loc, element, std::forward<Args>(args)...);
    return llvm::failed(op) ? noteFailure() : verified(op->getOperation());
  }
  /// The same with the element type of the first operand.
  template <typename OpT, typename... Args> Value create(Value x, Args &&...args) {
    return createAs<OpT>(element(x), x, std::forward<Args>(args)...);
  }
  /// Makes `OpT` with the whole result type.
  template <typename OpT, typename... Args> Value createTyped(Type type, Args &&...args) {
    if (failed())
      return {};
    return verified(OpT::create(context.builder, loc, type, std::forward<Args>(args)...));
  }

  /// Makes `OpT` with one result per element type, and infers their shapes;
  /// null after an error.
  template <typename OpT, typename... Args> OpT createMany(llvm::ArrayRef<Type> elements, Args &&...args) {
    if (failed())
      return {};
    llvm::SmallVector<Type> types;
    for (Type element : elements)
      types.push_back(mlir::RankedTensorType::get({}, element));
    auto op = OpT::create(context.builder, loc, types, std::forward<Args>(args)...);
    if (llvm::failed(context.solver.infer(op)))
      noteFailure();
    else
      verified(op);
    return failed() ? OpT() : op;
  }

  Value constant(mlir::ElementsAttr value);
  /// A vector of i64.
  Value constant(llvm::ArrayRef<int64_t> values);
  /// A tensor of rank 0.
  Value scalar(Type element, double value);
  /// The tensor of an attribute.
  Value constant(const TensorAttribute &tensor);

  /// An expression of sizes as an i64 tensor of rank 0.
  Value size(mlir::AffineExpr expr);
  Value cast(Value x, Type element);
  Value reshape(Value x, llvm::ArrayRef<mlir::AffineExpr> dims);
  Value unsqueeze(Value x, llvm::ArrayRef<int64_t> sortedAxes);
  Value squeeze(Value x, llvm::ArrayRef<int64_t> sortedAxes);
  Value transpose(Value x, llvm::ArrayRef<int64_t> permutation);
  /// `count` elements along `axis`, every `step`-th from `start` on. That all lie within is
  /// checked, at run time if that is when sizes are known.
  Value slice(Value x, int64_t axis, mlir::AffineExpr start, mlir::AffineExpr count, int64_t step = 1);
  Value broadcast(Value x, llvm::ArrayRef<mlir::AffineExpr> dims);
  Value reduce(graph::ReduceKind kind, Value x, llvm::ArrayRef<int64_t> sortedAxes, bool keepDims);
  /// `x`, or the same with `size` where the model leaves dimension `i` open, which the call then
  /// must have; `what` names the dimension.
  Value withDim(Value x, int64_t i, int64_t size, const llvm::Twine &what);
  /// The same for `input`, a vector of `length` entries as ranks say; a negative length says nothing.
  Value withLength(unsigned input, int64_t length) {
    Value x = this->input(input);
    return length < 0 ? x : withDim(x, 0, length, "the entries of '" + inputName(input) + "' and what ranks say");
  }
  /// A vector over the channels (dimension 1) of `x`, shaped to broadcast.
  Value channels(Value vector, Value x);

  Value add(Value a, Value b) { return create<graph::AddOp>(a, b); }
  Value sub(Value a, Value b) { return create<graph::SubOp>(a, b); }
  Value mul(Value a, Value b) { return create<graph::MulOp>(a, b); }
  Value div(Value a, Value b) { return create<graph::DivOp>(a, b); }
  Value add(Value a, double b) { return add(a, scalar(element(a), b)); }
  Value mul(Value a, double b) { return mul(a, scalar(element(a), b)); }
  Value div(Value a, double b) { return div(a, scalar(element(a), b)); }
  Value pow(Value a, double b) { return create<graph::PowOp>(a, scalar(element(a), b)); }

  //===--- Errors
  //-----------------------------------------------------------===//

  bool failed() const { return hasFailed; }
  Diagnostic &error(llvm::StringRef id, const llvm::Twine &message);
  /// After an error that the solver or a verifier has reported: null.
  Value noteFailure();
  /// Requires two sizes to be equal, at run time if that is when they are
  /// known; `what` names them. `made` is a value of this node, or null.
  void check(Value made, mlir::AffineExpr a, mlir::AffineExpr b, const llvm::Twine &what);
  /// Requires `a >= b`, at run time if that is when they are known.
  void require(mlir::AffineExpr a, mlir::AffineExpr b, const llvm::Twine &what);
  /// "attribute 'mode' is "cubic", but only ... [onnx-unsupported-attribute]".
  Value unsupported(llvm::StringRef attribute, const llvm::Twine &value, const llvm::Twine &supported);
  const std::string &where() const { return place; }

private:
  const Operator &op;
  const OpSchema &schema;
  std::string place;
  llvm::SmallVector<Value> operands;
  llvm::SmallVector<Value> results;
  llvm::SmallVector<unsigned> empty;
  llvm::StringSet<> readAttributes;
  DeclaredRankFn declaredRankFn;
  bool hasFailed = false;

  Value verified(mlir::Operation *op);
  bool checkSize(Type type);
  /// The value of an attribute if the node has it, as the type that the schema
  /// says; null else.
  template <typename T> const T *find(llvm::StringRef name);
};

} // namespace lathe::importer

#endif // LATHE_LIB_IMPORT_CORE_NODE_H
