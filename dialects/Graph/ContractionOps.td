// dialects/Graph/ContractionOps.td: ops that multiply and sum over shared dimensions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_CONTRACTION
#define LATHE_GRAPH_CONTRACTION

include "dialects/Graph/GraphBase.td"

def Graph_MatmulOp : Graph_Op<"matmul"> {
  let summary = "product of matrices, batched over leading dimensions";
  let description = [{
    `y[..., i, j] = sum_k a[..., i, k] b[..., k, j]`, where leading dimensions
    broadcast as in numpy.matmul.

    * (C1) Both operands have rank 2 or more.
    * (C2) `a`'s last dimension equals `b`'s last but one.
    * (C3) Either all types are the same; or `a` and `b` are the same half
      precision and `y` is f32; or `a` and `b` are bytes, with or without a
      sign, and `y` is i32. Half precision is accumulated in f32, all else in
      the type of `y`, in which integers wrap.
  }];
  let arguments = (ins Graph_NumberTensor:$a, Graph_NumberTensor:$b);
  let results = (outs Graph_NumberTensor:$y);
  let assemblyFormat = "$a `,` $b attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1; // matmul_c1, matmul_c3
}

#endif
