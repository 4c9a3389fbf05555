// lib/OpLibrary/KernelText.h: kernels and programs in the text of the native format.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_KERNELTEXT_H
#define LATHE_LIB_OPLIBRARY_KERNELTEXT_H

#include "Op.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"

namespace lathe::oplib {

class KernelText {
public:
  KernelText(const Op &op, const Specialization &specialization);

  /// A tensor of these dims: as in an operand, or expressions of Dims.h.
  std::string type(llvm::ArrayRef<std::string> dims, llvm::StringRef dtype) const;
  std::string type(const Operand &operand) const { return type(operand.dims, operand.dtype); }
  /// Adds "%N = OPERATION : TYPES" and returns "%N".
  std::string add(const llvm::Twine &operation, const llvm::Twine &types);
  /// An elementwise operation with one operand.
  std::string unary(const llvm::Twine &operation, const std::string &value, const std::string &type);
  /// One with two, of types that broadcast to `result`.
  std::string binary(const llvm::Twine &operation, const std::string &a, const std::string &aType, const std::string &b,
                     const std::string &bType, const std::string &result);
  /// A scalar, which broadcasts, of the type of `dtype`; `text` as MLIR writes numbers.
  std::string scalar(const llvm::Twine &text, llvm::StringRef dtype);
  std::string scalarType(llvm::StringRef dtype) const { return ("tensor<" + elementType(dtype).mlir + ">").str(); }
  /// `value` of dims `dims` in another type; the same where that is no change.
  std::string cast(const std::string &value, llvm::ArrayRef<std::string> dims, llvm::StringRef from,
                   llvm::StringRef to);
  /// The attribute of `graph.dim_values`: expressions as Dims.h has them.
  std::string dimValues(const std::vector<std::string> &expressions) const;
  /// For a product: the attribute that says for how many columns its tiles are chosen, or nothing.
  std::string plannedColumns() const;
  /// An operand in the type in which its sums are computed.
  std::string load(const Operand &operand);
  /// The whole kernel or program; `symbol` is its name.
  std::string write(const Form &form, llvm::StringRef symbol);

private:
  std::optional<int64_t> valueOf(llvm::StringRef name) const;
  std::string leaf(llvm::StringRef name) const;
  std::string map(const std::vector<std::string> &results) const;
  std::string writeKernel(const Form &form, llvm::StringRef symbol);
  std::string writeProgram(const Form &form);

  const Op &op;
  const Specialization &specialization;
  std::vector<std::string> names; ///< Of s0, s1, ... in types.
  std::string body;
  unsigned count = 0;
};

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_KERNELTEXT_H
