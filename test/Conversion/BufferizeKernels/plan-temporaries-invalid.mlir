// A temporary whose size nobody knows before the kernel runs.
// RUN: lathe-opt %s --plan-temporaries --verify-diagnostics

kernel.func @data(%x: memref<index>) attributes {sizes = 0 : i64} {
  %n = memref.load %x[] : memref<index>
  // expected-error @+1 {{internal: the size of a temporary depends on data [temporary-size]}}
  %t = memref.alloc(%n) : memref<?xf32>
  kernel.return
}
