// dialects/Tile/AttentionOps.td: attention, whose scores never leave a core's caches.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_TILE_ATTENTIONOPS
#define LATHE_DIALECTS_TILE_ATTENTIONOPS

include "dialects/Tile/TileOps.td"

class Tile_FloatOfRank<int rank> : AnyTypeOf<[
  TensorRankOf<[F32, F16, BF16], [rank]>, MemRefRankOf<[F32, F16, BF16], [rank]>]>;
def Tile_Mask : AnyTypeOf<[TensorRankOf<[I1], [4]>, MemRefRankOf<[I1], [4]>]>;

def Tile_AttentionOp : Tile_DestinationOp<"attention", [AttrSizedOperandSegments, Tile_ScratchOpInterface]> {
  let summary = "scaled dot-product attention, a block of queries at a time";
  let description = [{
    What `graph.attention` computes; the parameters of the same names mean the same, and `causal`
    is the offset. The index `causal` may be negative.

    The lanes of vectors are queries. A task is a block of `vectors * lanes` queries of one head,
    which are transposed to `scratch` first. Then, for each `block` of keys: scores are the product
    of keys, of which a register tile has `rows`, and transposed queries, in the order of the
    head's elements, and go to `scratch`; the largest so far and the sum of
    exponentials are vectors (Milakov & Gimelshein, arXiv:1805.02867); and the
    transposed result, in `scratch` too, is scaled to the new maximum and gets the product of the
    values, transposed, and the exponentials, in the order of keys (Dao et al., arXiv:2205.14135).
    A task passes its keys in ascending order, so an element has the same bits on any number of
    threads. Blocks of keys that `causal` hides from all queries of a task are left out.

    Where the tiling's unit is one of tensor cores, a task is `rows` rows of queries that share keys, for a block of
    threads, and blocks of keys pass through a ring of `prefetch` slots. Scores and the result stay in registers, and
    there is no scratch.

    * (C1) All operands but `causal` are tensors and there is a result of the type of `init`, or all are memrefs and
      there is none.
    * (C2) `heads_inside` has four entries.
    * (C3) The sizes of heads are static, and so are the numbers of heads where they differ; static sizes agree, but
      that a dim of `bias` or `mask` may be 1.
    * (C4) `q`, `k`, `v` and `init` have one element type: f32 without a unit, else what the unit takes, one
      term at a time with sums of f32.
    * (C5) `block` is a multiple of `lanes`, and `scratch`, whose size is static, holds what `scratchElements` says;
      with tensor cores there is no `scratch`.
  }];
  let arguments = (ins Tile_FloatOfRank<4>:$q, Tile_FloatOfRank<4>:$k, Tile_FloatOfRank<4>:$v,
                       Optional<Tile_FloatOfRank<4>>:$bias, Optional<Tile_Mask>:$mask, Optional<Index>:$causal,
                       Optional<Tile_BufferOfRank<[1]>>:$scratch, Tile_FloatOfRank<4>:$init,
                       DenseBoolArrayAttr:$heads_inside, F64Attr:$scale, F64Attr:$softcap, F64Attr:$hidden,
                       UnitAttr:$zero_rows, Tile_TilingAttr:$tiling);
  let assemblyFormat = [{
    `ins` `(` $q `,` $k `,` $v `:` type($q) `,` type($k) `,` type($v) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)? (`mask` `(` $mask^ `:` type($mask) `)`)? (`causal` `(` $causal^ `)`)?
    (`scratch` `(` $scratch^ `:` type($scratch) `)`)? `outs` `(` $init `:` type($init) `)`
    `heads_inside` $heads_inside `scale` $scale `softcap` $softcap `hidden` $hidden
    `tiling` `(` $tiling `)` attr-dict (`->` type($result)^)?
  }];
  let extraClassDeclaration = Tile_DestinationDeclaration # [{
    /// The size of dim `dim` of [batch, heads, length, size] of place `operand` of q, k, v and init.
    int64_t sizeOf(unsigned operand, unsigned dim);
    /// Elements that a task needs on the way, for heads of `size` elements of keys and `width` of values:
    /// queries, result, maxima and sums, scores, masks where they differ from query to query, and keys and
    /// values where they are converted first.
    static int64_t scratchElements(TilingAttr tiling, int64_t size, int64_t width);
  }];
}

#endif // LATHE_DIALECTS_TILE_ATTENTIONOPS
