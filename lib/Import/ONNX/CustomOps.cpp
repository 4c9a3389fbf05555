// lib/Import/ONNX/CustomOps.cpp: a node of an operator that the user declares
// becomes the body of the declaration, or a call of a C function.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CustomOps.h"
#include "Import/Core/Messages.h"
#include "Schema.h"

#include "dialects/Graph/ElementTypes.h"
#include "lathe/Import/ONNX.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace lathe::importer;
using namespace mlir;

const llvm::StringLiteral lathe::customAttributeName = "graph.attribute";

std::pair<StringRef, StringRef> lathe::customOpName(func::FuncOp declaration) {
  auto [domain, rest] = declaration.getName().split("::");
  return {canonicalDomain(domain), rest.split("::").first};
}

SmallVector<func::FuncOp> onnx_import::findCustomOps(ArrayRef<func::FuncOp> declarations,
                                                     const ::onnx::NodeProto &node) {
  auto wanted = std::make_pair(canonicalDomain(node.domain()), StringRef(node.op_type()));
  return SmallVector<func::FuncOp>(
      llvm::make_filter_range(declarations, [&](func::FuncOp op) { return customOpName(op) == wanted; }));
}

/// How many of the arguments are inputs; the others are attributes.
static unsigned countInputs(func::FuncOp declaration) {
  unsigned inputs = 0;
  while (inputs < declaration.getNumArguments() && !declaration.getArgAttr(inputs, customAttributeName))
    ++inputs;
  return inputs;
}

static std::string nameOf(func::FuncOp declaration, unsigned argument) {
  auto name = declaration.getArgAttrOfType<StringAttr>(argument, "graph.name");
  return name ? name.str() : std::to_string(argument);
}

/// "float32 of rank 2, int64 of rank 1".
static std::string describeTypes(TypeRange types) {
  auto describe = [](Type type) {
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      return describeElement(tensor.getElementType()) + " of rank " + std::to_string(tensor.getRank());
    return std::string(isa<NoneType>(type) ? "nothing" : "a sequence");
  };
  return types.empty() ? "nothing" : llvm::join(llvm::map_range(types, describe), ", ");
}

/// Whether a node with these operands is of the declaration; those behind the last one are left out.
static bool takes(func::FuncOp declaration, ArrayRef<Value> operands) {
  auto fits = [](Type declared, Value operand) {
    auto wanted = dyn_cast<RankedTensorType>(declared);
    auto given = operand ? dyn_cast<RankedTensorType>(operand.getType()) : RankedTensorType();
    if (!wanted) // Declared as left out.
      return !operand;
    return given && given.getElementType() == wanted.getElementType() && given.getRank() == wanted.getRank();
  };
  unsigned inputs = countInputs(declaration);
  return operands.size() <= inputs && llvm::all_of(llvm::seq(0u, inputs), [&](unsigned i) {
           return fits(declaration.getArgumentTypes()[i], i < operands.size() ? operands[i] : Value());
         });
}

