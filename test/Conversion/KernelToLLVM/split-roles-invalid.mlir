// Threads with roles that copy nothing by tensor maps have nothing that says to the launch that their blocks stay.
// RUN: lathe-opt %s --split-kernel-ranges --verify-diagnostics

// expected-error @+1 {{internal: threads have roles, and none copies by a tensor map [split-ranges]}}
kernel.func @k(%n: index, %x: memref<?x512xf16>)
    attributes {sizes = 1 : i64, dims = [affine_map<()[s0] -> (s0, 512)>], target = #kernel.target<"cuda:sm_90a">,
                strategy = #kernel.strategy<"gpu.product.tma", {threads = 384 : i64, copiers = 128 : i64}>} {
  scf.forall (%i) in (%n) {
    device.roles copiers = 128 registers = 40, 232 setup {
      nvvm.barrier0
    } copy {
    ^bb0(%turn: index):
    } compute {
    ^bb0(%turn: index):
      nvvm.wgmma.fence.aligned
    }
  }
  kernel.return
}
