// lib/Compiler/CustomOps.cpp: reads and checks declarations of operators, and loads their libraries.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CustomOps.h"
#include "Implementation.h"
#include "NativeModel.h"
#include "NativeText.h"
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Graph.h"
#include "lathe-runtime/runtime.h"
#include "lathe/Import/ONNX.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/Support/Errno.h"

using namespace mlir;

namespace lathe {

//===----------------------------------------------------------------------===//
// What a declaration must be
//===----------------------------------------------------------------------===//

static InFlightDiagnostic refuse(Operation *op) { return op->emitError(); }

static LogicalResult checkName(func::FuncOp op) {
  auto [domain, name] = customOpName(op);
  if (!op.getName().contains("::") || name.empty() || op.getName().starts_with("::"))
    return refuse(op) << "'" << op.getName()
                      << "' names no operator; \"domain::name\" is expected, and \"ai.onnx\" for the domain of ONNX "
                         "itself [custom-op-declaration]";
  return success();
}

/// The types of a declaration are what the runtime's ABI can describe, and say all open dims.
static LogicalResult checkTypes(func::FuncOp op, TypeRange types, StringRef kind) {
  for (auto [i, type] : llvm::enumerate(types)) {
    if (isa<NoneType>(type) && kind == "argument") // An input that a node leaves out.
      continue;
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !isModelType(type))
      return refuse(op) << kind << " " << i << " is a " << type << ", but a tensor of rank 0 to " << LATHE_MAX_RANK
                        << " is expected, of an element type of the table in docs/types.md [native-type]";
    if (!tensor.hasStaticShape() && !tensor.getEncoding())
      return refuse(op) << kind << " " << i << " is a " << type << ", whose open dims have no expressions; write "
                        << "them behind the type, as in tensor<?xf32, #graph.dims<()[s0] -> (s0)>> "
                        << "[custom-op-declaration]";
  }
  return success();
}

static LogicalResult checkAttribute(func::FuncOp op, unsigned argument, Attribute value) {
  auto type = dyn_cast<RankedTensorType>(op.getArgumentTypes()[argument]);
  Type element = type ? type.getElementType() : Type();
  bool isKind = element && (element.isInteger(64) || element.isF64() || isa<graph::StringType>(element));
  if (!isKind || type.getRank() > 1 || !op.getArgAttrOfType<StringAttr>(argument, "graph.name"))
    return refuse(op) << "argument " << argument << " is an attribute and a " << op.getArgumentTypes()[argument]
                      << ", but a scalar or a vector of i64, f64 or !graph.string with a 'graph.name' is expected "
                         "[custom-op-declaration]";
  if (!isa<UnitAttr>(value) && failed(customAttributeSize(value, type)))
    return refuse(op) << "the default of argument " << argument << " is " << value << ", which is no value of a "
                      << type << " [custom-op-declaration]";
  return success();
}

/// Attributes are behind the inputs.
static LogicalResult checkAttributes(func::FuncOp op) {
  bool isBehind = false;
  for (unsigned i = 0; i < op.getNumArguments(); ++i) {
    Attribute value = op.getArgAttr(i, customAttributeName);
    if (isBehind && !value)
      return refuse(op) << "argument " << i << " is an input behind attributes; inputs come first "
                        << "[custom-op-declaration]";
    isBehind |= !!value;
    if (value && failed(checkAttribute(op, i, value)))
      return failure();
  }
  return success();
}

/// Sizes follow from those of the arguments, which a node gives as they are, or from what a function computes.
static LogicalResult checkSymbols(func::FuncOp op) {
  for (auto symbol : op->getAttrOfType<ArrayAttr>("graph.symbols").getAsRange<graph::SymbolAttr>()) {
    bool isOfData = op.isExternal() && symbol.getInner() && !symbol.getBound();
    if (!symbol.isInputDim() && !isOfData)
      return refuse(op) << "has the symbol " << symbol << ", but the sizes of a declaration follow from dims of "
                        << "arguments, or, where it has no body, from data [custom-op-declaration]";
    if (symbol.getRange())
      return refuse(op) << "has the symbol " << symbol << ", but a declaration states no range of a size; check it in "
                        << "the function, or with 'graph.checks' of a body [custom-op-declaration]";
  }
  return success();
}

/// A body is one list of operations.
static LogicalResult checkBody(func::FuncOp op) {
  if (op.isExternal())
    return success();
  if (!op.getBody().hasOneBlock())
    return refuse(op) << "has several blocks, but a body is one list of operations [native-blocks]";
  for (Operation &inner : op.getBody().front())
    if (!isa<graph::GraphDialect>(inner.getDialect()) && !isa<func::ReturnOp>(inner))
      return refuse(&inner) << "is no operation of a body: those are of the dialect graph [native-op]";
  return success();
}

