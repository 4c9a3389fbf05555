// A task for a block of threads: blocks take the tasks in turn, and its memory has a place in what the launch asks for.
// RUN: lathe-opt %s --split-kernel-ranges --mlir-print-local-scope | FileCheck %s

// CHECK: llvm.mlir.global external @lathe_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// What other threads write is not only this one's.
// CHECK: func.func @kernel.k(%{{[^:]*}}: index, %{{[^:]*}}: index, %{{[^:]*}}: !llvm.ptr {llvm.noalias, llvm.nonnull}, %{{[^:]*}}: !llvm.ptr {llvm.nonnull})
// CHECK: llvm.mlir.addressof @lathe_shared : !llvm.ptr<3>
// CHECK: llvm.addrspacecast %{{.*}} : !llvm.ptr<3> to !llvm.ptr
// CHECK: llvm.getelementptr %{{.*}}[128]
// CHECK: func.func @k.entry(
// CHECK: "llvm.nvvm.read.ptx.sreg.ctaid.x"
// CHECK-NOT: "llvm.nvvm.read.ptx.sreg.tid.x"
// CHECK: scf.for
// CHECK: kernel.entry @k {{.*}}#kernel.phase<tasks = @k.tasks, body = @k.entry, loops = true, threads = 64, shared = 256>
kernel.func @k(%x: memref<8xf32>, %y: memref<8xf32>)
    attributes {sizes = 0 : i64, outputs = 1 : i64, dims = [affine_map<() -> (8)>, affine_map<() -> (8)>],
                target = #kernel.target<"cuda:sm_80">, strategy = #kernel.strategy<"gpu.rows", {threads = 64 : i64}>} {
  scf.forall (%i) in (8) {
    %m = kernel.block_memory : memref<5xf32>
    %n = kernel.block_memory : memref<1xf64>
    %a = memref.load %x[%i] : memref<8xf32>
    %zero = arith.constant 0 : index
    %b = arith.extf %a : f32 to f64
    memref.store %a, %m[%zero] : memref<5xf32>
    memref.store %b, %n[%zero] : memref<1xf64>
    %c = memref.load %m[%zero] : memref<5xf32>
    memref.store %c, %y[%i] : memref<8xf32>
  }
  kernel.return
}
