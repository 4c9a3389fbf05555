// lib/OpLibrary/Families/Rows.cpp: what is computed for each row of a matrix on its own: softmax and norms.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Family.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

/// y = f(x) with one row for each of x.
static std::unique_ptr<Op> makeOp(StringRef family, const std::string &dtype) {
  auto op = std::make_unique<Op>();
  op->family = family.str();
  op->name = (family + "_" + dtype).str();
  op->symbols = {"rows", "columns"};
  op->symbolsAbout = {"of x and y", "of x and y"};
  op->operands.push_back({"x", dtype, {"rows", "columns"}, {"ldx"}, "what is read"});
  op->specializations.push_back({"any", {}, "serves all sizes"});
  return op;
}

static void finish(Op &op, const std::string &dtype) {
  op.operands.push_back({"y", dtype, {"rows", "columns"}, {"ldy"}, "the result", false, true});
  addForms(op);
}

/// Computes in the type of the sums: `body` is given x and its type and returns y.
template <typename Body> static std::string inSums(KernelText &text, const Op &op, Body body) {
  const Operand &x = op.operands.front();
  StringRef sums = elementType(x.dtype).sums;
  return text.cast(body(text.load(x), text.type(x.dims, sums)), x.dims, sums, x.dtype);
}

static constexpr StringRef softmaxKeys[] = {"dtypes"};

static constexpr llvm::StringLiteral softmaxOracle = R"(  (void)choice;
  for (int64_t i = 0; i < s[0]; ++i) {
    const double *row = x[0] + i * s[1];
    double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < s[1]; ++j)
      most = fmax(most, row[j]);
    for (int64_t j = 0; j < s[1]; ++j)
      sum += exp(row[j] - most);
    for (int64_t j = 0; j < s[1]; ++j) {
      y[i * s[1] + j] = exp(row[j] - most) / sum;
      bound[i * s[1] + j] = EPS * (8 + (double)s[1]) * y[i * s[1] + j];
    }
  }
)";

static bool expandSoftmax(const YamlNode &node, YamlReader &reader, Ops &ops) {
  if (!reader.isMap(node, "softmax", softmaxKeys))
    return false;
  auto types = readDtypes(node, reader, "softmax", floatTypes());
  for (const std::string &dtype : types.value_or(std::vector<std::string>())) {
    std::unique_ptr<Op> op = makeOp("softmax", dtype);
    op->about = "y = exp(x - max) / sum, where max and sum are of each row";
    finish(*op, dtype);
    op->oracle = softmaxOracle.str();
    op->writeBody = [raw = op.get()](KernelText &text, const Form &) {
      return inSums(text, *raw, [&](const std::string &x, const std::string &type) {
        return text.add("graph.softmax " + x + " axis = 1", type);
      });
    };
    ops.push_back(std::move(op));
  }
  return types.has_value();
}

static constexpr StringRef normKeys[] = {"dtypes", "epsilon"};

/// `EPSILON` and `IS_CENTERED` are defined before it.
static constexpr llvm::StringLiteral normOracle = R"(  (void)choice;
  const double n = (double)s[1];
  for (int64_t i = 0; i < s[0]; ++i) {
    const double *row = x[0] + i * s[1];
    double mean = 0, variance = 0, most = 0;
    for (int64_t j = 0; j < s[1]; ++j) {
      mean += IS_CENTERED ? row[j] / n : 0;
      most = fmax(most, fabs(row[j]));
    }
    for (int64_t j = 0; j < s[1]; ++j)
      variance += (row[j] - mean) * (row[j] - mean) / n;
    const double deviation = sqrt(variance + EPSILON);
    for (int64_t j = 0; j < s[1]; ++j) {
      double scale = x[1] ? x[1][j] : 1, bias = IS_CENTERED && x[2] ? x[2][j] : 0, plain = (row[j] - mean) / deviation;
      y[i * s[1] + j] = plain * scale + bias;
      /* The mean is off by an ulp of the largest for each sum, and so is what is left of a row. */
      bound[i * s[1] + j] = EPS * ((n + 8) * (1 + fabs(plain)) * fabs(scale) * fmax(1, most / deviation) + fabs(bias));
    }
  }
)";

