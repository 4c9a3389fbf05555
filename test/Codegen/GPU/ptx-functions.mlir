// Functions are arithmetic: no library is called, and no table or stack is in memory.
// RUN: lathe compile %s -o %t.ptx --target cuda:sm_80
// RUN: FileCheck %s --input-file %t.ptx

// CHECK-NOT: .local
// CHECK-NOT: .global .align
// CHECK-NOT: {{call|\.extern \.func}}
// CHECK: .visible .entry
// Threads by themselves need few registers: how many blocks have place is the assembler's choice.
// CHECK-NOT: .minnctapersm
// CHECK: fma.rn.f64
// Large angles take other bits of 2/pi.
// CHECK: mul.hi.u64
// CHECK-NOT: .local
// CHECK-NOT: {{call|\.extern \.func}}
func.func @main(%x: tensor<64xf64>, %y: tensor<64xf32>) -> (tensor<64xf64>, tensor<64xf32>) {
  %0 = graph.exp %x : tensor<64xf64> -> tensor<64xf64>
  %1 = graph.sin %0 : tensor<64xf64> -> tensor<64xf64>
  %2 = graph.pow %y, %y : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %3 = graph.cosh %2 : tensor<64xf32> -> tensor<64xf32>
  return %1, %3 : tensor<64xf64>, tensor<64xf32>
}
