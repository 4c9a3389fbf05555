// lib/OpLibrary/Families/Expression.h: formulas of a specification: "silu(gate) * up + 1".
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_FAMILIES_EXPRESSION_H
#define LATHE_LIB_OPLIBRARY_FAMILIES_EXPRESSION_H

#include "../Yaml.h"
#include "llvm/ADT/ArrayRef.h"

namespace lathe::oplib {

/// A number, a variable, or a function of others; operators are functions, too.
struct Expression {
  enum class Kind { Number, Variable, Call };
  Kind kind = Kind::Number;
  double number = 0;
  std::string name; ///< Of the variable or the function.
  std::vector<Expression> operands;
};

/// A function that formulas may call.
struct FormulaFunction {
  llvm::StringLiteral name;
  unsigned operands;
  llvm::StringLiteral graph; ///< The operation of the graph dialect, with its attributes behind '|'.
};

llvm::ArrayRef<FormulaFunction> formulaFunctions();

/// Reads a formula of numbers, names, + - * /, brackets and functions. Nothing, after an error at `node`, if it is
/// none.
std::optional<Expression> parseFormula(const YamlNode &node, YamlReader &reader);

/// The names of the variables in the order in which they come first.
std::vector<std::string> variablesOf(const Expression &expression);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_FAMILIES_EXPRESSION_H
