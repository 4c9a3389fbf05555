// include/lathe/Transforms/Graph/Passes.td: graph -> graph.

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
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let statistics = [Statistic<"numFolded", "folded", "Values that became constants.">];
}

