// lib/OpLibrary/Families/Elementwise.cpp: formulas that are computed for each element of matrices.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Family.h"
#include "Expression.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

static constexpr StringRef keys[] = {"dtypes", "functions"};
static constexpr StringRef functionKeys[] = {"formula", "rows"};

/// One entry of `functions`.
struct Formula {
  std::string name, text;
  Expression expression;
  std::vector<std::string> variables, rows; ///< Of the variables, those that are one row for all.
};

/// A formula's variables become operands: at most as many as a call may have.
static constexpr size_t mostVariables = 12;

static bool checkVariables(const YamlNode &node, YamlReader &reader, Formula &formula) {
  formula.variables = variablesOf(formula.expression);
  if (formula.variables.empty() || formula.variables.size() > mostVariables) {
    reader
        .error("oplib-spec-formula", node,
               "the formula " + quoted(formula.text) + " has " + llvm::Twine(formula.variables.size()) +
                   " variables, but 1 to " + llvm::Twine(mostVariables) + " are expected")
        .note(formula.variables.empty() ? "name a matrix in it, as in x + 1" : "split it into several functions");
    return false;
  }
  for (const std::string &name : formula.variables) {
    YamlNode named = node;
    named.text = name;
    if (StringRef(name).starts_with("ld") || name == "y") {
      reader
          .error("oplib-spec-name", node,
                 "a variable is called " + quoted(name) + ", as an argument is of each operator")
          .note("choose another name; 'y' is the result, and strides begin with 'ld'");
      return false;
    }
    if (!checkName(named, "a variable", reader))
      return false;
  }
  for (const std::string &row : formula.rows)
    if (!llvm::is_contained(formula.variables, row)) {
      std::vector<StringRef> known(formula.variables.begin(), formula.variables.end());
      reader
          .error("oplib-spec-value", node,
                 "'rows' has " + quoted(row) + ", which is no variable" + didYouMean(row, known))
          .note("the variables of the formula are: " + llvm::join(known, ", "));
      return false;
    }
  if (formula.rows.size() == formula.variables.size()) {
    reader.error("oplib-spec-formula", node, "all variables of the formula " + quoted(formula.text) + " are rows")
        .note("leave one out of 'rows': it says how many rows the result has");
    return false;
  }
  return true;
}

static std::optional<Formula> readFormula(const YamlNode &key, const YamlNode &node, YamlReader &reader) {
  Formula formula;
  if (!checkName(key, "a function", reader))
    return std::nullopt;
  formula.name = key.text;
  const YamlNode *text = &node;
  if (node.kind == YamlNode::Kind::Map) {
    text = node.find("formula");
    auto rows = readTexts(node, "rows", reader, "a function", {}, {});
    if (!reader.isMap(node, "a function", functionKeys) || !rows)
      return std::nullopt;
    if (!text) {
      reader.error("oplib-spec-missing", node, "the key 'formula' is missing").note("write formula: \"x + y\"");
      return std::nullopt;
    }
    formula.rows = *rows;
  }
  std::optional<Expression> expression = parseFormula(*text, reader);
  if (!expression)
    return std::nullopt;
  formula.text = text->text;
  formula.expression = std::move(*expression);
  return checkVariables(*text, reader, formula) ? std::optional(formula) : std::nullopt;
}

/// Writes a formula as operations of the graph dialect.
struct GraphWriter {
  KernelText &text;
  const Op &op;
  StringRef sums;
  struct Value {
    std::string name, type;
    unsigned rank; ///< 0 to 2.
  };

  std::string typeOf(unsigned rank) {
    return rank == 2   ? text.type({"rows", "columns"}, sums)
           : rank == 1 ? text.type({"columns"}, sums)
                       : text.scalarType(sums);
  }
  Value write(const Expression &expression) {
    if (expression.kind == Expression::Kind::Number) {
      std::string digits;
      llvm::raw_string_ostream(digits) << llvm::format("%.17e", expression.number);
      return {text.scalar(digits, sums), typeOf(0), 0};
    }
    if (expression.kind == Expression::Kind::Variable) {
      for (const Operand &operand : op.operands)
        if (operand.name == expression.name) {
          unsigned rank = operand.dims.size();
          return {text.load(operand), typeOf(rank), rank};
        }
    }
    const FormulaFunction *function =
        llvm::find_if(formulaFunctions(), [&](const FormulaFunction &row) { return row.name == expression.name; });
    auto [operation, attributes] = function->graph.split('|');
    Value a = write(expression.operands[0]);
    if (function->operands == 1)
      return {text.add("graph." + operation + " " + a.name + (attributes.empty() ? "" : " ") + attributes,
                       a.type + " -> " + a.type),
              a.type, a.rank};
    Value b = write(expression.operands[1]);
    unsigned rank = std::max(a.rank, b.rank);
    return {text.binary(operation, a.name, a.type, b.name, b.type, typeOf(rank)), typeOf(rank), rank};
  }
};

