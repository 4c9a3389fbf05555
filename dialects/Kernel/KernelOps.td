// dialects/Kernel/KernelOps.td: fused, outlined units of work and the calls of them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_KERNEL_OPS
#define LATHE_KERNEL_OPS

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/Graph/GraphBase.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::lathe::kernel";
  let summary = "units of caching, tuning, de-duplication and of the ops library";
  let description = [{
    After `partition`, the host function holds only constants, reshapes and
    calls of kernels; each `kernel.func` computes one root problem with what is
    fused around it, for one target.

    ```mlir
    kernel.func @softmax(%n: index, %x: tensor<?x512xf32, #graph.dims<()[s0] -> (s0, 512)>>)
        -> tensor<?x512xf32, #graph.dims<()[s0] -> (s0, 512)>> attributes {sizes = 1 : i64} {
      %y = graph.softmax %x axis = 1 : tensor<?x512xf32, #graph.dims<()[s0] -> (s0, 512)>>
      kernel.return %y : tensor<?x512xf32, #graph.dims<()[s0] -> (s0, 512)>>
    }
    ```
  }];
  let dependentDialects = ["::lathe::graph::GraphDialect"];
  let useDefaultAttributePrinterParser = 1;
}

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<Kernel_Dialect, mnemonic, traits>;

def Kernel_StrategyAttr : AttrDef<Kernel_Dialect, "Strategy"> {
  let mnemonic = "strategy";
  let summary = "how a kernel is computed, and with which parameters";
  let description = [{
    Written once, by `select-strategies`; whatever follows only obeys. Tests and
    tuning pin a choice by writing it before.

    ```mlir
    #kernel.strategy<"cpu.gemm.packed", {mr = 6 : i64, nr = 64 : i64}>
    ```
  }];
  let parameters = (ins "::mlir::StringAttr":$name, OptionalParameter<"::mlir::DictionaryAttr">:$config);
  let assemblyFormat = "`<` $name (`,` $config^)? `>`";
}

def Kernel_FuncOp : Kernel_Op<"func", [
    AffineScope, AutomaticAllocationScope, FunctionOpInterface, IsolatedFromAbove]> {
  let summary = "one kernel";
  let description = [{
    One root problem with what is fused around it, on tensors; `strategy` says
    how it is computed, `target` for what.

    The first `sizes` arguments are of type `index`: argument `i` is what the
    symbol `s_i` of every dimension expression in the body stands for. Tensors
    follow. An argument attribute `kernel.constant` says that every caller
    passes a constant.

    * (C1) There are at least `sizes` arguments, and just these are of type `index`.
    * (C2) The body is one block that ends in `kernel.return` of the result types.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
      TypeAttrOf<FunctionType>:$function_type, I64Attr:$sizes,
      OptionalAttr<Kernel_StrategyAttr>:$strategy, OptionalAttr<StrAttr>:$target,
      OptionalAttr<StrAttr>:$sym_visibility,
      OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The `index` arguments.
    ::mlir::ValueRange getSizeArguments() { return getArguments().take_front(getSizes()); }
    /// The tensor arguments.
    ::mlir::ValueRange getTensorArguments() { return getArguments().drop_front(getSizes()); }
    static constexpr ::llvm::StringLiteral constantAttrName = "kernel.constant";
  }];
}

def Kernel_ReturnOp : Kernel_Op<"return", [Pure, Terminator, ReturnLike, HasParent<"FuncOp">]> {
  let summary = "end of a kernel";
  let description = [{
    Ends the body of a `kernel.func`; the values are the results of its calls.
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Kernel_GroupOp : Kernel_Op<"group", [
    RecursiveMemoryEffects, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "ops that will become one kernel";
  let description = [{
    Formed by `kernel-form-groups`, turned into a `kernel.func` and a call by
    `kernel-outline`. The region sees all values from above.

    * (C1) The types of the results are those that the `kernel.yield` at the
      end of the region gives.
  }];
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "(`->` type($results)^)? $body attr-dict";
  let hasVerifier = 1;
}

def Kernel_YieldOp : Kernel_Op<"yield", [Pure, Terminator, ReturnLike, HasParent<"GroupOp">]> {
  let summary = "results of a group";
  let description = [{
    Ends the region of a `kernel.group`; the values are the results of the group.
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ }]>];
}

def Kernel_CallOp : Kernel_Op<"call", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "call of a kernel";
  let description = [{
    `sizes` are expressions of the host function's symbols, one for each size
    argument of the kernel.

    * (C1) The callee is a `kernel.func` with as many sizes, operands and results.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, AffineMapAttr:$sizes, Variadic<AnyType>:$operands);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = "$callee $sizes `(` $operands `)` attr-dict `:` functional-type($operands, $results)";
}

def Kernel_PackOp : Kernel_Op<"pack", [Pure]> {
  let summary = "a constant in the order in which a microkernel reads it";
  let description = [{
    Splits dimension `tiled` of the operand into panels of `tile` and orders the
    result as `[panels, other dimensions as in order, tile]`, filled up with
    zeros: `y[p, i..., r] = x[...]` with position `p tile + r` in dimension
    `tiled` and `i` in the dimensions that `order` lists. It is computed when
    the artifact is written.

    * (C1) `order` is a permutation of the other dimensions; `tile` is positive.
    * (C2) Both types are static; the result has the shape said above.
  }];
  let arguments = (ins AnyStaticShapeTensor:$x, I64Attr:$tiled, DenseI64ArrayAttr:$order, I64Attr:$tile);
  let results = (outs AnyStaticShapeTensor:$y);
  let assemblyFormat = "$x `tiled` `=` $tiled `order` `=` $order `tile` `=` $tile attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

#endif
