// dialects/Graph/StorageOps.td: how elements lie in memory, where that is not one byte or more for each.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_STORAGE
#define LATHE_GRAPH_STORAGE

include "dialects/Graph/GraphBase.td"

/// Bits of an element that shares its byte with others.
def Graph_PackedBits : ConfinedAttr<I64Attr, [IntMinValue<2>, IntMaxValue<6>]>;

def Graph_ReinterpretOp : Graph_Op<"reinterpret"> {
  let summary = "the same memory as a tensor of another type";
  let description = [{
    What the signature of a model calls `tensor<5xi4>` is memory of 3 bytes, and the
    ops of the model read those. Nothing is computed: the result is the operand. The
    result type says its shape.

    * (C1) Both sides have the same number of bytes in memory.
  }];
  let arguments = (ins Graph_Tensor:$x);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Graph_UnpackOp : Graph_Op<"unpack"> {
  let summary = "a byte for each element that was packed";
  let description = [{
    Element `i` of `y`, in row-major order, is what bits `bits * i` to
    `bits * (i + 1) - 1` of `x` hold, counted from the lowest bit of the first byte;
    where `y` has a sign, their highest is it. The result type says its shape.

    * (C1) `bits` is 2, 4 or 6.
    * (C2) `x` has as many bytes as the elements of `y` take.
  }];
  let arguments = (ins RankedTensorOf<[UI8]>:$x, Graph_PackedBits:$bits);
  let results = (outs RankedTensorOf<[I8, UI8]>:$y);
  let assemblyFormat = "$x `bits` `=` $bits attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Graph_PackOp : Graph_Op<"pack"> {
  let summary = "elements of less than a byte, packed";
  let description = [{
    The reverse of `graph.unpack`, for a vector: of each byte of `x` the lowest
    `bits` bits. What is left of the last byte is 0.

    * (C1) `bits` is 2, 4 or 6.
    * (C2) `x` and `y` are vectors, and `y` has as many bytes as the elements of `x`
      take.
  }];
  let arguments = (ins RankedTensorOf<[I8, UI8]>:$x, Graph_PackedBits:$bits);
  let results = (outs RankedTensorOf<[UI8]>:$y);
  let assemblyFormat = "$x `bits` `=` $bits attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

#endif
