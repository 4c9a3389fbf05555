// tools/lathe/Arguments.cpp: reads a command line by the command's table.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"

#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/SizeRange.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

StringRef Arguments::get(StringRef option, StringRef otherwise) const {
  auto it = values.find(option);
  return it == values.end() ? otherwise : StringRef(it->second.back());
}

llvm::ArrayRef<std::string> Arguments::all(StringRef option) const {
  auto it = values.find(option);
  if (it == values.end())
    return {};
  return it->second;
}

int64_t Arguments::count(StringRef option, int64_t otherwise) const {
  return parseSize(get(option)).value_or(otherwise);
}

std::optional<int64_t> cli::parseSize(StringRef text) {
  uint64_t value = 0;
  if (text.empty() || !llvm::all_of(text, [](char c) { return llvm::isDigit(c); }) || text.getAsInteger(10, value) ||
      value > uint64_t(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  return int64_t(value);
}

/// Splits at the last '=': names in models may have one, sizes never do.
static std::optional<NamedSizes> parseSizes(StringRef text) {
  size_t equals = text.rfind('=');
  if (equals == StringRef::npos || equals == 0)
    return std::nullopt;
  NamedSizes result{text.take_front(equals).str(), {}};
  StringRef rest = text.drop_front(equals + 1);
  if (rest.empty())
    return result;
  llvm::SmallVector<StringRef> parts;
  rest.split(parts, 'x');
  for (StringRef part : parts) {
    std::optional<int64_t> size = parseSize(part);
    if (!size)
      return std::nullopt;
    result.sizes.push_back(*size);
  }
  return result;
}

std::vector<NamedSizes> Arguments::sizes(StringRef option) const {
  std::vector<NamedSizes> result;
  for (const std::string &text : all(option))
    if (std::optional<NamedSizes> named = parseSizes(text))
      result.push_back(*named);
  return result;
}

std::vector<std::string> Arguments::ranges(StringRef option) const {
  std::vector<std::string> result;
  for (const std::string &text : all(option))
    if (!parseSizes(text))
      result.push_back(text);
  return result;
}

/// What `option` wants instead of `value`, or "" if that fits.
static std::string mismatch(const Option &option, StringRef value) {
  switch (option.form) {
  case Form::Flag:
    return "";
  case Form::Text:
    return value.empty() ? option.value.str() : "";
  case Form::Count: {
    std::optional<int64_t> number = parseSize(value);
    if (number && *number >= option.low && *number <= option.high)
      return "";
    std::string range = "a whole number of " + std::to_string(option.low);
    if (option.high == std::numeric_limits<int64_t>::max())
      return range + " or more";
    return range + " to " + std::to_string(option.high);
  }
  case Form::Counts: {
    llvm::SmallVector<StringRef> words;
    value.split(words, ',');
    auto isCount = [&](StringRef word) {
      std::optional<int64_t> number = parseSize(word);
      return number && *number >= option.low && *number <= option.high;
    };
    if (llvm::all_of(words, isCount))
      return "";
    return "whole numbers of " + std::to_string(option.low) + " to " + std::to_string(option.high) +
           " with commas between them";
  }
  case Form::Pair: {
    auto [name, text] = value.split('=');
    return name.empty() || text.empty() ? option.value.str() : "";
  }
  case Form::Dim: {
    std::optional<NamedSizes> dim = parseSizes(value);
    return dim && dim->sizes.size() == 1 ? "" : "NAME=SIZE with a whole number for SIZE, as in batch=4";
  }
  case Form::Range: {
    auto [name, range] = value.rsplit('=');
    return !name.empty() && SizeRange::parse(range)
               ? ""
               : "NAME=SIZE with a whole number of at most " + std::to_string(SizeRange::largest) +
                     " for SIZE, as in batch=4, or a range, as in batch=8..512%8";
  }
  case Form::Shape:
    return parseSizes(value) ? "" : "INPUT=SIZES, as in image=1x3x224x224";
  }
  return "";
}

/// Whether `option` can have only one of these values.
static bool excludes(const Option &option, StringRef value, StringRef other) {
  bool isNamed = option.form == Form::Dim || option.form == Form::Range || option.form == Form::Shape;
  return !option.repeats || (isNamed && value.rsplit('=').first == other.rsplit('=').first);
}

static const Option *findOption(const Command &command, StringRef word) {
  for (const Option &option : command.options)
    if (word == option.name || (!option.letter.empty() && word == option.letter))
      return &option;
  return nullptr;
}

namespace {
/// Walks over the words of one command line.
class Reader {
public:
  Reader(const Command &command, llvm::ArrayRef<const char *> words)
      : command(command), words(words), place(("lathe " + command.name).str()) {}

  std::optional<Arguments> read() {
    bool onlyOperands = false;
    while (!words.empty()) {
      StringRef word = next();
      if (!onlyOperands && word == "--")
        onlyOperands = true;
      else if (onlyOperands || !word.starts_with("-") || word == "-")
        arguments.operands.push_back(word.str());
      else if (!readOption(word))
        return std::nullopt;
    }
    if (!checkOperands())
      return std::nullopt;
    return std::move(arguments);
  }

private:
  StringRef next() {
    StringRef word = words.front();
    words = words.drop_front();
    return word;
  }

  bool readOption(StringRef word) {
    StringRef name = word, value;
    bool hasValue = false;
    if (word.starts_with("--")) {
      hasValue = word.contains('=');
      std::tie(name, value) = word.split('=');
    } else if (word.size() > 2) {
      // -oFILE
      name = word.take_front(2);
      value = word.drop_front(2);
      hasValue = true;
    }
    const Option *option = findOption(command, name);
    if (!option)
      return unknownOption(name);
    if (option->form == Form::Flag && hasValue)
      return fail(usageError("cli-flag-value", place, option->name + " takes no value, but got " + quoted(value)));
    if (option->form != Form::Flag && !hasValue) {
      if (words.empty())
        return fail(usageError("cli-no-value", place, name + " wants a value: " + option->value));
      value = next();
    }
    if (std::string wanted = mismatch(*option, value); !wanted.empty())
      return fail(usageError("cli-bad-value", place, option->name + " wants " + wanted + ", but got " + quoted(value)));
    std::vector<std::string> &values = arguments.values[option->name];
    auto before = llvm::find_if(values, [&](StringRef other) { return excludes(*option, value, other); });
    if (before != values.end())
      return fail(usageError("cli-option-twice", place,
                             option->name + " is given twice, with " + quoted(*before) + " and " + quoted(value) +
                                 "; leave one out"));
    values.push_back(value.str());
    return true;
  }

  bool unknownOption(StringRef name) {
    llvm::SmallVector<StringRef> known = {"--help"};
    for (const Option &option : command.options)
      known.push_back(option.name);
    return fail(usageError("cli-unknown-option", place, "unknown option " + quoted(name) + didYouMean(name, known)));
  }

  bool checkOperands() {
    size_t got = arguments.operands.size();
    if (got < command.fewest)
      return fail(usageError("cli-no-operand", place, "name a file: lathe " + command.name + " " + command.operands));
    if (got > command.most)
      return fail(usageError("cli-many-operands", place,
                             "takes " + llvm::Twine(command.most) + (command.most == 1 ? " file" : " files") +
                                 ", but got " + llvm::Twine(got) + "; " + quoted(arguments.operands[command.most]) +
                                 " is too much"));
    for (const std::string &operand : arguments.operands)
      if (operand.empty())
        return fail(usageError("cli-empty-operand", place, "the name of a file is empty"));
    return true;
  }

  static bool fail(int) { return false; }

  const Command &command;
  llvm::ArrayRef<const char *> words;
  std::string place;
  Arguments arguments;
};
} // namespace

std::optional<Arguments> cli::parseArguments(const Command &command, llvm::ArrayRef<const char *> words) {
  return Reader(command, words).read();
}
