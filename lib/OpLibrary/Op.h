// lib/OpLibrary/Op.h: an operator of a library as families describe it: all that header, tables, kernels and tests
// need. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_OP_H
#define LATHE_LIB_OPLIBRARY_OP_H

#include "Types.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Target/Target.h"
#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace lathe::oplib {

/// A tensor that a call takes or writes.
struct Operand {
  std::string name;              ///< In C: "a".
  std::string dtype;             ///< "f32".
  std::vector<std::string> dims; ///< Each a symbol of the operator, a number, or the name of a derived size.
  /// The name in C of each dim's stride but the last's; empty: row-major order.
  std::vector<std::string> strides;
  std::string about; ///< For the header: "the left matrix".
  bool isOptional = false, isResult = false;
  /// Without it, a call computes as if it were 0: a scalar, whose kernels are those that have it.
  bool isZeroIfAbsent = false;
  bool isPacked = false;    ///< A matrix that `pack` has packed.
  std::string indexOf = ""; ///< The size below which its elements have to be; empty if they are no indices.
  double testedSpan = 1;    ///< The size up to which tests draw floats.
};

/// Which optional operands are there, and the value of the operator's choice.
struct Form {
  std::vector<bool> present; ///< One for each operand.
  unsigned choice = 0;
  std::string name; ///< "bias_relu", for symbols.
};

/// Sizes for which kernels are made of their own; the empty one is for any.
struct Specialization {
  std::string name;                          ///< "any", "row", "128x3072x768".
  std::vector<std::optional<int64_t>> fixed; ///< One for each symbol, or none at all.
  std::string why;                           ///< For the manifest.
  /// For each symbol the least and the most that tables take it for; empty: what is fixed, or any.
  std::vector<std::pair<int64_t, int64_t>> range;
  /// What its kernels are made for, though they serve any sizes: the columns of a product; 0: a middling number.
  int64_t plannedColumns = 0;
  /// The vectors, in bits, with which the kernels for any sizes are slower.
  unsigned leastBits = 0, mostBits = std::numeric_limits<unsigned>::max();

  /// Whether kernels for `target` are worth their bytes.
  bool pays(const Target &target) const {
    unsigned bits = target.vectorUnit().bits;
    return leastBits <= bits && bits <= mostBits;
  }
};

/// Writes types and the like for one kernel.
class KernelText;

/// One function of the library.
struct Op {
  std::string name, family; ///< "gemm_packed_f32", "gemm".
  std::string about;        ///< For the header: "c = act(a b + bias) + residual".
  std::string place;        ///< Of the entry that asks for it, in the specification.
  /// "NAME=NUMBER" in place of a limit on what its kernels, or its file, may ask for.
  std::vector<std::string> limits;
  std::vector<std::string> symbols;
  std::vector<std::string> symbolsAbout;
  std::vector<Operand> operands; ///< The one result last.
  /// Sizes that the library computes from symbols: a name and an expression as Dims.h has it.
  std::vector<std::pair<std::string, std::string>> derived;
  /// Several kernels, which are compiled as a model; its tensors have no strides.
  bool isProgram = false;
  std::string file;       ///< Of a program that is a file; else `writeBody` writes it.
  std::string function;   ///< Of the file, the one that is taken; empty: the only one.
  std::string node;       ///< Of that, the one that is taken; empty: all of it.
  std::string choiceName; ///< "activation", or "".
  std::vector<std::string> choices;
  std::vector<Form> forms;
  std::vector<Specialization> specializations; ///< The one for any sizes last.
  /// The operations of the kernel of a form; returns the name of the result.
  std::function<std::string(KernelText &text, const Form &form)> writeBody;
  /// For tests: the statements of a C function that computes, in double precision
  /// and row by row, `y` and how far a right result may be from it, `bound`, from
  /// the sizes `s`, the operands `x` (NULL where absent) and `choice`.
  std::string oracle;
  /// The largest size that the tests draw: what is computed is of that power.
  int64_t mostDim = 97;
  /// Files that the oracle needs besides, by their names in the folder of tests.
  std::vector<std::pair<std::string, std::string>> testFiles;
  /// Sets the oracle and what it needs where that has to be compiled; may be null.
  std::function<bool(Op &op, const Target &target, Diagnostics &diagnostics)> finishTests;

  const Operand &result() const { return operands.back(); }
  /// Symbols, then strides: what a kernel takes before its tensors.
  std::vector<std::string> sizes() const;
  /// The position of a size among symbols, strides and derived sizes; -1 if there is none.
  int indexOfSize(llvm::StringRef name) const;
};

/// What the compiler made of a kernel.
struct BuiltKernel {
  std::string symbol; ///< In C: "lathe_kernel_..." or "lathe_query_...".
  std::string key, strategy;
};

/// A specialization for one target.
struct Variant {
  std::string name; ///< "v3.any"
  std::string key;  ///< Of the keys of its kernels.
  const Specialization *specialization = nullptr;
  std::vector<BuiltKernel> kernels; ///< One a form.
  uint64_t bytes = 0;               ///< Of their objects.
  uint64_t codeBytes = 0;           ///< Of what those put into memory.
  std::string sameAs;               ///< The variant for a lesser target that has the objects; "": it has its own.
};

/// A row of a dispatch table: the least and the most of each symbol.
struct Row {
  std::vector<std::pair<int64_t, int64_t>> ranges; ///< Empty: any.
  unsigned variant = 0;
  std::string by = "model";
};

/// An operator's code for one target.
struct BuiltOp {
  const Op *op = nullptr;
  std::vector<Variant> variants;
  std::vector<Row> rows;
  int64_t panel = 0;                ///< Columns of a panel of its packed operand; 0: none is packed.
  std::vector<std::string> objects; ///< ELF relocatables.
  uint64_t bytes = 0;               ///< Of all of them.
  uint64_t codeBytes = 0;           ///< Of what they put into memory.
};

struct BuiltTarget {
  Target target;
  std::vector<BuiltOp> ops;
};

/// The target's name in tables and for `NAME_force`: "v3", "v4+avx512vnni". In a row of a
/// table, a comma would begin the next entry.
inline std::string levelName(const Target &target) {
  std::string name = target.name();
  std::replace(name.begin(), name.end(), ',', '+');
  return name;
}

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_OP_H
