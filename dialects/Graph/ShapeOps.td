// dialects/Graph/ShapeOps.td: ops that move elements without computing on them, and ops on shapes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_SHAPE
#define LATHE_GRAPH_SHAPE

include "dialects/Graph/GraphBase.td"

def Graph_ConstantOp : Graph_Op<"constant", [ConstantLike, AllTypesMatch<["value", "y"]>]> {
  let summary = "a tensor known at compile time";
  let description = [{
    The elements are dense, or a resource: a blob outside of the text that may
    be mapped from a model file.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}

def Graph_ShapeOp : Graph_Op<"shape"> {
  let summary = "the dimensions of a tensor, as a tensor";
  let description = [{
    Dimensions `start` to `end - 1` of `x` as `i64`.

    * (C1) `0 <= start <= end <= rank(x)`.
  }];
  let arguments = (ins Graph_Tensor:$x, I64Attr:$start, I64Attr:$end);
  let results = (outs RankedTensorOf<[I64]>:$y);
  let assemblyFormat = "$x $start `to` $end attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_DimValuesOp : Graph_Op<"dim_values"> {
  let summary = "expressions of symbols, as a tensor";
  let description = [{
    The values of `dims` in row-major order: what is left of arithmetic on
    shapes after `graph-infer-shapes`. The result has a static shape.
  }];
  let arguments = (ins Graph_DimsAttr:$dims);
  let results = (outs Graph_NumberTensor:$y);
  let assemblyFormat = "$dims attr-dict `:` type($y)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_ReshapeOp : Graph_Op<"reshape", [AllElementTypesMatch<["x", "y"]>]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    With `shape`, an `i64` vector: an entry of -1 stands for what is left, an
    entry of 0 for the operand's dimension at its place (unless `allow_zero`);
    the rank of the result is its length. Without, the result type says it.

    * (C1) Both sides have the same number of elements.
  }];
  let arguments = (ins Graph_Tensor:$x, Optional<Graph_IndexTensor>:$shape, UnitAttr:$allow_zero);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = [{
    $x (`shape` $shape^)? (`allow_zero` $allow_zero^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_TransposeOp : Graph_Op<"transpose", [AllElementTypesMatch<["x", "y"]>]> {
  let summary = "permutation of dimensions";
  let description = [{
    `y`'s dimension `i` is `x`'s dimension `permutation[i]`.

    * (C1) `permutation` is one of `0 ... rank(x) - 1`.
  }];
  let arguments = (ins Graph_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$x $permutation attr-dict `:` type($x) `->` type($y)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def Graph_BroadcastOp : Graph_Op<"broadcast", [AllElementTypesMatch<["x", "y"]>]> {
  let summary = "repetition of dimensions of size one";
  let description = [{
    `x` broadcast, as numpy does, with the shape that the `i64` vector `shape`
    holds; with `exact`, to just that shape. Without `shape`, to the result type.

    * (C1) Where dimensions differ, one of them is 1; with `exact`, `x`'s.
  }];
  let arguments = (ins Graph_Tensor:$x, Optional<Graph_IndexTensor>:$shape, UnitAttr:$exact);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = [{
    $x (`shape` $shape^)? (`exact` $exact^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_ConcatOp : Graph_Op<"concat"> {
  let summary = "operands one after the other along an axis";
  let description = [{
    * (C1) At least one operand; equal ranks, and equal dimensions but for `axis`.
    * (C2) `0 <= axis < rank`.
  }];
  let arguments = (ins Variadic<Graph_Tensor>:$xs, ConfinedAttr<I64Attr, [IntNonNegative]>:$axis);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$xs `axis` `=` $axis attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_SliceOp : Graph_Op<"slice", [AttrSizedOperandSegments, AllElementTypesMatch<["x", "y"]>]> {
  let summary = "every step-th element from start to end, along axes";
  let description = [{
    As ONNX's Slice: along `axes[i]` the elements `starts[i]`, `starts[i] +
    steps[i]`, ... before `ends[i]`; negative positions count from the end and
    all are clamped. Either from `i64` vector operands, or, after
    `graph-infer-shapes`, from `offsets`: an expression of the first position
    per axis, with the sizes in the result type.

    * (C1) `axes` are distinct and in `[0, rank(x))`; one entry of `steps`,
      never 0, for each.
    * (C2) Either both `starts` and `ends`, or `offsets`.
  }];
  let arguments = (ins Graph_Tensor:$x, Optional<Graph_IndexTensor>:$starts,
      Optional<Graph_IndexTensor>:$ends, DenseI64ArrayAttr:$axes,
      DenseI64ArrayAttr:$steps, OptionalAttr<Graph_DimsAttr>:$offsets);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = [{
    $x (`from` $starts^ `to` $ends)? (`offsets` `=` $offsets^)? `axes` `=` $axes
    `steps` `=` $steps attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_PadMode : I32EnumAttr<"PadMode", "what padding holds", [
    I32EnumAttrCase<"constant", 0>, I32EnumAttrCase<"reflect", 1>,
    I32EnumAttrCase<"edge", 2>, I32EnumAttrCase<"wrap", 3>]> {
  let cppNamespace = "::lathe::graph";
}

def Graph_PadOp : Graph_Op<"pad", [AttrSizedOperandSegments, AllElementTypesMatch<["x", "y"]>]> {
  let summary = "elements added before and after each dimension";
  let description = [{
    `pads[i]` elements before dimension `i` and `pads[rank + i]` after it, from
    the `i64` vector operand or, after `graph-infer-shapes`, as expressions in
    `amounts`. A negative amount removes elements. `constant` fills with `value`
    (0 if absent), `reflect` mirrors without repeating the edge, `edge` repeats
    it, `wrap` goes round.

    * (C1) Two amounts per dimension.
    * (C2) Either `pads` or `amounts`.
  }];
  let arguments = (ins Graph_Tensor:$x, Optional<Graph_IndexTensor>:$pads,
      Optional<Graph_Tensor>:$value, Graph_PadMode:$mode, OptionalAttr<Graph_DimsAttr>:$amounts);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = [{
    $mode $x (`by` $pads^)? (`value` $value^)? (`amounts` `=` $amounts^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Graph_RangeOp : Graph_Op<"range", [AllElementTypesMatch<["start", "limit", "delta", "y"]>]> {
  let summary = "start, start + delta, ... before limit";
  let description = [{
    * (C1) All operands have rank 0. The number of elements is
      `max(0, ceil((limit - start) / delta))`.
  }];
  let arguments = (ins Graph_NumberTensor:$start, Graph_NumberTensor:$limit, Graph_NumberTensor:$delta);
  let results = (outs Graph_NumberTensor:$y);
  let assemblyFormat = "$start `to` $limit `by` $delta attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_IotaOp : Graph_Op<"iota"> {
  let summary = "positions along an axis";
  let description = [{
    Every element is its own position along `axis`. The result type says the shape.

    * (C1) `0 <= axis < rank(y)`.
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntNonNegative]>:$axis);
  let results = (outs Graph_NumberTensor:$y);
  let assemblyFormat = "$axis attr-dict `:` type($y)";
  let hasVerifier = 1;
}

#endif
