// Constants lie in the artifact as kernels read them: packed, aligned, booleans one byte each.
// RUN: lathe compile %s -o %t.o --target x86_64:avx2,fma
// RUN: llvm-readelf --hex-dump=.lathe.weights %t.o | FileCheck %s

// The rows of the matrix, filled up with zeros to a vector of eight floats.
// CHECK: 0x00000000 0000803f 00000040 00004040 00008040
// CHECK: 0x00000010 0000a040 00000000 00000000 00000000
// CHECK: 0x00000020 0000c040 0000e040 00000041 00001041
// CHECK: 0x00000030 00002041 00000000 00000000 00000000
// Each constant starts at a multiple of 64 bytes.
// CHECK-DAG: 0x000000{{[48]}}0 0100feff 00000000
// CHECK-DAG: 0x000000{{[48]}}0 01000100 00000000
func.func @main(%x: tensor<1x2xf32> {graph.name = "x"})
    -> (tensor<1x5xf32> {graph.name = "y"}, tensor<3xi1> {graph.name = "flags"}, tensor<2xi16> {graph.name = "numbers"}) {
  %w = graph.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]]> : tensor<2x5xf32>
  %flags = graph.constant dense<[true, false, true]> : tensor<3xi1>
  %numbers = graph.constant dense<[1, -2]> : tensor<2xi16>
  %y = graph.matmul %x, %w : (tensor<1x2xf32>, tensor<2x5xf32>) -> tensor<1x5xf32>
  return %y, %flags, %numbers : tensor<1x5xf32>, tensor<3xi1>, tensor<2xi16>
}
