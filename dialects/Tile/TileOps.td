// dialects/Tile/TileOps.td: the compute ops that one microkernel emitter serves.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_DIALECTS_TILE_TILEOPS
#define LATHE_DIALECTS_TILE_TILEOPS

include "dialects/Tile/TileDialect.td"
include "dialects/Tile/TileInterfaces.td"
include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tile_Dialect, mnemonic, traits>;

// Other element types (bf16, i8) come with the microkernels that compute them.
class Tile_BufferOfRank<list<int> ranks> : AnyTypeOf<[
  TensorRankOf<[F32], ranks>, MemRefRankOf<[F32], ranks>]>;
// An i1 takes a byte in memory but a bit in a vector, so it cannot be loaded.
def Tile_ByteInteger : AnyTypeOf<[I8, I16, I32, I64]>;
def Tile_Extra : AnyTypeOf<[
  RankedTensorOf<[Tile_ByteInteger, AnyFloat]>,
  MemRefOf<[Tile_ByteInteger, AnyFloat]>]>;
def Tile_PositivePair : ConfinedAttr<DenseI64ArrayAttr, [
  DenseArrayCount<2>, DenseArrayStrictlyPositive<DenseI64ArrayAttr>]>;

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

class Tile_ComputeOp<string mnemonic> : Tile_DestinationOp<mnemonic, [
    IsolatedFromAbove, Tile_EpilogueOpInterface]> {
  let regions = (region MaxSizedRegion<1>:$epilogue);
}

def Tile_ContractOp : Tile_ComputeOp<"contract"> {
  let summary = "matrix product with an epilogue";
  let description = [{
    `init[r..., n] = epilogue(sum_k lhs[r..., k] * rhs[k, n])`: all dims of `lhs`
    but the last are rows. With `packed`, `rhs` is cut into panels of `NR`
    columns, `rhs[n floordiv NR, k, n mod NR]`, filled up with zeros.

    If `rhs` is not packed and has rank 3 or more, the dims before its last two
    are a batch: `init[b..., m, n] = epilogue(sum_k lhs[b..., m, k] *
    rhs[b..., k, n])`, where a batch dim of `rhs` of static size 1 serves all.

    `k` runs in ascending order in one accumulator, so an element has the same
    bits whatever the tiling of rows, columns and tasks.

    A row of the tiling is a row of `init`; a task is `task_rows` rows by
    `task_panels` panels of `vectors * lanes` columns, rows inside, of one
    matrix of the batch.

    * (C1) All operands are tensors and there is a result of the type of
      `init`, or all are memrefs and there is none.
    * (C2) `lhs` and `init` have the same rank. `rhs` has rank 3 if packed, and
      rank 2 or that of `lhs` if not.
    * (C3) Static sizes agree.
    * (C4) `NR` is static and equals `vectors * lanes` of the tiling.
  }];
  let arguments = (ins Tile_BufferOfRank<[2, 3, 4, 5, 6, 7, 8]>:$lhs,
                       Tile_BufferOfRank<[2, 3, 4, 5, 6, 7, 8]>:$rhs,
                       Variadic<Tile_Extra>:$extras,
                       Tile_BufferOfRank<[2, 3, 4, 5, 6, 7, 8]>:$init,
                       UnitAttr:$packed,
                       Tile_TilingAttr:$tiling,
                       AffineMapArrayAttr:$extra_maps);
  let assemblyFormat = [{
    `ins` `(` $lhs `,` $rhs `:` type($lhs) `,` type($rhs) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $init `:` type($init) `)` (`packed` $packed^)?
    `tiling` `(` $tiling `)` `maps` $extra_maps attr-dict-with-keyword
    ($epilogue^)? (`->` type($result)^)?
  }];
  let extraClassDeclaration = Tile_DestinationDeclaration # [{
    /// The number of leading dims that `rhs` shares with `init`.
    int64_t getBatchRank() {
      auto rank = ::llvm::cast<::mlir::ShapedType>(getRhs().getType()).getRank();
      return getPacked() ? 0 : rank - 2;
    }
  }];
}