func::FuncOp CustomNode::choose(ArrayRef<func::FuncOp> declarations) {
  for (func::FuncOp candidate : declarations)
    if (takes(candidate, operands))
      return candidate;
  SmallVector<Type> types;
  for (Value operand : operands)
    types.push_back(operand ? operand.getType() : NoneType::get(loc.getContext()));
  Diagnostic &error = context.diagnostics.error("custom-op-inputs", place,
                                                "has inputs of types (" + describeTypes(types) +
                                                    "), but no declaration of the operator takes these");
  for (func::FuncOp candidate : declarations)
    error.note("'" + candidate.getName() + "' takes (" +
               describeTypes(candidate.getArgumentTypes().take_front(countInputs(candidate))) + ")");
  return {};
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// The value of a node's attribute as a declaration writes its default; null for kinds
/// that operators of one's own do not have.
static mlir::Attribute convert(const AttributeValue &value, Builder b) {
  if (const auto *number = std::get_if<int64_t>(&value))
    return b.getI64IntegerAttr(*number);
  if (const auto *number = std::get_if<double>(&value))
    return b.getF64FloatAttr(*number);
  if (const auto *text = std::get_if<StringRef>(&value))
    return b.getStringAttr(*text);
  if (const auto *numbers = std::get_if<SmallVector<int64_t>>(&value))
    return b.getDenseI64ArrayAttr(*numbers);
  if (const auto *numbers = std::get_if<SmallVector<double>>(&value))
    return b.getDenseF64ArrayAttr(*numbers);
  if (const auto *texts = std::get_if<SmallVector<StringRef>>(&value))
    return b.getStrArrayAttr(*texts);
  return {};
}

FailureOr<int64_t> lathe::customAttributeSize(mlir::Attribute value, RankedTensorType type) {
  bool isList = type.getRank() == 1, isInteger = type.getElementType().isSignlessInteger(64),
       isFloat = type.getElementType().isF64(), isText = isa<graph::StringType>(type.getElementType());
  bool isNumber = isa<IntegerAttr, FloatAttr>(value) && cast<TypedAttr>(value).getType() == type.getElementType();
  bool isScalar = ((isInteger || isFloat) && isNumber) || (isText && isa<StringAttr>(value));
  if (!isList && isScalar)
    return 1;
  if (!isList)
    return failure();
  if (auto numbers = dyn_cast<DenseI64ArrayAttr>(value); numbers && isInteger)
    return numbers.size();
  if (auto numbers = dyn_cast<DenseF64ArrayAttr>(value); numbers && isFloat)
    return numbers.size();
  auto texts = dyn_cast<ArrayAttr>(value);
  if (texts && isText && llvm::all_of(texts, llvm::IsaPred<StringAttr>))
    return static_cast<int64_t>(texts.size());
  return failure();
}

/// "a list of ints", as the type of an attribute's tensor means.
static std::string describeAttribute(RankedTensorType type) {
  Type element = type.getElementType();
  StringRef kind = element.isInteger(64) ? "int" : element.isF64() ? "float" : "string";
  return (type.getRank() == 1 ? "a list of " + kind + "s" : (kind == "int" ? "an " : "a ") + kind).str();
}

/// `value`, which fits, as a tensor.
Value CustomNode::makeConstant(mlir::Attribute value, RankedTensorType type) {
  OpBuilder &b = context.builder;
  if (isa<graph::StringType>(type.getElementType())) {
    ArrayAttr texts = isa<StringAttr>(value) ? b.getArrayAttr(value) : cast<ArrayAttr>(value);
    return graph::TextOp::create(b, loc, TypeRange(type), "literal", ValueRange(), texts).getResult(0);
  }
  DenseElementsAttr elements;
  if (auto number = dyn_cast<IntegerAttr>(value))
    elements = DenseElementsAttr::get(type, number.getValue());
  else if (auto real = dyn_cast<FloatAttr>(value))
    elements = DenseElementsAttr::get(type, real.getValue());
  else if (auto numbers = dyn_cast<DenseI64ArrayAttr>(value))
    elements = DenseElementsAttr::get(type, numbers.asArrayRef());
  else
    elements = DenseElementsAttr::get(type, cast<DenseF64ArrayAttr>(value).asArrayRef());
  return graph::ConstantOp::create(b, loc, type, elements);
}

/// The value of an argument that is an attribute, or null after an error.
Value CustomNode::makeAttribute(unsigned argument) {
  std::string name = nameOf(declaration, argument);
  auto type = cast<RankedTensorType>(declaration.getArgumentTypes()[argument]);
  mlir::Attribute value = declaration.getArgAttr(argument, customAttributeName);
  const importer::Attribute *given = op.find(name);
  if (given)
    value = convert(given->value, context.builder);
  else if (isa<UnitAttr>(value)) {
    context.diagnostics.error("onnx-missing-attribute", place, "attribute '" + name + "' is missing, but required")
        .note("give it as " + describeAttribute(type));
    return {};
  }
  FailureOr<int64_t> size = failure();
  if (value)
    size = customAttributeSize(value, type);
  if (failed(size)) {
    context.diagnostics
        .error("onnx-attribute-type", place,
               "attribute '" + name + "' is of another type than declared: " + describeAttribute(type) + " is expected")
        .note("change the attribute of the node, or the declaration '" + declaration.getName() + "'");
    return {};
  }
  SmallVector<int64_t> shape(type.getRank(), *size);
  return makeConstant(value, RankedTensorType::get(shape, type.getElementType()));
}

/// Reports attributes of the node that the declaration has not.
bool CustomNode::checkNames() {
  SmallVector<std::string> names;
  for (unsigned i = countInputs(declaration); i < declaration.getNumArguments(); ++i)
    names.push_back(nameOf(declaration, i));
  SmallVector<StringRef> known(names.begin(), names.end());
  bool good = true;
  for (const importer::Attribute &attribute : op.attributes) {
    if (llvm::is_contained(known, attribute.name))
      continue;
    good = false;
    context.diagnostics
        .error("onnx-unknown-attribute", place,
               "there is no attribute " + quoted(attribute.name) + didYouMean(attribute.name, known))
        .note(known.empty() ? "the declaration has no attributes" : "the declaration has: " + llvm::join(known, ", "));
  }
  return good;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// Gives symbols that are dims of the declared type the sizes of `value`; what has to be
/// equal is noted.
void CustomNode::bind(Type declared, Value value, const std::string &name) {
  Dims wanted = context.solver.dims(cast<RankedTensorType>(declared)), given = context.solver.dims(value);
  for (auto [i, expr, size] : llvm::enumerate(wanted, given)) {
    auto symbol = dyn_cast<AffineSymbolExpr>(expr);
    if (symbol && !values[symbol.getPosition()])
      values[symbol.getPosition()] = size;
    else
      equals.push_back({expr, size, "the declared dim " + std::to_string(i) + " of '" + name + "' and the given one"});
  }
}

bool CustomNode::bindArguments() {
  auto symbols = declaration->getAttrOfType<ArrayAttr>("graph.symbols");
  values.resize(symbols.size());
  llvm::append_range(arguments, operands);
  arguments.resize(countInputs(declaration));
  for (unsigned i = arguments.size(); i < declaration.getNumArguments(); ++i) {
    arguments.push_back(makeAttribute(i));
    if (!arguments.back())
      return false;
  }
  for (auto [i, argument] : llvm::enumerate(arguments))
    if (argument)
      bind(declaration.getArgumentTypes()[i], argument, nameOf(declaration, i));
  return true;
}

/// An op that nobody uses: it says which node asks, and stands behind what gives the symbols of `expr` a value.
Operation *CustomNode::makeSize(AffineExpr expr) {
  auto values = graph::DimsAttr::get(loc.getContext(), context.solver.map({expr}));
  auto type = RankedTensorType::get({}, context.builder.getI64Type());
  return graph::DimValuesOp::create(context.builder, loc, type, values);
}

/// Sizes that follow from data: a second function of the operator computes them first. It may rely on what
/// the arguments alone decide.
bool CustomNode::readSizes() {
  SmallVector<unsigned> open;
  for (auto [i, value] : llvm::enumerate(values))
    if (!value)
      open.push_back(i);
  auto isOpen = [&](const Equal &equal) {
    return llvm::any_of(open, [&](unsigned symbol) { return equal.declared.isFunctionOfSymbol(symbol); });
  };
  SmallVector<Equal> known, others;
  for (const Equal &equal : equals)
    (isOpen(equal) ? others : known).push_back(equal);
  if (!checkSizes(known))
    return false;
  if (open.empty())
    return true;
  auto type = RankedTensorType::get({static_cast<int64_t>(open.size())}, context.builder.getI64Type());
  Value sizes = call("::sizes", Type(type)).front();
  for (auto [i, symbol] : llvm::enumerate(open)) {
    AffineExpr size = values[symbol] = context.solver.element(context.builder, sizes, i);
    std::string what = "size " + std::to_string(i) + " that the function computes must be at ";
    // No tensor is as large; sizes of results that are multiples of a larger one might wrap around.
    constexpr int64_t most = int64_t(1) << 47;
    if (failed(context.solver.require(makeSize(size), size, context.solver.constant(0), what + "least 0")) ||
        failed(
            context.solver.require(makeSize(size), context.solver.constant(most), size, what + "most " + Twine(most))))
      return false;
  }
  return checkSizes(others);
}

/// Sizes that the declaration says are equal are, or are checked when the model runs.
bool CustomNode::checkSizes(ArrayRef<Equal> some) {
  return llvm::all_of(some, [&](const Equal &equal) {
    AffineExpr declared = context.solver.simplify(equal.declared.replaceSymbols(values));
    return declared == equal.given ||
           succeeded(context.solver.unify(makeSize(declared), declared, equal.given, equal.what));
  });
}

Dims CustomNode::substitute(Dims dims) {
  for (AffineExpr &dim : dims)
    dim = context.solver.simplify(dim.replaceSymbols(values));
  return dims;
}

Type CustomNode::substitute(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return context.solver.type(substitute(context.solver.dims(tensor)), tensor.getElementType());
}

/// Reports a result with a size below 0, which no type has.
bool CustomNode::checkResults() {
  for (auto [i, type] : llvm::enumerate(declaration.getResultTypes()))
    for (auto [dim, size] : llvm::enumerate(substitute(context.solver.dims(cast<RankedTensorType>(type)))))
      if (auto fixed = dyn_cast<AffineConstantExpr>(size); fixed && fixed.getValue() < 0) {
        context.diagnostics
            .error("custom-op-inputs", place,
                   "dim " + Twine(dim) + " of result " + Twine(i) + " is " + Twine(fixed.getValue()) +
                       " with these inputs, but must be at least 0")
            .note("change the model, or the declaration '" + declaration.getName() + "'");
        return false;
      }
  return true;
}

//===----------------------------------------------------------------------===//
// What a node becomes
//===----------------------------------------------------------------------===//

/// The rank of each tensor, with its dims behind it, in i64: what a C function cannot see from memory alone.
static Value makeSizes(ImportContext &context, Location loc, TypeRange types) {
  Dims sizes;
  for (Type type : types) {
    Dims dims = context.solver.dims(cast<RankedTensorType>(type));
    sizes.push_back(context.solver.constant(static_cast<int64_t>(dims.size())));
    llvm::append_range(sizes, dims);
  }
  auto type = RankedTensorType::get({static_cast<int64_t>(sizes.size())}, context.builder.getI64Type());
  if (!llvm::all_of(sizes, llvm::IsaPred<AffineConstantExpr>))
    return graph::DimValuesOp::create(context.builder, loc, type,
                                      graph::DimsAttr::get(loc.getContext(), context.solver.map(sizes)));
  auto numbers = llvm::map_to_vector(sizes, [](AffineExpr size) { return cast<AffineConstantExpr>(size).getValue(); });
  return graph::ConstantOp::create(context.builder, loc, type, DenseElementsAttr::get(type, ArrayRef(numbers)));
}

/// A call of the C function that the program registers as the operator with `suffix`.
SmallVector<Value> CustomNode::call(StringRef suffix, ArrayRef<Type> results) {
  auto [domain, name] = customOpName(declaration);
  unsigned inputs = countInputs(declaration);
  SmallVector<std::string> texts = {((domain.empty() ? "ai.onnx" : domain) + "::" + name + suffix).str(),
                                    std::to_string(arguments.size() - inputs)};
  SmallVector<Value> given = {Value()};
  auto add = [&](Type type, bool isThere = true) {
    texts.push_back(
        std::to_string(isThere ? graph::findElementType(getElementTypeOrSelf(type))->dtype : LATHE_DTYPE_INVALID));
  };
  for (Value argument : arguments) {
    // What is left out has no values and the number of no type.
    auto nothing = RankedTensorType::get({0}, context.builder.getI64Type());
    given.push_back(argument ? argument
                             : graph::ConstantOp::create(context.builder, loc, nothing,
                                                         DenseElementsAttr::get(nothing, ArrayRef<int64_t>())));
    add(given.back().getType(), !!argument);
  }
  SmallVector<Type> types(ValueRange(ArrayRef(given).drop_front()).getTypes());
  for (Type type : results) {
    types.push_back(type);
    add(type);
  }
  SmallVector<StringRef> parameters(texts.begin(), texts.end());
  given.front() = makeSizes(context, loc, types);
  return graph::TextOp::create(context.builder, loc, results, "custom", given,
                               context.builder.getStrArrayAttr(parameters))
      .getResults();
}

/// The operations of the declaration's body, with the sizes and values of this node.
FailureOr<SmallVector<Value>> CustomNode::expand() {
  AttrTypeReplacer replacer;
  auto fix = [&](AffineMap map) { return substitute(Dims(map.getResults())); };
  using Replaced = std::optional<std::pair<Type, WalkResult>>;
  replacer.addReplacement([&](RankedTensorType type) -> Replaced {
    if (!isa_and_nonnull<graph::DimsAttr>(type.getEncoding()))
      return std::nullopt;
    return {{substitute(type), WalkResult::skip()}};
  });
  replacer.addReplacement([&](graph::DimsAttr attr) -> std::optional<mlir::Attribute> {
    return graph::DimsAttr::get(attr.getContext(), context.solver.map(fix(attr.getMap())));
  });
  replacer.addReplacement([&](graph::CheckAttr check) -> std::optional<mlir::Attribute> {
    return graph::CheckAttr::get(check.getContext(), check.getRelation(), context.solver.map(fix(check.getMap())),
                                 check.getMessage());
  });
  IRMapping mapping;
  mapping.map(declaration.getArguments(), arguments);
  if (auto checks = declaration->getAttrOfType<ArrayAttr>("graph.checks"))
    for (auto check : checks.getAsRange<graph::CheckAttr>())
      graph::CheckOp::create(context.builder, loc, cast<graph::CheckAttr>(replacer.replace(check)));
  for (Operation &inner : declaration.getBody().front().without_terminator()) {
    Operation *copy = context.builder.clone(inner, mapping);
    copy->walk([&](Operation *nested) { nested->setLoc(loc); });
    replacer.recursivelyReplaceElementsIn(copy, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
    if (failed(context.solver.infer(copy)) || failed(verify(copy)))
      return failure();
  }
  SmallVector<Value> results;
  for (Value result : declaration.getBody().front().getTerminator()->getOperands())
    results.push_back(mapping.lookup(result));
  return results;
}

FailureOr<SmallVector<Value>> CustomNode::import(ArrayRef<func::FuncOp> declarations) {
  declaration = choose(declarations);
  if (!declaration || !checkNames())
    return failure();
  if (op.outputs.size() > declaration.getNumResults()) {
    context.diagnostics
        .error("onnx-arity", place,
               "has " + Twine(op.outputs.size()) + " outputs, but the declaration has " +
                   Twine(declaration.getNumResults()))
        .note("change the model, or the declaration '" + declaration.getName() + "'");
    return failure();
  }
  if (!bindArguments() || !readSizes() || !checkResults())
    return failure();
  if (!declaration.isExternal())
    return expand();
  SmallVector<Type> types;
  for (Type type : declaration.getResultTypes())
    types.push_back(substitute(type));
  return call("", types);
}
