// dialects/Tile/TileDialect.td: the level where a strategy has fixed how one
// kernel's core loop is tiled, and nothing but mechanical lowering is left.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_DIALECTS_TILE_TILEDIALECT
#define LATHE_DIALECTS_TILE_TILEDIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::lathe::tile";
  let summary = "block-level compute that upstream dialects lack";
  let description = [{
    An op of this dialect is the core of one kernel: a contraction, a
    convolution, a depthwise convolution or a transpose together with the
    elementwise work that follows it. All its tiling parameters are attributes, set by a
    strategy; `convert-tile-to-vector` turns it into loops and decides nothing.

    Every op writes its whole destination (`outs`) and never reads it, takes
    ranked tensors before bufferization and memrefs after it, and carries an
    **epilogue**: a region of scalar elementwise ops from the accumulator and
    one element of each of the `extras` to the stored value. Entry `i` of
    `extra_maps` says which element of extra `i` belongs to an output element.

    * (E1) There is one map for each extra. Its dims are the dims of the output,
      and it has one result for each dim of the extra.
    * (E2) A map result is a dim of the output, or the constant 0. Only the last
      result may be the innermost dim of the output: it is the one that is
      loaded as a vector.
    * (E3) Static sizes agree: a result that is a dim has the size of that dim,
      a result that is 0 has size 1.
    * (E4) The region is empty, which stores the accumulator as it is, or has
      one block with the arguments (accumulator, one element an extra), and ends
      in `tile.yield` of a value of the output's element type.
    * (E5) The ops of the region are constants or elementwise on scalars. It sees
      no value from outside.
    * (E6) Operands other than the destination do not alias it. Some lowerings
      store an output element twice, with the same value.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let useDefaultAttributePrinterParser = 1;
}

def Tile_TilingAttr : AttrDef<Tile_Dialect, "Tiling"> {
  let mnemonic = "tiling";
  let summary = "how an op is cut into tasks, register tiles and vectors";
  let description = [{
    A register tile is `rows` x `vectors` accumulators of `lanes` elements. What
    a row and a task is, each op says. A count of 0 stands for "all in one".

    `unit` names a row of the table of dot units (`lathe/Target/DotUnits.h`): the
    instructions that multiply, and the types that they take. Without one, the
    operands and the sums are all f32 or all f64. The row's `step` is the number
    of terms of one sum that lie side by side in a register: 4 for bytes.

    * (C1) `rows`, `vectors`, `lanes` and `unroll` are positive.
    * (C2) The other numbers are not negative.
    * (C3) `unit` is in the table.

    ```mlir
    #tile.tiling<rows = 6, vectors = 4, lanes = 16, task_rows = 48>
    #tile.tiling<rows = 4, vectors = 2, lanes = 8, unit = "madd.u8s8">
    ```
  }];
  let parameters = (ins
    "int64_t":$rows,
    "int64_t":$vectors,
    "int64_t":$lanes,
    // Reduction steps in one round of the innermost loop.
    DefaultValuedParameter<"int64_t", "1">:$unroll,
    // Cache lines of the next panel fetched ahead in each such round.
    DefaultValuedParameter<"int64_t", "0">:$prefetch,
    // Reduction steps between two visits of an output element; 0: one visit.
    DefaultValuedParameter<"int64_t", "0">:$block,
    DefaultValuedParameter<"int64_t", "0">:$task_rows,
    DefaultValuedParameter<"int64_t", "0">:$task_panels,
    OptionalParameter<"::mlir::StringAttr">:$unit
  );
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1; // tiling_c1, tiling_c2, tiling_c3
  let extraClassDeclaration = [{
    /// The row that `unit` names; null without one.
    const ::lathe::DotUnit *getDotUnit() const;
    /// Those of the matrix unit that multiplies; null for any other unit and without one.
    const ::lathe::MatrixUnit *getMatrixUnit() const;
    /// Terms of one sum that lie side by side in a register.
    int64_t getStep() const { return getDotUnit() ? getDotUnit()->step : 1; }
  }];
}

#endif // LATHE_DIALECTS_TILE_TILEDIALECT
