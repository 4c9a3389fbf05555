// lib/OpLibrary/Families/Gemm.cpp: products of matrices, with what is done to each element of the result.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Family.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <limits>
#include <tuple>

using llvm::StringRef;

namespace lathe::oplib {

namespace {

/// What an entry `gemm:` says.
struct Options {
  std::vector<std::string> dtypes, kinds, scales;
  Epilogue epilogue;
  std::vector<Specialization> hot;
};

/// Types of the operands and the result.
struct Types {
  StringRef name, a, b, c;
  StringRef suffix; ///< Of the operator's name.
  /// Sums of 32 bits; of those that are then scaled, rounded and saturated to bytes, `isRequantized`.
  bool isInteger() const { return sums() == "i32"; }
  bool isRequantized() const { return isInteger() && c != "i32"; }
  StringRef sums() const { return elementType(c).sums; }
};

constexpr Types table[] = {
    {"f32", "f32", "f32", "f32", "f32"},        {"f64", "f64", "f64", "f64", "f64"},
    {"f16", "f16", "f16", "f16", "f16"},        {"bf16", "bf16", "bf16", "bf16", "bf16"},
    {"u8*s8->s32", "u8", "i8", "i32", "u8s8"},  {"s8*s8->s32", "i8", "i8", "i32", "s8s8"},
    {"u8*s8->u8", "u8", "i8", "u8", "u8s8_u8"}, {"u8*s8->s8", "u8", "i8", "i8", "u8s8_s8"},
    {"s8*s8->u8", "i8", "i8", "u8", "s8s8_u8"}, {"s8*s8->s8", "i8", "i8", "i8", "s8s8_s8"},
};

constexpr StringRef keys[] = {"dtypes", "b", "epilogue", "scale", "hot"};
constexpr StringRef dtypes[] = {"f32",        "f64",       "f16",       "bf16",      "u8*s8->s32",
                                "s8*s8->s32", "u8*s8->u8", "u8*s8->s8", "s8*s8->u8", "s8*s8->s8"};
/// One for all of the result, or for each column.
constexpr StringRef kindsOfScale[] = {"tensor", "column"};
/// Of scales in tests: some sums of about 100 products are then saturated, most are not, and some are halves.
constexpr double testedScale = 1.0 / 256;
constexpr StringRef kindsOfB[] = {"plain", "packed", "batched"};
/// A size of a kernel that is made for it alone.
constexpr int64_t mostHotSize = int64_t(1) << 31;

bool readHot(const YamlNode &node, YamlReader &reader, Options &options) {
  if (node.kind != YamlNode::Kind::List) {
    return reader.wrongKind(node, "'hot' of gemm", "a list of [m, n, k]", "hot: [[128, 3072, 768], [1, 4096, 4096]]");
  }
  for (const YamlNode &shape : node.items) {
    if (shape.kind != YamlNode::Kind::List || shape.items.size() != 3) {
      return reader.wrongKind(shape, "an entry of 'hot'", "a list [m, n, k]", "three sizes, such as [128, 3072, 768]");
    }
    Specialization special;
    special.why = "asked for by 'hot'";
    for (const YamlNode &size : shape.items) {
      auto number = reader.number(size, "a size of 'hot'", 1, mostHotSize);
      if (!number)
        return false;
      special.fixed.push_back(*number);
      special.name += (special.name.empty() ? "" : "x") + std::to_string(*number);
    }
    if (llvm::any_of(options.hot, [&](const Specialization &other) { return other.name == special.name; })) {
      reader.error("oplib-spec-twice", shape, "'hot' has " + special.name + " twice").note("leave one out");
      return false;
    }
    options.hot.push_back(std::move(special));
  }
  return true;
}

const Types &findTypes(StringRef name) {
  return *llvm::find_if(table, [&](const Types &row) { return row.name == name; });
}

/// What does not go together.
bool checkKinds(const YamlNode &node, YamlReader &reader, const Options &options) {
  const YamlNode *hot = node.find("hot");
  if (hot && !llvm::is_contained(options.kinds, "plain")) {
    reader.error("oplib-spec-hot", *hot, "'hot' is for plain products, but 'b' does not ask for those")
        .note("leave 'hot' out, or add 'plain' to 'b'");
    return false;
  }
  const YamlNode *scale = node.find("scale");
  if (scale && llvm::none_of(options.dtypes, [](StringRef dtype) { return findTypes(dtype).isRequantized(); })) {
    reader.error("oplib-spec-scale", *scale, "'scale' is for products with a result of 8 bits, but 'dtypes' has none")
        .note("leave 'scale' out, or add a type such as u8*s8->u8");
    return false;
  }
  for (const std::string &dtype : options.dtypes) {
    bool isInteger = StringRef(dtype).contains("->");
    if (llvm::is_contained(options.kinds, "packed") && dtype != "f32") {
      reader.error("oplib-spec-packed", *node.find("dtypes"), "packed matrices of '" + dtype + "' cannot be made yet")
          .note("make 'gemm' a list of two entries: one of f32 with 'packed', and one of the other types");
      return false;
    }
    if (isInteger && (options.epilogue.hasResidual || options.epilogue.activations.size() > 1 ||
                      options.epilogue.activations.front() != "none")) {
      reader
          .error("oplib-spec-epilogue", *node.find("epilogue"),
                 "products of '" + dtype +
                     "' have sums of 32 bits, which take a bias, but no activation and no residual")
          .note("leave 'activation' and 'residual' out");
      return false;
    }
  }
  return true;
}

bool read(const YamlNode &node, YamlReader &reader, Options &options) {
  if (!reader.isMap(node, "gemm", keys))
    return false;
  auto types = readDtypes(node, reader, "gemm", dtypes);
  auto kinds = readTexts(node, "b", reader, "gemm", kindsOfB, {"plain"});
  auto scales = readTexts(node, "scale", reader, "gemm", kindsOfScale, {"tensor"});
  if (!types || !kinds || !scales)
    return false;
  options.scales = *scales;
  options.dtypes = *types;
  options.kinds = *kinds;
  const YamlNode *hot = node.find("hot");
  return readEpilogue(node.find("epilogue"), reader, "gemm", options.epilogue) &&
         (!hot || readHot(*hot, reader, options)) && checkKinds(node, reader, options);
}

/// Of one product; `at` are the elements before it in each operand.
constexpr llvm::StringLiteral oracle = R"(  for (int64_t p = 0; p < products; ++p)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        const double *a = x[0] + p * m * k, *b = x[1] + p * k * n;
        double sum = 0, size = 0;
        for (int64_t l = 0; l < k; ++l) {
          sum += a[i * k + l] * b[l * n + j];
          size += fabs(a[i * k + l] * b[l * n + j]);
        }
        if (BIAS >= 0 && x[BIAS]) {
          sum += x[BIAS][j];
          size += fabs(x[BIAS][j]);
        }
        if (SCALE >= 0) {
          /* As the library does it: one rounding to f32 for the sum, and one for the product. */
          int64_t at = IS_OF_COLUMN ? j : 0;
          float scaled = (float)sum * (float)x[SCALE][at];
          sum = nearbyint((double)scaled) + (x[ZERO] ? x[ZERO][at] : 0);
          sum = fmin(fmax(sum, LEAST), LEAST + 255);
        }
        sum = activate(NAMES[choice], sum);
        if (RESIDUAL >= 0 && x[RESIDUAL]) {
          sum += x[RESIDUAL][(p * m + i) * n + j];
          size += fabs(x[RESIDUAL][(p * m + i) * n + j]);
        }
        y[(p * m + i) * n + j] = sum;
        /* A sum of k products in any order, an activation whose slope is at most 1.13; integers are exact. */
        bound[(p * m + i) * n + j] = IS_INTEGER ? 0 : EPS * ((double)k + 8) * (1.2 * size + 1e-30);
      }
)";

