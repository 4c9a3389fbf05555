// Each function becomes a signature and two programs; what they say of a kernel that they share is decided once.
// RUN: lathe-opt %s --convert-graph-to-host --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// CHECK: host.signature "first"
// CHECK-SAME: outputs = [#host.value<"output0", type = tensor<64xf32>>]
// CHECK: host.signature "second"
// CHECK: host.constant @constant_1
// CHECK: host.constant @constant_0
// CHECK: host.program plan of "first" {
// CHECK: host.program run of "first" {
// CHECK: host.address_of @constant_0
// CHECK: host.launch @k[] (
// CHECK: host.program plan of "second" {
// CHECK: host.program run of "second" {
// CHECK: host.address_of @constant_1
// The first call of this function is not in place, nor is the only one of the other.
// CHECK: host.launch @k[] (
// CHECK: host.launch @k.inplace[] (
// CHECK: kernel.func private @k({{.*}} attributes {sizes = 0 : i64}
// CHECK: kernel.func private @k.inplace({{.*}} attributes {inplace = 0 : i64, sizes = 0 : i64}
// CHECK-NOT: func.func
func.func @first() -> tensor<64xf32> attributes {graph.symbols = []} {
  %c = graph.constant dense<1.0> : tensor<64xf32>
  %0 = kernel.call @k affine_map<() -> ()>(%c) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}
func.func @second() -> tensor<64xf32> attributes {graph.symbols = []} {
  %c = graph.constant dense<2.0> : tensor<64xf32>
  %0 = kernel.call @k affine_map<() -> ()>(%c) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32> {kernel.inplace}) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}
