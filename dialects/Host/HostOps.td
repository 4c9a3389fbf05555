// dialects/Host/HostOps.td: the launch program of a model.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_HOST_OPS
#define LATHE_HOST_OPS

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/Host/HostBase.td"

class Host_Op<string mnemonic, list<Trait> traits = []> : Op<Host_Dialect, mnemonic, traits>;

def Host_AnyBuffer : TypeDef<Host_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "address of memory";
  let description = [{
    Where the elements of a value start, in one space.

    ```mlir
    !host.buffer
    !host.buffer<cuda>
    ```
  }];
  let parameters = (ins Host_SpaceParameter:$space);
  let builders = [TypeBuilder<(ins CArg<"::lathe::host::Space", "::lathe::host::Space::host">:$space),
      [{ return $_get($_ctxt, space); }]>];
  let skipDefaultBuilders = 1;
  let assemblyFormat = "(`<` $space^ `>`)?";
}
/// What the program itself reads or writes.
def Host_Buffer : Type<CPred<[{
      ::llvm::isa<::lathe::host::BufferType>($_self) &&
      ::llvm::cast<::lathe::host::BufferType>($_self).getSpace() == ::lathe::host::Space::host}]>,
    "address of memory of the host", "::lathe::host::BufferType">,
    BuildableType<"::lathe::host::BufferType::get($_builder.getContext())">;

def Host_Relation : I32EnumAttr<"Relation", "what must hold between two numbers", [
    I32EnumAttrCase<"eq", 0>, I32EnumAttrCase<"ge", 1>,
    I32EnumAttrCase<"broadcast", 2>]> {
  let cppNamespace = "::lathe::host";
}

/// Which input, output, dim, element or check.
def Host_Number : ConfinedAttr<I64Attr, [IntNonNegative]>;

def Host_ProgramKind : I32EnumAttr<"ProgramKind", "what a program is for", [
    I32EnumAttrCase<"plan", 0>, I32EnumAttrCase<"run", 1>]> {
  let cppNamespace = "::lathe::host";
}

def Host_ProgramOp : Host_Op<"program", [IsolatedFromAbove, NoTerminator, NoRegionArguments, SingleBlock]> {
  let summary = "a list of actions";
  let description = [{
    Runs from top to bottom. The `plan` of a function tells the sizes of the outputs and
    of the workspace, its `run` computes the outputs. Either ends at the first
    `host.check` that does not hold. `function` is the name in the `host.signature` that
    the program belongs to.

    ```mlir
    host.program plan of "main" {
      ...
    }
    ```

    (C1) The size of the workspace is told by `plan`; buffers, which exist only then,
    are used by `run`.
  }];
  let arguments = (ins Host_ProgramKind:$kind, StrAttr:$function);
  let regions = (region SizedRegion<1>:$body);
  let hasRegionVerifier = 1;
  let assemblyFormat = "$kind `of` $function $body attr-dict";
  let extraClassDeclaration = [{
    /// That of `function` in a module; null if there is none.
    static ProgramOp find(::mlir::ModuleOp module, ::llvm::StringRef function, ProgramKind kind);
  }];
}

def Host_ValueArrayAttr : TypedArrayAttrBase<Host_ValueAttr, "inputs or outputs">;