/// The operator while it is made.
struct Maker {
  const Options &options;
  const Types &types;
  StringRef kind;
  bool isOfColumn = false; ///< There is a scale for each column.
  std::unique_ptr<Op> op = std::make_unique<Op>();
  int bias = -1, residual = -1, scale = -1, zero = -1;

  bool isBatched() const { return kind == "batched"; }
  int add(StringRef name, StringRef dtype, std::vector<std::string> dims, StringRef stride, StringRef about);
  void addOperands();
  void addNarrow();
  std::string oracleText() const;
  std::unique_ptr<Op> make();
};

} // namespace

int Maker::add(StringRef name, StringRef dtype, std::vector<std::string> dims, StringRef stride, StringRef about) {
  Operand operand{name.str(), dtype.str(), std::move(dims), {}, about.str()};
  if (!stride.empty() && isBatched()) {
    operand.dims.insert(operand.dims.begin(), "batch");
    operand.strides.push_back("stride_" + name.str());
  }
  if (!stride.empty())
    operand.strides.push_back(stride.str());
  op->operands.push_back(std::move(operand));
  return static_cast<int>(op->operands.size()) - 1;
}

void Maker::addOperands() {
  bool isPacked = kind == "packed";
  add("a", types.a, {"m", "k"}, "lda", "the left matrix");
  int b = add("b", types.b, {"k", "n"}, isPacked ? "" : "ldb",
              isPacked ? "the right matrix, as the function _pack_b leaves it" : "the right matrix");
  op->operands[b].isPacked = isPacked;
  if (options.epilogue.hasBias) {
    bias = add("bias", types.isInteger() ? types.sums() : types.c, {"n"}, "", "added to each row");
    op->operands[bias].isOptional = true;
  }
  if (types.isRequantized()) {
    std::vector<std::string> dims = isOfColumn ? std::vector<std::string>{"n"} : std::vector<std::string>{};
    StringRef each = isOfColumn ? " of each column" : " of all elements";
    scale = add("scale", "f32", dims, "", ("what the sums are multiplied by, as f32" + each).str());
    op->operands[scale].testedSpan = testedScale;
    zero = add("zero_point", types.c, dims, "", ("added behind rounding," + each).str());
    op->operands[zero].isOptional = true;
    op->operands[zero].isZeroIfAbsent = !isOfColumn;
  }
  if (options.epilogue.hasResidual) {
    residual = add("residual", types.c, {"m", "n"}, "ldr", "added behind the activation");
    op->operands[residual].isOptional = true;
  }
  op->operands[add("c", types.c, {"m", "n"}, "ldc", "the result")].isResult = true;
}

