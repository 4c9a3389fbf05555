// What no strategy made tasks of becomes tasks where it is worth several.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(assign-tasks))' --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: kernel.func @copy(
// CHECK-SAME: %[[X:[^:]*]]: memref<512x4096xf32>, %[[Y:[^:]*]]: memref<512x4096xf32>)
// CHECK: scf.forall (%[[I:.*]]) = (0) to (512) step (8) {
// CHECK: %[[FROM:.*]] = memref.subview %[[X]][%[[I]], 0] [8, 4096] [1, 1]
// CHECK: %[[TO:.*]] = memref.subview %[[Y]][%[[I]], 0] [8, 4096] [1, 1]
// CHECK: linalg.copy ins(%[[FROM]] {{.*}} outs(%[[TO]]
// CHECK-NOT: linalg
kernel.func @copy(%x: memref<512x4096xf32>, %y: memref<512x4096xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  linalg.copy ins(%x : memref<512x4096xf32>) outs(%y : memref<512x4096xf32>)
  kernel.return
}

// A reduction is cut along what it keeps, over several loops where the first one is short; steps divide the loop.
// CHECK-LABEL: kernel.func @sums(
// CHECK: linalg.fill
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) = (0, 0) to (8, 256) step (1, 32) {
// CHECK: linalg.generic
// CHECK-SAME: memref<1x32x784xf32
// CHECK-SAME: memref<1x32xf32
kernel.func @sums(%x: memref<8x256x784xf32>, %y: memref<8x256xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%y : memref<8x256xf32>)
  linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : memref<8x256x784xf32>) outs(%y : memref<8x256xf32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %s, %a : f32
    linalg.yield %t : f32
  }
  kernel.return
}

// Positions are those of the whole op, and an open size counts as 256.
// CHECK-LABEL: kernel.func @positions(
// CHECK-SAME: %[[N:[^:]*]]: index,
// CHECK: scf.forall (%[[I:.*]]) = (0) to (%{{.*}}) step (17) {
// CHECK: linalg.generic
// CHECK: %[[OWN:.*]] = linalg.index 0
// CHECK: affine.apply affine_map<(d0)[s0] -> (d0 + s0)>(%[[I]])[%[[OWN]]]
kernel.func @positions(%n: index, %y: memref<?x1000xi64>)
    attributes {dims = [affine_map<()[s] -> (s, 1000)>], sizes = 1 : i64, target = #kernel.target<"x86_64:v3">} {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      outs(%y : memref<?x1000xi64>) {
  ^bb0(%o: i64):
    %i = linalg.index 0 : index
    %p = arith.index_cast %i : index to i64
    linalg.yield %p : i64
  }
  kernel.return
}

// What is little, has no parallel loop, or a size that comes from memory, stays.
// CHECK-LABEL: kernel.func @one_task(
// CHECK-NOT: scf.forall
// CHECK: kernel.return
kernel.func @one_task(%x: memref<100x100xf32>, %y: memref<100x100xf32>, %v: memref<65536xf32>, %s: memref<f32>,
                      %c: memref<1xi64>, %z: memref<200x1000xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %zero = arith.constant 0.0 : f32
  linalg.copy ins(%x : memref<100x100xf32>) outs(%y : memref<100x100xf32>)
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%v : memref<65536xf32>) outs(%s : memref<f32>) {
  ^bb0(%a: f32, %o: f32):
    %t = arith.addf %o, %a : f32
    linalg.yield %t : f32
  }
  %c0 = arith.constant 0 : index
  %count = memref.load %c[%c0] : memref<1xi64>
  %rows = arith.index_cast %count : i64 to index
  %part = memref.subview %z[0, 0] [%rows, %rows] [1, 1]
      : memref<200x1000xf32> to memref<?x?xf32, strided<[1000, 1]>>
  linalg.fill ins(%zero : f32) outs(%part : memref<?x?xf32, strided<[1000, 1]>>)
  kernel.return
}

// A loop of known length around one of a length from memory is cut.
// CHECK-LABEL: kernel.func @part(
// CHECK: %[[COUNT:.*]] = memref.load
// CHECK: %[[COLUMNS:.*]] = arith.index_cast %[[COUNT]]
// CHECK: scf.forall (%{{.*}}) = (0) to (200) step (100)
// CHECK: memref.subview
// CHECK: linalg.fill
kernel.func @part(%c: memref<1xi64>, %z: memref<200x1000xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %count = memref.load %c[%c0] : memref<1xi64>
  %columns = arith.index_cast %count : i64 to index
  %part = memref.subview %z[0, 0] [200, %columns] [1, 1]
      : memref<200x1000xf32> to memref<200x?xf32, strided<[1000, 1]>>
  linalg.fill ins(%zero : f32) outs(%part : memref<200x?xf32, strided<[1000, 1]>>)
  kernel.return
}

// Nor is cut what reads in its body what it writes.
// CHECK-LABEL: kernel.func @neighbours(
// CHECK-NOT: scf.forall
// CHECK: kernel.return
kernel.func @neighbours(%y: memref<65536xf32>) attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %c0 = arith.constant 0 : index
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%y : memref<65536xf32>) {
  ^bb0(%o: f32):
    %first = memref.load %y[%c0] : memref<65536xf32>
    linalg.yield %first : f32
  }
  kernel.return
}

// Kernels for a GPU have tasks already.
// CHECK-LABEL: kernel.func @gpu(
// CHECK-NOT: scf.forall
// CHECK: kernel.return
kernel.func @gpu(%x: memref<512x4096xf32>, %y: memref<512x4096xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">} {
  linalg.copy ins(%x : memref<512x4096xf32>) outs(%y : memref<512x4096xf32>)
  kernel.return
}
