// include/lathe/Conversion/Passes.td: the passes that go from one dialect to another.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_PASSES
#define LATHE_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def ConvertGraphToLinalgPass
    : InterfacePass<"convert-graph-to-linalg", "::mlir::FunctionOpInterface"> {
  let summary = "write out graph ops as linalg on plain tensors";
  let description = [{
    Works on one kernel: a function of one block whose leading `index` arguments
    are its sizes. The symbol `s_i` in the type of any tensor inside is argument
    `i`. Every graph op becomes what its `LinalgLowering` says, in order; tensor
    types lose their `graph.dims` and the signs of their integers.

    Ops named in `keep` stay graph ops, on plain tensors: a strategy takes them
    whole. Their integers must be signless already, since plain types do not say
    whether to extend with the sign.

    Needs: inferred shapes. Keeps: nothing of `graph` but what `keep` names.

    ```mlir
    func.func @k(%n: index, %x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>)
        -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>> {
      %y = graph.abs %x : ...
      return %y : ...
    }
    // becomes
    func.func @k(%n: index, %x: tensor<?xf32>) -> tensor<?xf32> {
      %0 = tensor.empty(%n) : tensor<?xf32>
      %y = linalg.generic {...} ins(%x : tensor<?xf32>) outs(%0 : tensor<?xf32>) {
      ^bb0(%in: f32, %out: f32):
        %1 = math.absf %in : f32
        linalg.yield %1 : f32
      } -> tensor<?xf32>
      return %y : tensor<?xf32>
    }
    ```
  }];
  let options = [
    ListOption<"keep", "keep", "std::string", "Names of the ops that stay graph ops.">
  ];
  let statistics = [Statistic<"numOps", "graph-ops", "Graph ops written out.">];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::lathe::kernel::KernelDialect"];
}

def ConvertReshapeToReinterpretCastPass
    : Pass<"convert-reshape-to-reinterpret-cast"> {
  let summary = "write out splits of a dimension into several free ones, and whole reshapes that are flat";
  let description = [{
    A `memref.expand_shape` with two or more dynamic sizes in one group becomes
    a `memref.reinterpret_cast`. Upstream's `expand-strided-metadata` writes out
    all others, but of a group it deduces one size only.

    A load through a `memref.collapse_shape` whose result has one stride becomes one of the memory itself, where
    `fold-memref-alias-ops` would divide the index.

    Needs: memrefs. Keeps: every other reshape.

    ```mlir
    %y = memref.expand_shape %x [[0, 1]] output_shape [%m, %n]
        : memref<?xf32> into memref<?x?xf32>
    // becomes
    %base, %offset, %size, %stride = memref.extract_strided_metadata %x : ...
    %y = memref.reinterpret_cast %base to offset: [0], sizes: [%m, %n],
        strides: [%n, 1] : memref<f32> to memref<?x?xf32>
    ```
  }];
  let statistics = [Statistic<"numOps", "reshapes", "Reshapes written out.">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

#endif // LATHE_CONVERSION_PASSES
