// Each phase is a pipeline of lathe-opt; what the target is, `partition` is told and writes down.
// RUN: lathe-opt %s --lathe-optimize --lathe-partition=target=x86_64:v2 --lathe-lower --lathe-schedule \
// RUN:   | FileCheck %s
// RUN: lathe-opt %s --lathe-optimize --lathe-partition=target=x86_64:v3 --lathe-lower --lathe-schedule \
// RUN:   --lathe-bufferize --lathe-codegen | FileCheck %s --check-prefix=CODE

// CHECK: #target = #kernel.target<"x86_64:v2">
// CHECK: kernel.func @matmul({{.*}}strategy = #kernel.strategy<"cpu.gemm.packed", {{.*}}lanes = 4 : i64
// CHECK-SAME: target = #target
// CHECK: tile.contract

// CODE: #target = #kernel.target<"x86_64:v3">
// CODE: llvm.func @lathe.run.main(
func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %w = graph.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
                             [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
                             [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
                             [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]>
      : tensor<8x8xf32>
  %y = graph.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
