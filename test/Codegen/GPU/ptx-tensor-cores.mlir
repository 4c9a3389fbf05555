// What tensor cores multiply beside halves: bytes, exactly, and f32 where the model may be rounded.
// RUN: split-file %s %t
// RUN: lathe compile %t/bytes.mlir -o %t/bytes.ptx --target cuda:sm_80
// RUN: FileCheck %s --input-file %t/bytes.ptx --check-prefix=BYTES
// RUN: lathe compile %t/mixed.mlir -o %t/mixed.ptx --target cuda:sm_80
// RUN: FileCheck %s --input-file %t/mixed.ptx --check-prefix=MIXED
// RUN: lathe compile %t/floats.mlir -o %t/floats.ptx --target cuda:sm_80
// RUN: FileCheck %s --input-file %t/floats.ptx --check-prefix=FLOATS
// RUN: lathe compile %t/floats.mlir -o %t/tf32.ptx --target cuda:sm_80 --precision tf32
// RUN: FileCheck %s --input-file %t/tf32.ptx --check-prefix=TF32
// RUN: not lathe compile %t/floats.mlir -o %t/tf32.ptx --target cuda:sm_80 --precision tf31 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// BYTES: .version 7.0
// BYTES: cp.async.cg.shared.global
// BYTES: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// BYTES: prmt.b32
// BYTES: mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32
// BYTES-NOT: ld.shared.b8
// BYTES-NOT: .local

// MIXED: mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32

// FLOATS-NOT: mma.sync
// FLOATS: fma.rn.f32
// FLOATS-NOT: mma.sync

// TF32: ld.shared.v4
// TF32: cvt.rna.tf32.f32
// TF32: mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// TF32-NOT: .local

// UNKNOWN: there is no precision 'tf31'; did you mean 'tf32'? [precision-unknown]

//--- bytes.mlir
func.func @main(%a: tensor<256x512xi8>, %b: tensor<512x256xi8>) -> tensor<256x256xi32> {
  %y = graph.matmul %a, %b : (tensor<256x512xi8>, tensor<512x256xi8>) -> tensor<256x256xi32>
  return %y : tensor<256x256xi32>
}

//--- mixed.mlir
func.func @main(%a: tensor<256x512xui8>, %b: tensor<512x256xi8>) -> tensor<256x256xi32> {
  %y = graph.matmul %a, %b : (tensor<256x512xui8>, tensor<512x256xi8>) -> tensor<256x256xi32>
  return %y : tensor<256x256xi32>
}

//--- floats.mlir
func.func @main(%a: tensor<256x512xf32>, %b: tensor<512x256xf32>) -> tensor<256x256xf32> {
  %y = graph.matmul %a, %b : (tensor<256x512xf32>, tensor<512x256xf32>) -> tensor<256x256xf32>
  return %y : tensor<256x256xf32>
}
