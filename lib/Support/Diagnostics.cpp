// lib/Support/Diagnostics.cpp: collects and prints messages to the user.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace lathe;
using llvm::StringRef;

/// How many bytes the character at the front of `text` has in UTF-8; 0 if
/// there is none.
static size_t characterSize(StringRef text) {
  auto first = static_cast<unsigned char>(text.front());
  size_t size = llvm::getNumBytesForUTF8(first);
  const auto *bytes = reinterpret_cast<const llvm::UTF8 *>(text.data());
  return size <= text.size() && llvm::isLegalUTF8Sequence(bytes, bytes + size) ? size : 0;
}

/// `text`, with bytes that are no UTF-8 as `\x80`: messages quote files that
/// may hold anything, and whoever reads them may insist on UTF-8.
static std::string legible(StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  while (!text.empty()) {
    size_t size = characterSize(text);
    if (size == 0)
      os << "\\x" << llvm::toHex(text.take_front(1));
    else
      os << text.take_front(size);
    text = text.drop_front(std::max<size_t>(size, 1));
  }
  return result;
}

StringRef lathe::severityName(Severity severity) {
  switch (severity) {
  case Severity::Error:
    return "error";
  case Severity::Warning:
    return "warning";
  case Severity::Remark:
    return "remark";
  }
  return "";
}

std::string Diagnostic::text() const {
  std::string result;
  llvm::raw_string_ostream os(result);
  auto line = [&](StringRef kind) -> llvm::raw_ostream & {
    if (!place.empty())
      os << place << ": ";
    return os << kind << ": ";
  };
  line(severityName(severity)) << message;
  if (!id.empty())
    os << " [" << id << "]";
  for (const std::string &note : notes) {
    os << "\n";
    line("note") << note;
  }
  return legible(result);
}

Diagnostic &Diagnostics::error(StringRef id, const llvm::Twine &place, const llvm::Twine &message) {
  ++numErrors;
  list.push_back({Severity::Error, id.str(), place.str(), message.str(), {}});
  return list.back();
}

Diagnostic &Diagnostics::warning(StringRef id, const llvm::Twine &place, const llvm::Twine &message) {
  list.push_back({Severity::Warning, id.str(), place.str(), message.str(), {}});
  return list.back();
}

Diagnostic &Diagnostics::remark(StringRef id, const llvm::Twine &place, const llvm::Twine &message) {
  list.push_back({Severity::Remark, id.str(), place.str(), message.str(), {}});
  return list.back();
}

std::string Diagnostics::text() const {
  std::string result;
  for (const Diagnostic &diagnostic : list)
    result += diagnostic.text() + "\n";
  return result;
}

std::string lathe::quoted(StringRef text) {
  constexpr size_t longest = 200;
  size_t kept = std::min(text.size(), longest);
  // A cut leaves characters whole.
  while (kept != 0 && kept < text.size() && (text[kept] & 0xc0) == 0x80 && kept + 4 > longest)
    --kept;
  std::string result = "\"";
  llvm::raw_string_ostream os(result);
  for (unsigned char c : text.take_front(kept)) {
    if (c == '"' || c == '\\')
      os << '\\' << c;
    else if (c < 0x20 || c == 0x7f)
      os << "\\x" << llvm::hexdigit(c >> 4) << llvm::hexdigit(c & 15);
    else
      os << c;
  }
  if (text.size() > kept)
    os << "...";
  return result + "\"";
}

/// Letters to insert, drop or replace, or neighbours to swap, between two words:
/// LLVM's edit distance counts a swap, the commonest slip, as two.
static unsigned slips(StringRef a, StringRef b) {
  std::vector<std::vector<unsigned>> best(a.size() + 1, std::vector<unsigned>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (!i || !j) {
        best[i][j] = unsigned(i + j);
        continue;
      }
      best[i][j] =
          std::min({best[i - 1][j] + 1, best[i][j - 1] + 1, best[i - 1][j - 1] + unsigned(a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        best[i][j] = std::min(best[i][j], best[i - 2][j - 2] + 1);
    }
  return best[a.size()][b.size()];
}

StringRef lathe::closestWord(StringRef word, llvm::ArrayRef<StringRef> known) {
  // A third of the letters may differ; a wilder guess would mislead.
  unsigned best = std::max<size_t>(word.size() / 3, 1) + 1;
  StringRef result;
  std::string lower = word.lower();
  for (StringRef candidate : known) {
    // Not worth their time: words that differ in more than slips, and names that
    // no one types.
    constexpr size_t longest = 200;
    if (candidate.size() > longest || candidate.size() > word.size() + best || word.size() > candidate.size() + best)
      continue;
    unsigned distance = slips(lower, candidate.lower());
    if (distance < best) {
      best = distance;
      result = candidate;
    }
  }
  return result;
}

std::string lathe::shortList(llvm::ArrayRef<StringRef> names) {
  constexpr size_t shown = 20;
  std::string list = llvm::join(names.take_front(shown), ", ");
  return names.size() <= shown ? list : list + " and " + std::to_string(names.size() - shown) + " more";
}

std::string lathe::shortList(llvm::ArrayRef<std::string> names) {
  return shortList(std::vector<StringRef>(names.begin(), names.end()));
}

std::string lathe::didYouMean(StringRef word, llvm::ArrayRef<StringRef> known) {
  StringRef meant = closestWord(word, known);
  if (meant.empty())
    return "";
  return ("; did you mean '" + meant + "'?").str();
}
