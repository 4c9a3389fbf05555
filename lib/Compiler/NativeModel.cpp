// lib/Compiler/NativeModel.cpp: checks native models before and after MLIR's parser.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NativeModel.h"
#include "Functions.h"

#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Sequence.h"
#include "dialects/Host/Donations.h"
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe-runtime/module_abi.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

bool isShallow(StringRef text, StringRef name, Diagnostics &diagnostics) {
  // Exporters need less than ten and some dozens; these take less than a
  // megabyte of stack.
  constexpr unsigned mostBrackets = 256, mostOperators = 1024;
  unsigned brackets = 0, operators = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
    case '"': // Constants are long strings: no step for each of their characters.
      i = text.find_first_of("\"\\\n", i + 1);
      while (i != StringRef::npos && text[i] == '\\')
        i = text.find_first_of("\"\\\n", i + 2); // What is escaped ends nothing.
      if (i == StringRef::npos)
        return true; // The parser says that the string does not end.
      break;
    case '/':
      if (text.substr(i).starts_with("//"))
        i = std::min(text.find('\n', i), text.size());
      break;
    case '(':
    case '[':
    case '{':
    case '<':
      ++brackets;
      operators = 0;
      break;
    case ')':
    case ']':
    case '}':
      brackets -= brackets != 0;
      operators = 0;
      break;
    case '>':
      if (text[i - (i != 0)] != '-' && text.substr(i, 2) != ">=") {
        brackets -= brackets != 0;
        operators = 0;
      }
      break;
    case ',':
    case '%': // The next operand or operation.
      operators = 0;
      break;
    case '+':
    case '-':
    case '*':
      ++operators;
      break;
    default:
      break;
    }
    if (brackets > mostBrackets || operators > mostOperators) {
      unsigned line = 1 + text.take_front(i).count('\n');
      diagnostics
          .error("native-too-deep", name + ":" + Twine(line),
                 brackets > mostBrackets ? "brackets are nested deeper than " + Twine(mostBrackets)
                                         : "an expression has more than " + Twine(mostOperators) + " operators")
          .note("no model needs this; the file is damaged");
      return false;
    }
  }
  return true;
}

bool isModelType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() > LATHE_MAX_RANK)
    return false;
  if (Attribute encoding = tensor.getEncoding(); encoding && !isa<graph::DimsAttr>(encoding))
    return false;
  return graph::findElementType(tensor.getElementType());
}

/// The tensors in sequences and optional values may have any rank.
static bool isModelValue(Type type) {
  if (isa<graph::MapType>(type))
    return true;
  if (auto optional = dyn_cast<graph::OptionalType>(type))
    type = optional.getContent();
  if (auto sequence = dyn_cast<graph::SequenceType>(type))
    type = sequence.getElement();
  auto tensor = dyn_cast<UnrankedTensorType>(type);
  return isModelType(tensor ? RankedTensorType::get({}, tensor.getElementType()) : type);
}

static LogicalResult verifyTypes(func::FuncOp main, TypeRange types, StringRef kind) {
  for (auto [i, type] : llvm::enumerate(types))
    if (!isModelValue(type))
      return main.emitOpError() << kind << " " << i << " is a " << type << ", but a tensor of rank 0 to "
                                << LATHE_MAX_RANK
                                << " is expected, of an element type of the table in docs/types.md [native-type]";
  return success();
}

bool isKernelLibrary(ModuleOp module) {
  return module.getOps<func::FuncOp>().empty() && !module.getOps<kernel::FuncOp>().empty();
}

/// Kernels that C code will call.
static LogicalResult verifyKernelLibrary(ModuleOp module) {
  for (auto kernel : module.getOps<kernel::FuncOp>()) {
    StringRef name = kernel.getSymName();
    if (!llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; }))
      return kernel.emitOpError("is called '")
             << name << "', but the name of a kernel without a model becomes part of a C name: letters, digits and '_' "
             << "are expected [kernel-name]";
    auto types =
        llvm::concat<const Type>(kernel.getArgumentTypes().drop_front(kernel.getSizes()), kernel.getResultTypes());
    for (Type type : types) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      auto dims = tensor ? dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding()) : graph::DimsAttr();
      if (dims && !llvm::all_of(dims.getMap().getResults(), llvm::IsaPred<AffineSymbolExpr, AffineConstantExpr>))
        return kernel.emitOpError("has a tensor of type ")
               << type << ", but each size of an operand or a result of a kernel is a number or one of its 'index' "
               << "arguments; give the kernel one more of them [kernel-dims]";
      if (!isModelType(type) || graph::getStorageType(tensor.getElementType()) != tensor.getElementType())
        return kernel.emitOpError("takes or returns a ")
               << type << ", but a tensor of rank 0 to " << LATHE_MAX_RANK
               << " is expected, of f16, bf16, f32, f64, i1 or integers of 8 to 64 bits [native-type]";
    }
  }
  return success();
}

static LogicalResult verifyFunction(func::FuncOp func) {
  if (func.isPublic() && !isFunctionName(func.getSymName()))
    return func.emitOpError("is called '")
           << func.getSymName() << "', but programs call functions by names of letters, digits and '_' "
           << "with no digit in front [function-name]";
  if (func.isExternal())
    return func.emitOpError("has no body [graph-no-main]");
  if (!func.getBody().hasOneBlock())
    return func.emitOpError("has several blocks, but a model is one list of operations [native-blocks]");
  if (failed(verifyTypes(func, func.getArgumentTypes(), "input")) ||
      failed(verifyTypes(func, func.getResultTypes(), "output")))
    return failure();
  for (Operation &op : func.getBody().front())
    if (isa<func::CallOp>(op))
      return op.emitOpError("is no operation of a model: functions are called by graph.call [native-op]");
    else if (!isa<graph::GraphDialect, kernel::KernelDialect>(op.getDialect()) && !isa<func::ReturnOp>(op))
      return op.emitOpError("is no operation of a model: those are of the dialect graph [native-op]");
  if (failed(host::verifyDonations(func)))
    return failure();
  // A function without symbols at all escapes the dialect's own check.
  return graph::verifySymbols(func);
}

LogicalResult verifyNativeModel(ModuleOp module) {
  if (isKernelLibrary(module))
    return verifyKernelLibrary(module);
  auto functions = module.getOps<func::FuncOp>();
  if (functions.empty() && !module.getOps<ModuleOp>().empty()) {
    InFlightDiagnostic error = module.emitError("holds IR for several targets [native-variants]");
    error.attachNote() << "compile the model up to this phase for one target";
    return error;
  }
  if (functions.empty())
    return module.emitError("has no function with a body [graph-no-main]");
  if (llvm::all_of(functions, [](func::FuncOp func) { return func.isPrivate(); }))
    return module.emitError("has private functions alone, which programs cannot call [native-functions]");
  for (func::FuncOp func : functions)
    if (failed(verifyFunction(func)))
      return failure();
  return success();
}

bool callsKernels(ModuleOp module) {
  return llvm::any_of(module.getOps<func::FuncOp>(), [](func::FuncOp func) {
    return func.walk([](kernel::CallOp) { return WalkResult::interrupt(); }).wasInterrupted();
  });
}

bool isBehindBufferize(ModuleOp module) { return !module.getOps<host::SignatureOp>().empty(); }

} // namespace lathe
