// lib/OpLibrary/Families/Expression.cpp: formulas of a specification: "silu(gate) * up + 1".
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Expression.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace lathe::oplib {

static constexpr FormulaFunction functions[] = {
    {"add", 2, "add"},
    {"sub", 2, "sub"},
    {"mul", 2, "mul"},
    {"div", 2, "div"},
    {"neg", 1, "neg"},
    {"exp", 1, "exp"},
    {"log", 1, "log"},
    {"sqrt", 1, "sqrt"},
    {"abs", 1, "abs"},
    {"tanh", 1, "tanh"},
    {"erf", 1, "erf"},
    {"sigmoid", 1, "sigmoid"},
    {"relu", 1, "relu"},
    {"gelu", 1, "gelu"},
    {"sin", 1, "sin"},
    {"cos", 1, "cos"},
    {"silu", 1, "swish|alpha = 1.0"},
    {"floor", 1, "floor"},
    {"ceil", 1, "ceil"},
    {"max", 2, "max"},
    {"min", 2, "min"},
};

llvm::ArrayRef<FormulaFunction> formulaFunctions() { return functions; }

namespace {

/// Deeper formulas than anybody writes; the parser calls itself.
constexpr unsigned mostDepth = 64;

class Parser {
public:
  Parser(const YamlNode &node, YamlReader &reader) : node(node), reader(reader), rest(node.text) {}

  std::optional<Expression> parse() {
    std::optional<Expression> result = sum(0);
    skip();
    if (result && !rest.empty())
      return fail("goes on with " + quoted(rest));
    return result;
  }

private:
  std::nullopt_t fail(const llvm::Twine &what) {
    if (!hasFailed)
      reader.error("oplib-spec-formula", node, "the formula " + quoted(node.text) + " " + what)
          .note("a formula has numbers, names, + - * /, brackets and functions such as exp(x); see "
                "docs/recipes/make-ops-library.md");
    hasFailed = true;
    return std::nullopt;
  }
  void skip() { rest = rest.ltrim(); }
  bool take(char c) {
    skip();
    return rest.consume_front(StringRef(&c, 1));
  }
  std::optional<Expression> join(StringRef function, std::optional<Expression> a, std::optional<Expression> b) {
    if (!a || !b)
      return std::nullopt;
    Expression result{Expression::Kind::Call, 0, function.str(), {}};
    result.operands.push_back(std::move(*a));
    result.operands.push_back(std::move(*b));
    return result;
  }
  std::optional<Expression> sum(unsigned depth) {
    std::optional<Expression> left = product(depth);
    while (left && !hasFailed) {
      if (take('+'))
        left = join("add", std::move(left), product(depth));
      else if (take('-'))
        left = join("sub", std::move(left), product(depth));
      else
        break;
    }
    return left;
  }
  std::optional<Expression> product(unsigned depth) {
    std::optional<Expression> left = factor(depth);
    while (left && !hasFailed) {
      if (take('*'))
        left = join("mul", std::move(left), factor(depth));
      else if (take('/'))
        left = join("div", std::move(left), factor(depth));
      else
        break;
    }
    return left;
  }
  std::optional<Expression> factor(unsigned depth);
  std::optional<Expression> call(StringRef name, unsigned depth);

  const YamlNode &node;
  YamlReader &reader;
  StringRef rest;
  bool hasFailed = false;
};

} // namespace

std::optional<Expression> Parser::factor(unsigned depth) {
  if (depth > mostDepth)
    return fail("is nested deeper than " + llvm::Twine(mostDepth));
  if (take('-')) {
    std::optional<Expression> inner = factor(depth + 1);
    if (!inner)
      return std::nullopt;
    Expression result{Expression::Kind::Call, 0, "neg", {}};
    result.operands.push_back(std::move(*inner));
    return result;
  }
  if (take('(')) {
    std::optional<Expression> inner = sum(depth + 1);
    if (inner && !take(')'))
      return fail("lacks a ')'");
    return inner;
  }
  skip();
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; };
  StringRef word = rest.take_while(isWord);
  // The sign of an exponent.
  if (!word.empty() && llvm::isDigit(word.front()) && word.lower().back() == 'e' && word.size() < rest.size() &&
      (rest[word.size()] == '-' || rest[word.size()] == '+'))
    word = rest.take_front(word.size() + 1 + rest.drop_front(word.size() + 1).take_while(llvm::isDigit).size());
  rest = rest.drop_front(word.size());
  if (word.empty())
    return fail(rest.empty() ? llvm::Twine("ends too early")
                             : "has " + quoted(rest.take_front(1)) + " where a value is expected");
  if (llvm::isDigit(word.front()) || word.front() == '.') {
    Expression result;
    if (word.getAsDouble(result.number))
      return fail("has " + quoted(word) + ", which is no number");
    return result;
  }
  return take('(') ? call(word, depth) : Expression{Expression::Kind::Variable, 0, word.str(), {}};
}

std::optional<Expression> Parser::call(StringRef name, unsigned depth) {
  const FormulaFunction *found = llvm::find_if(functions, [&](const FormulaFunction &row) { return row.name == name; });
  if (found == std::end(functions)) {
    std::vector<StringRef> known;
    for (const FormulaFunction &row : functions)
      known.push_back(row.name);
    return fail("calls " + quoted(name) + ", which is no function" + didYouMean(name, known));
  }
  Expression result{Expression::Kind::Call, 0, name.str(), {}};
  do {
    std::optional<Expression> operand = sum(depth + 1);
    if (!operand)
      return std::nullopt;
    result.operands.push_back(std::move(*operand));
  } while (take(','));
  if (!take(')'))
    return fail("lacks a ')'");
  if (result.operands.size() != found->operands)
    return fail("gives " + llvm::Twine(result.operands.size()) + " values to '" + name + "', which takes " +
                llvm::Twine(found->operands));
  return result;
}

std::optional<Expression> parseFormula(const YamlNode &node, YamlReader &reader) {
  if (node.kind != YamlNode::Kind::Text) {
    reader.wrongKind(node, "a formula", "a text", "one in quotes, such as 'max(x * s, 0)'");
    return std::nullopt;
  }
  constexpr size_t longest = 4000;
  if (node.text.size() > longest) {
    reader
        .error("oplib-spec-formula", node,
               "a formula has " + llvm::Twine(node.text.size()) + " characters, more than " + llvm::Twine(longest))
        .note("split it into several functions");
    return std::nullopt;
  }
  return Parser(node, reader).parse();
}

static void collect(const Expression &expression, std::vector<std::string> &names) {
  if (expression.kind == Expression::Kind::Variable && !llvm::is_contained(names, expression.name))
    names.push_back(expression.name);
  for (const Expression &operand : expression.operands)
    collect(operand, names);
}

std::vector<std::string> variablesOf(const Expression &expression) {
  std::vector<std::string> names;
  collect(expression, names);
  return names;
}

} // namespace lathe::oplib
