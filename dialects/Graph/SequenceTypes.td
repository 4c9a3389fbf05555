// dialects/Graph/SequenceTypes.td: the types of values that are no tensors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_SEQUENCE_TYPES
#define LATHE_GRAPH_SEQUENCE_TYPES

include "dialects/Graph/GraphBase.td"

class Graph_Type<string name, string mnem> : TypeDef<Graph_Dialect, name> {
  let mnemonic = mnem;
  let genVerifyDecl = 1;
}

def Graph_SequenceType : Graph_Type<"Sequence", "sequence"> {
  let summary = "any number of tensors of one element type";
  let description = [{
    A list whose length is known at run time. `element` is what is known of every
    element: `tensor<?x3xf32>` says that all have rank 2 and 3 columns,
    `tensor<*xf32>` says nothing of their ranks. The elements have sizes of their
    own, so there are no expressions of symbols here.

    * (C1) `element` has an element type of the dialect, and is ranked without an
      encoding, or unranked.
  }];
  let parameters = (ins "::mlir::TensorType":$element);
  let assemblyFormat = "`<` $element `>`";
}

def Graph_OptionalType : Graph_Type<"Optional", "optional"> {
  let summary = "a tensor or a sequence that may be absent";
  let description = [{
    * (C1) `content` is a sequence, or a tensor as in a sequence.
  }];
  let parameters = (ins "::mlir::Type":$content);
  let assemblyFormat = "`<` $content `>`";
}

def Graph_MapType : Graph_Type<"Map", "map"> {
  let summary = "keys with a value each";
  let description = [{
    `!graph.map<i64 to f32>` has a value of type `f32` for each of its keys. With
    `many`, `!graph.map<i64 to f32, many = true>`, it is a sequence of maps that all
    have the same keys, as classifiers give them: one for each row of their input.

    * (C1) `key` is an integer or a string, and `value` is an element type of the
      dialect, each of a whole number of bytes.
  }];
  let parameters = (ins "::mlir::Type":$key, "::mlir::Type":$value, DefaultValuedParameter<"bool", "false">:$many);
  let assemblyFormat = "`<` $key `to` $value (`,` struct($many)^)? `>`";
}

#endif
