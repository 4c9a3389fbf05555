// lib/OpLibrary/Families/Attention.cpp: softmax(q k^T / sqrt(head)) v, with masks and shared keys.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Family.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using llvm::StringRef;

namespace lathe::oplib {

namespace {

constexpr StringRef keys[] = {"dtypes", "head", "mask", "group"};
constexpr StringRef masks[] = {"none", "causal"};
constexpr int64_t mostHead = 4096, mostGroup = 1024;

/// `HEAD`, `GROUP` and `IS_CAUSAL` are defined before it. A query that sees no key takes the mean of all.
constexpr llvm::StringLiteral oracle = R"(  (void)choice;
  const int64_t queries = s[2], keys = s[3];
  for (int64_t h = 0; h < s[0] * s[1]; ++h)
    for (int64_t g = 0; g < GROUP; ++g)
      for (int64_t i = 0; i < queries; ++i) {
        const double *q = x[0] + ((h * GROUP + g) * queries + i) * HEAD;
        const double *k = x[1] + h * keys * HEAD, *v = x[2] + h * keys * HEAD;
        const int64_t seen = IS_CAUSAL ? keys - queries + i + 1 : keys;
        double most = -1e30, sum = 0, size = 0, result[HEAD] = {0}, spread[HEAD] = {0};
        for (int pass = 0; pass < 2; ++pass)
          for (int64_t j = 0; j < keys; ++j) {
            double score = 0, large = 0;
            for (int64_t d = 0; d < HEAD; ++d) {
              score += q[d] * k[j * HEAD + d];
              large += fabs(q[d] * k[j * HEAD + d]);
            }
            score = j < seen ? score / sqrt((double)HEAD) : -1e30;
            if (pass == 0) {
              most = fmax(most, score);
              size = fmax(size, large);
              continue;
            }
            double weight = exp(score - most);
            sum += weight;
            for (int64_t d = 0; d < HEAD; ++d) {
              result[d] += weight * v[j * HEAD + d];
              spread[d] += weight * fabs(v[j * HEAD + d]);
            }
          }
        for (int64_t d = 0; d < HEAD; ++d) {
          const int64_t at = ((h * GROUP + g) * queries + i) * HEAD + d;
          y[at] = keys ? result[d] / sum : 0;
          /* The scores are off by an ulp of their sums, which the exponential keeps as a relative error. */
          bound[at] = keys == 0 ? 0 : EPS * ((double)keys + 16 + 2 * ((double)HEAD + 4) * size) * spread[d] / sum;
        }
      }
)";

struct Options {
  int64_t head, group;
  bool isCausal;
  std::string dtype;
};

/// What the scores of hidden keys become: an infinity would make rows of them alone no numbers.
constexpr StringRef hidden = "-1.000000e+30";

/// The scores, of dims `dims`, with those of later keys hidden: of the last two dims, i sees j <= i + keys - queries.
std::string writeMask(KernelText &text, const std::string &scores, const std::vector<std::string> &dims,
                      StringRef sums) {
  std::vector<std::string> plane = {"queries", "keys"};
  std::string index = text.type(plane, "i64"), scalar = text.scalarType("i64"), type = text.type(dims, sums);
  std::string truth = text.type(plane, "bool");
  std::string i = text.add("graph.iota 0", index), j = text.add("graph.iota 1", index);
  // The difference of two sizes is no size: both are read from the keys' positions.
  std::string later = text.add("graph.dim_values " + text.dimValues({"keys queries -1 * +"}), "tensor<1xi64>");
  std::string last = text.binary("add", i, index, later, "tensor<1xi64>", index);
  std::string sees = text.add("graph.less_equal " + j + ", " + last, "(" + index + ", " + index + ") -> " + truth);
  std::string other = text.scalar(hidden, sums);
  return text.add("graph.select " + sees + ", " + scores + ", " + other,
                  "(" + truth + ", " + type + ", " + text.scalarType(sums) + ") -> " + type);
}

std::string write(KernelText &text, const Op &op, const Options &options) {
  StringRef sums = elementType(options.dtype).sums;
  std::string d = std::to_string(options.head), g = std::to_string(options.group);
  bool isGrouped = options.group > 1;
  const Operand &q = op.operands[0], &k = op.operands[1], &v = op.operands[2], &y = op.result();
  // Queries that share keys are rows of one matrix.
  std::string rows = isGrouped ? "queries " + g + " *" : "queries";
  std::vector<std::string> qDims = {"batch", "heads", rows, d}, kDims = {"batch", "heads", d, "keys"},
                           scoreDims = {"batch", "heads", rows, "keys"},
                           planes = {"batch", "heads", g, "queries", "keys"};
  std::string query = "%q", scoreType = text.type(scoreDims, sums);
  if (isGrouped)
    query = text.add("graph.reshape %q", "(" + text.type(q) + ") -> " + text.type(qDims, options.dtype));
  std::string turned = text.add("graph.transpose %k [0, 1, 3, 2]", text.type(k) + " -> " + text.type(kDims, k.dtype));
  std::string scores =
      text.binary("matmul", query, text.type(qDims, q.dtype), turned, text.type(kDims, k.dtype), scoreType);
  std::string scale;
  llvm::raw_string_ostream(scale) << llvm::format("%.17e", 1 / std::sqrt(static_cast<double>(options.head)));
  scores = text.binary("mul", scores, scoreType, text.scalar(scale, sums), text.scalarType(sums), scoreType);
  if (options.isCausal && isGrouped) {
    std::string wide = text.type(planes, sums);
    scores = text.add("graph.reshape " + scores, "(" + scoreType + ") -> " + wide);
    scores = writeMask(text, scores, planes, sums);
    scores = text.add("graph.reshape " + scores, "(" + wide + ") -> " + scoreType);
  } else if (options.isCausal) {
    scores = writeMask(text, scores, scoreDims, sums);
  }
  std::string weights = text.add("graph.softmax " + scores + " axis = 3", scoreType);
  std::string values = text.load(v), result = text.type(qDims, sums);
  std::string value = text.binary("matmul", weights, scoreType, values, text.type(v.dims, sums), result);
  value = text.cast(value, qDims, sums, options.dtype);
  return isGrouped ? text.add("graph.reshape " + value, "(" + text.type(qDims, options.dtype) + ") -> " + text.type(y))
                   : value;
}

std::unique_ptr<Op> makeOp(const Options &options) {
  auto op = std::make_unique<Op>();
  std::string d = std::to_string(options.head), g = std::to_string(options.group);
  op->family = "attention";
  op->name = std::string("attention_") + (options.isCausal ? "causal_" : "") + "h" + d +
             (options.group > 1 ? "g" + g : "") + "_" + options.dtype;
  op->about = "y = softmax(q k^T / sqrt(" + d + ")) v" +
              (options.isCausal ? "; query i sees the keys up to i + keys - queries" : "") +
              (options.group > 1 ? "; each head of keys serves " + g + " of queries" : "");
  op->isProgram = true;
  op->symbols = {"batch", "heads", "queries", "keys"};
  op->symbolsAbout = {"sequences", "of keys and values", "rows of q and y, of each head",
                      "rows of k and v, of each head"};
  std::vector<std::string> dims = {"batch", "heads", "queries", d}, cache = {"batch", "heads", "keys", d};
  if (options.group > 1)
    dims.insert(dims.begin() + 2, g);
  op->operands = {{"q", options.dtype, dims, {}, "the queries"},
                  {"k", options.dtype, cache, {}, "the keys"},
                  {"v", options.dtype, cache, {}, "the values"},
                  {"y", options.dtype, dims, {}, "the result", false, true}};
  op->mostDim = 17;
  addForms(*op);
  op->specializations = {
      {"decode", {std::nullopt, std::nullopt, 1, std::nullopt}, "one query, as when text is written"},
      {"any", {}, "serves all sizes"}};
  op->oracle = "  enum { HEAD = " + d + ", GROUP = " + g + ", IS_CAUSAL = " + (options.isCausal ? "1" : "0") + " };\n" +
               oracle.str();
  op->writeBody = [options, raw = op.get()](KernelText &text, const Form &) { return write(text, *raw, options); };
  return op;
}

bool expand(const YamlNode &node, YamlReader &reader, Ops &ops) {
  if (!reader.isMap(node, "attention", keys))
    return false;
  auto types = readDtypes(node, reader, "attention", floatTypes());
  auto kinds = readTexts(node, "mask", reader, "attention", masks, {"none"});
  auto heads = readTexts(node, "head", reader, "attention", {}, {"64"});
  auto group = readNumber(node, "group", reader, "attention", 1, mostGroup, 1);
  if (!types || !kinds || !heads || !group)
    return false;
  for (const std::string &dtype : *types)
    for (const std::string &head : *heads)
      for (const std::string &kind : *kinds) {
        int64_t size = 0;
        if (StringRef(head).getAsInteger(10, size) || size < 1 || size > mostHead) {
          reader
              .error("oplib-spec-number", *node.find("head"),
                     "'head' of attention is " + quoted(head) + ", but a whole number from 1 to " +
                         llvm::Twine(mostHead) + " is expected")
              .note("write the number of elements of a head, such as 64");
          return false;
        }
        ops.push_back(makeOp({size, *group, kind == "causal", dtype}));
      }
  return true;
}

} // namespace

extern const Family attentionFamily;
const Family attentionFamily = {"attention", expand};

} // namespace lathe::oplib
