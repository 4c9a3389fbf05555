// A shared library needs no other, shows one function, and has nothing to write to but relocations.
// RUN: lathe compile %s -o %t.so --target x86_64:avx2,fma
// RUN: llvm-readelf --dyn-symbols --dynamic-table --program-headers --wide %t.so | FileCheck %s
// RUN: llvm-strings %t.so | FileCheck %s --check-prefix=TEXT

// CHECK: GNU_STACK 0x000000 0x0000000000000000 0x0000000000000000 0x000000 0x000000 RW 0x0
// CHECK-NOT: NEEDED
// CHECK-NOT: TEXTREL
// CHECK: Symbol table '.dynsym' contains 2 entries:
// CHECK: FUNC WEAK DEFAULT {{[0-9]+}} lathe_module_query

// What the model says of itself.
// TEXT-DAG: x86_64:fma,avx2
// TEXT-DAG: pixels
// TEXT-DAG: scores
// TEXT-DAG: batch
// TEXT-DAG: author
// TEXT-DAG: someone
// TEXT-DAG: cpu.loops
module attributes {graph.metadata = {author = "someone"}} {
  func.func @main(%x: tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>> {graph.name = "pixels"})
      -> (tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>> {graph.name = "scores"})
      attributes {graph.symbols = [#graph.symbol<"batch">]} {
    %0 = graph.relu %x : tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>> -> tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>>
    return %0 : tensor<?x3xf32, #graph.dims<()[s0] -> (s0, 3)>>
  }
}