/// `sums`, of 32 bits and the dims of `c`, as elements of `c`.
static std::string requantize(KernelText &text, const std::string &sums, bool hasZero, const Operand &scale,
                              const Operand &zero, const Operand &c) {
  std::string type = text.type(c.dims, "f32");
  std::string value = text.cast(sums, c.dims, "i32", "f32");
  value = text.binary("mul", value, type, "%" + scale.name, text.type(scale), type);
  std::string one = text.scalar("1.0", "f32"), operation = "graph.quantize " + value + " scale " + one;
  std::string types = "(" + type + ", " + text.scalarType("f32");
  if (hasZero) {
    operation += " zero %" + zero.name;
    types += ", " + text.type(zero);
  }
  return text.add(operation, types + ") -> " + text.type(c));
}

/// Of the 64 columns of a tile, or of the 16 of one with vectors of 256 bits, most would be idle.
void Maker::addNarrow() {
  if (types.b != "f32")
    return;
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  for (auto [bits, columns, mostColumns] : {std::tuple(512u, 16, 32), std::tuple(256u, 8, 8)}) {
    Specialization narrow{"narrow", {}, "few columns need no wide tile"};
    narrow.range = {{0, most}, {0, mostColumns}, {0, most}};
    narrow.plannedColumns = columns;
    narrow.leastBits = narrow.mostBits = bits;
    op->specializations.push_back(std::move(narrow));
  }
}

