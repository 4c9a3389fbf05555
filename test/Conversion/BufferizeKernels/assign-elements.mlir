// On a GPU each element is a task; what is reduced is summed up in registers.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(assign-elements))' --mlir-print-local-scope | FileCheck %s

#rows = affine_map<(i, k) -> (i, k)>
#sums = affine_map<(i, k) -> (i)>

// CHECK-LABEL: kernel.func @sum(
// CHECK-SAME: %[[X:[^:]*]]: memref<4x8xf32>, %[[Y:[^:]*]]: memref<4xf32>)
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NOT: linalg.fill
// CHECK: scf.forall (%[[I:.*]]) in (4) {
// CHECK: %[[SUM:.*]] = scf.for %[[K:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[S:.*]] = %[[ZERO]])
// CHECK: %[[ONE:.*]] = memref.load %[[X]]
// CHECK: %[[NEXT:.*]] = arith.addf %[[ONE]], %[[S]]
// CHECK: scf.yield %[[NEXT]]
// CHECK: memref.store %[[SUM]], %[[Y]]
kernel.func @sum(%x: memref<4x8xf32>, %y: memref<4xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%y : memref<4xf32>)
  linalg.generic {indexing_maps = [#rows, #sums], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<4x8xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %a, %s : f32
    linalg.yield %t : f32
  }
  kernel.return
}

// The op's own positions are those of the loops.
// CHECK-LABEL: kernel.func @positions(
// CHECK: scf.forall (%[[I:.*]]) in (4) {
// CHECK-NEXT: %[[AS:.*]] = arith.index_cast %[[I]] : index to i64
// CHECK: memref.store %[[AS]]
kernel.func @positions(%y: memref<4xi64>) attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%y : memref<4xi64>) {
  ^bb0(%o: i64):
    %i = linalg.index 0 : index
    %n = arith.index_cast %i : index to i64
    linalg.yield %n : i64
  }
  kernel.return
}

// A named op is a phase, too, and a reduction that reads what was there.
// CHECK-LABEL: kernel.func @named(
// CHECK: scf.forall
// CHECK: memref.store
// CHECK: scf.forall
// CHECK: %[[START:.*]] = memref.load
// CHECK: iter_args(%{{.*}} = %[[START]])
kernel.func @named(%a: memref<4x8xf32>, %b: memref<8x4xf32>, %y: memref<4x4xf32>, %z: memref<4x4xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">} {
  linalg.copy ins(%z : memref<4x4xf32>) outs(%y : memref<4x4xf32>)
  linalg.matmul ins(%a, %b : memref<4x8xf32>, memref<8x4xf32>) outs(%y : memref<4x4xf32>)
  kernel.return
}

// A sum over everything has no loop that threads could share.
// CHECK-LABEL: kernel.func @all(
// CHECK-NOT: scf.forall
// CHECK: linalg.generic
kernel.func @all(%x: memref<4xf32>, %y: memref<f32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : memref<4xf32>) outs(%y : memref<f32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %a, %s : f32
    linalg.yield %t : f32
  }
  kernel.return
}

// A CPU has tasks that a strategy chose.
// CHECK-LABEL: kernel.func @cpu(
// CHECK-NOT: scf.forall
// CHECK: linalg.fill
kernel.func @cpu(%y: memref<4xf32>) attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%y : memref<4xf32>)
  kernel.return
}
