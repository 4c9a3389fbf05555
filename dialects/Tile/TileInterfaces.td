// dialects/Tile/TileInterfaces.td: what strategies and lowerings may ask of any
// tile op without knowing which one it is.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_DIALECTS_TILE_TILEINTERFACES
#define LATHE_DIALECTS_TILE_TILEINTERFACES

include "mlir/IR/OpBase.td"

def Tile_EpilogueOpInterface : OpInterface<"EpilogueOpInterface"> {
  let cppNamespace = "::lathe::tile";
  let description = [{
    An op with a destination, a tiling and an epilogue, as the dialect describes.
  }];
  let methods = [
    InterfaceMethod<"The operands that only the epilogue reads.",
                    "::mlir::OperandRange", "getExtras">,
    InterfaceMethod<"One map an extra, from output dims to extra dims.",
                    "::mlir::ArrayAttr", "getExtraMaps">,
    InterfaceMethod<"The region from accumulator to stored value.",
                    "::mlir::Region &", "getEpilogue">,
    InterfaceMethod<"The destination.", "::mlir::Value", "getInit">,
    InterfaceMethod<"The parameters of the lowering.",
                    "::lathe::tile::TilingAttr", "getTiling">,
  ];
  let extraSharedClassDeclaration = [{
    /// The type in which sums are accumulated, as the tiling's unit says.
    ::mlir::Type getAccumulatorType() {
      return ::lathe::tile::getAccumulatorType($_op);
    }
    ::mlir::ShapedType getInitType() {
      return ::llvm::cast<::mlir::ShapedType>($_op.getInit().getType());
    }
    ::mlir::AffineMap getExtraMap(unsigned index) {
      return ::llvm::cast<::mlir::AffineMapAttr>($_op.getExtraMaps()[index])
          .getValue();
    }
  }];
  let verifyWithRegions = 1;
  let verify = [{ return ::lathe::tile::verifyEpilogue($_op); }];
}

def Tile_ScratchOpInterface : OpInterface<"ScratchOpInterface"> {
  let cppNamespace = "::lathe::tile";
  let description = [{
    An op with an operand `scratch`, which may be optional: memory that it writes and reads on the way, so that
    nobody else may read or write it meanwhile.
  }];
  let methods = [
    InterfaceMethod<"The scratch, or nothing.", "::mlir::MutableOperandRange", "getScratchOperands", (ins),
                    /*methodBody=*/[{ return ::mlir::MutableOperandRange($_op.getScratchMutable()); }]>,
  ];
}

#endif // LATHE_DIALECTS_TILE_TILEINTERFACES
