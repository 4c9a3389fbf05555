// lib/Import/Core/ImportOperator.h: one node of a model becomes graph ops.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_CORE_IMPORTOPERATOR_H
#define LATHE_LIB_IMPORT_CORE_IMPORTOPERATOR_H

#include "Messages.h"
#include "Node.h"
#include "OpTable.h"
#include "Scope.h"

namespace lathe::importer {

/// Calls the function of `row` for a node at the builder's insertion point, and
/// gives its outputs their names in `scope`. `operands` are the values of the
/// inputs; `messages.place` is where errors belong to. False after an error,
/// among them an attribute that the function did not ask for.
bool importOperator(ImportContext &context, Messages &messages, Scope &scope, const Operator &op,
                    const OpSchema &schema, const OpRow &row, mlir::Location loc, llvm::ArrayRef<Value> operands,
                    DeclaredRankFn declaredRank);

} // namespace lathe::importer

#endif // LATHE_LIB_IMPORT_CORE_IMPORTOPERATOR_H
