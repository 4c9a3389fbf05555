// dialects/Graph/GraphBase.td: the graph dialect, its attributes, type constraints and op classes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_BASE
#define LATHE_GRAPH_BASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/Graph/GraphInterfaces.td"

def Graph_Dialect : Dialect {
  let name = "graph";
  let cppNamespace = "::lathe::graph";
  let summary = "the model: tensors, value semantics, no target";
  let description = [{
    A program of this dialect is a `func.func` whose body is a list of
    operations on ranked tensors. Importers produce it, the native graph format
    is its text (`.mlir`) or its bytecode (`.lathe`).

    Dimensions that are known only at run time are written as expressions of
    *symbols* in the encoding of the tensor type:

    ```mlir
    func.func @main(%x: tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>>)
        attributes {graph.symbols = [#graph.symbol<"batch">]}
    ```
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  // The ops and types with a header of their own register in the file that knows them.
  let extraClassDeclaration = "void registerSequences();";
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
}

class Graph_Attr<string name, string mnem, list<Trait> traits = []>
    : AttrDef<Graph_Dialect, name, traits> {
  let mnemonic = mnem;
}

def Graph_DimsAttr : Graph_Attr<"Dims", "dims", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "one expression per dimension";
  let description = [{
    The encoding of a ranked tensor type some of whose dimensions are known only
    at run time: one affine expression of the function's symbols per dimension.

    * (C1) The map has no dimensions, only symbols.
    * (C2) As the encoding of a tensor type: one result per dimension; a result
      is a constant exactly where the dimension is static, and equals it.
    * (C3) In a function with `graph.symbols`, only those are used.
  }];
  let parameters = (ins "::mlir::AffineMap":$map);
  let assemblyFormat = "`<` $map `>`";
  let genVerifyDecl = 1;
}

def Graph_RangeAttr : Graph_Attr<"Range", "range"> {
  let summary = "what is known of a size";
  let description = [{
    The size is one of the multiples of `divisor` from `least` to `most`. What is
    not said is 0, no bound and 1.

    ```mlir
    #graph.symbol<"n", range = <least = 8, most = 512, divisor = 8>>
    ```

    * (C1) `least` is not negative, `divisor` is positive, `most` is at least `least`,
      and both bounds are multiples of `divisor`.
  }];
  let parameters = (ins
    DefaultValuedParameter<"int64_t", "0">:$least,
    DefaultValuedParameter<"int64_t", "::lathe::SizeRange::unbounded">:$most,
    DefaultValuedParameter<"int64_t", "1">:$divisor);
  let assemblyFormat = "`<` struct(params) `>`";
  let builders = [AttrBuilder<(ins "const ::lathe::SizeRange &":$range), [{
    return $_get($_ctxt, range.least, range.most, range.divisor);
  }]>];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    ::lathe::SizeRange getValue() const { return {getLeast(), getMost(), getDivisor()}; }
  }];
}

def Graph_SymbolAttr : Graph_Attr<"Symbol", "symbol"> {
  let summary = "a symbol of a function: a named dimension or a value read at run time";
  let description = [{
    Symbol `i` of a function is entry `i` of its `graph.symbols` attribute. Each
    symbol that something uses is defined by exactly one thing, and the definition
    dominates its uses.

    * `#graph.symbol<"batch">`: a dimension of an input. The first input
      dimension that is exactly this symbol defines it; the others must be equal.
      `range` says what the size is known to be; each call checks it.
    * `#graph.symbol<"shape[1]", input = 2, element = 1>`: element 1 of the
      integer input 2, read when the function is entered.
    * `#graph.symbol<"min", min = affine_map<()[s0] -> (s0, 512)>>` and `max`: the least or
      the largest of two expressions of earlier symbols; defined where all of
      these are.
    * `#graph.symbol<"count", inner = true>`: defined in the body, by a
      `graph.define_symbol`, by the first argument of a `graph.loop`'s body, or by the
      first result of a `graph.loop` or `graph.if`, whose type has a dimension that
      is exactly this symbol. `bound = affine_map<()[s0] -> (s0 * 4)>` says what it
      never exceeds, in earlier symbols.

    * (C1) At most one of `input`, `min`, `max` and `inner` is there.
    * (C2) `min` and `max` have two results and use earlier symbols only.
    * (C3) `input` is the number of an input of the function, a tensor of 32- or
      64-bit integers of fixed shape, and `element` is one of its elements.
    * (C4) `bound` belongs to an `inner` symbol, has one result and uses earlier
      symbols only.
    * (C5) Two things never define one symbol.
    * (C6) `range` belongs to a dimension of an input.
  }];
  let parameters = (ins
    "::mlir::StringAttr":$name,
    DefaultValuedParameter<"int64_t", "-1">:$input,
    DefaultValuedParameter<"int64_t", "-1">:$element,
    OptionalParameter<"::mlir::AffineMapAttr">:$min,
    OptionalParameter<"::mlir::AffineMapAttr">:$max,
    DefaultValuedParameter<"bool", "false">:$inner,
    OptionalParameter<"::mlir::AffineMapAttr">:$bound,
    OptionalParameter<"::lathe::graph::RangeAttr">:$range);
  let assemblyFormat = "`<` $name (`,` struct($input, $element, $min, $max, $inner, $bound, $range)^)? `>`";
  let builders = [AttrBuilderWithInferredContext<(ins "::mlir::StringAttr":$name, CArg<"::lathe::graph::RangeAttr", "{}">:$range), [{
    return $_get(name.getContext(), name, -1, -1, ::mlir::AffineMapAttr(), ::mlir::AffineMapAttr(), false,
                 ::mlir::AffineMapAttr(), range);
  }]>];
  let extraClassDeclaration = [{
    /// Whether dimensions of inputs define it.
    bool isInputDim() const { return getInput() < 0 && !getMin() && !getMax() && !getInner(); }
    /// The two expressions of a `min` or `max`, or null.
    ::mlir::AffineMapAttr getParts() const { return getMin() ? getMin() : getMax(); }
  }];
}

