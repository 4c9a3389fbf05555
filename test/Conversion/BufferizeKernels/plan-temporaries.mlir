// Temporaries of kernels are on the stack or in the workspace; nothing allocates at run time.
// RUN: lathe-opt %s --plan-temporaries --canonicalize --cse --mlir-print-local-scope --split-input-file | FileCheck %s

// A row of fixed size is on the stack, out of the loop.
// CHECK-LABEL: kernel.func @small(
// CHECK-SAME: %[[X:[^:]*]]: memref<4x16xf32>, %[[Y:[^:]*]]: memref<4x16xf32>) attributes
// CHECK: %[[ROW:.*]] = memref.alloca() {alignment = 64 : i64} : memref<16xf32>
// CHECK: scf.forall
// CHECK-NOT: memref.alloc(
// CHECK: linalg.exp ins(%{{.*}}) outs(%[[ROW]] :
// CHECK: return
kernel.func @small(%x: memref<4x16xf32>, %y: memref<4x16xf32>) attributes {sizes = 0 : i64} {
  scf.forall (%i) in (4) {
    %from = memref.subview %x[%i, 0] [1, 16] [1, 1] : memref<4x16xf32> to memref<16xf32, strided<[1], offset: ?>>
    %to = memref.subview %y[%i, 0] [1, 16] [1, 1] : memref<4x16xf32> to memref<16xf32, strided<[1], offset: ?>>
    %row = memref.alloc() : memref<16xf32>
    linalg.exp ins(%from : memref<16xf32, strided<[1], offset: ?>>) outs(%row : memref<16xf32>)
    linalg.add ins(%row, %row : memref<16xf32>, memref<16xf32>) outs(%to : memref<16xf32, strided<[1], offset: ?>>)
  }
  kernel.return
}

// -----

// What the stack is too small for, or what has a size that is known only at
// run time, is an argument; the bytes of each are whole lines.
// CHECK-LABEL: func.func @large.memory(
// CHECK-SAME: %[[N:.*]]: index) -> (index, index)
// CHECK-DAG: %[[FIXED:.*]] = arith.constant 8192 : index
// CHECK-DAG: %[[LINE:.*]] = arith.constant 64 : index
// CHECK: %[[BYTES:.*]] = arith.muli %[[N]], %{{.*}} : index
// CHECK: %[[LINES:.*]] = arith.ceildivsi %[[BYTES]], %[[LINE]]
// CHECK: %[[WHOLE:.*]] = arith.muli %[[LINES]], %[[LINE]]
// CHECK: return %[[FIXED]], %[[WHOLE]]

// CHECK-LABEL: kernel.func @large(
// CHECK-SAME: %[[N:[^:]*]]: index, %[[X:[^:]*]]: memref<?x3xf16>
// CHECK-SAME: %[[A:[^:]*]]: memref<?xi8>, %[[B:[^:]*]]: memref<?xi8>)
// CHECK-SAME: memory = @large.memory, scratch = 2 : i64
// CHECK-DAG: memref.view %[[A]][%{{.*}}][] : memref<?xi8> to memref<2048xf32>
// CHECK-DAG: memref.view %[[B]][%{{.*}}][%[[N]]] : memref<?xi8> to memref<?x3xf16>

