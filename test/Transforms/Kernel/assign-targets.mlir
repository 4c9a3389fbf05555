// Every kernel without a target gets the given one; one line says it for all.
// RUN: lathe-opt %s --kernel-assign-targets="target=x86_64:avx2,fma" | FileCheck %s
// RUN: lathe-opt %s --kernel-assign-targets="target=x86_64:bmi,v3,amx-tile" | FileCheck %s --check-prefix=LEVEL
// RUN: lathe-opt %s --kernel-assign-targets | lathe-opt | FileCheck %s --check-prefix=HOST
// RUN: lathe-opt %s --kernel-assign-targets="target=cuda:sm_80" | FileCheck %s --check-prefix=GPU
// RUN: not lathe-opt %s --kernel-assign-targets="target=x86_64:avx3" 2>&1 | FileCheck %s --check-prefix=WRONG

// CHECK-DAG: #[[GIVEN:target[0-9]*]] = #kernel.target<"x86_64:fma,avx2">
// CHECK-DAG: #[[OWN:target[0-9]*]] = #kernel.target<"x86_64:sse4.2">
// LEVEL-DAG: #{{target[0-9]*}} = #kernel.target<"x86_64:v3,amx-tile">
// WRONG: error: unknown CPU feature 'avx3'; did you mean 'avx'? [target-unknown-feature]

// CHECK: kernel.func @open({{.*}} attributes {sizes = 0 : i64, target = #[[GIVEN]]}
// Kernels for a GPU work in the memory of one.
// GPU: kernel.func @open({{.*}} attributes {sizes = 0 : i64, space = #host.space<cuda>, target = #{{target[0-9]*}}}
// HOST: kernel.func @open({{.*}} attributes {sizes = 0 : i64, target = #target{{[0-9]*}}}
kernel.func @open(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {
  kernel.return %x : tensor<4xf32>
}
// CHECK: kernel.func @chosen({{.*}} attributes {sizes = 0 : i64, target = #[[OWN]]}
// GPU: kernel.func @chosen({{.*}} attributes {sizes = 0 : i64, target = #{{target[0-9]*}}}
// HOST: kernel.func @chosen({{.*}} attributes {sizes = 0 : i64, target = #target{{[0-9]*}}}
kernel.func @chosen(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:sse4.2">} {
  kernel.return %x : tensor<4xf32>
}
