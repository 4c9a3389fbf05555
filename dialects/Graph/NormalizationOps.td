// dialects/Graph/NormalizationOps.td: ops that shift and scale by statistics of their operand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_NORMALIZATION
#define LATHE_GRAPH_NORMALIZATION

include "dialects/Graph/GraphBase.td"

def Graph_LayerNormOp : Graph_Op<"layer_norm", [AllTypesMatch<["x", "y"]>]> {
  let summary = "normalization over the last dimensions";
  let description = [{
    `y = (x - mean) / sqrt(variance + epsilon)`, with mean and (biased) variance
    over the dimensions from `axis` on (Ba et al., arXiv:1607.06450). Scale and
    bias are separate elementwise ops.

    * (C1) `0 <= axis < rank(x)`.
    * (C2) Statistics are accumulated in f32 or wider.
  }];
  let arguments = (ins Graph_FloatTensor:$x,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$axis, F64Attr:$epsilon);
  let results = (outs Graph_FloatTensor:$y);
  let assemblyFormat = "$x `axis` `=` $axis `epsilon` `=` $epsilon attr-dict `:` custom<SameTypes>(type($x), type($y))";
  let hasVerifier = 1; // layer_norm_c1
}

#endif
