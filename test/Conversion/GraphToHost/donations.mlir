// An output may have the memory of an input: the input is read first, or copied where a kernel computes in place.
// RUN: lathe-opt %s --convert-graph-to-host --canonicalize --cse --mlir-print-local-scope --split-input-file --verify-diagnostics | FileCheck %s

// Two updates of a cache are both in the output, to which the input is copied if it is not there.
// CHECK: outputs = [#host.value<"output0", type = tensor<64xf32>, alias = 0>]
// CHECK: host.program run of "main" {
// CHECK-DAG: %[[BYTES:.*]] = arith.constant 256 : index
// CHECK-DAG: %[[X:.*]] = host.input 0
// CHECK-DAG: %[[OUT:.*]] = host.output 0
// CHECK: host.copy %[[X]] to %[[OUT]], %[[BYTES]] unless_same
// CHECK: host.launch @k[] (%[[X]], %[[OUT]])
// CHECK: host.launch @k[] (%[[OUT]], %[[OUT]])
// CHECK: kernel.func private @k({{.*}} attributes {inplace = 0 : i64, sizes = 0 : i64}
func.func @main(%x: tensor<64xf32>) -> (tensor<64xf32> {host.alias = 0 : i64}) attributes {graph.symbols = []} {
  %0 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32> {kernel.inplace}) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}

// -----

// What was read before needs nothing.
// CHECK: host.program run of "main" {
// CHECK-NOT: host.copy
// CHECK: host.launch @k[] (%{{.*}}, %[[TEMPORARY:.*]])
// CHECK: host.launch @k[] (%[[TEMPORARY]], %[[OUT:.*]])
func.func @main(%x: tensor<64xf32>) -> (tensor<64xf32> {host.alias = 0 : i64}) attributes {graph.symbols = []} {
  %0 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}

// -----

// A kernel that does not compute in place, and an input that is read later: a copy at the end.
// CHECK: host.program run of "main" {
// CHECK: host.launch @k[] (%[[X:.*]], %[[TEMPORARY:.*]])
// CHECK: host.copy %[[TEMPORARY]] to %{{.*}}, %{{.*}} unless_same
// expected-warning @below {{output 'output0' is computed elsewhere and copied to the memory of input 'input0': an operation still reads the input when the output is written [donation-copied]}}
func.func @main(%x: tensor<64xf32>) -> (tensor<64xf32> {host.alias = 0 : i64}) attributes {graph.symbols = []} {
  %0 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}

// -----

// CHECK: host.program run of "main" {
// CHECK: host.launch @k[] (%[[X:.*]], %[[TEMPORARY:.*]])
// CHECK: host.launch @two[] (%[[X]], %[[TEMPORARY]], %{{.*}})
// CHECK: host.copy %[[TEMPORARY]] to %{{.*}}, %{{.*}} unless_same
// expected-warning @below {{still reads the input when the output is written [donation-copied]}}
func.func @main(%x: tensor<64xf32>) -> (tensor<64xf32> {host.alias = 0 : i64}, tensor<64xf32>) attributes {graph.symbols = []} {
  %0 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @two affine_map<() -> ()>(%x, %0) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<64xf32>, tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32> {kernel.inplace}) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}
kernel.func private @two(%x: tensor<64xf32>, %y: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}

// -----

// The input itself.
// CHECK: host.program run of "main" {
// CHECK: host.copy %{{.*}} to %{{.*}}, %{{.*}} unless_same
func.func @main(%x: tensor<64xf32>) -> (tensor<64xf32> {host.alias = 0 : i64}) attributes {graph.symbols = []} {
  return %x : tensor<64xf32>
}
