// dialects/Graph/IndexingOps.td: ops that read or write at positions given by tensors, and resampling.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_INDEXING
#define LATHE_GRAPH_INDEXING

include "dialects/Graph/GraphBase.td"

def Graph_GatherOp : Graph_Op<"gather", [AllElementTypesMatch<["x", "y"]>]> {
  let summary = "slices along an axis at given positions";
  let description = [{
    `y[a..., i..., b...] = x[a..., indices[i...], b...]`, where `a` are the
    dimensions before `axis`. Negative positions count from the end; positions
    outside of `[-size, size)` are an error of the call, and no read leaves the tensor.

    * (C1) `0 <= axis < rank(x)`.
  }];
  let arguments = (ins Graph_Tensor:$x, Graph_IndexTensor:$indices,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$axis);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$x `at` $indices `axis` `=` $axis attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_GatherElementsOp : Graph_Op<"gather_elements", [AllElementTypesMatch<["x", "y"]>]> {
  let summary = "elements along an axis at given positions";
  let description = [{
    `y[..., i, ...] = x[..., indices[..., i, ...], ...]` with the index at
    `axis`. Positions as for `graph.gather`.

    * (C1) `0 <= axis < rank(x)`, and `indices` has the rank of `x`.
    * (C2) But for `axis`, no dimension of `indices` is larger than that of `x`.
  }];
  let arguments = (ins Graph_Tensor:$x, Graph_IndexTensor:$indices,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$axis);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$x `at` $indices `axis` `=` $axis attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Graph_GatherNdOp : Graph_Op<"gather_nd", [AllElementTypesMatch<["x", "y"]>]> {
  let summary = "slices at given positions in several dimensions";
  let description = [{
    As ONNX's GatherND: the last dimension of `indices` holds positions in the
    dimensions of `x` from `batch_dims` on; the first `batch_dims` dimensions of
    both are shared. Positions as for `graph.gather`.

    * (C1) `0 <= batch_dims < min(rank(x), rank(indices))`.
    * (C2) `indices`' last dimension is static, at least 1 and at most `rank(x) - batch_dims`.
  }];
  let arguments = (ins Graph_Tensor:$x, Graph_IndexTensor:$indices,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$batch_dims);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$x `at` $indices `batch_dims` `=` $batch_dims attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Graph_ScatterKind : I32EnumAttr<"ScatterKind", "how a scatter combines with what is there", [
    I32EnumAttrCase<"none", 0>, I32EnumAttrCase<"add", 1>, I32EnumAttrCase<"mul", 2>,
    I32EnumAttrCase<"max", 3>, I32EnumAttrCase<"min", 4>]> {
  let cppNamespace = "::lathe::graph";
}

def Graph_ScatterElementsOp : Graph_Op<"scatter_elements", [AllTypesMatch<["x", "y"]>, AllElementTypesMatch<["x", "updates"]>]> {
  let summary = "a copy with elements along an axis replaced at given positions";
  let description = [{
    `y = x`, then in row-major order `y[..., indices[..., i, ...], ...]` is
    combined with `updates[..., i, ...]`.

    * (C1) `0 <= axis < rank(x)`, and all operands have one rank.
    * (C2) `updates` has the shape of `indices`.
    * (C3) But for `axis`, no dimension of `indices` is larger than that of `x`.
  }];
  let arguments = (ins Graph_Tensor:$x, Graph_IndexTensor:$indices, Graph_Tensor:$updates,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$axis, Graph_ScatterKind:$kind);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = [{
    $kind $x `at` $indices `with` $updates `axis` `=` $axis attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graph_ScatterNdOp : Graph_Op<"scatter_nd", [AllTypesMatch<["x", "y"]>, AllElementTypesMatch<["x", "updates"]>]> {
  let summary = "a copy with slices replaced at given positions";
  let description = [{
    `y = x`, then in row-major order the slice of `y` at each position in the
    last dimension of `indices` is combined with the slice of `updates`.

    * (C1) `indices`' last dimension is static, at least 1 and at most `rank(x)`.
  }];
  let arguments = (ins Graph_Tensor:$x, Graph_IndexTensor:$indices, Graph_Tensor:$updates,
      Graph_ScatterKind:$kind);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = [{
    $kind $x `at` $indices `with` $updates attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graph_NonzeroOp : Graph_Op<"nonzero"> {
  let summary = "positions of the elements that are not zero";
  let description = [{
    `y[i, j]` is the position along dimension `i` of the `j`-th element of `x`,
    in row-major order, that is not zero; a NaN is none, and what is true is
    none. The result type says how many there are: a symbol that
    `graph.define_symbol` reads from their number. If there are less, the rest
    of the result is 0; what there are more is left out.

    * (C1) `y` has two dimensions, the first of which is the rank of `x`, at
      least 1.
  }];
  let arguments = (ins Graph_Tensor:$x);
  let results = (outs RankedTensorOf<[I64]>:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Graph_SuppressBoxesOp : Graph_Op<"suppress_boxes"> {
  let summary = "the best boxes that do not overlap, for each image and class";
  let description = [{
    Greedy non-maximum suppression: for each image `b` and class `c`, the boxes
    `order[b, c, :]`, best first, are taken one after the other, unless their
    score is not above `least` or the intersection of the box with one that was
    taken before, divided by the union, is above `overlap`. `y[b, c, :]` holds
    the numbers of the boxes that are taken, as many as its size allows, and
    behind them -1. A box is two opposite corners `[y1, x1, y2, x2]` in any
    order, or with `centers` `[x, y, width, height]`; one without area overlaps
    nothing. Without `least`, scores do not count.

    * (C1) `boxes` is `[images, boxes, 4]`; `order`, `scores` and `y` are
      `[images, classes, boxes]`, where `y` may have less boxes; `overlap` and
      `least` are scalars.
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$boxes, RankedTensorOf<[F32]>:$scores, RankedTensorOf<[I64]>:$order,
      RankedTensorOf<[F32]>:$overlap, Optional<RankedTensorOf<[F32]>>:$least, UnitAttr:$centers);
  let results = (outs RankedTensorOf<[I64]>:$y);
  let assemblyFormat = [{
    $boxes `scores` $scores `order` $order `overlap` $overlap (`least` $least^)? (`centers` $centers^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graph_ResizeMode : I32EnumAttr<"ResizeMode", "how resampling interpolates", [
    I32EnumAttrCase<"nearest", 0>, I32EnumAttrCase<"linear", 1>, I32EnumAttrCase<"cubic", 2>]> {
  let cppNamespace = "::lathe::graph";
}
def Graph_CoordinateMode : I32EnumAttr<"CoordinateMode", "where output positions lie in the input", [
    I32EnumAttrCase<"half_pixel", 0>, I32EnumAttrCase<"half_pixel_symmetric", 1>,
    I32EnumAttrCase<"pytorch_half_pixel", 2>, I32EnumAttrCase<"align_corners", 3>,
    I32EnumAttrCase<"asymmetric", 4>]> {
  let cppNamespace = "::lathe::graph";
}
def Graph_NearestMode : I32EnumAttr<"NearestMode", "how nearest rounds", [
    I32EnumAttrCase<"round_prefer_floor", 0>, I32EnumAttrCase<"round_prefer_ceil", 1>,
    I32EnumAttrCase<"floor", 2>, I32EnumAttrCase<"ceil", 3>]> {
  let cppNamespace = "::lathe::graph";
}

def Graph_ResizeOp : Graph_Op<"resize", [AttrSizedOperandSegments, AllElementTypesMatch<["x", "y"]>]> {
  let summary = "resampling of dimensions";
  let description = [{
    As ONNX's Resize, without antialiasing and without cropping. The size of
    each dimension in `axes` is the entry of the `i64` vector `sizes`, or the
    input's times the entry of `scales`, rounded down; all other dimensions
    stay. Positions use `scales` where given, or the entries of `factors`, a
    vector of the program, or the quotients of the two rows of `factors`, else
    the ratio of the sizes. With `nearest` they are exact, so that ties are
    ties; an entry of `scales` is then taken for the simplest fraction that
    rounds to it in `f32`. Integers are rounded to the
    nearest value that the type has, ties to even, after `linear` and after `cubic`,
    which overshoots.

    * (C1) `axes` are distinct and in `[0, rank(x))`.
    * (C2) At most one of `sizes`, `scales` and `factors`; `scales` has one
      positive entry per axis. Without `sizes` and `scales`, the result type
      says the sizes.
    * (C3) `factors` is a vector of one entry per axis, or two such rows.
  }];
  let arguments = (ins Graph_NumberTensor:$x, Optional<Graph_IndexTensor>:$sizes,
      Optional<Graph_FloatTensor>:$factors, DenseI64ArrayAttr:$axes, DenseF64ArrayAttr:$scales,
      Graph_ResizeMode:$mode, Graph_CoordinateMode:$coordinates,
      Graph_NearestMode:$nearest, F64Attr:$cubic_coefficient, UnitAttr:$exclude_outside);
  let results = (outs Graph_NumberTensor:$y);
  let assemblyFormat = [{
    $mode $x (`to` $sizes^)? (`by` $factors^)? `axes` `=` $axes `scales` `=` $scales $coordinates $nearest
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
