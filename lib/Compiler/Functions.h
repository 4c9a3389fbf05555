// lib/Compiler/Functions.h: the functions of a program, by their names.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_FUNCTIONS_H
#define LATHE_LIB_COMPILER_FUNCTIONS_H

#include "lathe/Support/Diagnostics.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace lathe {

/// Whether C and Python can call a function by `name`: letters, digits and '_', no digit first.
bool isFunctionName(llvm::StringRef name);

/// The function called `name`; with "", `main` or the only one. Null if there is none.
mlir::func::FuncOp findFunction(mlir::ModuleOp module, llvm::StringRef name);

/// "input0", or the name that the model gives it.
std::string inputName(mlir::func::FuncOp func, unsigned input);
std::string outputName(mlir::func::FuncOp func, unsigned output);

/// Notes, on results of the functions of `module`, for which callers may give the memory of an input, as
/// `CompileOptions::donations` has it. False after an error.
bool setDonations(mlir::ModuleOp module, llvm::ArrayRef<std::string> donations, llvm::StringRef file,
                  Diagnostics &diagnostics);

/// The names of the dims that inputs of any function of `module` have, each once.
std::vector<std::string> namedDims(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_LIB_COMPILER_FUNCTIONS_H
