// On a GPU a row that is summed up is the task of a block of threads, with all that is computed of it.
// RUN: lathe-opt %s --lathe-partition="target=cuda:sm_80" --lathe-lower --lathe-schedule | FileCheck %s

// CHECK-LABEL: kernel.func @softmax(
// CHECK-SAME: strategy = #kernel.strategy<"gpu.rows", {threads = 256 : i64}>
// CHECK: scf.forall
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "reduction"]
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel"]
// CHECK: scf.forall.in_parallel
func.func @main(%x: tensor<64x1024xf32>) -> tensor<64x1024xf32> {
  %y = graph.softmax %x axis = 1 : tensor<64x1024xf32>
  return %y : tensor<64x1024xf32>
}
