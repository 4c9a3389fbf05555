// lib/OpLibrary/KernelText.cpp: kernels and programs in the text of the native format.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelText.h"
#include "Dims.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace lathe::oplib {

std::vector<std::string> Op::sizes() const {
  std::vector<std::string> result = symbols;
  for (const Operand &operand : operands)
    llvm::append_range(result, operand.strides);
  return result;
}

int Op::indexOfSize(StringRef name) const {
  std::vector<std::string> all = sizes();
  for (const auto &[size, expression] : derived)
    all.push_back(size);
  auto found = llvm::find(all, name);
  return found == all.end() ? -1 : static_cast<int>(found - all.begin());
}

KernelText::KernelText(const Op &op, const Specialization &specialization) : op(op), specialization(specialization) {
  if (!op.isProgram) {
    names = op.sizes();
    return;
  }
  // A symbol of a program has to be the dim of an input.
  for (const std::string &symbol : op.symbols)
    if (!valueOf(symbol))
      names.push_back(symbol);
}

/// The value of a number or of a symbol that is fixed.
std::optional<int64_t> KernelText::valueOf(StringRef name) const {
  size_t index = op.indexOfSize(name);
  return index < specialization.fixed.size() ? specialization.fixed[index] : std::nullopt;
}

/// "s1" for an open symbol, a number for one that is fixed, an expression for a derived size.
std::string KernelText::leaf(StringRef name) const {
  if (std::optional<int64_t> value = valueOf(name))
    return std::to_string(*value);
  for (const auto &[size, expression] : op.derived)
    if (size == name)
      return toAffine(expression, [&](StringRef inner) { return leaf(inner); });
  return "s" + std::to_string(llvm::find(names, name) - names.begin());
}

std::string KernelText::map(const std::vector<std::string> &results) const {
  std::string symbols;
  for (size_t i = 0; i < names.size(); ++i)
    symbols += (i ? ", s" : "s") + std::to_string(i);
  return "()[" + symbols + "] -> (" + llvm::join(results, ", ") + ")";
}

std::string KernelText::type(llvm::ArrayRef<std::string> dims, StringRef dtype) const {
  std::string text = "tensor<";
  std::vector<std::string> sizes;
  bool isOpen = false;
  std::function<std::optional<int64_t>(StringRef)> fixed = [&](StringRef name) -> std::optional<int64_t> {
    for (const auto &[size, expression] : op.derived)
      if (size == name)
        return evaluate(expression, fixed);
    return valueOf(name);
  };
  for (const std::string &dim : dims) {
    std::optional<int64_t> value = evaluate(dim, fixed);
    text += (value ? std::to_string(*value) : "?") + "x";
    sizes.push_back(value ? std::to_string(*value) : toAffine(dim, [&](StringRef name) { return leaf(name); }));
    isOpen |= !value;
  }
  text += elementType(dtype).mlir;
  return text + (isOpen ? ", #graph.dims<" + map(sizes) + ">>" : ">");
}

std::string KernelText::dimValues(const std::vector<std::string> &expressions) const {
  std::vector<std::string> results;
  for (const std::string &expression : expressions)
    results.push_back(toAffine(expression, [&](StringRef name) { return leaf(name); }));
  return "<" + map(results) + ">";
}

std::string KernelText::add(const llvm::Twine &operation, const llvm::Twine &types) {
  std::string name = "%" + std::to_string(count++);
  body += ("  " + name + " = " + operation + " : " + types + "\n").str();
  return name;
}

std::string KernelText::unary(const llvm::Twine &operation, const std::string &value, const std::string &type) {
  return add("graph." + operation + " " + value, type + " -> " + type);
}

std::string KernelText::binary(const llvm::Twine &operation, const std::string &a, const std::string &aType,
                               const std::string &b, const std::string &bType, const std::string &result) {
  return add("graph." + operation + " " + a + ", " + b, "(" + aType + ", " + bType + ") -> " + result);
}

std::string KernelText::scalar(const llvm::Twine &text, StringRef dtype) {
  return add("graph.constant dense<" + text + ">", scalarType(dtype));
}

std::string KernelText::cast(const std::string &value, llvm::ArrayRef<std::string> dims, StringRef from, StringRef to) {
  return from == to ? value : add("graph.cast " + value, type(dims, from) + " -> " + type(dims, to));
}

std::string KernelText::plannedColumns() const {
  int64_t columns = specialization.plannedColumns;
  return columns ? " {kernel.planned_columns = " + std::to_string(columns) + " : i64}" : "";
}

std::string KernelText::load(const Operand &operand) {
  return cast("%" + operand.name, operand.dims, operand.dtype, elementType(operand.dtype).sums);
}

std::string KernelText::write(const Form &form, StringRef symbol) {
  return op.isProgram ? writeProgram(form) : writeKernel(form, symbol);
}

std::string KernelText::writeKernel(const Form &form, StringRef symbol) {
  std::vector<std::string> arguments;
  for (const std::string &size : op.sizes())
    arguments.push_back("%" + size + ": index");
  auto note = [&](const Operand &operand) -> std::string {
    if (operand.isPacked)
      return " {kernel.constant}";
    if (operand.strides.empty())
      return "";
    std::vector<std::string> strides;
    for (const std::string &name : operand.strides)
      strides.push_back("s" + std::to_string(op.indexOfSize(name)));
    strides.push_back("1");
    return " {kernel.strides = affine_map<" + map(strides) + ">}";
  };
  for (const Operand &operand : llvm::ArrayRef(op.operands).drop_back())
    arguments.push_back("%" + operand.name + ": " + type(operand) + note(operand));
  const Operand &result = op.result();
  std::string value = op.writeBody(*this, form);
  return ("kernel.func @" + symbol + "(" + llvm::join(arguments, ", ") + ") -> (" + type(result) + note(result) +
          ") attributes {sizes = " + llvm::Twine(op.sizes().size()) + " : i64} {\n" + body + "  kernel.return " +
          value + " : " + type(result) + "\n}\n")
      .str();
}

/// Takes the operands that the form has.
std::string KernelText::writeProgram(const Form &form) {
  std::vector<std::string> arguments, symbols;
  for (auto [i, operand] : llvm::enumerate(llvm::ArrayRef(op.operands).drop_back()))
    if (!operand.isOptional || form.present[i])
      arguments.push_back("%" + operand.name + ": " + type(operand) + " {graph.name = \"" + operand.name + "\"}");
  for (const std::string &name : names)
    symbols.push_back("#graph.symbol<\"" + name + "\">");
  const Operand &result = op.result();
  std::string value = op.writeBody(*this, form);
  return "func.func @main(" + llvm::join(arguments, ", ") + ") -> (" + type(result) + " {graph.name = \"" +
         result.name + "\"}) attributes {graph.checks = [], graph.symbols = [" + llvm::join(symbols, ", ") + "]} {\n" +
         body + "  return " + value + " : " + type(result) + "\n}\n";
}

} // namespace lathe::oplib
