// dialects/Graph/SequenceOps.td: values that are no tensors: sequences, and what may be absent.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_SEQUENCE
#define LATHE_GRAPH_SEQUENCE

include "dialects/Graph/SequenceTypes.td"

def Graph_Sequence : Type<CPred<"::llvm::isa<::lathe::graph::SequenceType>($_self)">, "a sequence",
    "::lathe::graph::SequenceType">;
def Graph_Optional : Type<CPred<"::llvm::isa<::lathe::graph::OptionalType>($_self)">, "an optional value",
    "::lathe::graph::OptionalType">;
def Graph_Map : Type<CPred<"::llvm::isa<::lathe::graph::MapType>($_self)">, "a map", "::lathe::graph::MapType">;

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

// The host computes them; they are in no kernel. The dims of a tensor that comes
// out of a sequence are symbols that `graph.define_symbol` reads from the result of
// `graph.sequence_shape`, so result types are written, not inferred.
class Graph_ValueOp<string mnemonic> : Op<Graph_Dialect, mnemonic, [Pure]> {
  let hasVerifier = 1;
}

def Graph_SequenceOp : Graph_ValueOp<"sequence"> {
  let summary = "the sequence of some tensors";
  let description = [{
    ```mlir
    %s = graph.sequence %a, %b : tensor<2xf32>, tensor<3xf32> -> !graph.sequence<tensor<?xf32>>
    ```

    * (C1) The type of each tensor is one that the result's elements may have.
  }];
  let arguments = (ins Variadic<Graph_Tensor>:$elements);
  let results = (outs Graph_Sequence:$sequence);
  let assemblyFormat = "($elements^ `:` type($elements))? `->` type($sequence) attr-dict";
}

def Graph_SequenceInsertOp : Graph_ValueOp<"sequence_insert"> {
  let summary = "a sequence with one element more";
  let description = [{
    The new element stands at `position`, which counts from the end where it is
    negative; without one it is the last. A position outside of the sequence and not
    just behind it is an error of the call.

    ```mlir
    %s = graph.sequence_insert %a into %r at %p
       : tensor<3xf32>, !graph.sequence<tensor<3xf32>>, tensor<i64> -> !graph.sequence<tensor<3xf32>>
    ```

    * (C1) The types of the elements and of the new one are such that the result's
      elements may have.
    * (C2) `position` has one element.
  }];
  let arguments = (ins Graph_Tensor:$element, Graph_Sequence:$sequence, Optional<Graph_IntTensor>:$position);
  let results = (outs Graph_Sequence:$result);
  let assemblyFormat = [{
    $element `into` $sequence (`at` $position^)? `:` type($element) `,` type($sequence) (`,` type($position)^)?
    `->` type($result) attr-dict
  }];
}

def Graph_SequenceEraseOp : Graph_ValueOp<"sequence_erase"> {
  let summary = "a sequence with one element less";
  let description = [{
    Without the element at `position`, or the last. A position outside of the sequence
    is an error of the call.

    * (C1) The result has the sequence's type.
    * (C2) `position` has one element.
  }];
  let arguments = (ins Graph_Sequence:$sequence, Optional<Graph_IntTensor>:$position);
  let results = (outs Graph_Sequence:$result);
  let assemblyFormat = [{
    $sequence (`at` $position^)? `:` type($sequence) (`,` type($position)^)? `->` type($result) attr-dict
  }];
}

def Graph_SequenceLengthOp : Op<Graph_Dialect, "sequence_length", [Pure]> {
  let summary = "how many elements a sequence has";
  let description = "The number of elements, a scalar that is never negative.";
  let arguments = (ins Graph_Sequence:$sequence);
  let results = (outs 0DTensorOf<[I64]>:$length);
  let assemblyFormat = "$sequence `:` type($sequence) `->` type($length) attr-dict";
}

def Graph_SequenceShapeOp : Graph_ValueOp<"sequence_shape"> {
  let summary = "the dims of an element of a sequence";
  let description = [{
    A vector as long as the rank of the element at `position`, which counts from the
    end where it is negative. A position outside of the sequence, and an element of
    another rank, are errors of the call.

    * (C1) The result has a fixed length, the rank of the elements where that is known.
    * (C2) `position` has one element.
  }];
  let arguments = (ins Graph_Sequence:$sequence, Graph_IntTensor:$position);
  let results = (outs 1DTensorOf<[I64]>:$dims);
  let assemblyFormat = "$sequence `at` $position `:` type($sequence) `,` type($position) `->` type($dims) attr-dict";
}

def Graph_SequenceAtOp : Graph_ValueOp<"sequence_at"> {
  let summary = "an element of a sequence";
  let description = [{
    The element at `position`, which counts from the end where it is negative. Open
    dims of the result are symbols that a `graph.define_symbol` has read from the
    `graph.sequence_shape` of the same position:

    ```mlir
    %d = graph.sequence_shape %s at %p : !graph.sequence<tensor<?xf32>>, tensor<i64> -> tensor<1xi64>
    graph.define_symbol %d[0] symbol = 0 : tensor<1xi64>
    %a = graph.sequence_at %s at %p : !graph.sequence<tensor<?xf32>>, tensor<i64>
       -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
    ```

    A position outside of the sequence, and an element of another rank, are errors
    of the call.

    * (C1) The result is a tensor that the elements of the sequence may be.
    * (C2) `position` has one element.
  }];
  let arguments = (ins Graph_Sequence:$sequence, Graph_IntTensor:$position);
  let results = (outs Graph_Tensor:$element);
  let assemblyFormat = "$sequence `at` $position `:` type($sequence) `,` type($position) `->` type($element) attr-dict";
}

