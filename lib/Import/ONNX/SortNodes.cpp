// lib/Import/ONNX/SortNodes.cpp: brings nodes into an order in which each follows what it uses.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "SortNodes.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

#include <queue>

using namespace lathe;
using namespace lathe::onnx_import;
using ::onnx::AttributeProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;

using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;

/// All names that `node` reads, those in its subgraphs too: some of them are
/// values of the graph around it.
static void forEachUse(const NodeProto &node, llvm::function_ref<void(llvm::StringRef)> use) {
  for (const std::string &input : node.input())
    use(input);
  auto inGraph = [&](const GraphProto &graph) {
    for (const NodeProto &inner : graph.node())
      forEachUse(inner, use);
    for (const auto &output : graph.output())
      use(output.name());
  };
  for (const AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      inGraph(attribute.g());
    for (const GraphProto &graph : attribute.graphs())
      inGraph(graph);
  }
}

static void sortList(Nodes &nodes) {
  int count = nodes.size();
  llvm::StringMap<int> producers;
  for (auto [index, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.output())
      if (!output.empty())
        producers.try_emplace(output, index);
  bool isSorted = true;
  std::vector<llvm::SmallVector<int, 2>> users(count);
  std::vector<int> missing(count, 0);
  for (auto [index, node] : llvm::enumerate(nodes))
    forEachUse(node, [&, user = static_cast<int>(index)](llvm::StringRef name) {
      auto producer = producers.find(name);
      if (producer == producers.end() || producer->second == user)
        return;
      isSorted &= producer->second < user;
      users[producer->second].push_back(user);
      ++missing[user];
    });
  if (isSorted)
    return;
  // Of several that could be next, the first in the file: the order changes as
  // little as it can.
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int index = 0; index < count; ++index)
    if (missing[index] == 0)
      ready.push(index);
  std::vector<int> order;
  while (!ready.empty()) {
    int next = ready.top();
    ready.pop();
    order.push_back(next);
    for (int user : users[next])
      if (--missing[user] == 0)
        ready.push(user);
  }
  if (static_cast<int>(order.size()) != count)
    return; // A cycle.
  Nodes sorted;
  sorted.Reserve(count);
  for (int index : order)
    sorted.Add()->Swap(nodes.Mutable(index));
  nodes.Swap(&sorted);
}

static void sortGraph(GraphProto &graph);

static void sortSubgraphs(Nodes &nodes) {
  for (NodeProto &node : nodes)
    for (AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        sortGraph(*attribute.mutable_g());
      for (GraphProto &graph : *attribute.mutable_graphs())
        sortGraph(graph);
    }
}

static void sortGraph(GraphProto &graph) {
  sortSubgraphs(*graph.mutable_node());
  sortList(*graph.mutable_node());
}

void onnx_import::sortNodes(::onnx::ModelProto &model) {
  sortGraph(*model.mutable_graph());
  for (auto &function : *model.mutable_functions()) {
    sortSubgraphs(*function.mutable_node());
    sortList(*function.mutable_node());
  }
}
