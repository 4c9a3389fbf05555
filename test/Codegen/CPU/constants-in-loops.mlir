// A loop with more constants than registers reads those that are left over from memory; it does not pass registers
// round in each iteration. What is copied is what a multiplication with an addition writes over.
// RUN: lathe compile %s -o %t.o --name loops --target x86_64:v3
// RUN: llvm-objdump -d --no-show-raw-insn %t.o | FileCheck %s
// RUN: llvm-objdump -d --no-show-raw-insn %t.o | awk '/vmovaps.%ymm[0-9]*, %ymm/ {n++} END {print n + 0}' | FileCheck %s --check-prefix=COPIES

// CHECK-LABEL: <lathe_kernel.exp.loops.{{[0-9a-f]+}}.1>:
// CHECK: vfmadd{{.*}}%ymm
// COPIES: {{^[0-4]$}}
func.func @main(%x: tensor<64x4096xf32> {graph.name = "x"}) -> (tensor<64x4096xf32> {graph.name = "y"}) {
  %y = graph.exp %x : tensor<64x4096xf32>
  return %y : tensor<64x4096xf32>
}