def Graph_SplitToSequenceOp : Graph_ValueOp<"split_to_sequence"> {
  let summary = "the parts of a tensor along an axis";
  let description = [{
    Parts of the sizes in `split`, which add up to the size of the axis; where
    `split` is a scalar, parts of that size, the last of which may be smaller;
    without it, parts of size 1, which have no such dim where `drop_axis` is there.

    * (C1) `axis` is a dim of `x`.
    * (C2) `split` has rank 0 or 1, and is not there with `drop_axis`.
    * (C3) The parts are elements that the result may have.
  }];
  let arguments = (ins Graph_Tensor:$x, Optional<Graph_IntTensor>:$split,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$axis, UnitAttr:$drop_axis);
  let results = (outs Graph_Sequence:$result);
  let assemblyFormat = [{
    $x (`by` $split^)? `axis` `=` $axis (`drop_axis` $drop_axis^)? `:` type($x) (`,` type($split)^)?
    `->` type($result) attr-dict
  }];
}

def Graph_ConcatFromSequenceOp : Graph_ValueOp<"concat_from_sequence"> {
  let summary = "the elements of a sequence as one tensor";
  let description = [{
    Concatenates all elements along dim `axis`, or stacks them along a new dim `axis`
    where `new_axis` is there. The result is a sequence of this one tensor, of which
    `graph.sequence_shape` says the dims. Elements that do not fit together, and a
    sequence without elements, are errors of the call.

    * (C1) `axis` is a dim of the tensor, whose rank is known and which the result's
      element may be.
  }];
  let arguments = (ins Graph_Sequence:$sequence, ConfinedAttr<I64Attr, [IntNonNegative]>:$axis, UnitAttr:$new_axis);
  let results = (outs Graph_Sequence:$result);
  let assemblyFormat = [{
    $sequence `axis` `=` $axis (`new_axis` $new_axis^)? `:` type($sequence) `->` type($result) attr-dict
  }];
}

def Graph_OptionalOp : Graph_ValueOp<"optional"> {
  let summary = "an optional value, of a value or of none";
  let description = [{
    * (C1) `value`, where there is one, is what the result may hold.
  }];
  let arguments = (ins Optional<AnyTypeOf<[Graph_Tensor, Graph_Sequence]>>:$value);
  let results = (outs Graph_Optional:$result);
  let assemblyFormat = "($value^ `:` type($value))? `->` type($result) attr-dict";
}

def Graph_OptionalHasElementOp : Op<Graph_Dialect, "optional_has_element", [Pure]> {
  let summary = "whether an optional value is there";
  let description = "True where the value holds a tensor or a sequence, which may have no elements.";
  let arguments = (ins Graph_Optional:$value);
  let results = (outs 0DTensorOf<[I1]>:$result);
  let assemblyFormat = "$value `:` type($value) `->` type($result) attr-dict";
}

def Graph_OptionalGetElementOp : Graph_ValueOp<"optional_get_element"> {
  let summary = "the sequence that an optional value holds";
  let description = [{
    The sequence, or a sequence of the one tensor, of which `graph.sequence_shape`
    says the dims. A value that is absent is an error of the call.

    * (C1) The result is the content, or a sequence of the content.
  }];
  let arguments = (ins Graph_Optional:$value);
  let results = (outs Graph_Sequence:$result);
  let assemblyFormat = "$value `:` type($value) `->` type($result) attr-dict";
}

def Graph_GeneralizeOp : Graph_ValueOp<"generalize"> {
  let summary = "the same value, of which less is known";
  let description = [{
    Branches and turns hand on values of one type; this gives them that.

    * (C1) Every value of the operand's type is one of the result's.
  }];
  let arguments = (ins AnyTypeOf<[Graph_Sequence, Graph_Optional]>:$value);
  let results = (outs AnyTypeOf<[Graph_Sequence, Graph_Optional]>:$result);
  let assemblyFormat = "$value `:` type($value) `->` type($result) attr-dict";
}

def Graph_MakeMapOp : Graph_ValueOp<"make_map"> {
  let summary = "a map of keys to values";
  let description = [{
    With `many`, one map for each row of `values`; all of them have the same keys.

    ```mlir
    %m = graph.make_map %k to %v : tensor<3xi64>, tensor<?x3xf32, ...> -> !graph.map<i64 to f32, many = true>
    ```

    * (C1) `keys` is a vector of the map's keys; `values` holds its values, as a matrix
      of one row for each map if there are many, and as a vector if not.
  }];
  let arguments = (ins Graph_Tensor:$keys, Graph_Tensor:$values);
  let results = (outs Graph_Map:$map);
  let assemblyFormat = [{
    $keys `to` $values `:` type($keys) `,` type($values) `->` type($map) attr-dict
  }];
}

def Graph_MapKeysOp : Graph_ValueOp<"map_keys"> {
  let summary = "the keys of a map";
  let description = [{
    A sequence of one vector.

    * (C1) The result's elements are vectors of keys of the map.
  }];
  let arguments = (ins Graph_Map:$map);
  let results = (outs Graph_Sequence:$keys);
  let assemblyFormat = "$map `:` type($map) `->` type($keys) attr-dict";
}

def Graph_MapValuesOp : Graph_ValueOp<"map_values"> {
  let summary = "the values of a map";
  let description = [{
    A sequence of one vector, in the order of the keys; with `many`, of one for each
    map.

    * (C1) The result's elements are vectors of values of the map.
  }];
  let arguments = (ins Graph_Map:$map);
  let results = (outs Graph_Sequence:$values);
  let assemblyFormat = "$map `:` type($map) `->` type($values) attr-dict";
}

#endif
