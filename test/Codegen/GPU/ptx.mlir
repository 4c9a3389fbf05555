// The kernels of a model as PTX: the lowest version that the GPU needs, one function a phase, and nothing else.
// RUN: lathe compile %s -o %t.ptx --target cuda:sm_80
// RUN: FileCheck %s --input-file %t.ptx
// RUN: lathe compile %s -o %t.86.ptx --target cuda:sm_86
// RUN: FileCheck %s --input-file %t.86.ptx --check-prefix=SM86
// RUN: lathe compile %s -o %t.89.ptx --target cuda:sm_89
// RUN: FileCheck %s --input-file %t.89.ptx --check-prefix=SM89
// RUN: lathe compile %s -o %t.90.ptx --target cuda:sm_90a
// RUN: FileCheck %s --input-file %t.90.ptx --check-prefix=SM90
// RUN: lathe compile %s -o %t.100.ptx --target cuda:sm_100a
// RUN: FileCheck %s --input-file %t.100.ptx --check-prefix=SM100
// RUN: lathe compile %s -o %t.120.ptx --target cuda:sm_120a
// RUN: FileCheck %s --input-file %t.120.ptx --check-prefix=SM120
// RUN: lathe compile %s -o %t.any.ptx --target cuda
// RUN: cmp %t.ptx %t.any.ptx
// RUN: not lathe compile %s -o %t.ptx --target x86_64:v3 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: not lathe compile %s -o %t.ptx --target x86_64:v3+cuda:sm_80 2>&1 | FileCheck %s --check-prefix=SEVERAL

// CPU: the model is compiled for 'x86_64:v3', which is not one GPU [output-no-ptx]
// SEVERAL: the model is compiled for 'x86_64:v3+cuda:sm_80', which is not one GPU [output-no-ptx]

// CHECK: .version 7.0
// CHECK-NEXT: .target sm_80
// What the threads of a block have together, of which the launch says the size.
// CHECK: .extern .shared .align 1024 .b8 lathe_shared[]
// A block computes a tile of the product, with the exponential in registers, in one kernel.
// CHECK: .visible .entry lathe_k0_matmul_entry(
// CHECK: .maxntid 256
// The assembler has all registers that the sums need.
// CHECK-NEXT: .minnctapersm 1
// CHECK-NOT: .local
// CHECK: %tid.x
// CHECK: cp.async.cg.shared.global
// CHECK: cp.async.wait_group
// CHECK: bar.sync
// CHECK: ld.shared.v4
// CHECK: fma.rn.f32
// CHECK: st.global
// CHECK-NOT: .extern
// CHECK-NOT: call.uni
// CHECK-NOT: .entry

// SM86: .version 7.1
// SM86-NEXT: .target sm_86
// SM89: .version 7.8
// SM89-NEXT: .target sm_89
// SM90: .version 8.0
// SM90-NEXT: .target sm_90a
// SM100: .version 8.6
// SM100-NEXT: .target sm_100a
// SM120: .version 8.7
// SM120-NEXT: .target sm_120a

func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>) -> tensor<4x16xf32> {
  %p = graph.matmul %x, %w : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %y = graph.exp %p : tensor<4x16xf32> -> tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}
