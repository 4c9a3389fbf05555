// dialects/Graph/NodeLocation.cpp: walks nested locations for the nodes in them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/NodeLocation.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace lathe::graph {

Location getNodeLocation(MLIRContext *context, StringRef file, StringRef node, StringRef kind) {
  Location place = FileLineColLoc::get(context, file, 0, 0);
  Location typed = NameLoc::get(StringAttr::get(context, kind), place);
  return NameLoc::get(StringAttr::get(context, node), typed);
}

namespace {
struct NodeName {
  StringRef node, kind;
};
} // namespace

static void collect(Location loc, SmallVectorImpl<NodeName> &names) {
  if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      collect(part, names);
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    collect(call.getCallee(), names);
  } else if (auto named = dyn_cast<NameLoc>(loc)) {
    if (auto kind = dyn_cast<NameLoc>(named.getChildLoc()))
      names.push_back({named.getName().getValue(), kind.getName().getValue()});
  }
}

std::string describeNode(Location loc) {
  SmallVector<NodeName> names;
  collect(loc, names);
  if (names.empty())
    return "";
  return ("node \"" + names[0].node + "\" (" + names[0].kind + ")").str();
}

SmallVector<std::string> getNodeNames(Location loc) {
  SmallVector<NodeName> names;
  collect(loc, names);
  SmallVector<std::string> result;
  for (const NodeName &name : names)
    if (!llvm::is_contained(result, name.node.str()))
      result.push_back(name.node.str());
  return result;
}

std::string describeFile(Location loc) {
  if (auto file = dyn_cast<FileLineColLoc>(loc)) {
    std::string text = file.getFilename().str();
    if (file.getLine())
      text += ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
    return text;
  }
  if (auto named = dyn_cast<NameLoc>(loc))
    return describeFile(named.getChildLoc());
  if (auto call = dyn_cast<CallSiteLoc>(loc))
    return describeFile(call.getCallee());
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (std::string file = describeFile(part); !file.empty())
        return file;
  return "";
}

} // namespace lathe::graph
