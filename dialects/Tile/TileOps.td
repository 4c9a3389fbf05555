// dialects/Tile/TileOps.td: the compute ops that one microkernel emitter serves.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_DIALECTS_TILE_TILEOPS
#define LATHE_DIALECTS_TILE_TILEOPS

include "dialects/Tile/TileDialect.td"
include "dialects/Tile/TileInterfaces.td"
include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tile_Dialect, mnemonic, traits>;

// What dot units take and give; signs are in the unit.
def Tile_Element : AnyTypeOf<[F64, F32, F16, BF16, I8, I16, I32, I64]>;
class Tile_BufferOfRank<list<int> ranks> : AnyTypeOf<[
  TensorRankOf<[Tile_Element], ranks>, MemRefRankOf<[Tile_Element], ranks>]>;
// An i1 takes a byte in memory: 0 or 1.
def Tile_StoredInteger : AnyTypeOf<[I1, I8, I16, I32, I64]>;
def Tile_Extra : AnyTypeOf<[
  RankedTensorOf<[Tile_StoredInteger, AnyFloat]>,
  MemRefOf<[Tile_StoredInteger, AnyFloat]>]>;
// What is only moved.
class Tile_MovedOfRank<list<int> ranks> : AnyTypeOf<[
  TensorRankOf<[Tile_StoredInteger, F64, F32, F16, BF16], ranks>,
  MemRefRankOf<[Tile_StoredInteger, F64, F32, F16, BF16], ranks>]>;
// What an epilogue makes of a sum may be of another type.
class Tile_OutputOfRank<list<int> ranks> : AnyTypeOf<[
  TensorRankOf<[Tile_StoredInteger, AnyFloat], ranks>, MemRefRankOf<[Tile_StoredInteger, AnyFloat], ranks>]>;
def Tile_Positives : ConfinedAttr<DenseI64ArrayAttr, [DenseArrayStrictlyPositive<DenseI64ArrayAttr>]>;

defvar Tile_DestinationDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return ::mlir::MutableOperandRange(getInitMutable());
    }
  }];

class Tile_DestinationOp<string mnemonic, list<Trait> traits = []>
    : Tile_Op<mnemonic, !listconcat(traits, [
    DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<BufferizableOpInterface, [
      "bufferizesToMemoryRead", "bufferizesToMemoryWrite", "getAliasingValues",
      "bufferize"]>])> {
  let results = (outs Optional<AnyRankedTensor>:$result);
  let hasVerifier = 1;
  let extraClassDeclaration = Tile_DestinationDeclaration;
}

class Tile_ComputeOp<string mnemonic, list<Trait> traits = []> : Tile_DestinationOp<mnemonic, !listconcat(traits, [
    IsolatedFromAbove, Tile_EpilogueOpInterface])> {
  let regions = (region MaxSizedRegion<1>:$epilogue);
}

