// Of codes of 4 bits, two of which share a byte, only the lowest 4 bits count.
// RUN: lathe compile %s -o %t.o --target x86_64:v3
// RUN: llvm-readelf --hex-dump=.lathe.weights %t.o | FileCheck %s

// CHECK-NOT: 31313131
// CHECK: 11111111 11111111 11111111 11111111
// CHECK-NOT: 31313131
func.func @main(%x: tensor<1x64xf32> {graph.name = "x"}) -> (tensor<1x64xf32> {graph.name = "y"}) {
  %c = graph.constant dense<33> : tensor<64x2x32xui8>
  %s = graph.constant dense<0.5> : tensor<64x2x1xf32>
  %z = graph.constant dense<8> : tensor<64x2x1xui8>
  %d = graph.dequantize %c scale %s zero %z {code_bits = 4 : i64}
      : (tensor<64x2x32xui8>, tensor<64x2x1xf32>, tensor<64x2x1xui8>) -> tensor<64x2x32xf32>
  %r = graph.reshape %d : (tensor<64x2x32xf32>) -> tensor<64x64xf32>
  %w = graph.transpose %r [1, 0] : tensor<64x64xf32> -> tensor<64x64xf32>
  %y = graph.matmul %x, %w : (tensor<1x64xf32>, tensor<64x64xf32>) -> tensor<1x64xf32>
  return %y : tensor<1x64xf32>
}