def Host_SignatureOp : Host_Op<"signature"> {
  let summary = "what callers are told of the programs";
  let description = [{
    The inputs and outputs of the function that the programs compute, the names of the
    symbols that dims of inputs define, "" for others, and the messages of all checks
    by their numbers. `ranges` has three numbers for each symbol: the least size, the
    most, and a divisor. `features` are bits of `LATHE_FEATURE_...` of the module ABI,
    `spaces` has bit `s` where there is memory of space `s`.

    It stays until `emit`, which writes it as the descriptions of the ABI. `plan` and
    `run` are the functions that the programs have become then.

    ```mlir
    host.signature "main" {inputs = [#host.value<"x", type = tensor<4xf32>>], outputs = [],
                           symbols = [], checks = []}
    ```

    (C1) `ranges` has three entries for each symbol, if any.
    (C2) `plan` and `run` are there together.
    (C3) An output has the memory of no input or of one, which has its type and its space.
  }];
  let arguments = (ins StrAttr:$name, Host_ValueArrayAttr:$inputs, Host_ValueArrayAttr:$outputs, StrArrayAttr:$symbols,
      StrArrayAttr:$checks, OptionalAttr<DenseI64ArrayAttr>:$ranges, DefaultValuedOptionalAttr<I64Attr, "0">:$features,
      DefaultValuedOptionalAttr<I64Attr, "1">:$spaces, OptionalAttr<FlatSymbolRefAttr>:$plan,
      OptionalAttr<FlatSymbolRefAttr>:$run);
  let hasVerifier = 1;
  let assemblyFormat = "$name attr-dict";
}

def Host_ConstantOp : Host_Op<"constant", [Symbol]> {
  let summary = "elements that are written into the artifact";
  let description = [{
    `host.address_of` finds them where the artifact is mapped, aligned for
    vectors; `offset` is where in the weights, once that is decided. With `tile`, they are written in the order that `kernel.pack` with
    the same attributes describes.

    (C1) The elements are a ranked tensor.
    (C2) `tiled`, `order` and `tile` are there together: `tiled` is a dim, `tile`
    is at least 1, and `order` lists every other dim once. `step`, `run`,
    `winograd`, `bits` and `keeps_denormals` are as in `kernel.pack`, too.
  }];
  let hasVerifier = 1;
  let arguments = (ins SymbolNameAttr:$sym_name, ElementsAttr:$value,
      OptionalAttr<I64Attr>:$tiled, OptionalAttr<DenseI64ArrayAttr>:$order, OptionalAttr<I64Attr>:$tile,
      OptionalAttr<I64Attr>:$step, OptionalAttr<I64Attr>:$run, OptionalAttr<I64Attr>:$winograd,
      OptionalAttr<I64Attr>:$bits, UnitAttr:$keeps_denormals, OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = [{
    $sym_name $value (`tiled` `=` $tiled^ `order` `=` $order `tile` `=` $tile (`step` `=` $step^)?
    (`run` `=` $run^)? (`winograd` `=` $winograd^)? (`bits` `=` $bits^)? (`keeps_denormals` $keeps_denormals^)?)?
    attr-dict
  }];
}

def Host_WeightsOp : Host_Op<"weights"> {
  let summary = "how large the weights are";
  let description = [{
    All constants lie in so many bytes, each at its `offset`.

    ```mlir
    host.weights 4096
    ```
  }];
  let arguments = (ins Host_Number:$size);
  let assemblyFormat = "$size attr-dict";
}

def Host_KernelOp : Host_Op<"kernel"> {
  let summary = "what callers are told of a kernel";
  let description = [{
    Its name, its key, its strategy as text, the nodes of the model that it computes, how
    often the functions call it, and the arguments: so many sizes, then tensors. It stays
    until `emit`, which writes it as the description of the ABI.

    ```mlir
    host.kernel "matmul" {key = "0f", strategy = "cpu.loops", nodes = ["fc"], calls = 1 : i64, sizes = 0 : i64,
                          operands = [tensor<4xf32>], results = [tensor<4xf32>]}
    ```
  }];
  let arguments = (ins StrAttr:$name, StrAttr:$key, StrAttr:$strategy, StrArrayAttr:$nodes, Host_Number:$calls,
      Host_Number:$sizes, TypeArrayAttr:$operands, TypeArrayAttr:$results);
  let assemblyFormat = "$name attr-dict";
}

def Host_DimOp : Host_Op<"dim", [Pure]> {
  let summary = "a dimension of an input";
  let description = [{
    The size of dimension `dim` of input `input`, which the runtime has checked
    to be of the signature's rank.
  }];
  let arguments = (ins Host_Number:$input, Host_Number:$dim);
  let results = (outs Index:$size);
  let assemblyFormat = "$input `,` $dim attr-dict";
}

def Host_ElementOp : Host_Op<"element", [Pure]> {
  let summary = "an element of an integer input";
  let description = [{
    Element `position`, in row-major order, of input `input`, whose elements have
    type `type`; unsigned integers and booleans, which are bytes, are widened with
    zeros, others with their sign.

    (C1) `type` is an integer of 1, 8, 16, 32 or 64 bits.
  }];
  let arguments = (ins Host_Number:$input, Host_Number:$position, TypeAttr:$type);
  let hasVerifier = 1;
  let results = (outs Index:$value);
  let assemblyFormat = "$input `,` $position `:` $type attr-dict";
}

def Host_CheckOp : Host_Op<"check"> {
  let summary = "what must hold, or the program ends with error `id`";
  let description = [{
    `eq` is `a == b` and `ge` is `a >= b`, both signed; `broadcast` holds where
    `a == b` or one of them is 1. `id` is the place of the
    message among the checks of the model, which is printed with both values.
    What must hold at entry is asked by `plan`, the rest by `run` where it is known.
  }];
  let arguments = (ins Host_Relation:$relation, Index:$a, Index:$b, Host_Number:$id);
  let assemblyFormat = "$relation $a `,` $b `id` `=` $id attr-dict";
}

def Host_SetDimOp : Host_Op<"set_dim"> {
  let summary = "tells a dimension of an output";
  let description = [{
    Dimension `dim` of output `output` is `size` in this call. `plan` tells those of
    all outputs whose memory the caller provides, `run` those of the others.
  }];
  let arguments = (ins Host_Number:$output, Host_Number:$dim, Index:$size);
  let assemblyFormat = "$output `,` $dim `=` $size attr-dict";
}

def Host_SetWorkspaceOp : Host_Op<"set_workspace"> {
  let summary = "tells the size of the workspace in bytes";
  let description = [{
    In `plan`: what `host.workspace` slices in this space has to be this large in
    this call.
  }];
  let arguments = (ins Index:$bytes, DefaultValuedAttr<Host_SpaceAttr, "::lathe::host::Space::host">:$space);
  let assemblyFormat = "$bytes `` custom<InSpace>($space) attr-dict";
}

class Host_AddressOp<string mnemonic, dag args, list<Trait> traits = []>
    : Host_Op<mnemonic, traits # [Pure]> {
  let arguments = args;
  let results = (outs Host_AnyBuffer:$address);
}