def Tile_ContractOp : Tile_ComputeOp<"contract", [AttrSizedOperandSegments, Tile_ScratchOpInterface]> {
  let summary = "matrix product with an epilogue";
  let description = [{
    `init[r..., n] = epilogue(sum_k lhs[r..., k] * rhs[k, n])`: all dims of `lhs`
    but the last are rows. With `packed`, `rhs` is cut into panels of `NR`
    columns, `rhs[n floordiv NR, k, n mod NR]`, filled up with zeros. If the
    unit's `step` is more than 1, that many terms lie side by side:
    `rhs[n floordiv NR, k floordiv step, n mod NR, k mod step]`.

    If `rhs` is not packed and has rank 3 or more, the dims before its last two
    are a batch: `init[b..., m, n] = epilogue(sum_k lhs[b..., m, k] *
    rhs[b..., k, n])`, where a batch dim of `rhs` of static size 1 serves all.

    `k` runs in ascending order in one accumulator, so an element has the same
    bits whatever the tiling of rows, columns and tasks.

    A row of the tiling is a row of `init`; a task is `task_rows` rows by
    `task_panels` panels of `vectors * lanes` columns, rows inside, of one
    matrix of the batch.

    With `quantized`, `rhs` holds codes without a sign, and what is multiplied is `(rhs - zeros) *
    scales`, rounded to f32 as the result of `graph.dequantize`. `Q` codes of a column, a block, share
    a scale and a zero: `scales[n floordiv NR, k floordiv Q, n mod NR]`, and so `zeros`. Where the
    elements of `rhs` are of 4 bits, the unit's `step` is 2 and both lie in one byte, the first in its
    lower half, so that `rhs` has rank 3. Few rows are multiplied by what is computed in registers;
    for many, a panel goes through `scratch`.

    Without `quantized`, `scratch` is for an `rhs` that is not packed: a panel of it is copied there
    before many rows pass it, because its rows may be pages apart. Up to two register tiles of rows read
    `rhs` itself.

    * (C1) All operands are tensors and there is a result of the type of
      `init`, or all are memrefs and there is none.
    * (C2) `lhs` and `init` have the same rank. `rhs` has rank 3 if packed, or 4
      with a step, and rank 2 or that of `lhs` if not packed.
    * (C3) Static sizes agree.
    * (C4) `NR` is static and equals `vectors * lanes` of the tiling; so is the
      last size of `rhs` and equals `step`, if that is more than 1, and then the
      last size of `lhs` is static, too. A matrix unit takes packed operands only,
      whole steps, and 2 vectors of 16 lanes.
    * (C5) With a `block`, `init` holds sums on the way, so it is of their type;
      the block is a multiple of the unit's step.
    * (C6) The unit takes the element types of `lhs` and `rhs`.
    * (C7) The unit multiplies codes if and only if there are scales and zeros. Then there is scratch, `rhs` is
      packed, f32 scales and zeros of bytes have its panels, their number of blocks divides the size K,
      which is static, and a block is a multiple of the unit's step. The tiling's `block` is a multiple
      of `Q` unless there is one block only. `scratch` holds a panel of f32: as many rows as the
      tiling's `block`, or K, and `NR` columns.
    * (C8) Scratch without scales goes with an `rhs` that is not packed and has the type of the sums. It holds
      a panel of it: as many rows as the tiling's `block`, or a static K, and `vectors * lanes` columns; no
      rows where few rows of `lhs` pass it.
  }];
  let arguments = (ins Tile_BufferOfRank<[2, 3, 4, 5, 6, 7, 8]>:$lhs,
                       Tile_BufferOfRank<[2, 3, 4, 5, 6, 7, 8]>:$rhs,
                       Optional<Tile_BufferOfRank<[3]>>:$scales,
                       Optional<Tile_BufferOfRank<[3]>>:$zeros,
                       Optional<Tile_BufferOfRank<[2]>>:$scratch,
                       Variadic<Tile_Extra>:$extras,
                       Tile_OutputOfRank<[2, 3, 4, 5, 6, 7, 8]>:$init,
                       UnitAttr:$packed,
                       Tile_TilingAttr:$tiling,
                       AffineMapArrayAttr:$extra_maps);
  let assemblyFormat = [{
    `ins` `(` $lhs `,` $rhs `:` type($lhs) `,` type($rhs) `)`
    (`quantized` `(` $scales^ `,` $zeros `:` type($scales) `,` type($zeros) `)`)?
    (`scratch` `(` $scratch^ `:` type($scratch) `)`)?
    (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $init `:` type($init) `)` (`packed` $packed^)?
    `tiling` `(` $tiling `)` `maps` $extra_maps attr-dict-with-keyword
    ($epilogue^)? (`->` type($result)^)?
  }];
  // One of factors as they are.
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$lhs, "::mlir::Value":$rhs,
                                 "::mlir::ValueRange":$extras, "::mlir::Value":$init, "bool":$packed,
                                 "TilingAttr":$tiling, "::mlir::ArrayAttr":$extraMaps), [{
    build($_builder, $_state, result, lhs, rhs, /*scales=*/nullptr, /*zeros=*/nullptr, /*scratch=*/nullptr, extras,
          init, packed, tiling, extraMaps);
  }]>];
  let extraClassDeclaration = Tile_DestinationDeclaration # [{
    /// The number of leading dims that `rhs` shares with `init`.
    int64_t getBatchRank() {
      auto rank = ::llvm::cast<::mlir::ShapedType>(getRhs().getType()).getRank();
      return getPacked() ? 0 : rank - 2;
    }
    /// Codes of a column that share a scale; only with scales.
    int64_t getCodesOfBlock() {
      int64_t k = ::llvm::cast<::mlir::ShapedType>(getLhs().getType()).getShape().back();
      return k / ::llvm::cast<::mlir::ShapedType>(getScales().getType()).getDimSize(1);
    }
  }];
}

