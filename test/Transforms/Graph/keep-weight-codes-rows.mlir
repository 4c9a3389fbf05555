// Weights of products of many rows, or of a number that the run decides, are left to what multiplies bf16 faster.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-keep-weight-codes))" | FileCheck %s

#rows = #graph.dims<()[s0] -> (s0, 128)>
#terms = #graph.dims<()[s0] -> (s0, 64)>

// CHECK-LABEL: func.func @main(
// CHECK: graph.matmul %{{.*}}, %[[W:.*]] : (tensor<5x64xf32>
// CHECK: graph.matmul %{{.*}}, %[[W]] : (tensor<?x64xf32
// CHECK: code_bits = 8
// CHECK: graph.matmul %{{.*}}, %{{.*}} : (tensor<4x64xf32>
module attributes {kernel.bf16} {
func.func @main(%x: tensor<5x64xf32>, %y: tensor<?x64xf32, #terms>, %z: tensor<4x64xf32>)
    -> (tensor<5x128xf32>, tensor<?x128xf32, #rows>, tensor<4x128xf32>) attributes {graph.symbols = [#graph.symbol<"n">]} {
  %w = graph.constant dense<3> : tensor<64x128xi8>
  %s = graph.constant dense<0.5> : tensor<128xf32>
  %d = graph.dequantize %w scale %s : (tensor<64x128xi8>, tensor<128xf32>) -> tensor<64x128xf32>
  %0 = graph.matmul %x, %d : (tensor<5x64xf32>, tensor<64x128xf32>) -> tensor<5x128xf32>
  %1 = graph.matmul %y, %d : (tensor<?x64xf32, #terms>, tensor<64x128xf32>) -> tensor<?x128xf32, #rows>
  %2 = graph.matmul %z, %d : (tensor<4x64xf32>, tensor<64x128xf32>) -> tensor<4x128xf32>
  return %0, %1, %2 : tensor<5x128xf32>, tensor<?x128xf32, #rows>, tensor<4x128xf32>
}
}
