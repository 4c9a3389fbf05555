// A static library is the same code and weights: a member that describes the model, one for each kernel and one for the
// launch program, one for the weights. A kernel is called after what it computes and its code: models in one program share it.
// RUN: lathe compile %s -o %t.a --name archive --target x86_64:avx2,fma
// RUN: llvm-ar t %t.a | FileCheck %s --check-prefix=MEMBERS
// RUN: llvm-nm --extern-only %t.a | FileCheck %s
// RUN: lathe compile %s -o %t.two.a --name archive --target x86_64:v1+v3
// RUN: llvm-nm --extern-only %t.two.a | FileCheck %s --check-prefix=VARIANTS

// MEMBERS: model.o
// MEMBERS-NEXT: code1.o
// MEMBERS-NEXT: code2.o
// MEMBERS-NEXT: weights.o
// MEMBERS-NOT: {{.}}

// CHECK: model.o:
// CHECK-NEXT: U lathe_code_archive.lathe.plan.main
// CHECK-NEXT: U lathe_code_archive.lathe.run.main
// CHECK-NEXT: U lathe_kernel.matmul.gemm.packed.[[KEY:[0-9a-f]+]].[[ENTRY:[01]]]
// CHECK-NEXT: D lathe_module_archive
// CHECK-NEXT: W lathe_module_query
// CHECK-NEXT: T lathe_query_archive
// CHECK-NEXT: T lathe_query_archive_{{[0-9a-f]+}}
// CHECK-NEXT: U lathe_weights_archive
// CHECK: code1.o:
// CHECK-NEXT: W lathe_kernel.matmul.gemm.packed.[[KEY]].0
// CHECK-NEXT: W lathe_kernel.matmul.gemm.packed.[[KEY]].1
// CHECK: code2.o:
// CHECK-NEXT: T lathe_code_archive.lathe.plan.main
// CHECK-NEXT: T lathe_code_archive.lathe.run.main
// CHECK-NEXT: U lathe_kernel.matmul.gemm.packed.[[KEY]].0
// CHECK-NEXT: U lathe_kernel.matmul.gemm.packed.[[KEY]].1
// CHECK: weights.o:
// CHECK-NEXT: R lathe_weights_archive
// CHECK-NOT: {{ [A-Za-z] }}

// The variants have the same functions under names of their own, and the weights in common.
// VARIANTS-DAG: T lathe_code_archive.v1.lathe.run.main
// VARIANTS-DAG: T lathe_code_archive.v3.lathe.run.main
// VARIANTS-COUNT-1: R lathe_weights_archive
func.func @main(%x: tensor<1x2xf32> {graph.name = "x"}) -> (tensor<1x5xf32> {graph.name = "y"}) {
  %w = graph.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]]> : tensor<2x5xf32>
  %y = graph.matmul %x, %w : (tensor<1x2xf32>, tensor<2x5xf32>) -> tensor<1x5xf32>
  return %y : tensor<1x5xf32>
}
