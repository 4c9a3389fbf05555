// Kernels say where they read and write: values are copied where they are needed elsewhere, and each space has its arena.
// RUN: lathe-opt %s --convert-graph-to-host --canonicalize --cse --mlir-print-local-scope --split-input-file | FileCheck %s

// CHECK: host.signature "main"
// CHECK-SAME: outputs = [#host.value<"output0", type = tensor<64xf32>>, #host.value<"output1", type = tensor<64xf32>, space = cuda>]
// CHECK-SAME: spaces = 3 : i64
// CHECK: host.constant @[[W:.*]] dense<2
// CHECK: host.program plan of "main" {
// What is copied to the device and what is computed there, 256 bytes each.
// CHECK-DAG: %[[HERE:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[THERE:.*]] = arith.constant 512 : index
// CHECK: host.set_workspace %[[HERE]]{{$}}
// CHECK: host.set_workspace %[[THERE]] in cuda
// CHECK: host.program run of "main" {
// CHECK: %[[MOVED:.*]] = host.workspace %{{.*}} in cuda
// CHECK: %[[X:.*]] = host.input 0{{$}}
// CHECK: host.copy %[[X]] to %[[MOVED]] in cuda, %{{.*}}
// A constant is in every space.
// CHECK: %[[C:.*]] = host.address_of @[[W]] in cuda
// CHECK: %[[A:.*]] = host.workspace %{{.*}} in cuda
// CHECK: host.launch @k[] (%[[MOVED]] in cuda, %[[C]] in cuda, %[[A]] in cuda)
// What is wanted here is copied to the output itself.
// CHECK: %[[Y:.*]] = host.output 0{{$}}
// CHECK: host.copy %[[A]] in cuda to %[[Y]], %{{.*}}
// Two kernels read the input there, and it is copied once.
// CHECK-NOT: host.copy
// CHECK: %[[OUT:.*]] = host.output 1 in cuda
// CHECK: host.launch @k[] (%[[MOVED]] in cuda, %[[A]] in cuda, %[[OUT]] in cuda)
func.func @main(%x: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32> {host.space = #host.space<cuda>}) attributes {graph.symbols = []} {
  %w = graph.constant dense<2.0> : tensor<64xf32>
  %0 = kernel.call @k affine_map<() -> ()>(%x, %w) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%x, %0) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<64xf32>, tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32>, %w: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64, space = #host.space<cuda>} {
  kernel.return %x : tensor<64xf32>
}

// -----

// A loop carries on the device what is computed there; what the program reads comes back.
// CHECK: host.program run of "main" {
// CHECK: %[[START:.*]] = host.workspace %{{.*}} in cuda
// CHECK: host.copy %{{.*}} to %[[START]] in cuda, %{{.*}}
// CHECK: scf.while ({{.*}} = %[[START]]) : (index, i1, !host.buffer<cuda>)
// CHECK: } do {
// CHECK: host.offset %{{.*}} in cuda
// CHECK: host.launch @k[] (%{{[^ ]*}} in cuda, %{{[^ ]*}} in cuda)
// CHECK: host.launch @all[] (%{{[^ ]*}} in cuda, %[[BIT:[^ ]*]] in cuda)
// CHECK: host.copy %[[BIT]] in cuda to %[[HERE:[^,]*]], %{{.*}}
// CHECK: host.load %[[HERE]][0] : i1
// CHECK: }
// CHECK: host.copy %{{.*}} in cuda to %{{[^ ]*}}, %{{.*}}
func.func @main(%x: tensor<64xf32>, %c: tensor<i1>) -> tensor<64xf32> attributes {graph.symbols = []} {
  %0 = graph.loop condition(%c : tensor<i1>) carried(%x : tensor<64xf32>) -> (tensor<64xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<64xf32>):
    %1 = kernel.call @k affine_map<() -> ()>(%a) : (tensor<64xf32>) -> tensor<64xf32>
    %2 = kernel.call @all affine_map<() -> ()>(%1) : (tensor<64xf32>) -> tensor<i1>
    graph.yield %2, %1 : tensor<i1>, tensor<64xf32>
  }
  return %0 : tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64, space = #host.space<cuda>} {
  kernel.return %x : tensor<64xf32>
}
kernel.func private @all(%x: tensor<64xf32>) -> tensor<i1> attributes {sizes = 0 : i64, space = #host.space<cuda>} {
  %0 = graph.constant dense<true> : tensor<i1>
  kernel.return %0 : tensor<i1>
}

// -----

// Where kernels are for a GPU and nothing is said, callers may have tensors anywhere: they are where the program wants
// them, an input that is returned as it is where it came.
// CHECK: host.signature
// CHECK-SAME: inputs = [#host.value<"input0", type = tensor<64xf32>, space = cuda, moves = true>, #host.value<"input1", type = tensor<f32>, moves = true>, #host.value<"input2", type = tensor<64xf32>>]
// CHECK-SAME: outputs = [#host.value<"output0", type = tensor<64xf32>, space = cuda, moves = true>, #host.value<"output1", type = tensor<f32>, moves = true>, #host.value<"output2", type = tensor<64xf32>, space = cuda>]
// CHECK: host.program run of "main" {
// What callers have on the host is copied, as before.
// CHECK: %[[HERE:.*]] = host.input 2{{$}}
// CHECK: host.copy %[[HERE]] to %[[MOVED:.*]] in cuda
// CHECK-DAG: %[[X:.*]] = host.input 0 in cuda
// CHECK-DAG: %[[Y:.*]] = host.output 0 in cuda
// CHECK: host.launch @k[] (%[[X]] in cuda, %[[MOVED]] in cuda, %[[Y]] in cuda)
// CHECK: host.copy %{{.*}} to %{{[^ ]*}}, %{{.*}}
// CHECK-NEXT: }
func.func @main(%x: tensor<64xf32>, %c: tensor<f32>, %h: tensor<64xf32> {host.space = #host.space<host>})
    -> (tensor<64xf32>, tensor<f32>, tensor<64xf32> {host.space = #host.space<cuda>}) attributes {graph.symbols = []} {
  %0 = kernel.call @k affine_map<() -> ()>(%x, %h) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%x, %0) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %0, %c, %1 : tensor<64xf32>, tensor<f32>, tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32>, %w: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64, space = #host.space<cuda>, target = #kernel.target<"cuda:sm_80">} {
  kernel.return %x : tensor<64xf32>
}

// -----

// Of a kernel that some calls use in place, the second one works where the first does, and finds its constants there.
// CHECK: host.launch @k[] (%{{[^ ]*}} in cuda, %{{[^ ]*}} in cuda, %{{[^ ]*}} in cuda)
// CHECK: host.launch @k.inplace[] (%{{[^ ]*}} in cuda, %{{[^ ]*}} in cuda, %{{[^ ]*}} in cuda)
func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> attributes {graph.symbols = []} {
  %w = graph.constant dense<2.0> : tensor<64xf32>
  %0 = kernel.call @k affine_map<() -> ()>(%x, %w) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = kernel.call @k affine_map<() -> ()>(%0, %w) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %2 = kernel.call @last affine_map<() -> ()>(%1) : (tensor<64xf32>) -> tensor<64xf32>
  return %2 : tensor<64xf32>
}
kernel.func private @k(%x: tensor<64xf32> {kernel.inplace}, %w: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64, space = #host.space<cuda>} {
  kernel.return %x : tensor<64xf32>
}
kernel.func private @last(%x: tensor<64xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64, space = #host.space<cuda>} {
  kernel.return %x : tensor<64xf32>
}
