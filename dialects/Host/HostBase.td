// dialects/Host/HostBase.td: the dialect, and spaces of memory, which levels above it name too.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_HOST_BASE
#define LATHE_HOST_BASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Host_Dialect : Dialect {
  let name = "host";
  let cppNamespace = "::lathe::host";
  let summary = "what a call of a model does, step by step";
  let description = [{
    A `host.program` is a list of runtime actions on buffers; there are no
    tensors. Branches and loops are `scf.if` and `scf.while` around host ops, numbers
    are of type `index` and computed by `arith`. The two programs of a function are
    `plan`, which checks what must hold at entry and computes the sizes of outputs
    and workspace, and `run`, which computes the outputs and is entered only after
    `plan` found nothing wrong.

    A temporary whose size is known when the program is entered is a slice of one
    workspace, also within branches and loops. Memory whose size comes from data is
    allocated by `host.alloc` and belongs to the call: the runtime frees it when
    the call ends, with an error or without; `host.free` gives it back early.

    A buffer is in a space. That of the host is what the processor of the program
    addresses, and is not printed; of any other, written as `in cuda`, the program
    knows addresses only: there, kernels read and write, and `host.copy` moves bytes from
    space to space. Each space has a workspace of its own.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

/// The numbers are those of `lathe_space` in the module ABI.
def Host_SpaceEnum : I32EnumAttr<"Space", "where memory is", [
    I32EnumAttrCase<"host", 0>, I32EnumAttrCase<"cuda", 1>]> {
  let cppNamespace = "::lathe::host";
  let genSpecializedAttr = 0;
}
def Host_SpaceAttr : EnumAttr<Host_Dialect, Host_SpaceEnum, "space"> {
  let description = [{
    `host` is memory that the processor of the program addresses, `cuda` that of a
    device that the driver of that name drives.

    ```mlir
    #host.space<cuda>
    ```
  }];
  let assemblyFormat = "`<` $value `>`";
}
/// Of a type: the host where nothing is said.
def Host_SpaceParameter : EnumParameter<Host_SpaceEnum> {
  let defaultValue = "::lathe::host::Space::host";
}

def Host_ValueAttr : AttrDef<Host_Dialect, "Value"> {
  let mnemonic = "value";
  let summary = "an input or an output as callers see it";
  let description = [{
    `type` has the dims as the model says them: a tensor, or a sequence, an optional
    value or a map of some. Callers have it in `space`. With `sized_by_run`, `plan`
    does not know the dims of the output. With `moves`, callers may have it in any
    space of the module. `alias` of an output is the number of the input whose memory it
    may have, -1 for none.

    ```mlir
    #host.value<"x", type = tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>>
    #host.value<"y", type = tensor<4xf32>, space = cuda>
    ```
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::Type":$type, Host_SpaceParameter:$space,
      DefaultValuedParameter<"bool", "false">:$sized_by_run,
      DefaultValuedParameter<"bool", "false">:$moves, DefaultValuedParameter<"int64_t", "-1">:$alias);
  let assemblyFormat = "`<` $name `,` struct($type, $space, $sized_by_run, $moves, $alias) `>`";
}

#endif
