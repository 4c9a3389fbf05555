// dialects/Graph/ControlOps.td: branches, loops, and sizes that are read from data.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_CONTROL
#define LATHE_GRAPH_CONTROL

include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "dialects/Graph/GraphBase.td"

/// Not pure: types and attributes use what it defines, which are no uses of a
/// value. Passes that infer shapes drop those whose symbol nobody uses.
def Graph_DefineSymbolOp : Op<Graph_Dialect, "define_symbol", [MemoryEffects<[MemWrite]>]> {
  let summary = "a symbol is an element of an integer tensor, read at run time";
  let description = [{
    From here on symbol `symbol` of the function stands for element `element`, in
    row-major order, of `tensor`. It is what makes a size depend on data:

    ```mlir
    graph.define_symbol %count[0] symbol = 5 : tensor<1xi64>
    ```

    * (C1) `tensor` has a fixed shape, and `element` is one of its elements.
    * (C2) `symbol` is an `inner` symbol of the function.
  }];
  let arguments = (ins AnyTypeOf<[Graph_IntTensor, Graph_BoolTensor]>:$tensor,
      ConfinedAttr<I64Attr, [IntNonNegative]>:$element, ConfinedAttr<I64Attr, [IntNonNegative]>:$symbol);
  let results = (outs);
  let assemblyFormat = "$tensor `[` $element `]` `symbol` `=` $symbol attr-dict `:` type($tensor)";
  let hasVerifier = 1;
}

def Graph_CheckOp : Op<Graph_Dialect, "check", [MemoryEffects<[MemWrite]>]> {
  let summary = "what must hold at run time where a branch or a turn comes here";
  let description = [{
    The call ends with the check's message if it does not hold. What must hold in
    every call is an entry of the function's `graph.checks`; what a branch
    takes for granted is asked in that branch only.

    ```mlir
    graph.check <"eq", ()[s0] -> (s0, 1), "a squeezed dim must be 1, but is %lld, not %lld">
    ```

    * (C1) The check is of relation `eq`, `ge` or `broadcast`, between two expressions of symbols.
  }];
  let arguments = (ins Graph_CheckAttr:$check);
  let results = (outs);
  let assemblyFormat = "$check attr-dict";
  let hasVerifier = 1;
}

def Graph_CallOp : Op<Graph_Dialect, "call", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "what another function computes";
  let description = [{
    Its results are those of the function `callee` for `operands`. Symbols of the callee are sizes of the
    operands; where a dimension of an input says more than that of its operand, that is checked. A model that
    is read has its calls written out (`graph-inline-calls`), each with the sizes that it has there.

    ```mlir
    %y = graph.call @layer(%x, %w) : (tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>, tensor<8x8xf32>)
        -> tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>
    ```

    * (C1) `callee` is a `func.func` of the module with a body, and so is what calls it.
    * (C2) There is one operand for each input and one result for each result of the callee, of its element type, its rank
      and, where both are fixed, its sizes.
    * (C3) No function calls itself, not by way of others either.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<Graph_Value>:$operands);
  let results = (outs Variadic<Graph_Value>:$results);
  let assemblyFormat = "$callee `(` $operands `)` attr-dict `:` functional-type($operands, $results)";
}

def Graph_IfOp : Op<Graph_Dialect, "if", [RecursiveMemoryEffects, NoRegionArguments]> {
  let summary = "one of two branches";
  let description = [{
    Computes the first region if `condition` is true, else the second, and has its
    results. The regions see all values from above.

    ```mlir
    %r = graph.if %c : tensor<i1> -> (tensor<4xf32>) {
      graph.yield %a : tensor<4xf32>
    } else {
      %b = graph.neg %a : tensor<4xf32> -> tensor<4xf32>
      graph.yield %b : tensor<4xf32>
    }
    ```

    * (C1) `condition` has one element.
    * (C2) Either region ends in a `graph.yield` of one value for each result, of
      its element type, rank and, where both are fixed, sizes.
    * (C3) A dimension of a result is the same in both branches, or exactly a
      symbol that the result defines.
  }];
  let arguments = (ins Graph_BoolTensor:$condition);
  let results = (outs Variadic<Graph_Value>:$results);
  let regions = (region SizedRegion<1>:$then_region, SizedRegion<1>:$else_region);
  let assemblyFormat = [{
    $condition `:` type($condition) (`->` `(` type($results)^ `)`)? $then_region `else` $else_region attr-dict
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    YieldOp thenYield();
    YieldOp elseYield();
    /// Enforces (C3); `isDefinedByResults` knows the symbols that results define.
    ::llvm::LogicalResult verifyDims(::llvm::function_ref<bool(::mlir::AffineExpr)> isDefinedByResults);
  }];
}