/// The formula in C, with the error that rounding in each step may make.
static std::string writeOracle(const Expression &expression) {
  if (expression.kind == Expression::Kind::Variable)
    return "v_" + expression.name;
  if (expression.kind == Expression::Kind::Number) {
    std::string digits;
    llvm::raw_string_ostream(digits) << llvm::format("%.17e", expression.number);
    return "num_constant(" + digits + ", EPS)";
  }
  std::string text = "num_" + expression.name + "(";
  for (const Expression &operand : expression.operands)
    text += writeOracle(operand) + ", ";
  return text + "EPS)";
}

static std::string oracleOf(const Formula &formula) {
  std::string text =
      "  (void)choice;\n  for (int64_t i = 0; i < s[0]; ++i)\n    for (int64_t j = 0; j < s[1]; ++j) {\n";
  for (auto [i, name] : llvm::enumerate(formula.variables)) {
    std::string place = llvm::is_contained(formula.rows, name) ? "j" : "i * s[1] + j";
    text += "      const num v_" + name + " = num_exact(x[" + std::to_string(i) + "][" + place + "]);\n";
  }
  return text + "      const num result = " + writeOracle(formula.expression) +
         ";\n      y[i * s[1] + j] = result.v;\n      bound[i * s[1] + j] = result.e;\n    }\n";
}

static std::unique_ptr<Op> makeOp(const Formula &formula, const std::string &dtype) {
  auto op = std::make_unique<Op>();
  op->family = "elementwise";
  op->name = formula.name + "_" + dtype;
  op->about = "y = " + formula.text;
  op->symbols = {"rows", "columns"};
  op->symbolsAbout = {"of matrices", "of matrices, elements of rows"};
  for (const std::string &name : formula.variables) {
    bool isRow = llvm::is_contained(formula.rows, name);
    Operand operand{name, dtype, {"columns"}, {}, isRow ? "the same for each row" : "an operand"};
    if (!isRow) {
      operand.dims = {"rows", "columns"};
      operand.strides = {"ld_" + name};
    }
    op->operands.push_back(std::move(operand));
  }
  op->operands.push_back({"y", dtype, {"rows", "columns"}, {"ldy"}, "the result", false, true});
  addForms(*op);
  op->specializations.push_back({"any", {}, "serves all sizes"});
  op->oracle = oracleOf(formula);
  op->writeBody = [formula, raw = op.get()](KernelText &text, const Form &) {
    StringRef sums = elementType(raw->result().dtype).sums;
    GraphWriter writer{text, *raw, sums};
    return text.cast(writer.write(formula.expression).name, raw->result().dims, sums, raw->result().dtype);
  };
  return op;
}

static bool expand(const YamlNode &node, YamlReader &reader, Ops &ops) {
  if (!reader.isMap(node, "elementwise", keys))
    return false;
  auto types = readDtypes(node, reader, "elementwise", floatTypes());
  const YamlNode *functions = node.find("functions");
  if (!types)
    return false;
  if (!functions || functions->kind != YamlNode::Kind::Map || functions->keys.empty()) {
    reader.error("oplib-spec-missing", functions ? *functions : node, "elementwise has no map 'functions'")
        .note("write functions: {swiglu: \"silu(gate) * up\"}");
    return false;
  }
  bool fits = true;
  for (auto [key, value] : llvm::zip_equal(functions->keys, functions->items)) {
    std::optional<Formula> formula = readFormula(key, value, reader);
    fits &= formula.has_value();
    for (const std::string &dtype : formula ? *types : std::vector<std::string>())
      ops.push_back(makeOp(*formula, dtype));
  }
  return fits;
}

extern const Family elementwiseFamily;
const Family elementwiseFamily = {"elementwise", expand};

} // namespace lathe::oplib
