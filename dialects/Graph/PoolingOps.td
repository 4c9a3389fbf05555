// dialects/Graph/PoolingOps.td: ops that reduce windows of spatial dimensions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_POOLING
#define LATHE_GRAPH_POOLING

include "dialects/Graph/GraphBase.td"

class Graph_PoolOp<string mnemonic> : Graph_Op<mnemonic> {
  code common = [{
    * (C1) The rank of `x` is 3 to 5; `[N, C, spatial...]`, or
      `[N, spatial..., C]` with `channels_last`.
    * (C2) `kernel`, `strides`, `dilations` have one positive entry per spatial
      dimension; `pads` two non-negative ones, all begins, then all ends.
    * (C3) The output size is `(in + pads - dilation (kernel - 1) - 1) / stride + 1`,
      rounded down, or with `ceil_mode` up but without windows that start in
      the padding behind the input.
  }];
  let arguments = (ins Graph_NumberTensor:$x, DenseI64ArrayAttr:$kernel,
      DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
      DenseI64ArrayAttr:$dilations, UnitAttr:$ceil_mode, UnitAttr:$channels_last);
  let results = (outs Graph_NumberTensor:$y);
  let assemblyFormat = [{
    $x (`channels_last` $channels_last^)? `kernel` `=` $kernel `strides` `=` $strides
    `pads` `=` $pads `dilations` `=` $dilations (`ceil_mode` $ceil_mode^)? attr-dict
    `:` type($x) `->` type($y)
  }];
  let hasVerifier = 1;
}

def Graph_MaxPoolOp : Graph_PoolOp<"max_pool"> {
  let summary = "maximum of each window";
  let description = "The largest element of each window; padding never wins.\n\n" # common;
}

def Graph_AveragePoolOp : Graph_PoolOp<"average_pool"> {
  let summary = "mean of each window";
  let description = [{
    The mean of each window. With `count_include_pad` the divisor counts the
    zeros of the padding (but never what lies behind it), else only elements.

  }] # common;
  let arguments = (ins Graph_FloatTensor:$x, DenseI64ArrayAttr:$kernel,
      DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
      DenseI64ArrayAttr:$dilations, UnitAttr:$ceil_mode, UnitAttr:$channels_last,
      UnitAttr:$count_include_pad);
  let results = (outs Graph_FloatTensor:$y);
}

#endif
