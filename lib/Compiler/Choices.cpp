// lib/Compiler/Choices.cpp: reads tables of choices, of which any byte may be wrong.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Choices.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

namespace lathe {

/// As python/lathe/tuning.py writes it.
static constexpr int64_t tableFormat = 1;

/// Digits of a kernel's key.
static constexpr size_t keyDigits = 32;

/// What is wrong with an entry, or "".
static std::string checkEntry(llvm::StringRef key, const llvm::json::Object *entry) {
  if (key.size() != keyDigits || !llvm::all_of(key, llvm::isHexDigit))
    return quoted(key) + " is no key of a kernel, which has 32 hexadecimal digits";
  std::optional<llvm::StringRef> choice = entry ? entry->getString("choice") : std::nullopt;
  if (!choice || choice->empty())
    return "kernel " + key.str() + " has no 'choice', which is a text";
  return "";
}

std::optional<std::vector<std::string>> readChoices(const CompileOptions &options, Diagnostics &diagnostics) {
  std::vector<std::string> list;
  if (options.choices.empty() && options.choicesFile.empty())
    return list;
  auto damaged = [&](const llvm::Twine &how) -> std::optional<std::vector<std::string>> {
    std::string message = ("is no table of choices: " + how).str();
    if (options.choicesAreOptional) {
      diagnostics.warning("choices-damaged", options.choicesFile, message + "; it is not used")
          .note("delete it; 'lathe tune' writes another");
      return std::vector<std::string>();
    }
    diagnostics.error("choices-damaged", options.choicesFile, message)
        .note("'lathe tune MODEL' writes one; without a table, kernels are computed as Lathe chooses");
    return std::nullopt;
  };
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(options.choices);
  if (!value)
    return damaged(llvm::toString(value.takeError()));
  const llvm::json::Object *table = value->getAsObject();
  std::optional<int64_t> format = table ? table->getInteger("format") : std::nullopt;
  std::optional<llvm::StringRef> version = table ? table->getString("version") : std::nullopt;
  if (!format || !version)
    return damaged("it says no 'format' and 'version'");
  if (*format != tableFormat || *version != compilerVersion()) {
    std::string message = "is of Lathe " + version->str() + ", format " + std::to_string(*format) + ", but this is " +
                          compilerVersion() + ", format " + std::to_string(tableFormat) + "; it is not used";
    Diagnostic &diagnostic = options.choicesAreOptional
                                 ? diagnostics.remark("choices-version", options.choicesFile, message)
                                 : diagnostics.warning("choices-version", options.choicesFile, message);
    diagnostic.note("tune the model again");
    return list;
  }
  const llvm::json::Object *kernels = table->getObject("kernels");
  if (!kernels)
    return damaged("it has no 'kernels'");
  for (const auto &[key, entry] : *kernels) {
    const llvm::json::Object *object = entry.getAsObject();
    if (std::string problem = checkEntry(key, object); !problem.empty())
      return damaged(problem);
    list.push_back(key.str() + "=" + object->getString("choice")->str());
  }
  llvm::sort(list);
  return list;
}

} // namespace lathe
