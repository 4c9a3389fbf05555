// lib/Import/ONNX/Regex.cpp: rewrites what RE2 and POSIX write differently.
//
// For a match of the whole string it does not matter which match a quantifier
// prefers, nor what a group captures: both are dropped. Classes of characters are
// written out.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Regex.h"

#include "llvm/ADT/StringExtras.h"

#include <regex.h>

using llvm::failure;
using llvm::FailureOr;
using llvm::StringRef;

namespace {

/// Reads a pattern from left to right.
class Translator {
public:
  Translator(StringRef pattern, std::string &problem) : rest(pattern), problem(problem) {}
  FailureOr<std::string> run();

private:
  bool fail(const llvm::Twine &what) {
    problem = what.str();
    return false;
  }
  bool step();
  bool escape();
  bool bracket();
  bool group();

  StringRef rest;
  unsigned depth = 0; ///< Of open groups.
  std::string &problem;
  std::string result;
};

/// What a class stands for within brackets; empty for other letters.
StringRef classOf(char letter) {
  switch (letter) {
  case 'd':
  case 'D':
    return "0-9";
  case 'w':
  case 'W':
    return "0-9A-Za-z_";
  case 's':
  case 'S':
    return "\t\n\f\r ";
  default:
    return "";
  }
}

/// The character that a letter behind a backslash names, or 0.
char controlCharacter(char letter) {
  switch (letter) {
  case 'n':
    return '\n';
  case 't':
    return '\t';
  case 'r':
    return '\r';
  case 'f':
    return '\f';
  case 'v':
    return '\v';
  case 'a':
    return '\a';
  default:
    return 0;
  }
}

bool Translator::escape() {
  char letter = rest[1];
  if (StringRef members = classOf(letter); !members.empty()) {
    result += (llvm::isUpper(letter) ? "[^" : "[") + members.str() + "]";
  } else if (char character = controlCharacter(letter)) {
    result += character;
  } else if (letter == 'A' || letter == 'z') {
    // The whole string is meant anyway.
    result += letter == 'A' ? '^' : '$';
  } else if (llvm::isAlnum(letter)) {
    return fail("'\\" + llvm::Twine(letter) + "'");
  } else {
    result += StringRef("^$.[]|()*+?{}\\").contains(letter) ? std::string("\\") + letter : std::string(1, letter);
  }
  rest = rest.drop_front(2);
  return true;
}

bool Translator::bracket() {
  rest = rest.drop_front();
  bool isNegated = rest.consume_front("^"), hasCaret = false, hasDash = false, hasBracket = false;
  std::string members;
  for (bool isFirst = true; isFirst || !rest.starts_with("]"); isFirst = false) {
    if (rest.empty())
      return fail("'[' without ']'");
    if (rest.starts_with("[:")) {
      size_t end = rest.find(":]");
      if (end == StringRef::npos)
        return fail("'[:' without ':]'");
      members += rest.take_front(end + 2);
      rest = rest.drop_front(end + 2);
      continue;
    }
    bool isEscaped = rest[0] == '\\';
    if (isEscaped && rest.size() < 2)
      return fail("a backslash at the end");
    char c = isEscaped ? rest[1] : rest[0];
    rest = rest.drop_front(isEscaped ? 2 : 1);
    if (isEscaped && llvm::isAlnum(c)) {
      StringRef named = classOf(c);
      char control = controlCharacter(c);
      if ((named.empty() && !control) || llvm::isUpper(c))
        return fail("'[\\" + llvm::Twine(c) + "]'");
      members += named.empty() ? std::string(1, control) : named.str();
      continue;
    }
    // These mean themselves at certain places only.
    bool isRange = !isEscaped && c == '-' && !members.empty() && !rest.starts_with("]");
    if (c == '-' && !isRange)
      hasDash = true;
    else if (c == ']')
      hasBracket = true;
    else if (c == '^')
      hasCaret = true;
    else
      members += c;
  }
  rest = rest.drop_front();
  // A class of a caret alone would be the complement of nothing.
  if (hasCaret && members.empty() && !hasBracket && !hasDash && !isNegated) {
    result += "\\^";
    return true;
  }
  result += std::string(isNegated ? "[^" : "[") + (hasBracket ? "]" : "") + members + (hasCaret ? "^" : "") +
            (hasDash ? "-" : "") + "]";
  return true;
}

bool Translator::group() {
  ++depth;
  if (!rest.starts_with("(?")) {
    result += "(";
    rest = rest.drop_front();
    return true;
  }
  if (rest.consume_front("(?:")) {
    result += "(";
    return true;
  }
  if (rest.starts_with("(?P<") || rest.starts_with("(?<")) {
    size_t end = rest.find('>');
    if (end == StringRef::npos)
      return fail("a group whose name does not end");
    result += "(";
    rest = rest.drop_front(end + 1);
    return true;
  }
  return fail("'" + rest.take_front(std::min<size_t>(rest.find(')'), 8)) + "'");
}

bool Translator::step() {
  char c = rest[0];
  switch (c) {
  case '\\':
    return rest.size() < 2 ? fail("a backslash at the end") : escape();
  case '[':
    return bracket();
  case '(':
    return group();
  case ')':
    if (depth == 0)
      return fail("')' without '('");
    --depth;
    result += c;
    break;
  case '*':
  case '+':
  case '?':
  case '}':
    result += c;
    rest = rest.drop_front();
    rest.consume_front("?"); // As few as possible, or as many: the string is the same.
    return true;
  case '.': // Any character but the end of a line.
    result += "[^\n]";
    break;
  default:
    result += c;
  }
  rest = rest.drop_front();
  return true;
}

FailureOr<std::string> Translator::run() {
  while (!rest.empty())
    if (!step())
      return failure();
  std::string whole = result.empty() ? "^$" : "^(" + result + ")$";
  regex_t compiled;
  int code = regcomp(&compiled, whole.c_str(), REG_EXTENDED | REG_NOSUB);
  if (code != 0) {
    char text[128];
    regerror(code, &compiled, text, sizeof(text));
    problem = std::string("what the C library calls '") + text + "'";
    return failure();
  }
  regfree(&compiled);
  return whole;
}

} // namespace

FailureOr<std::string> lathe::onnx_import::toPosixPattern(StringRef pattern, std::string &problem) {
  return Translator(pattern, problem).run();
}