def Host_InputOp : Host_AddressOp<"input", (ins Host_Number:$index)> {
  let summary = "the elements of an input";
  let description = "The address of what the caller passed as input `index`, in row-major order.";
  let assemblyFormat = "$index `` custom<Space>(type($address)) attr-dict";
}
def Host_OutputOp : Host_AddressOp<"output", (ins Host_Number:$index)> {
  let summary = "where the elements of an output go";
  let description = "The address of the memory for output `index`, in row-major order.";
  let assemblyFormat = "$index `` custom<Space>(type($address)) attr-dict";
}
def Host_WorkspaceOp : Host_AddressOp<"workspace", (ins Index:$offset)> {
  let summary = "a slice of the workspace, from a byte offset";
  let description = "The address `offset` bytes into the workspace of this call.";
  let assemblyFormat = "$offset `` custom<Space>(type($address)) attr-dict";
}
def Host_AddressOfOp : Host_AddressOp<"address_of", (ins FlatSymbolRefAttr:$constant),
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the elements of a constant";
  let description = [{
    The address of a `host.constant` in the mapped weights.

    (C1) `constant` is a `host.constant`.
  }];
  let assemblyFormat = "$constant `` custom<Space>(type($address)) attr-dict";
}

def Host_OffsetOp : Host_Op<"offset", [Pure, AllTypesMatch<["base", "address"]>]> {
  let summary = "an address some bytes further on";
  let description = "The address `bytes` bytes behind `base`.";
  let arguments = (ins Host_AnyBuffer:$base, Index:$bytes);
  let results = (outs Host_AnyBuffer:$address);
  let assemblyFormat = "custom<Buffer>($base, type($base)) `,` $bytes attr-dict";
}