def Tile_ConvOp : Tile_ComputeOp<"conv"> {
  let summary = "two-dimensional convolution with an epilogue";
  let description = [{
    `init[n, y, x, o] = epilogue(sum_{i,j,c} input[n, y*strides[0] +
    i*dilations[0], x*strides[1] + j*dilations[1], c] * filter[o floordiv NR, i,
    j, c, o mod NR])`. The input is already padded. The sum runs in the order
    (i, j, c) in one accumulator.

    A row of the tiling is an output column `x`; a task is `task_rows` output
    lines `(n, y)` by `task_panels` panels, lines inside.

    * (C1) All operands are tensors and there is a result of the type of
      `init`, or all are memrefs and there is none.
    * (C2) Strides and dilations are positive.
    * (C3) The sizes of `filter`, and the channels of `input` and `init`, are
      static, and agree; so do other sizes where they are static.
    * (C4) `NR`, the last size of `filter`, equals `vectors * lanes`.
  }];
  let arguments = (ins Tile_BufferOfRank<[4]>:$input,
                       Tile_BufferOfRank<[5]>:$filter,
                       Variadic<Tile_Extra>:$extras,
                       Tile_BufferOfRank<[4]>:$init,
                       Tile_PositivePair:$strides,
                       Tile_PositivePair:$dilations,
                       Tile_TilingAttr:$tiling,
                       AffineMapArrayAttr:$extra_maps);
  let assemblyFormat = [{
    `ins` `(` $input `,` $filter `:` type($input) `,` type($filter) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $init `:` type($init) `)`
    `strides` $strides `dilations` $dilations
    `tiling` `(` $tiling `)` `maps` $extra_maps attr-dict-with-keyword
    ($epilogue^)? (`->` type($result)^)?
  }];
}

def Tile_DepthwiseConvOp : Tile_ComputeOp<"depthwise_conv"> {
  let summary = "two-dimensional convolution of each channel, with an epilogue";
  let description = [{
    `init[n, y, x, c] = epilogue(sum_{i,j} input[n, y*strides[0] +
    i*dilations[0], x*strides[1] + j*dilations[1], c] * filter[i, j, c])`. The
    input is already padded. The sum runs in the order (i, j).

    A row of the tiling is an output column `x`; `vectors * lanes` channels are
    computed together; a task is `task_rows` output lines `(n, y)`. The other
    parameters of the tiling have no meaning here.

    * (C1) All operands are tensors and there is a result of the type of
      `init`, or all are memrefs and there is none.
    * (C2) Strides and dilations are positive.
    * (C3) The sizes of `filter`, and the channels of `input` and `init`, are
      static, and agree; so do other sizes where they are static.
  }];
  let arguments = (ins Tile_BufferOfRank<[4]>:$input,
                       Tile_BufferOfRank<[3]>:$filter,
                       Variadic<Tile_Extra>:$extras,
                       Tile_BufferOfRank<[4]>:$init,
                       Tile_PositivePair:$strides,
                       Tile_PositivePair:$dilations,
                       Tile_TilingAttr:$tiling,
                       AffineMapArrayAttr:$extra_maps);
  let assemblyFormat = [{
    `ins` `(` $input `,` $filter `:` type($input) `,` type($filter) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)?
    `outs` `(` $init `:` type($init) `)`
    `strides` $strides `dilations` $dilations
    `tiling` `(` $tiling `)` `maps` $extra_maps attr-dict-with-keyword
    ($epilogue^)? (`->` type($result)^)?
  }];
}

def Tile_PadOp : Tile_DestinationOp<"pad"> {
  let summary = "an image with a margin of zeros";
  let description = [{
    `init[n, y, x, c]` is `input[n, y - offsets[0], x - offsets[1], c]` where
    that exists, and zero elsewhere. Convolutions read padded images, so that
    their inner loops need no bounds.

    Only `lanes` of the tiling has a meaning here, and `task_rows`: the lines
    `(n, y)` of a task.

    * (C1) Both operands are tensors and there is a result of the type of
      `init`, or both are memrefs and there is none.
    * (C2) Offsets are not negative.
    * (C3) Static sizes fit: batch and channels agree, and the input lies inside
      of `init`.
  }];
  let arguments = (ins Tile_BufferOfRank<[4]>:$input,
                       Tile_BufferOfRank<[4]>:$init,
                       ConfinedAttr<DenseI64ArrayAttr, [
                         DenseArrayCount<2>,
                         DenseArrayNonNegative<DenseI64ArrayAttr>]>:$offsets,
                       Tile_TilingAttr:$tiling);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    `offsets` $offsets `tiling` `(` $tiling `)` attr-dict (`->` type($result)^)?
  }];
}

def Tile_YieldOp : Tile_Op<"yield", [
    Pure, Terminator, ReturnLike,
    ParentOneOf<["ContractOp", "ConvOp", "DepthwiseConvOp"]>]> {
  let summary = "ends an epilogue with the value to store";
  let description = [{
    Ends the region of a tile op; the value, of the output's element type, is
    what an output element becomes.
  }];
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // LATHE_DIALECTS_TILE_TILEOPS
