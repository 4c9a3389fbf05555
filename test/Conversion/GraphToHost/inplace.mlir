// A result takes the memory of an operand that nothing needs any more, where the kernel allows it.
// RUN: lathe-opt %s --convert-graph-to-host --canonicalize --cse --mlir-print-local-scope --split-input-file | FileCheck %s

// The chain needs one buffer of 256 bytes, and in the end none: it is computed in the output.
// CHECK: host.program plan of "main" {
// CHECK: %[[NONE:.*]] = arith.constant 0 : index
// CHECK: host.set_workspace %[[NONE]]
// CHECK: host.program run of "main" {
// CHECK: %[[OUT:.*]] = host.output 0
// CHECK: host.launch @k[] (%{{.*}}, %[[OUT]])
// CHECK: host.launch @k.inplace[] (%[[OUT]], %[[OUT]])
// CHECK: host.launch @k.inplace[] (%[[OUT]], %[[OUT]])
// CHECK: kernel.func private @k(%{{.*}}: tensor<64xf32> {kernel.inplace}) -> tensor<64xf32> attributes {sizes = 0 : i64}
// CHECK: kernel.func private @k.inplace(%{{.*}}: tensor<64xf32> {kernel.inplace}) -> tensor<64xf32> attributes {inplace = 0 : i64, sizes = 0 : i64}
func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> attributes {graph.symbols = []} {
  %0 = kernel.call @k affine_map<() -> ()>(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%0) : (tensor<64xf32>) -> tensor<64xf32>
  %2 = kernel.call @k affine_map<() -> ()>(%1) : (tensor<64xf32>) -> tensor<64xf32>
  return %2 : tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32> {kernel.inplace}) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}

// -----

// Not one that is needed later, nor what is an operand twice. A kernel that all calls use in place is marked.
// CHECK: host.program run of "main" {
// CHECK-DAG: %[[X:.*]] = host.input 0
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK: %[[A:.*]] = host.workspace %[[ZERO]]
// CHECK: host.launch @whole[] (%[[X]], %[[A]])
// CHECK: %[[B:.*]] = host.workspace %{{.*}}
// CHECK: host.launch @two[] (%[[A]], %[[A]], %[[B]])
// CHECK: host.launch @one[] (%[[B]], %[[B]])
// CHECK: %[[OUT:.*]] = host.output 0
// CHECK: host.launch @three[] (%[[B]], %[[A]], %[[OUT]])
// CHECK: kernel.func private @one(%{{.*}} {kernel.inplace}) -> tensor<64xf32> attributes {inplace = 0 : i64
// CHECK: kernel.func private @three({{.*}}) -> tensor<64xf32> attributes {sizes
func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> attributes {graph.symbols = []} {
  %0 = kernel.call @whole affine_map<() -> ()>(%x) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @two affine_map<() -> ()>(%0, %0) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %2 = kernel.call @one affine_map<() -> ()>(%1) : (tensor<64xf32>) -> tensor<64xf32>
  %3 = kernel.call @three affine_map<() -> ()>(%2, %0) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %3 : tensor<64xf32>
}
kernel.func private @whole(%x: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}
kernel.func private @one(%x: tensor<64xf32> {kernel.inplace}) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}
kernel.func private @two(%x: tensor<64xf32> {kernel.inplace}, %y: tensor<64xf32> {kernel.inplace}) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}
kernel.func private @three(%x: tensor<64xf32>, %y: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<64xf32>
}
