// include/lathe/Transforms/Graph/Passes.td: graph -> graph.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include "mlir/Pass/PassBase.td"

def InferShapesPass : Pass<"graph-infer-shapes", "mlir::func::FuncOp"> {
  let summary = "give every tensor its dimensions as expressions of symbols";
  let description = [{
    Free dimensions of arguments become symbols; every graph op infers its
    result types again; arithmetic on shapes becomes `graph.dim_values` or
    constants, and operands that only said a shape are dropped. `dims` fixes
    named symbols to values.

    Needs: `graph`. Keeps: `graph`; afterwards no dimension is unresolved.

    ```mlir
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32>
    // becomes
    func.func @main(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> ...
        attributes {graph.symbols = [#graph.symbol<"">]}
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let options = [ListOption<"dims", "dims", "std::string", "NAME=VALUE for each symbol to fix.">];
}

def FoldScaleIntoConvPass : Pass<"graph-fold-scale-into-conv", "mlir::func::FuncOp"> {
  let summary = "multiply constant scales of convolution results into the filters";
  let description = [{
    `conv(x, w) * s` with `w` and the per-channel `s` constant becomes
    `conv(x, w * s)`, and `(conv + b) * s` becomes `conv * s + b * s`: what is
    left of a BatchNormalization is one bias, and constant folding computes the
    new filter.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %0 = graph.conv %x, %w strides = ...
    %1 = graph.mul %0, %s : (tensor<1x8x4x4xf32>, tensor<8x1x1xf32>) -> tensor<1x8x4x4xf32>
    // becomes
    %r = graph.reshape %s : (tensor<8x1x1xf32>) -> tensor<8x1x1x1xf32>
    %f = graph.mul %w, %r : (tensor<8x3x3x3xf32>, tensor<8x1x1x1xf32>) -> tensor<8x3x3x3xf32>
    %1 = graph.conv %x, %f strides = ...
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def AssignLayoutsPass : Pass<"graph-assign-layouts", "mlir::func::FuncOp"> {
  let summary = "channels last for every op that has a choice";
  let description = [{
    Convolutions and pools become `channels_last` between transposes; transposes
    then sink through elementwise ops, reductions, concatenations, paddings,
    slices and resamplings until they meet their inverse or leave the model.

    Needs: inferred shapes. Keeps: `graph`; afterwards every convolution and
    pool is `channels_last`.

    ```mlir
    %0 = graph.conv %x, %w strides = ...
    // becomes
    %t = graph.transpose %x [0, 2, 3, 1]
    %c = graph.conv %t, %w channels_last strides = ...
    %0 = graph.transpose %c [0, 3, 1, 2]
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def MaterializePaddingPass : Pass<"graph-materialize-padding", "mlir::func::FuncOp"> {
  let summary = "make the padding of convolutions an op of its own";
  let description = [{
    A convolution with padding becomes `graph.pad` and one without, so that
    microkernels read without bounds checks and padding can fuse with producers.

    Needs: channels last. Keeps: `graph`; no convolution has padding.

    ```mlir
    %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [1, 1, 1, 1] ...
    // becomes
    %p = graph.pad constant %x amounts = <() -> (0, 1, 1, 0, 0, 1, 1, 0)> : ...
    %0 = graph.conv %p, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] ...
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def DecomposeConvTransposePass : Pass<"graph-decompose-conv-transpose", "mlir::func::FuncOp"> {
  let summary = "transposed convolutions whose windows tile the output, as matrix products";
  let description = [{
    Where strides equal the filter's size and nothing is padded, each input
    position gives one block of the output: `x` as a matrix times the filter as
    a matrix, and a transpose that puts the blocks in their places.

    Needs: channels last. Keeps: `graph`.

    ```mlir
    %0 = graph.conv_transpose %x, %w channels_last strides = [2, 2] ...
        : (tensor<1x4x5x3xf32>, tensor<3x8x2x2xf32>) -> tensor<1x8x10x8xf32>
    // becomes, with %f the filter as a matrix,
    %r = graph.reshape %x : (tensor<1x4x5x3xf32>) -> tensor<20x3xf32>
    %p = graph.matmul %r, %f : (tensor<20x3xf32>, tensor<3x32xf32>) -> tensor<20x32xf32>
    %b = graph.reshape %p : (tensor<20x32xf32>) -> tensor<4x5x2x16xf32>
    %t = graph.transpose %b [0, 2, 1, 3] : tensor<4x5x2x16xf32> -> tensor<4x2x5x16xf32>
    %0 = graph.reshape %t : (tensor<4x2x5x16xf32>) -> tensor<1x8x10x8xf32>
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def FoldConstantsPass : Pass<"graph-fold-constants", "mlir::func::FuncOp"> {
  let summary = "compute what depends on constants only";
  let description = [{
    All ops whose operands are constants are moved into one program, which the
    evaluator (the compiler's own JIT) compiles and runs; its results take
    their place as constants. There is no second implementation of any op.

    Results much larger than what they are computed from stay unfolded.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %a = graph.constant dense<[1.0, 4.0]> : tensor<2xf32>
    %0 = graph.sqrt %a : tensor<2xf32> -> tensor<2xf32>
    // becomes
    %0 = graph.constant dense<[1.0, 2.0]> : tensor<2xf32>
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let statistics = [Statistic<"numFolded", "folded", "Values that became constants.">];
}

