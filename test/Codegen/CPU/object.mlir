// An object file: one function to ask for the model, weights beside the code, and nothing that it needs from outside.
// RUN: lathe compile %s -o %t.o --name object --target x86_64:avx2,fma
// RUN: llvm-readelf --symbols --wide %t.o | FileCheck %s --check-prefix=SYMBOLS
// RUN: llvm-nm --extern-only --just-symbol-name %t.o | FileCheck %s --check-prefix=EXTERN
// RUN: llvm-readelf --sections --wide %t.o | FileCheck %s --check-prefix=SECTIONS
// RUN: llvm-objdump -d --no-show-raw-insn %t.o | FileCheck %s --check-prefix=AVX2
// RUN: lathe compile %s -o %t.512.o --name object --target x86_64:v4
// RUN: llvm-objdump -d --no-show-raw-insn %t.512.o | FileCheck %s --check-prefix=AVX512

// The query function has the model's name, so that several models can be in
// one program; the common name is weak. Everything else is local or hidden.
// SYMBOLS-DAG: FUNC GLOBAL HIDDEN {{[0-9]+}} lathe_code_object.lathe.plan.main
// SYMBOLS-DAG: FUNC GLOBAL HIDDEN {{[0-9]+}} lathe_code_object.lathe.run.main
// SYMBOLS-DAG: FUNC GLOBAL DEFAULT {{[0-9]+}} lathe_query_object
// SYMBOLS-DAG: OBJECT GLOBAL HIDDEN {{[0-9]+}} lathe_module_object
// SYMBOLS-DAG: OBJECT GLOBAL HIDDEN {{[0-9]+}} lathe_weights_object
// SYMBOLS-DAG: FUNC WEAK DEFAULT {{[0-9]+}} lathe_module_query

// Kernels are compiled in units of their own, whose symbols are hidden and named after what they compute, how, and their code.
// EXTERN: lathe_code_object.lathe.plan.main
// EXTERN-NEXT: lathe_code_object.lathe.run.main
// EXTERN-NEXT: lathe_kernel.matmul.gemm.packed.[[KEY:[0-9a-f]+]].0
// EXTERN-NEXT: lathe_kernel.matmul.gemm.packed.[[KEY]].1
// EXTERN-NEXT: lathe_module_object
// EXTERN-NEXT: lathe_module_query
// EXTERN-NEXT: lathe_query_object
// EXTERN-NEXT: lathe_query_object_{{[0-9a-f]+$}}
// EXTERN-NEXT: lathe_weights_object
// EXTERN-NOT: {{.}}

// Weights are read only and start at a page, descriptors are constant once
// they are relocated, and no stack is executable.
// SECTIONS-DAG: .lathe.weights PROGBITS {{[0-9a-f]+ +[0-9a-f]+ +[0-9a-f]+}} 00 A 0 0 4096
// SECTIONS-DAG: {{ }}.data.rel.ro PROGBITS
// SECTIONS-DAG: .note.GNU-stack PROGBITS 0000000000000000 {{[0-9a-f]+}} 000000 00 0 0 1
// SECTIONS-NOT: {{ }}.data PROGBITS
// SECTIONS-NOT: {{ }}.bss
// SECTIONS-NOT: .eh_frame

// AVX2-LABEL: <lathe_kernel.matmul.gemm.packed.{{[0-9a-f]+}}.1>:
// AVX2-NOT: zmm
// AVX2: vfmadd{{[0-9]+}}ps {{.*}}%ymm
// AVX2-NOT: zmm

// AVX512-LABEL: <lathe_kernel.matmul.gemm.packed.{{[0-9a-f]+}}.1>:
// AVX512: vfmadd{{[0-9]+}}ps {{.*}}%zmm
func.func @main(%x: tensor<8x64xf32> {graph.name = "x"}) -> (tensor<8x64xf32> {graph.name = "y"}) {
  %w = graph.iota 1 : tensor<64x64xf32>
  %y = graph.matmul %x, %w : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}
