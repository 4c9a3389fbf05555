// lib/Import/ONNX/Text.cpp: operators on strings.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"
#include "Regex.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// A function on strings whose result has the dims `dims`.
static Value callText(Node &node, StringRef function, llvm::ArrayRef<Value> operands, Type element, const Dims &dims,
                      llvm::ArrayRef<StringRef> parameters = {}) {
  if (node.failed())
    return {};
  SmallVector<Type> types = {node.solver().type(dims, element)};
  return graph::TextOp::create(node.builder(), node.loc, types, function, operands,
                               node.builder().getStrArrayAttr(parameters))
      .getResult(0);
}

Value onnx_import::orderOfTexts(Node &node, Value x) {
  return callText(node, "order", {x}, node.builder().getI64Type(), node.dims(x));
}

static Value importStringConcat(Node &node) {
  Value a = node.input(0), b = node.input(1);
  // What both broadcast to is what a choice between them would have.
  Value whole = node.createAs<graph::SelectOp>(node.element(a), node.scalar(node.builder().getI1Type(), 1), a, b);
  if (node.failed())
    return {};
  Dims dims = node.dims(whole);
  return callText(node, "concat", {node.broadcast(a, dims), node.broadcast(b, dims)}, node.element(a), dims);
}

static Value importRegexFullMatch(Node &node) {
  std::string problem;
  StringRef pattern = node.string("pattern");
  llvm::FailureOr<PosixPattern> posix = toPosixPattern(pattern, problem);
  if (llvm::failed(posix))
    return node.unsupported("pattern", quoted(pattern) + ", in which there is " + problem,
                            "patterns without flags and classes of Unicode are");
  return callText(node, "match", {node.input(0)}, node.builder().getI1Type(), node.dims(node.input(0)),
                  {posix->text, posix->isOfBytes ? "bytes" : "text"});
}

static void importStringSplit(Node &node) {
  Value x = node.input(0);
  int64_t most = node.has("maxsplit") ? node.integer("maxsplit") : -1;
  std::string limit = std::to_string(most), delimiter = node.string("delimiter").str();
  if (StringRef(delimiter).contains('\0')) {
    node.unsupported("delimiter", "text with a zero in it", "text without one is");
    return;
  }
  SmallVector<StringRef> parameters = {delimiter, limit};
  Type i64 = node.builder().getI64Type();
  graph::ShapeSolver &solver = node.solver();
  Value width = callText(node, "split_width", {x}, i64, {solver.constant(1)}, parameters);
  if (node.failed())
    return;
  // A delimiter of one byte stands between all parts; no text has as many.
  Dims counts = node.dims(x), parts = counts;
  parts.push_back(solver.element(node.builder(), width, 0));
  SmallVector<Type> types = {solver.type(parts, node.element(x)), solver.type(counts, i64)};
  auto split =
      graph::TextOp::create(node.builder(), node.loc, types, "split", x, node.builder().getStrArrayAttr(parameters));
  node.setOutput(0, split.getResult(0));
  node.setOutput(1, split.getResult(1));
}

static Value importStringNormalizer(Node &node) {
  Value x = node.input(0);
  StringRef action = node.string("case_change_action");
  if (action.empty())
    action = "NONE";
  if (action != "NONE" && action != "LOWER" && action != "UPPER")
    return node.unsupported("case_change_action", quoted(action), "\"NONE\", \"LOWER\" and \"UPPER\" are");
  // Letters change as Unicode has it for all locales.
  node.ignore({"locale"});
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  Dims dims = node.dims(x);
  bool isRow = dims.size() == 2;
  if (dims.empty() || dims.size() > 2) {
    node.error("onnx-shape-mismatch", "'X' has rank " + std::to_string(dims.size()) + ", but 1 or 2 is expected")
        .note("give [C] or [1, C]");
    return {};
  }
  if (isRow) {
    node.check(x, dims[0], solver.constant(1), "rows of 'X' and 1");
    x = node.reshape(x, {dims[1]});
  }
  SmallVector<StringRef> parameters = {node.flag("is_case_sensitive") ? "NONE" : "LOWER"};
  llvm::append_range(parameters, node.strings("stopwords"));
  Value count = callText(node, "filter_count", {x}, node.builder().getI64Type(), {solver.constant(1)}, parameters);
  if (node.failed())
    return {};
  Dims kept = {solver.element(node.builder(), count, 0)};
  Value y = callText(node, "filter", {x}, node.element(x), kept, parameters);
  if (action != "NONE")
    y = callText(node, "case", {y}, node.element(x), kept, {action});
  return isRow ? node.unsqueeze(y, {0}) : y;
}

