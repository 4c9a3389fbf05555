// What must not be left at this level.
// RUN: lathe-opt %s --verify-level="level=linalg phase=lower" --verify-diagnostics

func.func @main(%x: tensor<4xf32>) {
  // expected-error @+1 {{internal: 'memref.alloc' is left after phase 'lower' [level-linalg]}}
  %0 = memref.alloc() : memref<4xf32>
  return
}
