// dialects/Graph/Recurrent.h: recurrent layers, for the few files that know them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_RECURRENT_H
#define LATHE_DIALECTS_GRAPH_RECURRENT_H

#include "dialects/Graph/Graph.h"

#include "dialects/Graph/RecurrentEnums.h.inc"

namespace lathe::graph {

/// The functions that a cell may apply, in the order of `activationNames`.
enum class Activation {
  relu,
  tanh,
  sigmoid,
  affine,
  leakyRelu,
  thresholdedRelu,
  scaledTanh,
  hardSigmoid,
  elu,
  softsign,
  softplus
};

/// How `activations` names them.
inline constexpr llvm::StringLiteral activationNames[] = {
    "relu",        "tanh",         "sigmoid", "affine",   "leaky_relu", "thresholded_relu",
    "scaled_tanh", "hard_sigmoid", "elu",     "softsign", "softplus"};

/// The function called `name`, or nothing.
std::optional<Activation> findActivation(llvm::StringRef name);

} // namespace lathe::graph

#define GET_OP_CLASSES
#include "dialects/Graph/RecurrentOps.h.inc"

#endif // LATHE_DIALECTS_GRAPH_RECURRENT_H
