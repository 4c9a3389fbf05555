// What a kernel says of its sizes, LLVM is told: multiples by arithmetic, bounds by assumptions.
// RUN: lathe-opt %s --split-kernel-ranges | FileCheck %s

// CHECK-LABEL: func.func @kernel.k(
// CHECK-SAME: %{{[^:]*}}: index, %{{[^:]*}}: index, %[[GIVEN:[^:]*]]: index,
// CHECK: %[[EIGHT:.*]] = arith.constant 8 : index
// CHECK: %[[PARTS:.*]] = arith.divui %[[GIVEN]], %[[EIGHT]]
// CHECK: %[[N:.*]] = arith.muli %[[PARTS]], %[[EIGHT]] overflow<nsw, nuw>
// CHECK: %[[LEAST:.*]] = arith.cmpi sge, %[[N]], %{{.*}}
// CHECK: llvm.intr.assume %[[LEAST]]
// CHECK: %[[MOST:.*]] = arith.cmpi ule, %[[N]], %{{.*}}
// CHECK: llvm.intr.assume %[[MOST]]
// CHECK: arith.index_cast %[[N]] : index to i64
kernel.func @k(%n: index, %y: memref<?xf32>)
    attributes {sizes = 1 : i64, outputs = 1 : i64, dims = [affine_map<()[s0] -> (s0)>],
                ranges = [#graph.range<least = 8, most = 512, divisor = 8>]} {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (%n) {
    memref.store %zero, %y[%i] : memref<?xf32>
  }
  kernel.return
}