// The sizes of the launch are known in both programs; its temporaries lie
// behind the arena.
// CHECK: host.program plan of "main" {
// CHECK: %[[M:.*]] = host.dim 0, 0
// CHECK: %[[T:.*]] = host.temporaries @large[%[[M]]]
// CHECK: %[[ALL:.*]] = host.add %[[T]], %{{.*}}
// CHECK: host.set_workspace %[[ALL]]
// CHECK: host.program run of "main" {
// CHECK: %[[ARENA:.*]] = arith.constant 640 : index
// CHECK: %[[MEMORY:.*]] = host.workspace %[[ARENA]]
// CHECK: host.launch @large[%{{.*}}] (%{{.*}}, %[[MEMORY]])
kernel.func @large(%n: index, %x: memref<?x3xf16>) attributes {dims = [affine_map<()[s0] -> (s0, 3)>], sizes = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %a = memref.alloc() : memref<2048xf32>
  linalg.fill ins(%zero : f32) outs(%a : memref<2048xf32>)
  %d = memref.dim %x, %c0 : memref<?x3xf16>
  %b = memref.alloc(%d) : memref<?x3xf16>
  linalg.exp ins(%x : memref<?x3xf16>) outs(%b : memref<?x3xf16>)
  linalg.exp ins(%b : memref<?x3xf16>) outs(%x : memref<?x3xf16>)
  kernel.return
}
host.program plan of "main" {
  %arena = arith.constant 640 : index
  host.set_workspace %arena
}
host.program run of "main" {
  %m = host.dim 0, 0
  %out = host.output 0
  host.launch @large[%m](%out)
}

// -----

// A size that differs between iterations is bounded.
// CHECK-LABEL: func.func @bounded.memory(
// CHECK-SAME: %[[N:.*]]: index) -> index
// CHECK-NOT: affine.min
// CHECK: return
// CHECK-LABEL: kernel.func @bounded(
// CHECK: scf.for
// CHECK: %[[SIZE:.*]] = affine.min
// CHECK: memref.view %{{.*}}[%{{.*}}][%[[SIZE]]] : memref<?xi8> to memref<?xf32>
kernel.func @bounded(%n: index, %x: memref<?xf32>) attributes {dims = [affine_map<()[s0] -> (s0)>], sizes = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %n step %c8 {
    %size = affine.min affine_map<(d0)[s0] -> (8, s0 - d0)>(%i)[%n]
    %from = memref.subview %x[%i] [%size] [1] : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
    %t = memref.alloc(%size) : memref<?xf32>
    linalg.exp ins(%from : memref<?xf32, strided<[1], offset: ?>>) outs(%t : memref<?xf32>)
    linalg.exp ins(%t : memref<?xf32>) outs(%from : memref<?xf32, strided<[1], offset: ?>>)
  }
  kernel.return
}

// -----

// What one phase writes and the next one reads is shared, however small it is;
// what one phase alone has is not.
// CHECK-LABEL: func.func @phases.memory() -> (index, index)
// CHECK-LABEL: kernel.func @phases(
// CHECK-SAME: %[[X:[^:]*]]: memref<4x2048xf32>, %[[S:[^:]*]]: memref<?xi8>, %[[T:[^:]*]]: memref<?xi8>)
// CHECK-SAME: scratch = 1 : i64, shared = 1 : i64
// CHECK-DAG: %[[SUMS:.*]] = memref.view %[[S]][%{{.*}}][] : memref<?xi8> to memref<4xf32>
// CHECK-DAG: memref.view %[[T]][%{{.*}}][] : memref<?xi8> to memref<2048xf32>
// CHECK: linalg.fill {{.*}} outs(%[[SUMS]] :
kernel.func @phases(%x: memref<4x2048xf32>) attributes {dims = [affine_map<() -> (4, 2048)>], sizes = 0 : i64} {
  %zero = arith.constant 0.0 : f32
  %row = memref.alloc() : memref<2048xf32>
  %sums = memref.alloc() : memref<4xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<4xf32>)
  scf.forall (%i) in (4) {
    %from = memref.subview %x[%i, 0] [1, 2048] [1, 1] : memref<4x2048xf32> to memref<2048xf32, strided<[1], offset: ?>>
    linalg.exp ins(%from : memref<2048xf32, strided<[1], offset: ?>>) outs(%row : memref<2048xf32>)
    %v = memref.load %sums[%i] : memref<4xf32>
    linalg.fill ins(%v : f32) outs(%row : memref<2048xf32>)
    linalg.exp ins(%row : memref<2048xf32>) outs(%from : memref<2048xf32, strided<[1], offset: ?>>)
  }
  kernel.return
}