def Tile_ConvOp : Tile_ComputeOp<"conv"> {
  let summary = "convolution in one to three dimensions, with an epilogue";
  let description = [{
    In two dimensions, `init[n, y, x, o] = epilogue(sum_{i,j,c} input[n, y*strides[0] +
    i*dilations[0], x*strides[1] + j*dilations[1], g C + c] * filter[o floordiv NR, i,
    j, c, o mod NR])`, where `g` is the group of `o` and `C` the channels of a group;
    and so with one or three. The input is already padded. The sum runs in the
    order (i, j, c) in one accumulator.

    If the unit's `step` is more than 1, that many terms lie side by side, at the
    end of a run filled up with zeros. A run is the channels of one tap, as in
    `filter[o floordiv NR, i, j, c floordiv step, o mod NR, c mod step]`; or, with
    `kernel_width`, it is all of `r = j C + c` in a row of taps, as in
    `filter[o floordiv NR, i, r floordiv step, o mod NR, r mod step]`.

    A row of the tiling is an element of a line, the innermost spatial dim. A task
    is `task_rows` lines of the output by `task_panels` panels, lines inside; with
    one spatial dim, `task_rows` elements of one line. With groups, a task has
    all panels, inside of the lines, and only `task_rows` counts.

    * (C1) All operands are tensors and there is a result of the type of
      `init`, or all are memrefs and there is none.
    * (C2) Strides and dilations are positive, one a spatial dim.
    * (C3) The sizes of `filter`, and the channels of `input` and `init`, are
      static, and agree; so do other sizes where they are static.
    * (C4) `NR`, the last size of `filter` but for `step`, equals `vectors * lanes`.
    * (C5) The unit takes the element types of `input` and `filter`.
    * (C6) `kernel_width` is there if and only if the filter's taps and channels
      are one run; then the innermost dilation is 1, or there is one column, and
      there is one group.
    * (C7) `groups` divides both numbers of channels. With more than one, `NR`
      divides the outputs of a group.
    * (C8) A matrix unit takes channels of whole steps, 2 vectors of 16 lanes and
      up to 32 rows.
  }];
  let arguments = (ins Tile_BufferOfRank<[3, 4, 5]>:$input,
                       Tile_BufferOfRank<[4, 5, 6, 7]>:$filter,
                       Variadic<Tile_Extra>:$extras,
                       Tile_OutputOfRank<[3, 4, 5]>:$init,
                       Tile_Positives:$strides,
                       Tile_Positives:$dilations,
                       DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive]>, "1">:$groups,
                       OptionalAttr<I64Attr>:$kernel_width,
                       Tile_TilingAttr:$tiling,
                       AffineMapArrayAttr:$extra_maps);
  let assemblyFormat = [{
    `ins` `(` $input `,` $filter `:` type($input) `,` type($filter) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $init `:` type($init) `)`
    `strides` $strides `dilations` $dilations (`groups` $groups^)?
    (`kernel_width` $kernel_width^)?
    `tiling` `(` $tiling `)` `maps` $extra_maps attr-dict-with-keyword
    ($epilogue^)? (`->` type($result)^)?
  }];
}

def Tile_DepthwiseConvOp : Tile_ComputeOp<"depthwise_conv"> {
  let summary = "convolution of each channel, or of few, in one to three dimensions, with an epilogue";
  let description = [{
    In two dimensions, `init[n, y, x, c] = epilogue(sum_{i,j} input[n, y*strides[0] +
    i*dilations[0], x*strides[1] + j*dilations[1], c] * filter[i, j, c])`; and so
    with one or three. The input is already padded. The sum runs in the order
    (i, j).

    With groups of `group_inputs` A and `group_outputs` B channels, output `o` is the sum over
    `c` below A of input channel `o floordiv B * A + c` times `filter[i, j, c, o]`, in the order
    (i, j, c); the dim `c` of the filter is left out if A is 1.

    A row of the tiling is an element of a line, the innermost spatial dim;
    `vectors * lanes` channels are computed together; a task is `task_rows` lines
    of the output, or elements of one line if there is one spatial dim. The other
    parameters of the tiling have no meaning here.

    * (C1) All operands are tensors and there is a result of the type of
      `init`, or all are memrefs and there is none.
    * (C2) Strides and dilations are positive, one a spatial dim.
    * (C3) The sizes of `filter`, and the channels of `input` and `init`, are
      static, and agree; so do other sizes where they are static.
    * (C4) The unit takes the element types of `input` and `filter`, one term at a
      time.
    * (C5) The channels of `input` are A times as many as groups, those of `init` B times.
      Where one of both is not 1, A is at most B, and B divides `lanes`, which divides the channels of
      `init`.
  }];
  let arguments = (ins Tile_BufferOfRank<[3, 4, 5]>:$input,
                       Tile_BufferOfRank<[2, 3, 4, 5]>:$filter,
                       Variadic<Tile_Extra>:$extras,
                       Tile_OutputOfRank<[3, 4, 5]>:$init,
                       Tile_Positives:$strides,
                       Tile_Positives:$dilations,
                       DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive]>, "1">:$group_inputs,
                       DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive]>, "1">:$group_outputs,
                       Tile_TilingAttr:$tiling,
                       AffineMapArrayAttr:$extra_maps);
  let assemblyFormat = [{
    `ins` `(` $input `,` $filter `:` type($input) `,` type($filter) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $init `:` type($init) `)`
    `strides` $strides `dilations` $dilations
    (`group_inputs` $group_inputs^)? (`group_outputs` $group_outputs^)?
    `tiling` `(` $tiling `)` `maps` $extra_maps attr-dict-with-keyword
    ($epilogue^)? (`->` type($result)^)?
  }];
}

