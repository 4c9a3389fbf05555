// lib/Import/ONNX/Regex.cpp: rewrites what RE2 and POSIX write differently.
//
// For a match of the whole string, or the longest one, it does not matter which match a quantifier
// prefers, nor what a group captures: both are dropped. Classes of characters are
// written out.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Regex.h"

#include "llvm/ADT/StringExtras.h"

#include <locale.h>
#include <regex.h>

using lathe::onnx_import::PosixPattern;
using llvm::failure;
using llvm::FailureOr;
using llvm::StringRef;

namespace {

/// A character of UTF-8 that is not ASCII, by its bytes.
constexpr StringRef wideCharacter = "[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}";

/// Reads a pattern from left to right.
class Translator {
public:
  Translator(StringRef pattern, std::string &problem)
      : rest(pattern), isOfBytes(hasBoundaries(pattern)), problem(problem) {}
  FailureOr<PosixPattern> run(bool isWhole);

private:
  bool fail(const llvm::Twine &what) {
    problem = what.str();
    return false;
  }
  static bool hasBoundaries(StringRef pattern);
  bool step();
  bool escape();
  bool letter();
  bool bracket();
  bool group();

  StringRef rest;
  unsigned depth = 0; ///< Of open groups.
  bool isOfBytes;
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

/// Whether there is a \b or \B outside of brackets, or inside of them, where it is an
/// error in any case.
bool Translator::hasBoundaries(StringRef pattern) {
  for (size_t i = 0; i + 1 < pattern.size(); ++i)
    if (pattern[i] == '\\' && (pattern[++i] == 'b' || pattern[i] == 'B'))
      return true;
  return false;
}

/// A character that means itself.
bool Translator::letter() {
  size_t size = 1;
  // What follows it holds for all of its bytes.
  while (isOfBytes && size < rest.size() && (rest[0] & 0x80) && (rest[size] & 0xc0) == 0x80)
    ++size;
  result += size == 1 ? rest.take_front(1).str() : ("(" + rest.take_front(size) + ")").str();
  rest = rest.drop_front(size);
  return true;
}

bool Translator::escape() {
  char letter = rest[1];
  if (letter == 'b' || letter == 'B') {
    result += rest.take_front(2);
    rest = rest.drop_front(2);
    return true;
  }
  if (StringRef members = classOf(letter); !members.empty()) {
    bool isOther = llvm::isUpper(letter);
    std::string set = (isOther && isOfBytes ? "[^\x80-\xff" : isOther ? "[^" : "[") + members.str() + "]";
    result += isOther && isOfBytes ? "(" + set + "|" + wideCharacter.str() + ")" : set;
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
    if (isOfBytes && (c & 0x80))
      return fail("both '\\b' and brackets with letters beyond ASCII");
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
  bool isWide = isNegated && isOfBytes;
  std::string set = std::string(isNegated ? "[^" : "[") + (hasBracket ? "]" : "") + members +
                    (isWide ? "\x80-\xff" : "") + (hasCaret ? "^" : "") + (hasDash ? "-" : "") + "]";
  result += isWide ? "(" + set + "|" + wideCharacter.str() + ")" : set;
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
    result += isOfBytes ? "([^\n\x80-\xff]|" + wideCharacter.str() + ")" : "[^\n]";
    break;
  default:
    return letter();
  }
  rest = rest.drop_front();
  return true;
}

FailureOr<PosixPattern> Translator::run(bool isWhole) {
  while (!rest.empty())
    if (!step())
      return failure();
  std::string whole = isWhole ? (result.empty() ? "^$" : "^(" + result + ")$") : "(" + result + ")";
  regex_t compiled;
  // As the runtime compiles it, whatever the program's locale is.
  locale_t neutral = newlocale(LC_ALL_MASK, isOfBytes ? "C" : "C.UTF-8", locale_t());
  if (!neutral)
    neutral = newlocale(LC_ALL_MASK, "C", locale_t());
  locale_t before = uselocale(neutral);
  int code = regcomp(&compiled, whole.c_str(), REG_EXTENDED | REG_NOSUB);
  uselocale(before);
  if (neutral)
    freelocale(neutral);
  if (code != 0) {
    char text[128];
    regerror(code, &compiled, text, sizeof(text));
    problem = std::string("what the C library calls '") + text + "'";
    return failure();
  }
  regfree(&compiled);
  return PosixPattern{whole, isOfBytes};
}

} // namespace

FailureOr<PosixPattern> lathe::onnx_import::toPosixPattern(StringRef pattern, std::string &problem, bool isWhole) {
  return Translator(pattern, problem).run(isWhole);
}
