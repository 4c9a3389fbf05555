// Every kernel without a target gets the given one.
// RUN: lathe-opt %s --kernel-assign-targets="target=x86_64:avx2,fma" | FileCheck %s
// RUN: lathe-opt %s --kernel-assign-targets | FileCheck %s --check-prefix=HOST

// CHECK: kernel.func @open({{.*}} attributes {sizes = 0 : i64, target = "x86_64:avx2,fma"}
// HOST: kernel.func @open({{.*}} attributes {sizes = 0 : i64, target = "host"}
kernel.func @open(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<4xf32>
}
// CHECK: kernel.func @chosen({{.*}} attributes {sizes = 0 : i64, target = "x86_64:sse4.2"}
// HOST: kernel.func @chosen({{.*}} attributes {sizes = 0 : i64, target = "x86_64:sse4.2"}
kernel.func @chosen(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64, target = "x86_64:sse4.2"} {
  kernel.return %x : tensor<4xf32>
}