def Graph_CheckAttr : Graph_Attr<"Check", "check"> {
  let summary = "what must hold at run time for the inferred shapes to be true";
  let description = [{
    Both expressions of symbols must be equal (`relation = "eq"`), or the first at
    least the second (`"ge"`), or both equal or one of them 1 (`"broadcast"`), when
    the function is entered, or, with `inner` symbols, each time the last of these is
    defined. `message` names the node and says what must hold; it has two places
    `%lld` for the two values.

    * (C1) `relation` is `eq`, `ge` or `broadcast`.
    * (C2) `map` has two results and uses the function's symbols only.
    * (C3) There is a place where all symbols of `map` are defined.
  }];
  let parameters = (ins
    StringRefParameter<"eq, ge or broadcast">:$relation,
    "::mlir::AffineMap":$map,
    "::mlir::StringAttr":$message);
  let assemblyFormat = "`<` $relation `,` $map `,` $message `>`";
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def Graph_StringType : TypeDef<Graph_Dialect, "String"> {
  let mnemonic = "string";
  let summary = "text, as the element of a tensor";
  let description = [{
    UTF-8 text without a zero in it. Constants of strings are
    `dense<["a", "b"]> : tensor<2x!graph.string>`.
  }];
}

def Graph_Float : AnyTypeOf<[F16, BF16, F32, F64]>;
def Graph_Int : AnyTypeOf<[I8, I16, I32, I64, UI8, UI16, UI32, UI64]>;
def Graph_Number : AnyTypeOf<[Graph_Float, Graph_Int]>;
/// What is moved, cast and quantized, but not computed with; I128 is what a
/// complex<f64> is stored as.
def Graph_Narrow : AnyTypeOf<[F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, F8E8M0FNU, F6E2M3FN, F6E3M2FN, F4E2M1FN,
    I<2>, I<4>, UI<2>, UI<4>]>;
def Graph_Opaque : AnyTypeOf<[Complex<F32>, Complex<F64>, I<128>, Graph_StringType]>;
def Graph_Element : AnyTypeOf<[Graph_Float, Graph_Int, I1, Graph_Narrow, Graph_Opaque]>;

def Graph_Tensor : RankedTensorOf<[Graph_Element]>;
def Graph_NumberTensor : RankedTensorOf<[Graph_Number]>;
def Graph_FloatTensor : RankedTensorOf<[Graph_Float]>;
def Graph_IntTensor : RankedTensorOf<[Graph_Int]>;
def Graph_BoolTensor : RankedTensorOf<[I1]>;
def Graph_IndexTensor : RankedTensorOf<[I32, I64]>;

/// What branches and turns of loops hand on.
def Graph_Value : AnyTypeOf<[Graph_Tensor,
    Type<CPred<"::lathe::graph::isValueType($_self)">, "a sequence or an optional value">]>;

//===----------------------------------------------------------------------===//
// Op classes
//===----------------------------------------------------------------------===//

// Every op of the dialect: pure, with shapes that follow from its operands.
// `LinalgLowering` is no trait here: its models come from outside, and a model
// from outside never replaces one that the op was born with.
class Graph_Op<string mnemonic, list<Trait> traits = []>
    : Op<Graph_Dialect, mnemonic,
         !listconcat(traits, [Pure, DeclareOpInterfaceMethods<ShapeInference>])>;

#endif
