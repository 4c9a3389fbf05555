// dialects/Graph/FloatFormats.h: conversion of scalars to and from floats of eight bits and less.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_FLOATFORMATS_H
#define LATHE_DIALECTS_GRAPH_FLOATFORMATS_H

#include "mlir/IR/Builders.h"

namespace lathe::graph {

/// An f64 as an f32 that is odd where it is not exact: rounded once more, to 22
/// bits or less, it is what the f64 would have become.
mlir::Value roundToOdd(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x);

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_FLOATFORMATS_H