/// com.microsoft.Tokenizer: what 'tokenexp' fits, or what is between 'separators', of which a single "" stands for
/// the place between any two characters. Matches are the longest ones.
static Value importTokenizer(Node &node) {
  Value x = node.input(0);
  int64_t shortest = node.integer("mincharnum");
  std::string least = std::to_string(shortest), padding = node.string("pad_value").str();
  SmallVector<StringRef> given = node.strings("separators");
  StringRef expression = node.string("tokenexp"), kind = expression.empty() ? "separators" : "tokens";
  if (node.failed())
    return {};
  if (expression.empty() == given.empty()) {
    node.error("onnx-missing-attribute", Twine("'tokenexp' and 'separators' are ") +
                                             (given.empty() ? "both missing" : "both given") + ", but one is expected")
        .note("say what tokens are, or what is between them");
    return {};
  }
  if (given.size() == 1 && given[0].empty())
    kind = "characters";
  else if (!expression.empty())
    given = {expression};
  if (shortest < 1 || (kind == "characters" && shortest > 1))
    return node.unsupported("mincharnum", Twine(shortest),
                            kind == "characters" ? "1 is, where 'separators' is one \"\" and tokens are characters"
                                                 : "1 or more is");
  SmallVector<std::string> patterns;
  bool isOfBytes = false;
  for (StringRef pattern : kind == "characters" ? SmallVector<StringRef>() : given) {
    std::string problem;
    llvm::FailureOr<PosixPattern> posix = toPosixPattern(pattern, problem, /*isWhole=*/false);
    if (llvm::failed(posix) || (!patterns.empty() && posix->isOfBytes != isOfBytes))
      return node.unsupported(expression.empty() ? "separators" : "tokenexp",
                              quoted(pattern) + ", in which there is " +
                                  (problem.empty() ? "'\\b', but not in those before it" : problem),
                              "patterns without flags and classes of Unicode are");
    isOfBytes = posix->isOfBytes;
    patterns.push_back(posix->text);
  }
  SmallVector<StringRef> parameters = {kind, isOfBytes ? "bytes" : "text", least,
                                       node.flag("mark") ? "marked" : "plain", padding};
  llvm::append_range(parameters, patterns);
  Dims dims = node.dims(x);
  if (dims.empty() || dims.size() > 2) {
    node.error("onnx-shape-mismatch", "'X' has rank " + Twine(dims.size()) + ", but 1 or 2 is expected")
        .note("give [C] or [N, C]");
    return {};
  }
  Value width =
      callText(node, "token_width", {x}, node.builder().getI64Type(), {node.solver().constant(1)}, parameters);
  if (node.failed())
    return {};
  dims.push_back(node.solver().element(node.builder(), width, 0));
  return callText(node, "tokens", {x}, node.element(x), dims, parameters);
}

/// com.microsoft.MurmurHash3 of the bytes of each text or number.
static Value importMurmurHash3(Node &node) {
  auto seed = static_cast<uint32_t>(node.integer("seed"));
  Type type = node.builder().getIntegerType(32, /*isSigned=*/false);
  if (!node.flag("positive"))
    type = node.builder().getI32Type();
  bool isText = !node.failed() && mlir::isa<graph::StringType>(node.element(node.input(0)));
  std::string text = std::to_string(seed);
  return callText(node, "murmur", {node.input(0)}, type, node.dims(node.input(0)), {isText ? "text" : "numbers", text});
}

void onnx_import::registerTextOps(OpTable &ops) {
  ops.add("StringConcat", {20}, importStringConcat);
  ops.add("RegexFullMatch", {20}, importRegexFullMatch);
  ops.add("StringSplit", {20}, importStringSplit);
  ops.add("StringNormalizer", {10}, importStringNormalizer);
  ops.add({"com.microsoft", "MurmurHash3"}, {1}, importMurmurHash3);
  ops.add({"com.microsoft", "Tokenizer"}, {1}, importTokenizer);
}
