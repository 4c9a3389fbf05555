// Groups become kernels: sizes become arguments, and constants are passed and marked.
// RUN: lathe-opt %s --kernel-outline | FileCheck %s

// CHECK: func.func @main(
// CHECK: %[[W:.*]] = graph.constant dense<2.000000e+00> : tensor<64x64xf32>
// CHECK: kernel.call @[[K:.*]] #{{.*}}(%arg0{{.*}})
// CHECK: kernel.func @[[K]](%{{.*}}: index, %{{.*}}: tensor<?x64xf32, #graph.dims<()[s0] -> (s0, 64)>>, %{{.*}}: tensor<64x64xf32> {kernel.constant})
// CHECK-NOT: kernel.group
// CHECK: kernel.return
func.func @main(%x: tensor<?x64xf32, #graph.dims<()[s0] -> (s0, 64)>>) -> tensor<?x64xf32, #graph.dims<()[s0] -> (s0, 64)>>
    attributes {graph.checks = [], graph.symbols = [#graph.symbol<"batch">]} {
  %w = graph.constant dense<2.0> : tensor<64x64xf32>
  %0 = kernel.group -> tensor<?x64xf32, #graph.dims<()[s0] -> (s0, 64)>> {
    %1 = graph.matmul %x, %w : (tensor<?x64xf32, #graph.dims<()[s0] -> (s0, 64)>>, tensor<64x64xf32>) -> tensor<?x64xf32, #graph.dims<()[s0] -> (s0, 64)>>
    kernel.yield %1 : tensor<?x64xf32, #graph.dims<()[s0] -> (s0, 64)>>
  }
  return %0 : tensor<?x64xf32, #graph.dims<()[s0] -> (s0, 64)>>
}
