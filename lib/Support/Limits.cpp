// lib/Support/Limits.cpp: the table of limits, and how users set them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Support/Limits.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <vector>

namespace lathe {

using llvm::StringRef;

/// In the order of the enumeration.
static constexpr LimitInfo limits[] = {
    {"file-bytes", int64_t(1) << 38, INT64_MAX, "bytes of the model's file, or of the pipe that it comes through"},
    {"graph-bytes", int64_t(1) << 30, INT32_MAX, "bytes of an ONNX model less its raw tensors: what has to be parsed"},
    {"nodes", 1'000'000, INT64_MAX, "nodes, those of functions and subgraphs each time that they are used"},
    {"depth", 31, 200, "graphs, or calls of functions, one inside of the other"},
    {"tensor-elements", int64_t(1) << 33, int64_t(1) << 40, "elements of a tensor that the model computes"},
    {"folded-bytes", int64_t(1) << 32, INT64_MAX,
     "bytes of what is computed when the model is compiled; the rest is computed in each call"},
    {"compile-bytes", 0, INT64_MAX, "bytes of memory of the process, while it compiles"},
    {"compile-seconds", 3600, INT64_MAX, "seconds that compiling takes"},
    {"call-bytes", 0, INT64_MAX, "bytes of memory that one call takes, outputs included"},
};
static_assert(std::size(limits) == limitCount);

llvm::ArrayRef<LimitInfo> allLimits() { return limits; }

Limits::Limits() {
  for (auto [value, row] : llvm::zip_equal(values, limits))
    value = row.standard;
}

bool Limits::set(llvm::ArrayRef<std::string> texts, const llvm::Twine &place, Diagnostics &diagnostics) {
  return llvm::all_of(texts, [&](const std::string &text) { return setOne(text, place, diagnostics); });
}

bool Limits::setOne(StringRef text, const llvm::Twine &place, Diagnostics &diagnostics) {
  auto [name, number] = text.split('=');
  const LimitInfo *row = llvm::find_if(limits, [&](const LimitInfo &other) { return other.name == name; });
  if (row == std::end(limits)) {
    std::vector<StringRef> names;
    for (const LimitInfo &other : limits)
      names.push_back(other.name);
    diagnostics.error("limit-unknown", place, "there is no limit " + quoted(name) + didYouMean(name, names))
        .note("there are " + llvm::join(names, ", "));
    return false;
  }
  size_t index = row - limits;
  if (given[index]) {
    diagnostics.error("limit-twice", place, "the limit " + quoted(name) + " is given twice; leave one out");
    return false;
  }
  int64_t value = 0;
  if (number.getAsInteger(10, value) || value < 1 || value > row->most) {
    diagnostics.error("limit-value", place,
                      "the limit " + quoted(text) + " is not NAME=NUMBER with a whole number from 1 to " +
                          llvm::Twine(row->most));
    return false;
  }
  values[index] = value;
  given[index] = true;
  return true;
}

std::string howToRaise(Limit limit) {
  const LimitInfo &row = limits[static_cast<unsigned>(limit)];
  return ("if you trust the model, allow more with --limit " + row.name + "=NUMBER, in Python limits={\"" + row.name +
          "\": NUMBER}")
      .str();
}

} // namespace lathe
