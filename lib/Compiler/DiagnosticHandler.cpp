// lib/Compiler/DiagnosticHandler.cpp: MLIR's diagnostics as ours: file, node, operator, message, id, notes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "dialects/Graph/NodeLocation.h"

using namespace mlir;

namespace lathe {

DiagnosticHandler::DiagnosticHandler(MLIRContext &context, Diagnostics &diagnostics, std::string file,
                                     bool wantsRemarks)
    : context(context), diagnostics(diagnostics), file(std::move(file)), wantsRemarks(wantsRemarks) {
  setErrorId("phase-mlir");
  id = context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
    report(diagnostic);
    return success();
  });
}

DiagnosticHandler::~DiagnosticHandler() { context.getDiagEngine().eraseHandler(id); }

/// Where a location points: the line of a text, and the node of a model.
static std::string placeOf(Location loc, const std::string &file) {
  std::string node = graph::describeNode(loc), source = graph::describeFile(loc);
  std::string place = source.empty() ? file : source;
  if (node.empty())
    return place;
  return place.empty() ? node : place + ": " + node;
}

void DiagnosticHandler::report(mlir::Diagnostic &diagnostic) {
  if (isMuted && isMuted())
    return;
  DiagnosticSeverity severity = diagnostic.getSeverity();
  if (severity == DiagnosticSeverity::Note || (severity == DiagnosticSeverity::Remark && !wantsRemarks))
    return;
  std::string message = diagnostic.str(), stableId;
  // Messages end in their id; those of MLIR itself have none.
  StringRef text(message);
  size_t open = text.rfind('[');
  if (text.ends_with("]") && open != StringRef::npos && text.find(' ', open) == StringRef::npos) {
    stableId = text.slice(open + 1, text.size() - 1).str();
    text = text.take_front(open).rtrim();
  } else {
    stableId = foreignId;
  }
  std::string place = placeOf(diagnostic.getLocation(), file);
  lathe::Diagnostic &made = severity == DiagnosticSeverity::Error    ? diagnostics.error(stableId, place, text)
                            : severity == DiagnosticSeverity::Remark ? diagnostics.remark(stableId, place, text)
                                                                     : diagnostics.warning(stableId, place, text);
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    made.note(note.str());
}

} // namespace lathe
