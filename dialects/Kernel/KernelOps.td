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
include "dialects/Host/HostBase.td"

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
  let dependentDialects = ["::lathe::graph::GraphDialect", "::lathe::host::HostDialect"];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// Marks the op that decides how a group or kernel is computed.
    static constexpr ::llvm::StringLiteral rootAttrName = "kernel.root";
    /// Marks a module whose sums must be those of the operators' definitions, term by
    /// term, and whose weights must be what they are; and a root in one.
    static constexpr ::llvm::StringLiteral strictAttrName = "kernel.strict";
  }];
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

def Kernel_TargetAttr : AttrDef<Kernel_Dialect, "Target"> {
  let mnemonic = "target";
  let summary = "what a kernel is compiled for";
  let description = [{
    Architecture, level and features as `lathe::Target` reads them, "host" for
    this machine; it is printed in the canonical form. What else there is to
    know (kind, vector and matrix units, caches) the tables of `lib/Target` say,
    so no pass reads the text again.

    ```mlir
    #kernel.target<"x86_64:v4,avx512vnni">
    ```
  }];
  let parameters = (ins "::lathe::Target":$value);
  let hasCustomAssemblyFormat = 1;
}

def Kernel_RangeArrayAttr : TypedArrayAttrBase<Graph_RangeAttr, "ranges of sizes">;

def Kernel_FuncOp : Kernel_Op<"func", [
    AffineScope, AutomaticAllocationScope, FunctionOpInterface, IsolatedFromAbove]> {
  let summary = "one kernel";
  let description = [{
    One root problem with what is fused around it, on tensors; `strategy` says
    how it is computed, `target` for what. `key` is the same for kernels that are
    equal but for names, whatever model they come from.

    The first `sizes` arguments are of type `index`: argument `i` is what the
    symbol `s_i` of every dimension expression in the body stands for. Tensors
    follow. One op of the body is marked `kernel.root`: by it the strategy is
    chosen. Where none is, as in a kernel that was written by hand, it is the
    first op that is not elementwise, or the first if all are. An argument attribute `kernel.constant` says that every caller
    passes a constant, and `kernel.inplace`, as `find-inplace-operands` writes it, that
    the first result could be computed in the memory of this operand. `inplace` says
    that it is: the operand of that number, counted behind the sizes, and the first
    result are one memory, the result's.

    `dims` says the dimensions of each tensor, operands before results, by the
    sizes: types lose them at the levels below. `ranges` says what is known of each
    size: code may count on it, as the program has checked it.

    `space` says where the operands and results are; the host's memory, if it is
    not there.

    `bufferize-kernels` turns tensors into memrefs, and the results into `outputs`
    more arguments. `plan-temporaries` adds memory that the caller provides: first
    what `shared` arguments, which all tasks see, then `scratch` ones, of which
    each worker has its own. The function `memory` computes the bytes of each from
    the sizes.

    Memory is in row-major order, unless an argument or a result says
    `kernel.strides`: the distances between neighbours of each dim, in elements,
    by the sizes, as a map such as `affine_map<()[s0, s1] -> (s1, 1)>`.

    * (C1) There are at least `sizes` arguments, and just these are of type `index`.
    * (C2) The body is one block that ends in `kernel.return` of the result types.
    * (C3) `dims` has one map for each argument that is no size and no temporary,
      and for each result; its results are the dims.
    * (C4) There are at least `outputs`, `shared` and `scratch` arguments behind
      the sizes, and `memory` if there is a temporary.
    * (C5) `inplace` is the number of an operand whose type is that of the first result.
    * (C6) `kernel.strides` has one result for each dim of its tensor, each of
      them a number or one of the sizes; the last is 1.
    * (C7) `ranges` has one entry for each size.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
      TypeAttrOf<FunctionType>:$function_type, I64Attr:$sizes,
      OptionalAttr<AffineMapArrayAttr>:$dims, OptionalAttr<Kernel_RangeArrayAttr>:$ranges,
      DefaultValuedOptionalAttr<I64Attr, "0">:$outputs, DefaultValuedOptionalAttr<I64Attr, "0">:$shared,
      DefaultValuedOptionalAttr<I64Attr, "0">:$scratch, OptionalAttr<FlatSymbolRefAttr>:$memory,
      OptionalAttr<Kernel_StrategyAttr>:$strategy, OptionalAttr<Kernel_TargetAttr>:$target,
      DefaultValuedOptionalAttr<Host_SpaceAttr, "::lathe::host::Space::host">:$space,
      OptionalAttr<I64Attr>:$inplace,
      OptionalAttr<StrAttr>:$key, OptionalAttr<StrAttr>:$sym_visibility,
      OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::FunctionType":$type, "int64_t":$sizes)>];
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
    /// Those that are temporaries: shared ones, then scratch.
    ::mlir::ValueRange getTemporaries() { return getArguments().take_back(getShared() + getScratch()); }
    /// The dims of an argument by the sizes, or null if nothing says them.
    ::mlir::AffineMap getDimsOf(unsigned argument) {
      unsigned i = argument - getSizes();
      return getDims() && argument >= getSizes() && i < getDims()->size()
          ? ::llvm::cast<::mlir::AffineMapAttr>((*getDims())[i]).getValue() : ::mlir::AffineMap();
    }
    /// What is known of size argument `size`.
    ::lathe::SizeRange getRangeOf(unsigned size) {
      return getRanges() ? ::llvm::cast<::lathe::graph::RangeAttr>((*getRanges())[size]).getValue()
                         : ::lathe::SizeRange();
    }
    static constexpr ::llvm::StringLiteral constantAttrName = "kernel.constant";
    static constexpr ::llvm::StringLiteral inplaceAttrName = "kernel.inplace";
    static constexpr ::llvm::StringLiteral stridesAttrName = "kernel.strides";
    /// What `kernel.strides` of an argument says, or null: row-major order.
    ::mlir::AffineMap getStridesOf(unsigned argument) {
      auto strides = getArgAttrOfType<::mlir::AffineMapAttr>(argument, stridesAttrName);
      return strides ? strides.getValue() : ::mlir::AffineMap();
    }
    /// Of an op in the body: the number of the check that it makes at run time.
    static constexpr ::llvm::StringLiteral checkAttrName = "kernel.check";
    /// Of the strategy of a kernel for a device, an integer: each of its tasks is for
    /// a block of so many threads.
    static constexpr ::llvm::StringLiteral threadsName = "threads";
    /// That number; 0 where a task is for one thread.
    int64_t getBlockThreads() {
      if (!getTarget() || getTargetAttr().getValue().kind() != ::lathe::TargetKind::Gpu || !getStrategy())
        return 0;
      ::mlir::DictionaryAttr config = getStrategyAttr().getConfig();
      auto threads = config ? config.getAs<::mlir::IntegerAttr>(threadsName) : ::mlir::IntegerAttr();
      return threads ? threads.getInt() : 0;
    }
  }];
}

