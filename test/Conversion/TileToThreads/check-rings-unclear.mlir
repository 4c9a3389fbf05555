// Roles that cannot be played through are an error, and those that hand nothing over are none.
// RUN: lathe-opt %s --split-input-file --verify-diagnostics --pass-pipeline="builtin.module(kernel.func(check-rings))"

// Who copies has no loop whose steps could be tried.
kernel.func @no_loop(%x: memref<64xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">,
                strategy = #kernel.strategy<"gpu.product.tma", {threads = 384 : i64, copiers = 128 : i64}>} {
  %memory = kernel.block_memory : memref<8xi8>
  %index = memref.extract_aligned_pointer_as_index %memory : memref<8xi8> -> index
  %number = arith.index_cast %index : index to i64
  %generic = llvm.inttoptr %number : i64 to !llvm.ptr
  %barrier = llvm.addrspacecast %generic : !llvm.ptr to !llvm.ptr<3>
  %one = arith.constant 1 : i32
  // expected-error @+1 {{internal: nobody can tell whether slots are handed over, as those who copy have 0 loops [ring-protocol]}}
  device.roles copiers = 128 registers = 40, 232 setup {
    nvvm.mbarrier.init %barrier, %one : !llvm.ptr<3>, i32
    nvvm.fence.mbarrier.init
    nvvm.barrier0
  } copy {
  ^bb0(%turn: index):
  } compute {
  ^bb0(%turn: index):
  }
  kernel.return
}

// -----

// A branch in the setup is taken, or not, as memory says.
kernel.func @unclear_setup(%x: memref<64xf32>, %flags: memref<1xi1>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">,
                strategy = #kernel.strategy<"gpu.product.tma", {threads = 384 : i64, copiers = 128 : i64}>} {
  %memory = kernel.block_memory : memref<8xi8>
  %index = memref.extract_aligned_pointer_as_index %memory : memref<8xi8> -> index
  %number = arith.index_cast %index : index to i64
  %generic = llvm.inttoptr %number : i64 to !llvm.ptr
  %barrier = llvm.addrspacecast %generic : !llvm.ptr to !llvm.ptr<3>
  %one = arith.constant 1 : i32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %flag = memref.load %flags[%c0] : memref<1xi1>
  device.roles copiers = 128 registers = 40, 232 setup {
    // expected-error @+1 {{internal: nobody can tell whether slots are handed over [ring-protocol]}}
    scf.if %flag {
      nvvm.mbarrier.init %barrier, %one : !llvm.ptr<3>, i32
    }
    nvvm.barrier0
  } copy {
  ^bb0(%turn: index):
    scf.for %step = %c0 to %c4 step %c1 {
    }
  } compute {
  ^bb0(%turn: index):
  }
  kernel.return
}

// -----

kernel.func @nothing(%x: memref<64xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">,
                strategy = #kernel.strategy<"gpu.product.tma", {threads = 384 : i64, copiers = 128 : i64}>} {
  device.roles copiers = 128 registers = 40, 232 setup {
    nvvm.barrier0
  } copy {
  ^bb0(%turn: index):
  } compute {
  ^bb0(%turn: index):
    nvvm.wgmma.fence.aligned
  }
  kernel.return
}
