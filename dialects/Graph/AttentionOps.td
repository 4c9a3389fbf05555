// dialects/Graph/AttentionOps.td: attention, whole, so that a kernel may keep its scores near.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_ATTENTION
#define LATHE_GRAPH_ATTENTION

include "dialects/Graph/GraphBase.td"

def Graph_AttentionOp : Graph_Op<"attention", [AttrSizedOperandSegments]> {
  let summary = "scaled dot-product attention, with masks and shared keys";
  let description = [{
    `y = softmax(scores) v` over the keys, where `scores = cap(scale q k^T) + bias`
    (Vaswani et al., arXiv:1706.03762), `cap(s) = softcap tanh(s / softcap)` where
    `softcap` is not 0, and a score is `hidden` where `mask` is false and, with
    `causal`, an offset C, where the key's position is more than C plus the query's. A
    query of which all scores are minus infinity gives NaN; with `zero_rows` it gives
    zeros.

    Q heads of queries share H of keys and values, Q / H in a row each. `q` is
    [batch, Q, queries, size], `k` [batch, H, keys, size], `v` [batch, H, keys, width] and
    `y` [batch, Q, queries, width]; where the entry of `heads_inside` for one of q, k, v, y is true,
    its dims 1 and 2 change places: [batch, queries, Q, size]. `bias` and `mask` broadcast to
    [batch, Q, queries, keys].

    * (C1) All operands have rank 4, and `heads_inside` has four entries.
    * (C2) `q`, `k`, `v` and `y` have one element type. Half precision is computed in f32.
    * (C3) The sizes that repeat are equal, and H divides Q, both of which are static where they differ.
    * (C4) A dim of `bias` or `mask` is 1 or that of the scores.
    * (C5) `softcap` is not negative, and `causal` has one expression.
  }];
  let arguments = (ins Graph_FloatTensor:$q, Graph_FloatTensor:$k, Graph_FloatTensor:$v,
      Optional<Graph_FloatTensor>:$bias, Optional<Graph_BoolTensor>:$mask, DenseBoolArrayAttr:$heads_inside,
      F64Attr:$scale, DefaultValuedAttr<F64Attr, "0.0">:$softcap,
      DefaultValuedAttr<F64Attr, "-std::numeric_limits<double>::infinity()">:$hidden,
      OptionalAttr<Graph_DimsAttr>:$causal, UnitAttr:$zero_rows);
  let results = (outs Graph_FloatTensor:$y);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`bias` $bias^)? (`mask` $mask^)? (`causal` `=` $causal^)? `heads_inside` `=` $heads_inside
    `scale` `=` $scale attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1; // attention_c1, attention_c2, attention_c5
  let extraClassDeclaration = [{
    /// Dims [batch, heads, length, size] of `value`, which is in place `operand` of q, k, v, y.
    ::lathe::graph::Dims dimsOf(::lathe::graph::ShapeSolver &solver, ::mlir::Value value, unsigned operand);
    /// The static size of dim `dim` of [batch, heads, length, size].
    int64_t sizeOf(unsigned operand, unsigned dim);
  }];
}

#endif
