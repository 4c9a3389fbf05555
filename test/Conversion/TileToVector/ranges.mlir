// Sizes of which the kernel says a divisor have no tails: of rows, of columns and of terms.
// RUN: lathe-opt %s --convert-tile-to-vector --canonicalize --cse | FileCheck %s

// CHECK-LABEL: kernel.func @even(
// CHECK: scf.forall
// CHECK-NOT: arith.remui
// CHECK-NOT: scf.if
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c4
// CHECK-NOT: vector.create_mask
// CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK-COUNT-16: vector.fma
// CHECK-NOT: vector.fma
// CHECK-NOT: scf.for
// CHECK-NOT: vector.maskedstore
// CHECK: kernel.return
kernel.func @even(%m: index, %k: index, %n: index, %a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>)
    attributes {sizes = 3 : i64, outputs = 1 : i64,
                dims = [affine_map<()[s0, s1, s2] -> (s0, s1)>, affine_map<()[s0, s1, s2] -> (s1, s2)>, affine_map<()[s0, s1, s2] -> (s0, s2)>],
                ranges = [#graph.range<divisor = 8>, #graph.range<divisor = 4>, #graph.range<divisor = 32>]} {
  tile.contract ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 16, unroll = 4, task_rows = 4, task_panels = 1>) maps []
  kernel.return
}

// One that says none has them all.
// CHECK-LABEL: kernel.func @any(
// CHECK: vector.create_mask
// CHECK: scf.if
// CHECK: arith.remui
// CHECK: vector.maskedstore
kernel.func @any(%m: index, %k: index, %n: index, %a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>)
    attributes {sizes = 3 : i64, outputs = 1 : i64,
                dims = [affine_map<()[s0, s1, s2] -> (s0, s1)>, affine_map<()[s0, s1, s2] -> (s1, s2)>, affine_map<()[s0, s1, s2] -> (s0, s2)>]} {
  tile.contract ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
      tiling(<rows = 4, vectors = 1, lanes = 16, unroll = 4, task_rows = 4, task_panels = 1>) maps []
  kernel.return
}
