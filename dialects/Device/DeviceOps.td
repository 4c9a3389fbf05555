// dialects/Device/DeviceOps.td: what threads of a block do apart from each other, and what the hardware copies for them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DEVICE_OPS
#define LATHE_DEVICE_OPS

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Device_Dialect : Dialect {
  let name = "device";
  let cppNamespace = "::lathe::device";
  let summary = "roles of threads, and copies that the hardware makes by tensor maps";
  let description = [{
    In kernels for blocks of threads, from where tile ops become tasks to where kernels become functions.

    ```mlir
    %map = device.tensor_map %m sizes [%n, %m] pitches [%p] box [64, 128] : memref<?x512xf16> -> !llvm.ptr
    ```
  }];
  let dependentDialects = ["::lathe::kernel::KernelDialect"];
  let useDefaultAttributePrinterParser = 1;
}

class Device_Op<string mnemonic, list<Trait> traits = []> : Op<Device_Dialect, mnemonic, traits>;

def Device_MapAttr : AttrDef<Device_Dialect, "Map"> {
  let mnemonic = "map";
  let summary = "a tensor map that a launch makes for a function";
  let description = [{
    Of the memory of argument `argument` of the kernel, sizes first, whose elements are of type `element`; a copy
    moves a box of `box` elements, the innermost dimension first (`device.tensor_map`).

    ```mlir
    #device.map<argument = 1, element = f16, box = [64, 128, 1]>
    ```
  }];
  let parameters = (ins "int64_t":$argument, "::mlir::Type":$element, ArrayRefParameter<"int64_t">:$box);
  let assemblyFormat = "`<` `argument` `=` $argument `,` `element` `=` $element `,` `box` `=` `[` $box `]` `>`";
}
def Device_MapArrayAttr : TypedArrayAttrBase<Device_MapAttr, "tensor maps of a function">;

def Device_BodyOp : Device_Op<"body", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "what the launch of a function of the image needs to know";
  let description = [{
    Of the function that a `#kernel.phase` calls `body`: its last arguments are the addresses of `maps`, for which the
    function `extents` computes from the sizes, for one after the other, the sizes and then the pitches. With
    `stays`, a processor gets one block at most, which takes tasks until none is left.

    ```mlir
    device.body @k.entry extents @k.extents maps [#device.map<argument = 0, element = f16, box = [64, 128]>] stays
    ```

    * (C1) Both functions exist.
  }];
  let arguments = (ins FlatSymbolRefAttr:$function, FlatSymbolRefAttr:$extents, Device_MapArrayAttr:$maps, UnitAttr:$stays);
  let assemblyFormat = "$function `extents` $extents `maps` $maps (`stays` $stays^)? attr-dict";
}

def Device_TensorMapOp : Device_Op<"tensor_map", [Pure, AttrSizedOperandSegments]> {
  let summary = "what the hardware needs to know of a tensor to copy boxes of it";
  let description = [{
    The address of a tensor map for the memory of `memref`, seen as a tensor of `sizes`, the innermost first, with as
    many bytes as `pitches` says from one element to the next in each dimension but the innermost. A copy by it moves
    a box of `box` elements between memory and the memory of a block, where what is outside of the tensor is 0,
    and each eight rows of 128 bytes have their chunks of 16 bytes in another order each ("swizzle of 128 bytes").

    The launch makes it, so `memref` is an argument of the kernel or a view of one that starts with it, and sizes and
    pitches come from the kernel's sizes.

    ```mlir
    %map = device.tensor_map %m sizes [%n, %m] pitches [%p] box [64, 128] : memref<?x512xf16> -> !llvm.ptr
    ```

    * (C1) There are 2 to 5 sizes, a box of as many, and one pitch fewer.
    * (C2) The sizes of the box are 1 to 256, and its innermost dimension is 128 bytes.
  }];
  let arguments = (ins AnyMemRef:$memref, Variadic<Index>:$sizes, Variadic<Index>:$pitches, DenseI64ArrayAttr:$box);
  let results = (outs AnyType:$map);
  let assemblyFormat = [{
    $memref `sizes` `[` $sizes `]` `pitches` `[` $pitches `]` `box` $box attr-dict `:` type($memref) `->` type($map)
  }];
  let hasVerifier = 1;
}

def Device_RolesOp : Device_Op<"roles", [RecursiveMemoryEffects, NoTerminator]> {
  let summary = "threads of a block that copy, and threads that compute";
  let description = [{
    In a task for a block of threads: the last `copiers` of them run `copy`, the others `compute`, and neither
    waits for the other but by what the regions say. So those who copy may be tasks ahead. `setup` is run once by all
    threads, before the first task of the block. The argument of the other regions is how many tasks the block
    has had before. A thread that copies has `copy_registers` registers, another one `compute_registers`.

    ```mlir
    device.roles copiers = 128 registers = 40, 232 setup {
      nvvm.barrier0
    } copy {
    ^bb0(%turn: index):
    } compute {
    ^bb0(%turn: index):
    }
    ```

    * (C1) `copy` and `compute` have one argument, of type index, and `setup` has none.
    * (C2) Registers are multiples of 8 from 24 to 256, and `copiers` is a multiple of 128, the threads that give
      registers together.
  }];
  let arguments = (ins I64Attr:$copiers, I64Attr:$copy_registers, I64Attr:$compute_registers);
  let regions = (region SizedRegion<1>:$setup, SizedRegion<1>:$copy, SizedRegion<1>:$compute);
  let assemblyFormat = [{
    `copiers` `=` $copiers `registers` `=` $copy_registers `,` $compute_registers `setup` $setup `copy` $copy
    `compute` $compute attr-dict
  }];
  let hasVerifier = 1;
}

#endif
