// dialects/Graph/ReductionOps.td: ops that reduce or normalize along axes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_REDUCTION
#define LATHE_GRAPH_REDUCTION

include "dialects/Graph/GraphBase.td"

def Graph_ReduceKind : I32EnumAttr<"ReduceKind", "how a reduction combines elements", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"mean", 1>,
    I32EnumAttrCase<"max", 2>, I32EnumAttrCase<"min", 3>,
    I32EnumAttrCase<"prod", 4>, I32EnumAttrCase<"any", 5>,
    I32EnumAttrCase<"all", 6>]> {
  let cppNamespace = "::lathe::graph";
}

def Graph_ReduceOp : Graph_Op<"reduce", [AllElementTypesMatch<["x", "y"]>]> {
  let summary = "reduction over axes";
  let description = [{
    Combines the elements along `axes`. With `keep_dims` the reduced dimensions
    stay with size 1. Over no elements, a sum is 0, a product 1, a maximum the
    lowest value of the type, a minimum its highest, and a mean is not a number.

    * (C1) `axes` are sorted, distinct and in `[0, rank(x))`.
    * (C2) Half precision is accumulated in f32.
    * (C3) `any` and `all` take `i1`; every other kind takes numbers (`max` and
      `min` take `i1` too); `mean` of integers truncates towards zero.
  }];
  let arguments = (ins Graph_Tensor:$x, Graph_ReduceKind:$kind,
      DenseI64ArrayAttr:$axes, UnitAttr:$keep_dims);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = [{
    $kind $x `axes` `=` $axes (`keep_dims` $keep_dims^)? attr-dict `:` type($x) `->` type($y)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_SoftmaxOp : Graph_Op<"softmax", [AllTypesMatch<["x", "y"]>]> {
  let summary = "exponentials along one axis, scaled to sum to one";
  let description = [{
    `y[i] = exp(x[i] - m) / sum_j exp(x[j] - m)`, where `m` is the largest `x[j]`
    along `axis`. Subtracting `m` changes no value and keeps `exp` from
    overflowing. With `log`, the logarithm of that, without leaving the range.

    * (C1) `0 <= axis < rank(x)`. Importers normalize negative axes.
    * (C2) Sums are accumulated in `f32` or wider.
  }];
  let arguments = (ins Graph_FloatTensor:$x,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$axis, UnitAttr:$log);
  let results = (outs Graph_FloatTensor:$y);
  let assemblyFormat = "$x `axis` `=` $axis (`log` $log^)? attr-dict `:` custom<SameTypes>(type($x), type($y))";
  let hasVerifier = 1; // softmax_c1
}

def Graph_ArgOp : Graph_Op<"arg"> {
  let summary = "index of the largest or least element along an axis";
  let description = [{
    The index of the `max` or `min` along `axis`; of equal elements the first,
    or with `last` the last. NaN counts as better than any number.

    * (C1) `0 <= axis < rank(x)`.
    * (C2) `kind` is `max` or `min`.
  }];
  let arguments = (ins Graph_NumberTensor:$x, Graph_ReduceKind:$kind,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$axis, UnitAttr:$keep_dims, UnitAttr:$last);
  let results = (outs RankedTensorOf<[I64]>:$y);
  let assemblyFormat = [{
    $kind $x `axis` `=` $axis (`keep_dims` $keep_dims^)? (`last` $last^)? attr-dict
    `:` type($x) `->` type($y)
  }];
  let hasVerifier = 1;
}

def Graph_TopKOp : Graph_Op<"top_k"> {
  let summary = "positions of the largest or least elements along an axis, in order";
  let description = [{
    `y[..., i, ...]` is the position along `axis` of the element that `i` others
    come before: larger ones for `max`, lesser ones for `min`, and of equal
    elements those at lower positions. How many positions are wanted is the
    size of the result type at `axis`; with all of them, this is a stable sort.
    NaN counts as larger than any number.

    * (C1) `0 <= axis < rank(x)`, and `y` has the rank of `x`.
    * (C2) `kind` is `max` or `min`.
    * (C3) `y` has the dimensions of `x`, but at `axis` it may have less.
  }];
  let arguments = (ins Graph_NumberTensor:$x, Graph_ReduceKind:$kind,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$axis);
  let results = (outs RankedTensorOf<[I64]>:$y);
  let assemblyFormat = "$kind $x `axis` `=` $axis attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Graph_SortRowsOp : Graph_Op<"sort_rows"> {
  let summary = "the order of the rows of a matrix";
  let description = [{
    `y[i]` is the position of the row that `i` others come before: those that
    are less in the first column where both differ, and equal ones at lower
    positions. A NaN is greater than all numbers and equal to itself.

    * (C1) `x` has rank 2, `y` has rank 1.
  }];
  let arguments = (ins Graph_Tensor:$x);
  let results = (outs RankedTensorOf<[I64]>:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

class Graph_CumulativeOp<string mnemonic> : Graph_Op<mnemonic, [AllTypesMatch<["x", "y"]>]> {
  let arguments = (ins Graph_NumberTensor:$x,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$axis, UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs Graph_NumberTensor:$y);
  let assemblyFormat = [{
    $x `axis` `=` $axis (`exclusive` $exclusive^)? (`reverse` $reverse^)? attr-dict `:` custom<SameTypes>(type($x), type($y))
  }];
  let hasVerifier = 1;
}

def Graph_CumulativeSumOp : Graph_CumulativeOp<"cumulative_sum"> {
  let summary = "running sum along an axis";
  let description = [{
    `y[i] = sum_{j <= i} x[j]` along `axis`; with `exclusive` `j < i`; with
    `reverse` from the end.

    * (C1) `0 <= axis < rank(x)`.
  }];
}

def Graph_CumulativeProductOp : Graph_CumulativeOp<"cumulative_product"> {
  let summary = "running product along an axis";
  let description = [{
    As `graph.cumulative_sum`, with products: `y[i] = prod_{j <= i} x[j]`.

    * (C1) `0 <= axis < rank(x)`.
  }];
}

#endif
