// lib/Conversion/GraphToHost/Donations.cpp: outputs for which callers may give the memory of an input.
//
// A call of the program then reads the input before it writes the output, whichever
// memory the caller gives: in the output's own, what a kernel computes in place is
// copied there first.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Host/Donations.h"
#include "Converter.h"
#include "dialects/Graph/NodeLocation.h"

using namespace mlir;

namespace lathe {

static std::string nameOf(StringAttr name, StringRef kind, unsigned number) {
  return ("'" + (name ? name.getValue().str() : (kind + Twine(number)).str()) + "'");
}

/// What the caller wants and cannot have is said here; what costs a copy, where that is found.
LogicalResult Converter::checkDonations() {
  if (failed(host::verifyDonations(func)))
    return failure();
  auto returned = cast<func::ReturnOp>(func.getBody().front().getTerminator());
  for (auto [i, value] : llvm::enumerate(returned.getOperands())) {
    auto alias = func.getResultAttrOfType<IntegerAttr>(i, host::aliasAttrName);
    if (!alias)
      continue;
    BlockArgument input = func.getArgument(alias.getInt());
    std::string output = nameOf(func.getResultAttrOfType<StringAttr>(i, "graph.name"), "output", i),
                from = nameOf(func.getArgAttrOfType<StringAttr>(input.getArgNumber(), "graph.name"), "input",
                              input.getArgNumber());
    auto refuse = [&]() {
      return func.emitError("output ") << output << " cannot have the memory of input " << from << ": ";
    };
    if (value.getType() != input.getType())
      return refuse() << "it is a " << value.getType() << ", but the input is a " << input.getType()
                      << "; only one of the same shape and element type can be donated [donation-type]";
    if (!isKnownAtEntry(value.getType()))
      return refuse() << "only tensors whose sizes the inputs say can be donated, but this is a " << value.getType()
                      << " [donation-type]";
    if (spaces.of(input) != spaces.ofResult(i))
      return refuse() << "it is in " << host::stringifySpace(spaces.ofResult(i)) << " memory, but the input in "
                      << host::stringifySpace(spaces.of(input)) << " memory [donation-type]";
    for (auto [j, other] : llvm::enumerate(returned.getOperands()))
      if (i != j && lifetimes.mayBe(input, other))
        return refuse() << "output " << nameOf(func.getResultAttrOfType<StringAttr>(j, "graph.name"), "output", j)
                        << " is made of the input at the end of the call [donation-returned]";
    for (auto [other, taken] : donated)
      if (taken == input)
        return refuse() << "output "
                        << nameOf(func.getResultAttrOfType<StringAttr>(other, "graph.name"), "output", other)
                        << " has it already [donation-twice]";
    donated[i] = input;
  }
  return success();
}

/// Who reads `value` in `step`.
static std::string readerAt(const Lifetimes &lifetimes, func::FuncOp func, Value value, unsigned step) {
  std::string node = "an operation";
  func.walk([&](Operation *op) {
    bool reads = llvm::any_of(op->getOperands(), [&](Value operand) { return lifetimes.ownerOf(operand) == value; });
    if (!reads || (lifetimes.begin(op) != step && lifetimes.end(op->getParentOp()) != step))
      return;
    std::string name = graph::describeNode(op->getLoc());
    if (isa<func::ReturnOp>(op))
      node = "the end of the call";
    else if (!name.empty())
      node = name;
  });
  return node;
}

/// Output `output`, which is no input, is computed in memory that may be that of `input`.
void Converter::donate(unsigned output, BlockArgument input) {
  Value value = func.getBody().front().getTerminator()->getOperand(output);
  Value owner = lifetimes.ownerOf(value);
  if (owner == input)
    return;
  auto warn = [&](const Twine &reason) {
    func.emitWarning("output ") << nameOf(func.getResultAttrOfType<StringAttr>(output, "graph.name"), "output", output)
                                << " is computed elsewhere and copied to the memory of input "
                                << nameOf(func.getArgAttrOfType<StringAttr>(input.getArgNumber(), "graph.name"),
                                          "input", input.getArgNumber())
                                << ": " << reason << " [donation-copied]";
  };
  auto isThere = [&](const Place &place) { return place.kind == Place::Output && place.index == output; };
  if (!isThere(places[owner]))
    return warn("it is a constant or another output, or a branch or a loop makes it");
  // The first that writes there.
  SmallVector<Value> writers;
  for (auto &[other, place] : places)
    if (isThere(place))
      writers.push_back(other);
  Value first = *llvm::min_element(writers, [&](Value a, Value b) { return firstWithParts(a) < firstWithParts(b); });
  unsigned written = firstWithParts(first), read = lifetimes.last(input);
  if (input.use_empty() || read < written)
    return;
  auto call = first.getDefiningOp<kernel::CallOp>();
  std::optional<unsigned> operand;
  if (call && read == written && lifetimes.begin(call) == written && !inplace.contains(call))
    operand = operandInPlace(call, [&](Value owner) { return owner == input; });
  if (operand) {
    inplace[call] = *operand;
    startsDonated[call] = output;
    return;
  }
  for (Value writer : writers)
    places[writer] = {Place::Workspace, 0, ""};
  copies.push_back({output, value});
  warn(readerAt(lifetimes, func, input, read) + " still reads the input when the output is written");
}

} // namespace lathe