def Host_NullOp : Host_AddressOp<"null", (ins)> {
  let summary = "no memory";
  let description = "An address that is none: `host.free` of it does nothing.";
  let assemblyFormat = "`` custom<Space>(type($address)) attr-dict";
}

def Host_AllocOp : Host_Op<"alloc", [MemoryEffects<[MemAlloc, MemWrite]>]> {
  let summary = "memory of this call, of a size that was just computed";
  let description = [{
    At least `bytes` bytes, aligned as the workspace is. The call ends with an error
    where there is not enough memory; `id` is the place of the message, among the
    checks of the model, that says what needs it. A negative number is taken for too
    large a one.
  }];
  let arguments = (ins Index:$bytes, OptionalAttr<Host_Number>:$id);
  let results = (outs Host_AnyBuffer:$address);
  let builders = [OpBuilder<(ins "mlir::Type":$type, "mlir::Value":$bytes), [{
    build($_builder, $_state, type, bytes, nullptr);
  }]>];
  let assemblyFormat = "$bytes `` custom<Space>(type($address)) (`id` `=` $id^)? attr-dict";
}

def Host_FreeOp : Host_Op<"free"> {
  let summary = "gives memory back before the call ends";
  let description = "`address` is one that `host.alloc` gave in this call, or of `host.null`.";
  let arguments = (ins Host_AnyBuffer:$address);
  let assemblyFormat = "custom<Buffer>($address, type($address)) attr-dict";
}

def Host_LoadOp : Host_Op<"load", [MemoryEffects<[MemRead]>]> {
  let summary = "reads an integer";
  let description = [{
    Element `position` of a buffer of integers of type `type`; unsigned integers and
    booleans, which are bytes, are widened with zeros, others with their sign.

    (C1) `type` is an integer of 1, 8, 16, 32 or 64 bits.
  }];
  let arguments = (ins Host_Buffer:$source, Host_Number:$position, TypeAttr:$type);
  let results = (outs Index:$value);
  let hasVerifier = 1;
  let assemblyFormat = "$source `[` $position `]` `:` $type attr-dict";
}

def Host_StoreOp : Host_Op<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes a 64-bit integer";
  let description = "Writes `value` as element 0 of a buffer of `i64`.";
  let arguments = (ins Index:$value, Host_Buffer:$target);
  let assemblyFormat = "$value `to` $target attr-dict";
}

def Host_MulOp : Host_Op<"mul", [Pure, Commutative]> {
  let summary = "a product of sizes that never wraps";
  let description = [{
    `a * b`, both signed; what does not fit 64 bits is the largest or the smallest
    number. No memory is that large, so a size that overflows is an error of the call
    and never looks like a small one.
  }];
  let arguments = (ins Index:$a, Index:$b);
  let results = (outs Index:$product);
  let assemblyFormat = "$a `,` $b attr-dict";
}

def Host_AddOp : Host_Op<"add", [Pure, Commutative]> {
  let summary = "a sum of sizes that never wraps";
  let description = "`a + b` as `host.mul` is `a * b`.";
  let arguments = (ins Index:$a, Index:$b);
  let results = (outs Index:$sum);
  let assemblyFormat = "$a `,` $b attr-dict";
}

