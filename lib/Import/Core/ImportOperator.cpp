// lib/Import/Core/ImportOperator.cpp: dispatches a node and names its outputs.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ImportOperator.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"

using namespace lathe;
using namespace lathe::importer;

bool importer::importOperator(ImportContext &context, Messages &messages, Scope &scope, const Operator &op,
                              const OpSchema &schema, const OpRow &row, mlir::Location loc,
                              llvm::ArrayRef<Value> operands, DeclaredRankFn declaredRank) {
  // A node among those of a graph that is an attribute of another.
  const Operator *outer = std::exchange(messages.current, &op);
  llvm::ArrayRef<Value> outerOperands = std::exchange(messages.operands, operands);
  llvm::scope_exit restore([&] {
    messages.current = outer;
    messages.operands = outerOperands;
  });
  Node view(context, op, schema, messages.place, loc, operands, declaredRank);
  if (row.import)
    view.setOutput(0, row.import(view));
  else
    row.importMany(view);
  if (llvm::StringRef unread = view.unreadAttribute(); !view.failed() && !unread.empty())
    view.unsupported(unread, "given", "leave the attribute out");
  if (view.failed())
    return false;
  for (auto [position, output] : llvm::enumerate(op.outputs)) {
    if (output.empty())
      continue;
    if (view.isEmpty(position)) {
      scope.setAbsent(output);
      continue;
    }
    scope.values[output] = view.output(position);
    if (!view.output(position))
      context.diagnostics
          .error("onnx-unsupported-output", view.where(),
                 "output '" + schema.output(position)->name + "' is not supported")
          .note("remove what uses " + quoted(output));
  }
  return true;
}