/// A number above 0, as it is written.
static bool readEpsilon(const YamlNode *node, YamlReader &reader, StringRef family, std::string &result) {
  double value = 1e-5;
  if (node &&
      (node->kind != YamlNode::Kind::Text || StringRef(node->text).getAsDouble(value) || !(value > 0) || value > 1)) {
    reader
        .error("oplib-spec-number", *node,
               "'epsilon' of " + family + " is " + node->describe() +
                   ", but a number above 0 and at most 1 is expected")
        .note("write what is added to the variance, such as 1e-5");
    return false;
  }
  llvm::raw_string_ostream(result) << llvm::format("%.9e", value);
  return true;
}

/// y = x / sqrt(mean of x^2 + epsilon), in parts.
static std::string writeRms(KernelText &text, const std::string &x, const std::string &type, StringRef dtype,
                            const std::string &epsilon) {
  std::string column = text.type({"rows", "1"}, dtype), scalar = text.scalarType(dtype);
  std::string square = text.binary("mul", x, type, x, type, type);
  std::string mean = text.add("graph.reduce mean " + square + " axes = [1] keep_dims", type + " -> " + column);
  std::string sum = text.binary("add", mean, column, text.scalar(epsilon, dtype), scalar, column);
  return text.binary("div", x, type, text.unary("sqrt", sum, column), column, type);
}

static bool expandNorm(const YamlNode &node, YamlReader &reader, Ops &ops, StringRef family, bool isCentered) {
  std::string epsilon;
  if (!reader.isMap(node, family, normKeys) || !readEpsilon(node.find("epsilon"), reader, family, epsilon))
    return false;
  auto types = readDtypes(node, reader, family, floatTypes());
  for (const std::string &dtype : types.value_or(std::vector<std::string>())) {
    std::unique_ptr<Op> op = makeOp(family, dtype);
    op->about = isCentered
                    ? "y = (x - mean) / sqrt(variance + " + epsilon + ") scale + bias, mean and variance of each row"
                    : "y = x / sqrt(mean of x x + " + epsilon + ") scale, the mean of each row";
    op->operands.push_back({"scale", dtype, {"columns"}, {}, "of each column", true});
    if (isCentered)
      op->operands.push_back({"bias", dtype, {"columns"}, {}, "of each column", true});
    finish(*op, dtype);
    op->oracle = "  const double EPSILON = " + epsilon + ";\n  enum { IS_CENTERED = " + (isCentered ? "1" : "0") +
                 " };\n" + normOracle.str();
    op->writeBody = [epsilon, isCentered, raw = op.get()](KernelText &text, const Form &form) {
      return inSums(text, *raw, [&](const std::string &x, const std::string &type) {
        StringRef sums = elementType(raw->operands[0].dtype).sums;
        std::string value = isCentered ? text.add("graph.layer_norm " + x + " axis = 1 epsilon = " + epsilon, type)
                                       : writeRms(text, x, type, sums, epsilon);
        std::string row = text.type({"columns"}, sums);
        if (form.present[1])
          value = text.binary("mul", value, type, text.load(raw->operands[1]), row, type);
        if (isCentered && form.present[2])
          value = text.binary("add", value, type, text.load(raw->operands[2]), row, type);
        return value;
      });
    };
    ops.push_back(std::move(op));
  }
  return types.has_value();
}

extern const Family softmaxFamily, layernormFamily, rmsnormFamily;
const Family softmaxFamily = {"softmax", expandSoftmax};
const Family layernormFamily = {"layernorm", [](const YamlNode &node, YamlReader &reader, Ops &ops) {
                                  return expandNorm(node, reader, ops, "layernorm", /*isCentered=*/true);
                                }};
const Family rmsnormFamily = {"rmsnorm", [](const YamlNode &node, YamlReader &reader, Ops &ops) {
                                return expandNorm(node, reader, ops, "rmsnorm", /*isCentered=*/false);
                              }};

} // namespace lathe::oplib