def Tile_WinogradConvOp : Tile_ComputeOp<"winograd_conv", [Tile_ScratchOpInterface]> {
  let summary = "convolution of 3 by 3 taps by Winograd's minimal filtering, with an epilogue";
  let description = [{
    `init[b, y, x, o] = epilogue(sum_{i,j,c} input[b, y + i - offsets[0], x + j - offsets[1],
    c] * taps[o, c, i, j])`, where `input` is zero outside, however far. The output is cut into squares of
    `outputs` by `outputs` elements, each computed from a square of `input` with `n =
    outputs + 2` elements a side: both and the taps are transformed (`lathe/Support/Winograd.h`),
    so that what is left are `n * n` matrix products over the channels. `filter` holds the
    transformed taps, `filter[o floordiv NR, i, j, c, o mod NR]`, as `kernel.pack` with
    `winograd` makes them. Sums are rounded differently than those of the definition, and what
    is not finite reaches the whole square.

    A row of the tiling is a square; a task is `task_rows` squares, of all images in one
    row-major list, by `task_panels` panels. It transforms its squares to `scratch`, multiplies
    `held` panels at a time, the products of which are in `scratch` too, and transforms
    them back. `prefetch` and `block` have no meaning here.

    * (C1) All operands are tensors and there is a result of the type of
      `init`, or all are memrefs and there is none.
    * (C2) There is a transform for `outputs`. There are two offsets, neither of which is
      negative.
    * (C3) The sizes of `filter`, and the channels of `input` and `init`, are static, and
      agree; so does the batch where it is static. There are at least `lanes` input channels.
    * (C4) `NR`, the last size of `filter`, equals `vectors * lanes`.
    * (C5) `input` and `filter` are f32.
    * (C6) `task_rows` and `held` are at least 1, and `scratch`, whose size is static, holds
      what `scratchElements` says.
  }];
  let arguments = (ins Tile_BufferOfRank<[4]>:$input,
                       Tile_BufferOfRank<[5]>:$filter,
                       Tile_BufferOfRank<[1]>:$scratch,
                       Variadic<Tile_Extra>:$extras,
                       Tile_OutputOfRank<[4]>:$init,
                       ConfinedAttr<DenseI64ArrayAttr, [DenseArrayNonNegative<DenseI64ArrayAttr>]>:$offsets,
                       I64Attr:$outputs, I64Attr:$held,
                       Tile_TilingAttr:$tiling,
                       AffineMapArrayAttr:$extra_maps);
  let assemblyFormat = [{
    `ins` `(` $input `,` $filter `:` type($input) `,` type($filter) `)`
    `scratch` `(` $scratch `:` type($scratch) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $init `:` type($init) `)`
    `offsets` $offsets `outputs` $outputs `held` $held
    `tiling` `(` $tiling `)` `maps` $extra_maps attr-dict-with-keyword
    ($epilogue^)? (`->` type($result)^)?
  }];
  let extraClassDeclaration = Tile_DestinationDeclaration # [{
    /// Elements between one of the `n * n` matrices of transformed squares, or of products, and
    /// the next, where a row has `columns`: a line more than they have, so that they do not all
    /// fall into the same few sets of a cache.
    static int64_t matrixElements(int64_t squares, int64_t columns) { return squares * columns + 16; }
    /// Elements that a task needs on the way.
    static int64_t scratchElements(int64_t outputs, int64_t squares, int64_t channels, int64_t columns) {
      int64_t size = outputs + 2;
      return size * size * (matrixElements(squares, channels) + matrixElements(squares, columns));
    }
  }];
}

