// Each role goes through the tasks of the block by itself; the launch gets the sizes of the tensor map.
// RUN: lathe-opt %s --split-kernel-ranges | FileCheck %s

// CHECK-LABEL: func.func @k.extents(
// CHECK-SAME: %[[N:.*]]: index) -> (index, index, index) {
// CHECK: %[[PITCH:.*]] = arith.constant 1024 : index
// CHECK: return %{{.*}}, %[[N]], %[[PITCH]] : index, index, index

// CHECK-LABEL: func.func @kernel.k(
// CHECK-SAME: %[[FROM:[^:]*]]: index, %[[TO:[^:]*]]: index, %{{[^:]*}}: index, %{{[^:]*}}: !llvm.ptr {llvm.noalias, llvm.nonnull}, %[[MAP:[^:]*]]: !llvm.ptr)
// CHECK: nvvm.barrier0
// CHECK: scf.if
// CHECK: nvvm.setmaxregister decrease 40
// CHECK: scf.for %{{.*}} = %[[FROM]] to %[[TO]] step %[[STEP:.*]] iter_args(%[[TURN:.*]] = %{{.*}}) -> (index) {
// CHECK: %[[NUMBER:.*]] = arith.index_cast %[[TURN]] : index to i64
// CHECK: llvm.store %[[NUMBER]], %[[MAP]] : i64, !llvm.ptr
// CHECK-NOT: nvvm.wgmma
// CHECK: } else {
// CHECK: nvvm.setmaxregister increase 232
// CHECK: scf.for %[[TASK:.*]] = %[[FROM]] to %[[TO]] step %[[STEP]] iter_args(%{{.*}} = %{{.*}}) -> (index) {
// CHECK-NOT: llvm.store
// CHECK: nvvm.wgmma.fence.aligned

// The block takes its tasks by itself.
// CHECK-LABEL: func.func @k.entry(
// CHECK-NOT: scf.for
// CHECK: call @kernel.k(
// CHECK: device.body @k.entry extents @k.extents maps [#device.map<argument = 1, element = f16, box = [64, 128]>] stays
kernel.func @k(%n: index, %x: memref<?x512xf16>)
    attributes {sizes = 1 : i64, dims = [affine_map<()[s0] -> (s0, 512)>], target = #kernel.target<"cuda:sm_90a">,
                strategy = #kernel.strategy<"gpu.product.tma", {threads = 384 : i64, copiers = 128 : i64}>} {
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %map = device.tensor_map %x sizes [%c512, %n] pitches [%c1024] box [64, 128] : memref<?x512xf16> -> !llvm.ptr
  scf.forall (%i) in (%n) {
    device.roles copiers = 128 registers = 40, 232 setup {
      nvvm.barrier0
    } copy {
    ^bb0(%turn: index):
      %number = arith.index_cast %turn : index to i64
      llvm.store %number, %map : i64, !llvm.ptr
    } compute {
    ^bb0(%turn: index):
      nvvm.wgmma.fence.aligned
    }
  }
  kernel.return
}
