// What hands slots over as it must is taken; each fault of another kind is found, and named where it is.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(kernel.func(convert-tile-to-threads))" > %t
// RUN: lathe-opt %t --pass-pipeline="builtin.module(kernel.func(check-rings))" | FileCheck %s
// RUN: sed '/} compute {/,$ { /try_wait/d }' %t | not lathe-opt --pass-pipeline="builtin.module(kernel.func(check-rings))" 2>&1 | FileCheck %s --check-prefix=FULL
// RUN: sed '/} copy {/,/} compute {/ { /try_wait/d }' %t | not lathe-opt --pass-pipeline="builtin.module(kernel.func(check-rings))" 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: sed '/} compute {/,$ s/parity \(%[0-9]*\), [^,]*, \(%[^ ]*\)/parity \1, \2, \2/' %t | not lathe-opt --pass-pipeline="builtin.module(kernel.func(check-rings))" 2>&1 | FileCheck %s --check-prefix=PHASE
// RUN: sed '/= nvvm.mbarrier.arrive %%/d' %t | not lathe-opt --pass-pipeline="builtin.module(kernel.func(check-rings))" 2>&1 | FileCheck %s --check-prefix=RELEASE
// RUN: sed 's/"wgmma.wait_group.sync.aligned 0;"/""/' %t | not lathe-opt --pass-pipeline="builtin.module(kernel.func(check-rings))" 2>&1 | FileCheck %s --check-prefix=SETTLE
// RUN: sed '/nvvm.fence.mbarrier.init/d' %t | not lathe-opt --pass-pipeline="builtin.module(kernel.func(check-rings))" 2>&1 | FileCheck %s --check-prefix=FENCE
// RUN: sed 's/49152 : i32/49136 : i32/' %t | not lathe-opt --pass-pipeline="builtin.module(kernel.func(check-rings))" 2>&1 | FileCheck %s --check-prefix=BYTES
// RUN: sed 's/box \[64, 128, 1\]/box [64, 64, 1]/' %t | not lathe-opt --pass-pipeline="builtin.module(kernel.func(check-rings))" 2>&1 | FileCheck %s --check-prefix=BOX
// RUN: sed '/nvvm.barrier0/d' %t | not lathe-opt --pass-pipeline="builtin.module(kernel.func(check-rings))" 2>&1 | FileCheck %s --check-prefix=MEET

// CHECK-LABEL: kernel.func @roles(
// CHECK: device.roles
// FULL: error: internal: of 1 steps, reads a slot without the wait for what is copied there [ring-protocol]
// EMPTY: error: internal: of 2 steps, fills a slot before all warps have read what was there [ring-protocol]
// PHASE: error: internal: of 1 steps, reads what nobody has copied [ring-protocol]
// RELEASE: error: internal: of 2 steps, waits for ever [ring-protocol]
// SETTLE: error: internal: of 1 steps, releases a slot before the wait for what reads it [ring-protocol]
// FENCE: error: internal: of 1 steps, counts bytes at a barrier that is not made, or that the hardware does not see [ring-protocol]
// BYTES: error: internal: of 1 steps, waits for ever [ring-protocol]
// BOX: error: internal: of 1 steps, waits for ever [ring-protocol]
// MEET: error: internal: of 1 steps, uses a barrier that another thread may not have made yet [ring-protocol]
kernel.func @roles(%a: memref<1024x128xf16>, %b: memref<128x512xf16>, %c: memref<1024x512xf32>)
    attributes {sizes = 0 : i64, outputs = 1 : i64, target = #kernel.target<"cuda:sm_90a">,
                strategy = #kernel.strategy<"gpu.product.tma", {threads = 384 : i64, copiers = 128 : i64}>} {
  tile.contract ins(%a, %b : memref<1024x128xf16>, memref<128x512xf16>) outs(%c : memref<1024x512xf32>)
      tiling(<rows = 128, vectors = 1, lanes = 256, unroll = 64, prefetch = 4, unit = "wgmma.f16">) maps []
  kernel.return
}