def Kernel_PhaseAttr : AttrDef<Kernel_Dialect, "Phase"> {
  let mnemonic = "phase";
  let summary = "one phase of a compiled kernel";
  let description = [{
    The function `tasks` computes from the sizes how many tasks there are, and
    `body` is a `lathe_task_fn` that does a range of them. `loops` says that the
    body is loops over scalars, which LLVM should vectorize.

    On a device, `body` is a function of the image. With `threads`, a task is for a
    block of so many threads; else each is for one thread. `shared` is how many bytes
    the threads of a block have together.

    ```mlir
    #kernel.phase<tasks = @k.tasks, body = @k.entry>
    ```
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$tasks, "::mlir::FlatSymbolRefAttr":$body,
      DefaultValuedParameter<"bool", "false">:$loops, DefaultValuedParameter<"int64_t", "0">:$threads,
      DefaultValuedParameter<"int64_t", "0">:$shared);
  let assemblyFormat = "`<` struct(params) `>`";
}
def Kernel_PhaseArrayAttr : TypedArrayAttrBase<Kernel_PhaseAttr, "phases of a kernel">;

def Kernel_EntryOp : Kernel_Op<"entry", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a compiled kernel: where its functions are";
  let description = [{
    What `split-kernel-ranges` leaves of a `kernel.func`, for those who launch or
    describe it. `function_type` has the sizes, the operands and then the
    `outputs` as memrefs, `dims` their dimensions by the sizes. The phases run in
    order; each starts when all tasks of the one before it are done. Of the
    temporaries, whose bytes the function `memory` returns, the first `shared` are
    for all tasks, the others for one worker each.

    ```mlir
    kernel.entry @k {function_type = (index, memref<?xf32>, memref<?xf32>) -> (), sizes = 1 : i64, outputs = 1 : i64,
                     phases = [#kernel.phase<tasks = @k.tasks, body = @k.entry>]}
    ```

    * (C1) There is a phase; all functions that are named exist.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
      TypeAttrOf<FunctionType>:$function_type, I64Attr:$sizes, OptionalAttr<AffineMapArrayAttr>:$dims,
      DefaultValuedOptionalAttr<I64Attr, "0">:$outputs, DefaultValuedOptionalAttr<I64Attr, "0">:$shared,
      OptionalAttr<FlatSymbolRefAttr>:$memory, Kernel_PhaseArrayAttr:$phases,
      OptionalAttr<Kernel_StrategyAttr>:$strategy, OptionalAttr<Kernel_TargetAttr>:$target, OptionalAttr<StrAttr>:$key);
  let assemblyFormat = "$sym_name attr-dict";
  let extraClassDeclaration = [{
    /// The symbol of the entry of `kernel` at level `llvm`: there nothing refers to
    /// it, and a kernel called `exp` would be what calls of the C library's `exp` find.
    static std::string symbolInCode(::llvm::StringRef kernel) { return ("entry." + kernel).str(); }
    /// Whether its phases run on a device that has a space of its own.
    bool isOnDevice() { return getTarget() && getTargetAttr().getValue().kind() == ::lathe::TargetKind::Gpu; }
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
    argument of the kernel. `checks` are the messages of the checks that the kernel
    makes at run time, by their numbers.

    * (C1) The callee is a `kernel.func` with as many sizes, operands and results.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, AffineMapAttr:$sizes, Variadic<AnyType>:$operands,
      OptionalAttr<StrArrayAttr>:$checks);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = "$callee $sizes `(` $operands `)` (`checks` $checks^)? attr-dict `:` functional-type($operands, $results)";
}

def Kernel_CopyOp : Kernel_Op<"copy", [Pure, AllTypesMatch<["x", "y"]>]> {
  let summary = "a value in another space";
  let description = [{
    The elements of `x` in memory of `space`. `convert-graph-to-host` makes these where
    a value is needed in a space that it is not in.

    ```mlir
    %y = kernel.copy %x to <cuda> : tensor<4xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, Host_SpaceAttr:$space);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x `to` $space attr-dict `:` type($x)";
}

def Kernel_CheckIndexOp : Kernel_Op<"check_index", [NoMemoryEffect]> {
  let summary = "a position that comes from data, made safe";
  let description = [{
    `position` counts from the start of a dimension of `size`, or, where it is
    negative, from its end. The result is the position from the start. If
    `position` is not in `[-size, size)`, the call of the model ends with check
    `check` of the call of this kernel, which is told position and size; what the
    kernel computes meanwhile does not matter, and the result is in `[0, size)`, or
    0 where `size` is.

    It is not speculated, as it may end the call, and dropped where nobody uses the
    result.

    * (C1) `check` is 0 or more.
  }];
  let arguments = (ins Index:$position, Index:$size, ConfinedAttr<I64Attr, [IntNonNegative]>:$check);
  let results = (outs Index:$result);
  let assemblyFormat = "$position `in` $size `check` `=` $check attr-dict";
}

def Kernel_BlockMemoryOp : Kernel_Op<"block_memory", [MemoryEffects<[MemAlloc]>]> {
  let summary = "memory that the threads of a block have together";
  let description = [{
    In a task for a block of threads, memory that is near to them and undefined at
    first. All such memory of a phase is there at once, whatever runs in between.

    ```mlir
    %m = kernel.block_memory : memref<4096xf32>
    ```

    * (C1) The type has static sizes and no layout.
  }];
  let results = (outs AnyMemRef:$memory);
  let assemblyFormat = "attr-dict `:` type($memory)";
  let hasVerifier = 1;
}

def Kernel_PackOp : Kernel_Op<"pack", [Pure]> {
  let summary = "a constant in the order in which a microkernel reads it";
  let description = [{
    Splits dimension `tiled` of the operand into panels of `tile` and orders the
    result as `[panels, other dimensions as in order, tile]`, filled up with
    zeros: `y[p, i..., r] = x[...]` with position `p tile + r` in dimension
    `tiled` and `i` in the dimensions that `order` lists. It is computed when
    the artifact is written.

    With `step`, the last `run` dimensions of `order` (one, if it is not there)
    become one, of `L` elements, of which `step` neighbours lie side by side, as
    instructions that sum over them read them: the result is `[panels, other
    dimensions, ceil(L / step), tile, step]`.

    With `winograd`, the operand is a filter `[o, c, 3, 3]`, whose transform for so
    many outputs a dimension, `[o, c, n, n]` with `n = winograd + 2`, is packed in its
    place (`lathe/Support/Winograd.h`). It is computed in f64 and rounded once.

    With `bits`, the elements are bytes of which only the lowest `bits` bits count, and those that lie
    side by side share one, the first in its lowest bits: the result is `[panels, other dimensions,
    ceil(L / step), tile]`.

    Denormal numbers become zero where a sum would not show them, unless it `keeps_denormals`.

    * (C1) `order` is a permutation of the other dimensions; `tile` is positive.
    * (C2) Both types are static; the result has the shape said above.
    * (C3) `step` is positive, and `run`, which needs it, from 1 to the length of
      `order`.
    * (C4) With `winograd`, there is a transform for it and no `step`, and the
      operand is an f32 filter of 3 by 3 taps.
    * (C5) With `bits`, the operand holds bytes, and `step` times `bits` is 8.
  }];
  let arguments = (ins AnyStaticShapeTensor:$x, I64Attr:$tiled, DenseI64ArrayAttr:$order, I64Attr:$tile,
      OptionalAttr<I64Attr>:$step, OptionalAttr<I64Attr>:$run, OptionalAttr<I64Attr>:$winograd,
      OptionalAttr<I64Attr>:$bits, UnitAttr:$keeps_denormals);
  let results = (outs AnyStaticShapeTensor:$y);
  let assemblyFormat = [{
    $x `tiled` `=` $tiled `order` `=` $order `tile` `=` $tile (`step` `=` $step^)? (`run` `=` $run^)?
    (`winograd` `=` $winograd^)? (`bits` `=` $bits^)? (`keeps_denormals` $keeps_denormals^)?
    attr-dict `:` type($x) `->` type($y)
  }];
  let hasVerifier = 1;
}

#endif