/// Gives a declaration without `graph.symbols` as many as its types use. Without a body, those that no argument has
/// and a result has follow from data.
static void addSymbols(func::FuncOp op) {
  if (op->hasAttr("graph.symbols"))
    return;
  unsigned count = 0;
  // The symbols that are a dim themselves.
  auto look = [&](TypeRange types) {
    llvm::SmallBitVector found;
    for (Type type : types) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      auto dims = tensor ? dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding()) : graph::DimsAttr();
      count = std::max(count, dims ? dims.getMap().getNumSymbols() : 0);
      found.resize(count);
      for (AffineExpr dim : dims ? dims.getMap().getResults() : ArrayRef<AffineExpr>())
        if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
          found.set(symbol.getPosition());
    }
    return found;
  };
  llvm::SmallBitVector given = look(op.getArgumentTypes()), made = look(op.getResultTypes());
  given.resize(count);
  Builder b(op.getContext());
  auto ofInput = graph::SymbolAttr::get(b.getStringAttr(""));
  auto ofData = graph::SymbolAttr::get(op.getContext(), b.getStringAttr(""), -1, -1, {}, {}, /*inner=*/true, {}, {});
  SmallVector<Attribute> symbols;
  for (unsigned i = 0; i < count; ++i)
    symbols.push_back(op.isExternal() && made[i] && !given[i] ? ofData : ofInput);
  op->setAttr("graph.symbols", b.getArrayAttr(symbols));
}

static LogicalResult checkDeclarations(ModuleOp module) {
  for (Operation &op : *module.getBody()) {
    auto declaration = dyn_cast<func::FuncOp>(op);
    if (!declaration)
      return refuse(&op) << "is no declaration of an operator; a 'func.func' is expected [custom-op-declaration]";
    if (failed(checkName(declaration)) || failed(checkTypes(declaration, declaration.getArgumentTypes(), "argument")) ||
        failed(checkTypes(declaration, declaration.getResultTypes(), "result")) || failed(checkAttributes(declaration)))
      return failure();
    if (declaration.getNumResults() == 0)
      return refuse(declaration) << "has no results, but an operator has one at least [custom-op-declaration]";
    addSymbols(declaration);
  }
  // The verifier finds symbols that no argument has and, where there is a body, those that only results have.
  if (failed(verify(module)))
    return failure();
  return success(llvm::all_of(module.getOps<func::FuncOp>(),
                              [](func::FuncOp op) { return succeeded(checkSymbols(op)) && succeeded(checkBody(op)); }));
}

//===----------------------------------------------------------------------===//
// Where declarations come from
//===----------------------------------------------------------------------===//

/// The text of a source and what messages call it; nothing after an error, and no text where a
/// library has none.
static std::optional<std::unique_ptr<llvm::MemoryBuffer>> readSource(const std::string &source,
                                                                     Diagnostics &diagnostics) {
  StringRef path = source;
  bool isFile = !path.contains('\n') && (path.ends_with(".mlir") || path.ends_with(".so"));
  if (!isFile && (path.contains('\n') || path.contains("func.func")))
    return llvm::MemoryBuffer::getMemBufferCopy(source, "<custom ops>");
  if (path.ends_with(".mlir")) {
    auto file = llvm::MemoryBuffer::getFile(path);
    if (file)
      return std::move(*file);
    diagnostics.error("custom-op-cannot-read", path, "cannot be read: " + file.getError().message())
        .note("give a file of declarations (.mlir) or a library of operators (.so)");
    return std::nullopt;
  }
  const lathe_custom_op_library *library = nullptr;
  if (lathe_load_custom_ops(source.c_str(), &library) != LATHE_OK) {
    auto [message, id] = StringRef(lathe_last_error()).rsplit(" [");
    message.consume_front(source + ": ");
    diagnostics.error(id.drop_back(), path, message)
        .note("give a file of declarations (.mlir) or a library of operators (.so)");
    return std::nullopt;
  }
  if (!library->declarations)
    return std::unique_ptr<llvm::MemoryBuffer>();
  return llvm::MemoryBuffer::getMemBufferCopy(library->declarations, source);
}

std::optional<CustomOps> CustomOps::load(ArrayRef<std::string> sources, MLIRContext &context,
                                         Diagnostics &diagnostics) {
  CustomOps result;
  for (const std::string &source : sources) {
    std::optional<std::unique_ptr<llvm::MemoryBuffer>> text = readSource(source, diagnostics);
    if (!text)
      return std::nullopt;
    if (!*text)
      continue;
    std::string name = (*text)->getBufferIdentifier().str();
    DiagnosticHandler handler(context, diagnostics, name);
    handler.setErrorId("custom-op-declaration");
    if (!isShallow((*text)->getBuffer(), name, diagnostics))
      return std::nullopt;
    OwningOpRef<ModuleOp> module = parseText(std::move(*text), context);
    if (!module || failed(checkDeclarations(*module))) {
      if (!diagnostics.hasErrors())
        diagnostics.error("custom-op-declaration", name, "holds no declarations of operators");
      return std::nullopt;
    }
    result.modules.push_back(std::move(module));
  }
  return result;
}

bool checkCustomOps(const std::vector<std::string> &sources, Diagnostics &diagnostics) {
  std::shared_ptr<MLIRContext> context = createContext();
  return CustomOps::load(sources, *context, diagnostics).has_value();
}

std::vector<func::FuncOp> CustomOps::declarations() {
  std::vector<func::FuncOp> all;
  for (OwningOpRef<ModuleOp> &module : llvm::reverse(modules))
    llvm::append_range(all, module->getOps<func::FuncOp>());
  return all;
}

} // namespace lathe