def Graph_LoopOp : Op<Graph_Dialect, "loop", [RecursiveMemoryEffects, AttrSizedOperandSegments]> {
  let summary = "turns that carry values";
  let description = [{
    Turn `i = 0, 1, ...` computes the body from the number of the turn and the
    carried values, at first `inits`. There is a turn as long as `i < trip_count`,
    if that is there, and the condition holds, if there is one: `condition` for the
    first turn, then what the turn before yielded. The results are the carried
    values at the end, then each scan output: the values that the turns yielded for
    it, stacked along a new first dimension. The body sees all values from above.

    ```mlir
    %sum, %each = graph.loop trip_count(%n : tensor<i64>) carried(%zero : tensor<f32>)
        -> (tensor<f32>, tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) {
    ^bb0(%i: tensor<i64>, %a: tensor<f32>):
      %b = graph.add %a, %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
      graph.yield %b, %b : tensor<f32>, tensor<f32>
    }
    ```

    With neither `trip_count` nor `condition` it ends only where the caller's limit
    or cancellation ends it.

    * (C1) `trip_count` and `condition` have one element.
    * (C2) The body's arguments are a scalar of `i64` and one value for each of
      `inits`, of its element type and rank.
    * (C3) The body ends in a `graph.yield` of the next condition, a value of one
      element, exactly if there is a `condition`; then one value for each of
      `inits`, and one for each scan output, of its element type and a rank that is
      one less than the result's.
    * (C4) A dimension of a carried value is the same before the loop, in the body,
      in what it yields and in the result; or in the body it is exactly a symbol
      that the argument defines, and in the result one that the result defines.
    * (C5) With a `condition`, the first dimension of a scan output is exactly a
      symbol that the result defines. The other dimensions are those of what is
      yielded, or also such symbols.
  }];
  let arguments = (ins Optional<Graph_IntTensor>:$trip_count, Optional<Graph_BoolTensor>:$condition,
      Variadic<Graph_Value>:$inits);
  let results = (outs Variadic<Graph_Value>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`trip_count` `(` $trip_count^ `:` type($trip_count) `)`)?
    (`condition` `(` $condition^ `:` type($condition) `)`)?
    (`carried` `(` $inits^ `:` type($inits) `)`)?
    (`->` `(` type($results)^ `)`)? $body attr-dict
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    YieldOp yield();
    /// The number of the turn, and the arguments for carried values.
    ::mlir::BlockArgument turn() { return getBody().getArgument(0); }
    ::mlir::ValueRange carriedArguments() { return getBody().getArguments().drop_front(); }
    /// Parts of what the body yields; `nextCondition` may be null.
    ::mlir::Value nextCondition();
    ::mlir::ValueRange nextCarried();
    ::mlir::ValueRange scanned();
    /// Parts of the results.
    ::mlir::ValueRange carriedResults() { return getResults().take_front(getInits().size()); }
    ::mlir::ValueRange scanResults() { return getResults().drop_front(getInits().size()); }
    /// Enforces (C4) and (C5).
    ::llvm::LogicalResult verifyDims(::llvm::function_ref<bool(::mlir::AffineExpr)> isDefinedByArguments,
                                     ::llvm::function_ref<bool(::mlir::AffineExpr)> isDefinedByResults);
  }];
}

def Graph_YieldOp : Op<Graph_Dialect, "yield", [Pure, Terminator, ReturnLike, ParentOneOf<["IfOp", "LoopOp"]>]> {
  let summary = "what a branch or a turn hands on";
  let description = "Ends a region of `graph.if` or `graph.loop`, which say what the values are.";
  let arguments = (ins Variadic<Graph_Value>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif
