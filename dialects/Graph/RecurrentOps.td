// dialects/Graph/RecurrentOps.td: recurrent layers, whole; a pass takes them apart.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_RECURRENT
#define LATHE_GRAPH_RECURRENT

include "dialects/Graph/GraphBase.td"

def Graph_Direction : I32EnumAttr<"Direction", "in which order a recurrence takes its steps", [
    I32EnumAttrCase<"forward", 0>, I32EnumAttrCase<"reverse", 1>, I32EnumAttrCase<"bidirectional", 2>]> {
  let cppNamespace = "::lathe::graph";
}

// Names of what Graph_RecurrentOp's activations may be; see `Activation`.
def Graph_ActivationsAttr : TypedArrayAttrBase<StrAttr, "names of activations">;

// What the descriptions of all three layers say.
defvar recurrentShared = [{
  `x` is [steps, batch, I]; with D directions and H elements of state, `w` is
  [D, gates H, I], `r` [D, gates H, H], `b` [D, 2 gates H] (first what goes
  with `w`, then what goes with `r`) and each initial state [D, batch, H], zero
  where absent. Results: `y` [steps, D, batch, H], then the last state(s),
  [D, batch, H].

  Row n of the batch takes part in the first `lengths[n]` steps only: `y` is 0
  after them, and the state stays; the last state of an empty row is 0.
  `reverse` takes the steps from the last to the first, and `bidirectional` does
  both. `clip`, where not 0, bounds the sums that gates and candidates are
  functions of to [-clip, clip]. `alphas` and `betas` have one entry per
  activation; those that the function does not use mean nothing.

  * (C1) Ranks are those above, and the sizes that repeat are equal.
  * (C2) D is 1, or 2 where `bidirectional`.
  * (C3) One activation, alpha and beta per function of the cell and direction;
    the names are relu, tanh, sigmoid, affine (`alpha x + beta`), leaky_relu,
    thresholded_relu, scaled_tanh (`alpha tanh(beta x)`), hard_sigmoid, elu,
    softsign and softplus.
  * (C4) Half precision is computed in f32.
}];

// Operands and attributes that all three layers share; `gates` is the number of
// H rows in w, r and each half of b.
class Graph_RecurrentOp<string mnemonic, int gates, int functions, dag states, dag extra, dag more>
    : Graph_Op<mnemonic, [AttrSizedOperandSegments]> {
  let arguments = !con((ins Graph_FloatTensor:$x, Graph_FloatTensor:$w, Graph_FloatTensor:$r,
      Optional<Graph_FloatTensor>:$b, Optional<Graph_IndexTensor>:$lengths), states,
      (ins Graph_Direction:$direction, Graph_ActivationsAttr:$activations, DenseF64ArrayAttr:$alphas,
      DenseF64ArrayAttr:$betas, DefaultValuedAttr<F64Attr, "0.0">:$clip), more);
  let results = !con((outs Graph_FloatTensor:$y, Graph_FloatTensor:$y_h), extra);
  let hasVerifier = 1; // rnn_c2, rnn_c3, gru_c2, gru_c3, lstm_c2, lstm_c3
  let extraClassDeclaration = [{
    static constexpr int64_t numGates = }] # !cast<string>(gates) # [{;
    static constexpr int64_t numFunctions = }] # !cast<string>(functions) # [{;
  }];
}

def Graph_RnnOp : Graph_RecurrentOp<"rnn", 1, 1,
    (ins Optional<Graph_FloatTensor>:$h0), (outs), (ins)> {
  let summary = "Elman's recurrent layer";
  let description = "`h' = f(x w^T + h r^T + b)` (Elman, 1990).\n" # recurrentShared;
  let assemblyFormat = [{
    $direction $x `,` $w `,` $r (`bias` $b^)? (`lengths` $lengths^)? (`h` $h0^)?
    $activations `alphas` `=` $alphas `betas` `=` $betas attr-dict `:` functional-type(operands, results)
  }];
}

def Graph_GruOp : Graph_RecurrentOp<"gru", 3, 2,
    (ins Optional<Graph_FloatTensor>:$h0), (outs), (ins UnitAttr:$linear_before_reset)> {
  let summary = "gated recurrent units";
  let description = [{
    With the gates z, r, h in this order (Cho et al., arXiv:1406.1078):
    `z = f(x wz^T + h rz^T + bz)`, `r` likewise,
    `n = g(x wh^T + (r h) rh^T + bh)`, `h' = (1 - z) n + z h`. With
    `linear_before_reset`, `n = g(x wh^T + wbh + r (h rh^T + rbh))`.
  }] # recurrentShared;
  let assemblyFormat = [{
    $direction $x `,` $w `,` $r (`bias` $b^)? (`lengths` $lengths^)? (`h` $h0^)?
    $activations `alphas` `=` $alphas `betas` `=` $betas attr-dict `:` functional-type(operands, results)
  }];
}

def Graph_LstmOp : Graph_RecurrentOp<"lstm", 4, 3,
    (ins Optional<Graph_FloatTensor>:$h0, Optional<Graph_FloatTensor>:$c0, Optional<Graph_FloatTensor>:$peepholes),
    (outs Graph_FloatTensor:$y_c), (ins UnitAttr:$input_forget)> {
  let summary = "long short-term memory";
  let description = [{
    With the gates i, o, f, c in this order and peepholes p [D, 3 H] for i, o, f
    (Gers et al., 2002): `i = f(x wi^T + h ri^T + pi c + bi)`, `f` likewise, or
    `f = 1 - i` with `input_forget`; `n = g(x wc^T + h rc^T + bc)`,
    `c' = f c + i n`, `o = f(x wo^T + h ro^T + po c' + bo)`, `h' = o h(c')`.
  }] # recurrentShared;
  let assemblyFormat = [{
    $direction $x `,` $w `,` $r (`bias` $b^)? (`lengths` $lengths^)? (`h` $h0^)? (`c` $c0^)? (`peepholes` $peepholes^)?
    $activations `alphas` `=` $alphas `betas` `=` $betas attr-dict `:` functional-type(operands, results)
  }];
}

#endif
