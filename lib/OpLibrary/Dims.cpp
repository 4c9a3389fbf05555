// lib/OpLibrary/Dims.cpp: dims that are computed from others, as affine expressions and as C.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Dims.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using llvm::StringRef;

namespace lathe::oplib {

bool isNumber(StringRef word) {
  int64_t value;
  return !word.getAsInteger(10, value);
}

static bool isOperator(StringRef word) {
  return word == "+" || word == "*" || word == "/" || word == "^/" || word == "%";
}

/// Joins the words of `polish`: `leaf` makes a value of a name or number, `join` of an operator and two values.
template <typename T, typename Leaf, typename Join> static T fold(StringRef polish, Leaf leaf, Join join) {
  llvm::SmallVector<StringRef> words;
  polish.split(words, ' ', -1, /*KeepEmpty=*/false);
  llvm::SmallVector<T> stack;
  for (StringRef word : words) {
    if (!isOperator(word)) {
      stack.push_back(leaf(word));
      continue;
    }
    if (stack.size() < 2)
      return T();
    T right = stack.pop_back_val(), left = stack.pop_back_val();
    stack.push_back(join(word, left, right));
  }
  return stack.size() == 1 ? stack.front() : T();
}

std::string toAffine(StringRef polish, llvm::function_ref<std::string(StringRef)> leaf) {
  return fold<std::string>(
      polish, [&](StringRef word) { return isNumber(word) ? word.str() : leaf(word); },
      [](StringRef word, const std::string &a, const std::string &b) {
        StringRef name = word == "/" ? "floordiv" : word == "^/" ? "ceildiv" : word == "%" ? "mod" : word;
        return "(" + a + " " + name.str() + " " + b + ")";
      });
}

std::string toC(StringRef polish, llvm::function_ref<std::string(StringRef)> leaf) {
  return fold<std::string>(
      polish, [&](StringRef word) { return isNumber(word) ? "INT64_C(" + word.str() + ")" : leaf(word); },
      [&](StringRef word, const std::string &a, const std::string &b) -> std::string {
        StringRef name = word == "+"    ? "add"
                         : word == "*"  ? "mul"
                         : word == "/"  ? "div"
                         : word == "^/" ? "ceil_div"
                                        : "mod";
        return "lathe_ops_" + name.str() + "(" + a + ", " + b + ")";
      });
}

std::string toText(StringRef polish) {
  std::string text = fold<std::string>(
      polish, [](StringRef word) { return word.str(); },
      [](StringRef word, const std::string &a, const std::string &b) -> std::string {
        if (word == "+" && StringRef(b).starts_with("-"))
          return "(" + a + " - " + b.substr(1) + ")";
        return "(" + a + (word == "^/" ? " / " : " " + word.str() + " ") + b + (word == "^/" ? ", rounded up)" : ")");
      });
  StringRef all = text;
  return all.starts_with("(") && all.ends_with(")") ? all.drop_front().drop_back().str() : text;
}

std::optional<int64_t> evaluate(StringRef polish, llvm::function_ref<std::optional<int64_t>(StringRef)> leaf) {
  using Value = std::optional<int64_t>;
  return fold<Value>(
      polish,
      [&](StringRef word) -> Value {
        int64_t number;
        return word.getAsInteger(10, number) ? leaf(word) : Value(number);
      },
      [](StringRef word, Value a, Value b) -> Value {
        if (!a || !b || (word != "+" && word != "*" && *b == 0))
          return std::nullopt;
        int64_t result;
        if (word == "+")
          return llvm::AddOverflow(*a, *b, result) ? Value() : Value(result);
        if (word == "*")
          return llvm::MulOverflow(*a, *b, result) ? Value() : Value(result);
        if (word == "/")
          return llvm::divideFloorSigned(*a, *b);
        if (word == "^/")
          return llvm::divideCeilSigned(*a, *b);
        return llvm::mod(*a, *b);
      });
}

void forEachName(StringRef polish, llvm::function_ref<void(StringRef)> use) {
  (void)toAffine(polish, [&](StringRef name) {
    use(name);
    return name.str();
  });
}

} // namespace lathe::oplib
