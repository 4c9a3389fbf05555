// dialects/Graph/ConvolutionOps.td: convolution and its transpose, in one to three spatial dimensions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_CONVOLUTION
#define LATHE_GRAPH_CONVOLUTION

include "dialects/Graph/GraphBase.td"

def Graph_ConvOp : Graph_Op<"conv"> {
  let summary = "convolution (cross-correlation) with zero padding";
  let description = [{
    `y[n, o, p] = sum_{c, k} x[n, g C + c, stride p + dilation k - pad] filter[o, c, k]`
    over the spatial positions `k` of the filter, with `x` zero outside of its
    bounds and `g` the group of output channel `o`.

    `x` and `y` are `[N, C, spatial...]`, or `[N, spatial..., C]` with
    `channels_last`; `filter` is always `[O, C / groups, spatial...]`.

    * (C1) `x`, `filter` have the same rank, 3 to 5; the spatial rank is that minus 2.
    * (C2) `strides`, `dilations` have one positive entry per spatial dimension.
    * (C3) `pads` has two non-negative entries per spatial dimension: all
      begins, then all ends.
    * (C4) `groups` is positive and divides both channel counts; the filter's
      second dimension is the input channels divided by `groups`.
    * (C5) The element types are as `graph.matmul` has them (C3).
  }];
  let arguments = (ins Graph_NumberTensor:$x, Graph_NumberTensor:$filter,
      DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
      DenseI64ArrayAttr:$dilations, I64Attr:$groups, UnitAttr:$channels_last);
  let results = (outs Graph_NumberTensor:$y);
  let assemblyFormat = [{
    $x `,` $filter (`channels_last` $channels_last^)? `strides` `=` $strides
    `pads` `=` $pads `dilations` `=` $dilations `groups` `=` $groups attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graph_ConvTransposeOp : Graph_Op<"conv_transpose", [AllElementTypesMatch<["x", "filter", "y"]>]> {
  let summary = "transposed convolution";
  let description = [{
    The gradient of `graph.conv` with respect to its input: every input element
    adds `filter`, scaled, to a window of the output; `pads` are cut off. The
    output size is `stride (in - 1) + output_padding + dilation (k - 1) + 1 - pads`.

    Layouts as for `graph.conv`, but `filter` is `[C, O / groups, spatial...]`.
    The same constraints (C1) to (C4) hold.
  }];
  let arguments = (ins Graph_FloatTensor:$x, Graph_FloatTensor:$filter,
      DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
      DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$output_padding,
      I64Attr:$groups, UnitAttr:$channels_last);
  let results = (outs Graph_FloatTensor:$y);
  let assemblyFormat = [{
    $x `,` $filter (`channels_last` $channels_last^)? `strides` `=` $strides
    `pads` `=` $pads `dilations` `=` $dilations `output_padding` `=` $output_padding
    `groups` `=` $groups attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
