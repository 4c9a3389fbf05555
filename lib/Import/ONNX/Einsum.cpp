// lib/Import/ONNX/Einsum.cpp: sums of products in index notation, as products
// of matrices.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Node.h"
#include "OpTable.h"

#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

namespace {

/// The label of each dimension. Letters are themselves; the dimensions that
/// `...` stands for are digits from the right on, so that they align as in
/// broadcasting.
using Labels = std::string;

struct Term {
  Value value;
  Labels labels;
};

class Einsum {
public:
  explicit Einsum(Node &node) : node(node) {}
  Value import();

private:
  Node &node;
  llvm::SmallVector<Term> terms;
  Labels output;

  bool parse(StringRef equation);
  bool parseTerm(StringRef text, int64_t rank, Labels &labels);
  void takeDiagonals(Term &term);
  void sumOut(Term &term, StringRef keep);
  void dropUnits(Term &term, const Term &other);
  Term multiply(Term a, Term b, StringRef keep);
  Value arrange(const Term &term, StringRef labels);
  Value merge(Value x, llvm::ArrayRef<size_t> groups);
  void malformed(const Twine &why) {
    if (!node.failed())
      node.error("onnx-einsum-equation", "'equation' is " + quoted(node.string("equation")) + ": " + why)
          .note("see numpy.einsum for the notation");
  }
};

bool Einsum::parseTerm(StringRef text, int64_t rank, Labels &labels) {
  size_t dots = text.find("...");
  std::string letters = text.str();
  if (dots != StringRef::npos)
    letters.erase(dots, 3);
  if (!llvm::all_of(letters, [](char c) { return llvm::isAlpha(c); })) {
    malformed(Twine("only letters and one '...' may stand in ") + quoted(text));
    return false;
  }
  int64_t rest = rank - static_cast<int64_t>(letters.size());
  if (rest < 0 || (dots == StringRef::npos && rest != 0)) {
    malformed(quoted(text) + " does not fit an operand of rank " + Twine(rank));
    return false;
  }
  labels = letters;
  if (dots != StringRef::npos)
    for (int64_t i = 0; i < rest; ++i)
      labels.insert(labels.begin() + dots, static_cast<char>('0' + i));
  return true;
}

bool Einsum::parse(StringRef equation) {
  std::string compact;
  llvm::copy_if(equation, std::back_inserter(compact), [](char c) { return c != ' '; });
  auto [left, right] = StringRef(compact).split("->");
  llvm::SmallVector<StringRef> parts;
  left.split(parts, ',');
  if (parts.size() != node.inputs().size()) {
    malformed("it has " + Twine(parts.size()) + " terms for " + Twine(node.inputs().size()) + " operands");
    return false;
  }
  int64_t ellipsis = 0;
  for (auto [part, value] : llvm::zip(parts, node.inputs())) {
    Term term{value, {}};
    if (!parseTerm(part, node.rank(value), term.labels))
      return false;
    ellipsis = std::max<int64_t>(ellipsis, llvm::count_if(term.labels, llvm::isDigit));
    terms.push_back(term);
  }
  if (StringRef(compact).contains("->")) {
    int64_t letters = llvm::count_if(right, llvm::isAlpha);
    bool dots = right.contains("...");
    if (!parseTerm(right, letters + (dots ? ellipsis : 0), output))
      return false;
  } else {
    // Labels that occur once, in alphabetic order, after those of '...'.
    Labels all;
    for (const Term &term : terms)
      all += term.labels;
    for (int64_t i = ellipsis; i-- > 0;)
      output += static_cast<char>('0' + i);
    Labels letters;
    for (char c : all)
      if (llvm::isAlpha(c) && llvm::count(all, c) == 1)
        letters += c;
    llvm::sort(letters);
    output += letters;
  }
  for (char c : output) {
    bool known = llvm::any_of(terms, [&](const Term &term) { return StringRef(term.labels).contains(c); });
    if (!known || llvm::count(output, c) != 1) {
      malformed(Twine("the output names '") + Twine(c) + "' twice or out of nowhere");
      return false;
    }
  }
  return true;
}

/// A label that a term has twice: elements off the diagonal do not count.
void Einsum::takeDiagonals(Term &term) {
  for (size_t second = 0; second < term.labels.size() && !node.failed();) {
    size_t first = term.labels.find(term.labels[second]);
    if (first == second) {
      ++second;
      continue;
    }
    Type i64 = node.builder().getI64Type(), element = node.element(term.value);
    Dims dims = node.dims(term.value);
    auto positions = [&](size_t axis) {
      Dims along(dims.size(), node.solver().constant(1));
      along[axis] = dims[axis];
      return node.createTyped<graph::IotaOp>(node.solver().type(along, i64), static_cast<int64_t>(axis));
    };
    Value same = node.createAs<graph::EqualOp>(node.builder().getI1Type(), positions(first), positions(second));
    Value kept = node.createAs<graph::SelectOp>(element, same, term.value, node.scalar(element, 0));
    term.value = node.reduce(graph::ReduceKind::sum, kept, {static_cast<int64_t>(second)}, false);
    term.labels.erase(second, 1);
  }
}

/// Sums over the labels that are not in `keep`.
void Einsum::sumOut(Term &term, StringRef keep) {
  llvm::SmallVector<int64_t> axes;
  Labels left;
  for (auto [axis, label] : llvm::enumerate(term.labels)) {
    if (keep.contains(label))
      left += label;
    else
      axes.push_back(axis);
  }
  if (!axes.empty())
    term.value = node.reduce(graph::ReduceKind::sum, term.value, axes, false);
  term.labels = left;
}

/// A dimension of one element has the same value for all of a label that the
/// other term has with more: without it, that is what is left.
void Einsum::dropUnits(Term &term, const Term &other) {
  if (node.failed())
    return;
  AffineExpr one = node.solver().constant(1);
  Dims mine = node.dims(term.value), theirs = node.dims(other.value);
  llvm::SmallVector<int64_t> axes;
  Labels left;
  for (auto [axis, label] : llvm::enumerate(term.labels)) {
    size_t at = other.labels.find(label);
    if (at != Labels::npos && mine[axis] == one && theirs[at] != one)
      axes.push_back(axis);
    else
      left += label;
  }
  term = {node.squeeze(term.value, axes), left};
}

/// Transposes to the order of `labels`, which are the term's.
Value Einsum::arrange(const Term &term, StringRef labels) {
  llvm::SmallVector<int64_t> permutation;
  for (char label : labels)
    permutation.push_back(term.labels.find(label));
  return node.transpose(term.value, permutation);
}

/// Reshapes consecutive groups of dimensions into one dimension each.
Value Einsum::merge(Value x, llvm::ArrayRef<size_t> groups) {
  if (node.failed())
    return {};
  Dims dims = node.dims(x), merged;
  size_t at = 0;
  for (size_t group : groups) {
    merged.push_back(node.solver().product(llvm::ArrayRef(dims).slice(at, group)));
    at += group;
  }
  return node.reshape(x, merged);
}

/// The product of two terms, summed over labels that are in neither `keep`.
Term Einsum::multiply(Term a, Term b, StringRef keep) {
  dropUnits(a, b);
  dropUnits(b, a);
  sumOut(a, b.labels + keep.str());
  sumOut(b, a.labels + keep.str());
  Labels batch, summed, onlyA, onlyB;
  for (char label : a.labels) {
    bool shared = StringRef(b.labels).contains(label);
    (!shared ? onlyA : keep.contains(label) ? batch : summed) += label;
  }
  for (char label : b.labels)
    if (!StringRef(a.labels).contains(label))
      onlyB += label;
  Value left = arrange(a, batch + onlyA + summed);
  Value right = arrange(b, batch + summed + onlyB);
  if (node.failed())
    return {};
  Dims result = llvm::to_vector<6>(llvm::ArrayRef(node.dims(left)).take_front(batch.size() + onlyA.size()));
  Dims rightDims = node.dims(right);
  llvm::append_range(result, llvm::ArrayRef(rightDims).take_back(onlyB.size()));
  // Batches of one and more broadcast, so those are not merged.
  llvm::SmallVector<size_t> leftGroups(batch.size(), 1), rightGroups = leftGroups;
  leftGroups.append({onlyA.size(), summed.size()});
  rightGroups.append({summed.size(), onlyB.size()});
  Value product = node.create<graph::MatmulOp>(merge(left, leftGroups), merge(right, rightGroups));
  if (node.failed())
    return {};
  llvm::copy(llvm::ArrayRef(node.dims(product)).take_front(batch.size()), result.begin());
  return {node.reshape(product, result), batch + onlyA + onlyB};
}

Value Einsum::import() {
  if (!parse(node.string("equation")))
    return {};
  for (Term &term : terms)
    takeDiagonals(term);
  Term result = terms.front();
  for (size_t i = 1; i < terms.size() && !node.failed(); ++i) {
    Labels keep = output;
    for (const Term &later : llvm::drop_begin(terms, i + 1))
      keep += later.labels;
    result = multiply(result, terms[i], keep);
  }
  sumOut(result, output);
  return node.failed() ? Value() : arrange(result, output);
}

} // namespace

static Value importEinsum(Node &node) { return Einsum(node).import(); }

void onnx_import::registerEinsum(OpTable &ops) { ops.add("Einsum", {12, 28}, importEinsum); }
