// lib/OpLibrary/Families/Reduce.cpp: sums, means and extremes of rows, columns or a whole matrix, and where they are.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Family.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace lathe::oplib {

static constexpr StringRef keys[] = {"dtypes", "kinds", "axes"};
static constexpr StringRef kinds[] = {"sum", "mean", "max", "min", "argmax", "argmin"};
static constexpr StringRef axes[] = {"inner", "outer", "all"};

static constexpr llvm::StringLiteral oracle = R"(  (void)choice;
  /* Of each result: how many elements, the first of them, and how far the next is. */
  const int64_t results = AXIS == INNER ? s[0] : AXIS == OUTER ? s[1] : 1;
  const int64_t count = AXIS == INNER ? s[1] : AXIS == OUTER ? s[0] : s[0] * s[1];
  for (int64_t r = 0; r < results; ++r) {
    const double *first = x[0] + (AXIS == INNER ? r * s[1] : r);
    const int64_t step = AXIS == OUTER ? s[1] : 1;
    double sum = 0, size = 0, best = SIGN > 0 ? -INFINITY : INFINITY;
    int64_t place = 0;
    for (int64_t i = 0; i < count; ++i) {
      double v = first[i * step];
      sum += v;
      size += fabs(v);
      if (SIGN * v > SIGN * best) {
        best = v;
        place = i;
      }
    }
    y[r] = KIND == SUM ? sum : KIND == MEAN ? sum / (double)count : KIND == PLACE ? (double)place : best;
    /* A sum of count numbers in any order; extremes are exact, and of no numbers there is no place. */
    bound[r] = KIND == SUM    ? EPS * ((double)count + 2) * size
               : KIND == MEAN ? EPS * ((double)count + 4) * size / (double)(count ? count : 1)
               : KIND == PLACE && count == 0 ? INFINITY
                                             : 0;
  }
)";

static std::unique_ptr<Op> makeOp(StringRef dtype, StringRef kind, StringRef axis) {
  auto op = std::make_unique<Op>();
  bool isPlace = kind.starts_with("arg");
  std::string of = axis == "inner" ? "each row" : axis == "outer" ? "each column" : "all elements";
  op->family = "reduce";
  op->name = (kind + "_" + axis + "_" + dtype).str();
  op->about = isPlace ? ("y = the position of the " + kind.substr(3) + " of " + of + ", the first of equal ones").str()
                      : ("y = the " + kind + " of " + of).str();
  op->symbols = {"rows", "columns"};
  op->symbolsAbout = {"of x", "of x"};
  op->operands.push_back({"x", dtype.str(), {"rows", "columns"}, {"ldx"}, "what is read"});
  std::vector<std::string> dims;
  if (axis != "all")
    dims.push_back(axis == "inner" ? "rows" : "columns");
  op->operands.push_back({"y", isPlace ? "i64" : dtype.str(), dims, {}, "the result", false, true});
  addForms(*op);
  op->specializations.push_back({"any", {}, "serves all sizes"});
  std::string list = axis == "inner" ? "1" : axis == "outer" ? "0" : "0, 1";
  op->oracle = "  enum { SUM, MEAN, BEST, PLACE, INNER, OUTER, ALL };\n  enum { KIND = " +
               std::string(isPlace          ? "PLACE"
                           : kind == "sum"  ? "SUM"
                           : kind == "mean" ? "MEAN"
                                            : "BEST") +
               ", AXIS = " + axis.upper() + ", SIGN = " + (kind.ends_with("min") ? "-1" : "1") + " };\n" + oracle.str();
  op->writeBody = [kind = kind.str(), list, isPlace, raw = op.get()](KernelText &text, const Form &) {
    const Operand &x = raw->operands[0], &y = raw->result();
    std::string from = text.type(x);
    if (isPlace)
      return text.add("graph.arg " + kind.substr(3) + " %x axis = " + list, from + " -> " + text.type(y));
    StringRef sums = elementType(x.dtype).sums;
    std::string value = text.add("graph.reduce " + kind + " " + text.load(x) + " axes = [" + list + "]",
                                 text.type(x.dims, sums) + " -> " + text.type(y.dims, sums));
    return text.cast(value, y.dims, sums, y.dtype);
  };
  return op;
}

static bool expand(const YamlNode &node, YamlReader &reader, Ops &ops) {
  if (!reader.isMap(node, "reduce", keys))
    return false;
  auto types = readDtypes(node, reader, "reduce", floatTypes());
  auto wanted = readTexts(node, "kinds", reader, "reduce", kinds, {"sum"});
  auto where = readTexts(node, "axes", reader, "reduce", axes, {"inner"});
  if (!types || !wanted || !where)
    return false;
  for (const std::string &dtype : *types)
    for (const std::string &kind : *wanted)
      for (const std::string &axis : *where) {
        if (axis == "all" && StringRef(kind).starts_with("arg")) {
          reader
              .error("oplib-spec-value", *node.find("axes"),
                     "'axes' of reduce is 'all', but '" + kind + "' is a position along one axis")
              .note("ask for it with axes: [inner] or [outer]");
          return false;
        }
        ops.push_back(makeOp(dtype, kind, axis));
      }
  return true;
}

extern const Family reduceFamily;
const Family reduceFamily = {"reduce", expand};

} // namespace lathe::oplib
