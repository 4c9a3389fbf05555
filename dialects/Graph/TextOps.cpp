// dialects/Graph/TextOps.cpp: the functions on strings.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace lathe::graph {

namespace {
struct TextFunction {
  StringLiteral name;
  unsigned operands, results, parameters;
};
} // namespace

static constexpr unsigned anyNumber = ~0u;

static constexpr TextFunction functions[] = {
    {"literal", 0, 1, 0}, {"equal", 2, 1, 0},        {"concat", 2, 1, 0},       {"match", 1, 1, 1},
    {"parse", 1, 1, 0},   {"format", 1, 1, 0},       {"split", 1, 2, 2},        {"split_width", 1, 1, 2},
    {"filter", 1, 1, 1},  {"filter_count", 1, 1, 1}, {"case", 1, 1, 1},         {"find", 2, 1, 1},
    {"random", 0, 1, 1},  {"image_size", 1, 1, 0},   {"decode_image", 1, 1, 1}, {"custom", anyNumber, anyNumber, 2},
    {"tokens", 1, 1, 5},  {"token_width", 1, 1, 5},  {"murmur", 1, 1, 2},       {"order", 1, 1, 0},
};

/// Whether `custom` has a vector of ranks and sizes in front of its operands, and a type for each tensor behind
/// the name and the number of attributes.
static bool describesTensors(TextOp op) {
  ArrayRef<Attribute> parameters = op.getParameters().getValue();
  unsigned attributes;
  return op.getNumOperands() > 0 && op.getNumResults() > 0 &&
         parameters.size() == 1 + op.getNumOperands() + op.getNumResults() &&
         !cast<StringAttr>(parameters[1]).getValue().getAsInteger(10, attributes) && attributes < op.getNumOperands() &&
         getElementTypeOrSelf(op.getOperand(0)).isInteger(64);
}

LogicalResult TextOp::verify() {
  for (const TextFunction &function : functions) {
    if (function.name != getFunction())
      continue;
    if (function.operands == anyNumber) {
      if (getParameters().size() >= function.parameters && describesTensors(*this))
        return success();
      return emitOpError("calls 'custom' with ")
             << getNumOperands() << " operands, " << getNumResults() << " results and " << getParameters().size()
             << " parameters, but it has sizes in i64 and tensors, at least one result, and a name, a number of "
                "attributes and the types of all tensors as parameters"; // text_c1
    }
    if (getArguments().size() == function.operands && getNumResults() == function.results &&
        getParameters().size() >= function.parameters) {
      if (function.name != "find" || getElementTypeOrSelf(getArguments()[0]) == getElementTypeOrSelf(getArguments()[1]))
        return success();
      return emitOpError("looks for ") << getArguments()[0].getType() << " among " << getArguments()[1].getType()
                                       << ", which have another element type"; // text_c1
    }
    return emitOpError("calls '") << function.name << "' with " << getArguments().size() << " operands, "
                                  << getNumResults() << " results and " << getParameters().size()
                                  << " parameters, but it has " << function.operands << ", " << function.results
                                  << " and at least " << function.parameters; // text_c1
  }
  return emitOpError("calls '") << getFunction() << "', which is no function on strings"; // text_c1
}

LogicalResult TextOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  for (Value result : getResults())
    results.push_back(solver.dims(result));
  return success();
}

} // namespace lathe::graph