/// With the positions of the optional operands filled in.
std::string Maker::oracleText() const {
  std::string text = activationNames(*op);
  text += "  enum { BIAS = " + std::to_string(bias) + ", RESIDUAL = " + std::to_string(residual) +
          ", IS_INTEGER = " + (types.isInteger() ? "1" : "0") + ", SCALE = " + std::to_string(scale) +
          ", ZERO = " + std::to_string(std::max(zero, 0)) + ", IS_OF_COLUMN = " + (isOfColumn ? "1" : "0") +
          ", LEAST = " + (types.c == "i8" ? "-128" : "0") + " };\n";
  text += isBatched() ? "  const int64_t products = s[0], m = s[1], n = s[2], k = s[3];\n"
                      : "  const int64_t products = 1, m = s[0], n = s[1], k = s[2];\n";
  return text + oracle.str();
}

std::unique_ptr<Op> Maker::make() {
  op->family = "gemm";
  op->name = ("gemm_" + (kind == "plain" ? "" : kind + "_") + types.suffix + (isOfColumn ? "_columns" : "")).str();
  bool hasActivation = options.epilogue.activations != std::vector<std::string>{"none"};
  op->about = std::string("c = ") + (hasActivation ? "activation(a b" : "a b") +
              (options.epilogue.hasBias ? " + bias" : "") + (hasActivation ? ")" : "") +
              (options.epilogue.hasResidual ? " + residual" : "");
  if (types.isRequantized())
    op->about = std::string("c = saturate(round(") + (options.epilogue.hasBias ? "(a b + bias)" : "a b") +
                " scale) + zero_point), where halves round to even";
  op->symbols = {"m", "n", "k"};
  op->symbolsAbout = {"rows of a and c", "columns of b and c", "columns of a, rows of b"};
  if (isBatched()) {
    op->symbols.insert(op->symbols.begin(), "batch");
    op->symbolsAbout.insert(op->symbolsAbout.begin(), "products; the strides are from one to the next");
    op->mostDim = 33;
  }
  addOperands();
  if (!types.isInteger())
    addActivation(*op, options.epilogue);
  addForms(*op);
  // A packed operand has one layout on each machine, which the kernels for any sizes choose.
  if (kind == "plain") {
    op->specializations = options.hot;
    Specialization row{"row", {1, std::nullopt, std::nullopt}, "one row needs no tile of rows"};
    if (types.isInteger())
      row.mostBits = 256;
    op->specializations.push_back(std::move(row));
    addNarrow();
  }
  op->specializations.push_back({"any", {}, "serves all sizes"});
  op->writeBody = [bias = bias, residual = residual, scale = scale, zero = zero, raw = op.get()](KernelText &text,
                                                                                                 const Form &form) {
    const Operand &a = raw->operands[0], &b = raw->operands[1], &c = raw->result();
    // Sums and what follows are computed in the type of the sums.
    StringRef sums = elementType(c.dtype).sums;
    std::string type = text.type(c.dims, sums);
    std::string value = text.add("graph.matmul %a, %b" + text.plannedColumns(),
                                 "(" + text.type(a) + ", " + text.type(b) + ") -> " + type);
    auto addOperand = [&](int index) {
      if (index < 0 || !form.present[index])
        return;
      const Operand &operand = raw->operands[index];
      std::string other = text.load(operand);
      value = text.binary("add", value, type, other, text.type(operand.dims, sums), type);
    };
    addOperand(bias);
    if (scale >= 0)
      return requantize(text, value, form.present[zero], raw->operands[scale], raw->operands[zero], c);
    if (!raw->choices.empty())
      value = activate(text, raw->choices[form.choice], value, type);
    addOperand(residual);
    return text.cast(value, c.dims, sums, c.dtype);
  };
  op->oracle = oracleText();
  return std::move(op);
}

static bool expand(const YamlNode &node, YamlReader &reader, Ops &ops) {
  Options options;
  if (!read(node, reader, options))
    return false;
  for (const std::string &dtype : options.dtypes)
    for (const std::string &kind : options.kinds) {
      const Types &types = findTypes(dtype);
      if (!types.isRequantized())
        ops.push_back(Maker{options, types, kind}.make());
      for (const std::string &scale : options.scales)
        if (types.isRequantized())
          ops.push_back(Maker{options, types, kind, scale == "column"}.make());
    }
  return true;
}

extern const Family gemmFamily;
const Family gemmFamily = {"gemm", expand};

} // namespace lathe::oplib