def Host_PollOp : Host_Op<"poll"> {
  let summary = "whether a loop may go on";
  let description = [{
    At the start of each turn: the call ends with an error if it was cancelled, or
    if its loops have made as many turns together as the caller allows; `id` is the
    place of the message that names the loop.
  }];
  let arguments = (ins Host_Number:$id);
  let assemblyFormat = "`id` `=` $id attr-dict";
}

def Host_SetOutputOp : Host_Op<"set_output"> {
  let summary = "tells where an output is";
  let description = [{
    In `run`, for an output whose dims `plan` does not tell: its elements are at
    `address`. Memory of `host.alloc` becomes the caller's, other memory is copied
    when the call ends.
  }];
  let arguments = (ins Host_Number:$output, Host_AnyBuffer:$address);
  let assemblyFormat = "$output `=` custom<Buffer>($address, type($address)) attr-dict";
}

def Host_TemporariesOp : Host_Op<"temporaries", [Pure]> {
  let summary = "the bytes of workspace that a launch needs for the kernel's temporaries";
  let description = [{
    What one worker needs, for as many workers as the launch may have: those of the
    call, but no more than it has tasks.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Index>:$sizes);
  let results = (outs Index:$bytes);
  let assemblyFormat = "$kernel `[` $sizes `]` attr-dict";
}

def Host_LaunchOp : Host_Op<"launch", [AttrSizedOperandSegments]> {
  let summary = "runs a kernel over all its tasks";
  let description = [{
    Returns when all tasks are done; the runtime's pool shares them out.
    The kernel's arguments are the sizes, then the buffers: operands of the
    kernel before its results, and last, where the kernel has temporaries, memory
    of as many bytes as `host.temporaries` says. If one of the kernel's own checks
    fails, the program ends with the error that is `checks` plus its number.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Index>:$sizes, Variadic<Host_AnyBuffer>:$buffers,
      DefaultValuedOptionalAttr<I64Attr, "0">:$checks);
  let results = (outs);
  let assemblyFormat = "$kernel `[` $sizes `]` custom<Buffers>($buffers, type($buffers)) (`checks` `=` $checks^)? attr-dict";
  let builders = [];
}

def Host_TextOp : Host_Op<"text", [AttrSizedOperandSegments]> {
  let summary = "calls a function of the runtime on strings";
  let description = [{
    At `texts` are the name of the function and its `parameters` parameters, as
    `graph.text` has them, each with a zero behind it. Of each buffer, the `operands`
    operands before the results, there are the element type, how many elements it has
    and how many are in a row. Where an element is not what the function takes, the
    call ends with the message at place `message`.

    (C1) There is one type, one count and one width for each buffer, and at most as
    many operands as buffers.
  }];
  let arguments = (ins Host_Buffer:$texts, Variadic<Host_Buffer>:$buffers, Variadic<Index>:$counts,
      Variadic<Index>:$widths, ArrayAttr:$types, Host_Number:$parameters, Host_Number:$operands, Host_Number:$message);
  let hasVerifier = 1;
  let assemblyFormat = [{
    $texts `(` $buffers `)` `[` $counts `]` `[` $widths `]` $types `parameters` `=` $parameters `operands` `=` $operands
    `message` `=` $message attr-dict
  }];
}

def Host_CopyOp : Host_Op<"copy"> {
  let summary = "copies bytes between buffers that do not overlap";
  let description = [{
    Copies the first `bytes` bytes of `source` to `target`, also from one space to
    another. What follows, in either space, sees them. With `unless_same`, the two may be
    the same memory, and nothing happens then: of an input that the caller may have
    donated for an output.
  }];
  let arguments = (ins Host_AnyBuffer:$source, Host_AnyBuffer:$target, Index:$bytes, UnitAttr:$unless_same);
  let assemblyFormat = [{
    custom<Buffer>($source, type($source)) `to` custom<Buffer>($target, type($target)) `,` $bytes
    (`unless_same` $unless_same^)? attr-dict
  }];
}

include "dialects/Host/ValueOps.td"

#endif
