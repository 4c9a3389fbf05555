// lib/Compiler/NativeText.cpp: parses text, then places each operation at its own line.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NativeText.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/AsmParser/AsmParserState.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace lathe {

/// `loc` with `place` wherever it names a file.
static Location placedAt(Location loc, FileLineColLoc place) {
  if (auto named = dyn_cast<NameLoc>(loc))
    return NameLoc::get(named.getName(), placedAt(named.getChildLoc(), place));
  if (auto call = dyn_cast<CallSiteLoc>(loc))
    return CallSiteLoc::get(placedAt(call.getCallee(), place), call.getCaller());
  if (auto fused = dyn_cast<FusedLoc>(loc)) {
    auto parts = llvm::map_to_vector(fused.getLocations(), [&](Location part) { return placedAt(part, place); });
    return FusedLoc::get(parts, fused.getMetadata(), loc.getContext());
  }
  return place;
}

OwningOpRef<ModuleOp> parseText(std::unique_ptr<llvm::MemoryBuffer> text, MLIRContext &context) {
  StringAttr name = StringAttr::get(&context, text->getBufferIdentifier());
  llvm::SourceMgr sources;
  unsigned id = sources.AddNewSourceBuffer(std::move(text), SMLoc());
  AsmParserState state;
  Block block;
  if (failed(parseAsmSourceFile(sources, &block, ParserConfig(&context, /*verifyAfterParse=*/false), &state)))
    return nullptr;
  for (const AsmParserState::OperationDefinition &definition : state.getOpDefs()) {
    auto [line, column] = sources.getLineAndColumn(definition.loc.Start, id);
    definition.op->setLoc(placedAt(definition.op->getLoc(), FileLineColLoc::get(name, line, column)));
  }
  // The text may leave the module around its functions out.
  if (llvm::hasSingleElement(block))
    if (auto module = dyn_cast<ModuleOp>(block.front())) {
      module->remove();
      return module;
    }
  OwningOpRef<ModuleOp> module = ModuleOp::create(FileLineColLoc::get(name, 0, 0));
  module->getBody()->getOperations().splice(module->getBody()->begin(), block.getOperations());
  return module;
}

} // namespace lathe