def Tile_PadOp : Tile_DestinationOp<"pad"> {
  let summary = "an image with a margin of zeros";
  let description = [{
    In two dimensions, `init[n, y, x, c]` is `input[n, y - offsets[0], x - offsets[1], c]`
    where that exists, and `value` or zero elsewhere; and so with one or three.
    Convolutions read padded images, so that their inner loops need no bounds.

    Only `lanes` of the tiling has a meaning here, and `task_rows`: the lines of
    a task, along the innermost spatial dim.

    * (C1) Both operands are tensors and there is a result of the type of
      `init`, or both are memrefs and there is none.
    * (C2) Offsets are not negative, one a spatial dim.
    * (C3) Element types are the same, and so is that of `value`. Static sizes fit: batch and channels agree,
      and the input lies inside of `init`.
  }];
  let arguments = (ins Tile_BufferOfRank<[3, 4, 5]>:$input,
                       Tile_BufferOfRank<[3, 4, 5]>:$init,
                       ConfinedAttr<DenseI64ArrayAttr, [DenseArrayNonNegative<DenseI64ArrayAttr>]>:$offsets,
                       OptionalAttr<TypedAttrInterface>:$value,
                       Tile_TilingAttr:$tiling);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    `offsets` $offsets (`value` $value^)? `tiling` `(` $tiling `)` attr-dict
    (`->` type($result)^)?
  }];
}

def Tile_TransposeOp : Tile_ComputeOp<"transpose"> {
  let summary = "permutation of dims that moves the innermost one, with an epilogue";
  let description = [{
    `init`'s dim `i` is `input`'s dim `permutation[i]`, and each element is what the
    epilogue makes of it. Squares of `lanes` by `lanes` elements are transposed in
    registers.

    Only `lanes` of the tiling has a meaning here, and the tasks: all but the two
    dims that are innermost in the input and in the output are lines, of which a
    task has `task_rows`, and of the input's innermost dim it has `task_panels`
    times `2 * lanes` elements.

    * (C1) All operands are tensors and there is a result of the type of
      `init`, or all are memrefs and there is none.
    * (C2) `permutation` is one of the dims, and its last entry is not the last
      dim.
    * (C3) Static sizes agree.
    * (C4) `lanes` is a power of two, and no larger than either of the two
      innermost dims where that is static.
  }];
  let arguments = (ins Tile_MovedOfRank<[2, 3, 4, 5, 6, 7, 8]>:$input,
                       Variadic<Tile_Extra>:$extras,
                       Tile_OutputOfRank<[2, 3, 4, 5, 6, 7, 8]>:$init,
                       DenseI64ArrayAttr:$permutation,
                       Tile_TilingAttr:$tiling,
                       AffineMapArrayAttr:$extra_maps);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $init `:` type($init) `)` `permutation` $permutation
    `tiling` `(` $tiling `)` `maps` $extra_maps attr-dict-with-keyword
    ($epilogue^)? (`->` type($result)^)?
  }];
}

def Tile_PackOp : Tile_DestinationOp<"pack"> {
  let summary = "a matrix or filter in the order in which a microkernel reads it";
  let description = [{
    What `kernel.pack` does with the same attributes when the artifact is
    written, at run time: for weights that are not constants. A task is a panel.

    * (C1) Both operands are tensors and there is a result of the type of
      `init`, or both are memrefs and there is none.
    * (C2) The attributes are as `kernel.pack` needs them.
    * (C3) Both types are static and of the same element type, and `init` has the
      packed shape.
  }];
  let arguments = (ins Tile_BufferOfRank<[2, 3, 4, 5, 6]>:$input,
                       Tile_BufferOfRank<[2, 3, 4, 5, 6, 7]>:$init,
                       I64Attr:$tiled, DenseI64ArrayAttr:$order, I64Attr:$tile,
                       OptionalAttr<I64Attr>:$step, OptionalAttr<I64Attr>:$run);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    `tiled` `=` $tiled `order` `=` $order `tile` `=` $tile (`step` `=` $step^)? (`run` `=` $run^)?
    attr-dict (`->` type($result)^)?
  }];
}

def Tile_YieldOp : Tile_Op<"yield", [
    Pure, Terminator, ReturnLike,
    ParentOneOf<["ContractOp", "ConvOp", "WinogradConvOp", "DepthwiseConvOp", "TransposeOp"]>]> {
  let summary = "ends an epilogue with the value to store";
  let description = [{
    Ends the region of a tile op; the value, of the output's element type, is
    what an output element becomes.
  }];
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

// With a header of its own; for the reference only.
#ifdef LATHE_ALL_OPS
include "dialects/Tile/AttentionOps.td"
#endif

#endif // LATHE_DIALECTS_TILE_TILEOPS
