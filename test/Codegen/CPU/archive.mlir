// A static library is the same code and weights, in two members.
// RUN: lathe compile %s -o %t.a --target x86_64:avx2,fma
// RUN: llvm-ar t %t.a | FileCheck %s --check-prefix=MEMBERS
// RUN: llvm-nm --extern-only %t.a | FileCheck %s

// MEMBERS: model.o
// MEMBERS-NEXT: weights.o
// MEMBERS-NOT: {{.}}

// CHECK: model.o:
// CHECK-NEXT: D lathe_module_archive
// CHECK-NEXT: W lathe_module_query
// CHECK-NEXT: T lathe_query_archive
// CHECK-NEXT: U lathe_weights_archive
// CHECK: weights.o:
// CHECK-NEXT: R lathe_weights_archive
// CHECK-NOT: {{ [A-Za-z] }}
func.func @main(%x: tensor<1x2xf32> {graph.name = "x"}) -> (tensor<1x5xf32> {graph.name = "y"}) {
  %w = graph.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]]> : tensor<2x5xf32>
  %y = graph.matmul %x, %w : (tensor<1x2xf32>, tensor<2x5xf32>) -> tensor<1x5xf32>
  return %y : tensor<1x5xf32>
}
