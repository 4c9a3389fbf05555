// The number of tasks must follow from sizes.
// RUN: lathe-opt %s --split-kernel-ranges --verify-diagnostics

kernel.func @k(%x: memref<1xindex>, %y: memref<8xf32>)
    attributes {dims = [affine_map<() -> (1)>, affine_map<() -> (8)>], sizes = 0 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = memref.load %x[%c0] : memref<1xindex>
  // expected-error @+1 {{internal: the number of tasks depends on memory [split-ranges]}}
  scf.forall (%i) in (%n) {
    memref.store %zero, %y[%i] : memref<8xf32>
  }
  kernel.return
}
