// dialects/Host/ValueOps.td: sequences and optional values in a launch program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_HOST_VALUE_OPS
#define LATHE_HOST_VALUE_OPS

// A sequence or an optional value is the address of a `lathe_value` of the module
// ABI. It never changes once it is made; what it holds belongs to the call, and is
// there until the call ends.

def Host_Action : I32EnumAttr<"Action", "what `host.make_value` makes", [
    I32EnumAttrCase<"insert", 0>, I32EnumAttrCase<"erase", 1>, I32EnumAttrCase<"at", 2>,
    I32EnumAttrCase<"split", 3>, I32EnumAttrCase<"concat", 4>, I32EnumAttrCase<"some", 5>,
    I32EnumAttrCase<"none", 6>, I32EnumAttrCase<"get", 7>, I32EnumAttrCase<"empty", 8>,
    I32EnumAttrCase<"map", 9>, I32EnumAttrCase<"part", 10>]> {
  let cppNamespace = "::lathe::host";
}

def Host_DescribeOp : Host_Op<"describe", [MemoryEffects<[MemAlloc, MemWrite]>]> {
  let summary = "elements as a value of the module ABI";
  let description = [{
    The address of a `lathe_value` that describes a tensor: its elements are at
    `data`, of the element type `type`, its dims are `sizes`. `host.free` gives it back.
  }];
  let arguments = (ins Host_Buffer:$data, Variadic<Index>:$sizes, TypeAttr:$type);
  let results = (outs Host_Buffer:$value);
  let assemblyFormat = "$data `[` $sizes `]` `:` $type attr-dict";
}

def Host_MakeValueOp : Host_Op<"make_value", [MemoryEffects<[MemAlloc, MemRead, MemWrite]>]> {
  let summary = "makes a value that is no tensor";
  let description = [{
    Asks the runtime for `action`, a `lathe_value_action` of the module ABI, which says
    what `value`, `other`, `a` and `b` are. Where they do not fit, the program ends with
    the error `id`, whose message has two places for what disagrees.
  }];
  let arguments = (ins Host_Action:$action, Host_Buffer:$value, Host_Buffer:$other, Index:$a, Index:$b,
      Host_Number:$id);
  let results = (outs Host_Buffer:$result);
  let assemblyFormat = "$action $value `,` $other `[` $a `,` $b `]` `id` `=` $id attr-dict";
}

def Host_LoadAddressOp : Host_Op<"load_address", [MemoryEffects<[MemRead]>]> {
  let summary = "reads an address";
  let description = "Address `position` of a buffer of addresses.";
  let arguments = (ins Host_Buffer:$source, Host_Number:$position);
  let results = (outs Host_Buffer:$address);
  let assemblyFormat = "$source `[` $position `]` attr-dict";
}

#endif
