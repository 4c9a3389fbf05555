// dialects/Graph/GraphInterfaces.td: what every graph op can say about itself.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_INTERFACES
#define LATHE_GRAPH_INTERFACES

include "mlir/IR/OpBase.td"

def ShapeInference : OpInterface<"ShapeInference"> {
  let cppNamespace = "::lathe::graph";
  let description = [{
    Result dimensions as expressions of the function's symbols. Importers and
    the `graph-infer-shapes` pass call it through `ShapeSolver`.
  }];
  let methods = [
    InterfaceMethod<[{
        Appends one list of dimensions per result. Reports an error on the op
        and fails if the operand shapes do not fit.
      }], "::llvm::LogicalResult", "inferResultDims",
      (ins "::lathe::graph::ShapeSolver &":$solver,
           "::llvm::SmallVectorImpl<::lathe::graph::Dims> &":$results)>,
    InterfaceMethod<[{
        The elements of the op's single small integer result in row-major
        order, as expressions of symbols, if they can be known.
      }], "std::optional<::lathe::graph::Dims>", "inferContents",
      (ins "::lathe::graph::ShapeSolver &":$solver), [{}], [{
        return std::nullopt;
      }]>,
  ];
}

def ScalarComputation : OpInterface<"ScalarComputation"> {
  let cppNamespace = "::lathe::graph";
  let description = [{
    The op computes each element of its result from the elements of its
    operands at the same place, after broadcasting as numpy does.
  }];
  let methods = [
    InterfaceMethod<[{
        Builds the computation of one element from signless scalars, half
        precision widened to f32. Returns a null value if the element types
        have no such computation.
      }], "::mlir::Value", "buildScalar",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$args)>,
  ];
}

def LinalgLowering : OpInterface<"LinalgLowering"> {
  let cppNamespace = "::lathe::graph";
  let description = [{
    How an op becomes linalg on tensors. The models are attached by
    `lib/Conversion/GraphToLinalg`, one file per op family.
  }];
  let methods = [
    InterfaceMethod<[{
        Returns one plain signless tensor per result, or fails after an error.
      }], "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "lowerToLinalg",
      (ins "::lathe::graph::LinalgBuilder &":$builder,
           "::mlir::ValueRange":$operands)>,
  ];
}

#endif
