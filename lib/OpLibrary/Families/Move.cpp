// lib/OpLibrary/Families/Move.cpp: what only moves elements: transposes, and rows by their numbers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Family.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace lathe::oplib {

/// The elements of an operand in the tests are numbers, which every type has.
static std::unique_ptr<Op> start(StringRef family, const std::string &name, const std::string &about) {
  auto op = std::make_unique<Op>();
  op->family = family.str();
  op->name = name;
  op->about = about;
  op->specializations.push_back({"any", {}, "serves all sizes"});
  return op;
}

//===----------------------------------------------------------------------===//
// transpose
//===----------------------------------------------------------------------===//

static constexpr StringRef transposeKeys[] = {"dtypes", "permutations"};

/// "021" as positions; nothing if it is no permutation of 2 to 6 dims.
static std::optional<std::vector<unsigned>> readPermutation(StringRef text) {
  std::vector<unsigned> result;
  if (text.size() < 2 || text.size() > 6)
    return std::nullopt;
  for (char c : text) {
    unsigned place = static_cast<unsigned>(c - '0');
    if (c < '0' || place >= text.size() || llvm::is_contained(result, place))
      return std::nullopt;
    result.push_back(place);
  }
  return result;
}

static std::string transposeOracle(const std::vector<unsigned> &permutation) {
  std::string text = "  (void)choice;\n  int64_t at = 0;\n", from = "0", indent = "  ";
  for (unsigned d : permutation) {
    std::string i = "i" + std::to_string(d);
    text += indent + "for (int64_t " + i + " = 0; " + i + " < s[" + std::to_string(d) + "]; ++" + i + ")\n";
    indent += "  ";
  }
  for (unsigned d = 0; d < permutation.size(); ++d)
    from = "(" + from + ") * s[" + std::to_string(d) + "] + i" + std::to_string(d);
  return text + indent + "{\n" + indent + "  y[at] = x[0][" + from + "];\n" + indent + "  bound[at++] = 0;\n" + indent +
         "}\n";
}

static std::unique_ptr<Op> makeTranspose(const std::string &dtype, const std::string &name) {
  std::vector<unsigned> permutation = *readPermutation(name);
  std::unique_ptr<Op> op =
      start("transpose", "transpose_" + name + "_" + dtype, "dim i of y is dim " + name + "[i] of x");
  Operand x{"x", dtype, {}, {}, "what is read"}, y{"y", dtype, {}, {}, "the result", false, true};
  for (unsigned i = 0; i < permutation.size(); ++i) {
    op->symbols.push_back("d" + std::to_string(i));
    op->symbolsAbout.push_back("dim " + std::to_string(i) + " of x");
    x.dims.push_back(op->symbols.back());
    y.dims.push_back("d" + std::to_string(permutation[i]));
    if (i + 1 < permutation.size()) {
      x.strides.push_back("stride_x" + std::to_string(i));
      y.strides.push_back("stride_y" + std::to_string(i));
    }
  }
  constexpr int64_t most[] = {97, 97, 97, 33, 11, 6, 5};
  op->mostDim = most[permutation.size()];
  op->operands = {x, y};
  addForms(*op);
  op->oracle = transposeOracle(permutation);
  op->writeBody = [permutation, raw = op.get()](KernelText &text, const Form &) {
    std::string list;
    for (unsigned d : permutation)
      list += (list.empty() ? "" : ", ") + std::to_string(d);
    return text.add("graph.transpose %x [" + list + "]",
                    text.type(raw->operands[0]) + " -> " + text.type(raw->operands[1]));
  };
  return op;
}

static bool expandTranspose(const YamlNode &node, YamlReader &reader, Ops &ops) {
  if (!reader.isMap(node, "transpose", transposeKeys))
    return false;
  auto types = readDtypes(node, reader, "transpose", allTypes());
  auto names = readTexts(node, "permutations", reader, "transpose", {}, {"10"});
  if (!types || !names)
    return false;
  for (const std::string &name : *names)
    if (!readPermutation(name)) {
      reader
          .error("oplib-spec-value", *node.find("permutations"),
                 "'permutations' of transpose has " + quoted(name) + ", which is no permutation")
          .note("write the dims of the operand in the order of the result, 2 to 6 of them, such as \"021\"");
      return false;
    }
  for (const std::string &dtype : *types)
    for (const std::string &name : *names)
      ops.push_back(makeTranspose(dtype, name));
  return true;
}

//===----------------------------------------------------------------------===//
// gather
//===----------------------------------------------------------------------===//

static constexpr StringRef gatherKeys[] = {"dtypes", "indices"};
static constexpr StringRef indexTypes[] = {"i64", "i32"};

static constexpr llvm::StringLiteral gatherOracle = R"(  (void)choice;
  for (int64_t i = 0; i < s[2]; ++i)
    for (int64_t j = 0; j < s[1]; ++j) {
      y[i * s[1] + j] = x[0][(int64_t)x[1][i] * s[1] + j];
      bound[i * s[1] + j] = 0;
    }
)";

static std::unique_ptr<Op> makeGather(const std::string &dtype, const std::string &index) {
  std::unique_ptr<Op> op =
      start("gather", "gather_" + index + "_" + dtype, "row i of y is row indices[i] of x, where -1 is the last row");
  op->isProgram = true; // Programs check what they read; kernels keep inside of the table, and that is all.
  op->symbols = {"rows", "columns", "count"};
  op->symbolsAbout = {"of x", "of x and y", "indices, rows of y"};
  op->operands.push_back({"x", dtype, {"rows", "columns"}, {}, "the table"});
  op->operands.push_back({"indices", index, {"count"}, {}, "from -rows to rows - 1"});
  op->operands.back().indexOf = "rows";
  op->operands.push_back({"y", dtype, {"count", "columns"}, {}, "the result", false, true});
  addForms(*op);
  op->oracle = gatherOracle.str();
  op->writeBody = [raw = op.get()](KernelText &text, const Form &) {
    return text.add("graph.gather %x at %indices axis = 0", "(" + text.type(raw->operands[0]) + ", " +
                                                                text.type(raw->operands[1]) + ") -> " +
                                                                text.type(raw->result()));
  };
  return op;
}

static bool expandGather(const YamlNode &node, YamlReader &reader, Ops &ops) {
  if (!reader.isMap(node, "gather", gatherKeys))
    return false;
  auto types = readDtypes(node, reader, "gather", allTypes());
  auto indices = readTexts(node, "indices", reader, "gather", indexTypes, {"i64"});
  if (!types || !indices)
    return false;
  for (const std::string &dtype : *types)
    for (const std::string &index : *indices)
      ops.push_back(makeGather(dtype, index));
  return true;
}

extern const Family transposeFamily, gatherFamily;
const Family transposeFamily = {"transpose", expandTranspose};
const Family gatherFamily = {"gather", expandGather};

} // namespace lathe::oplib
