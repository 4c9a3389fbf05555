// Attention is one kernel on CPUs, and products and a softmax where no strategy takes it.
// RUN: lathe-opt %s --split-input-file --lathe-partition="target=x86_64:v4" --lathe-lower | FileCheck %s --check-prefix=CPU
// RUN: lathe-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(decompose-attention{target=cuda:sm_80}))' | FileCheck %s --check-prefix=GPU

// CPU-LABEL: @many
// CPU: kernel.func @attention
// CPU-SAME: #kernel.strategy<"cpu.attention", {block = 64 : i64, lanes = 16 : i64, {{.*}}rows = 6 : i64, {{.*}}vectors = 4 : i64}>
// GPU-LABEL: @many
// GPU: %[[K:.*]] = graph.transpose %arg1 [0, 2, 3, 1]
// GPU: %[[S:.*]] = graph.matmul %arg0, %[[K]]
// GPU: %[[D:.*]] = graph.mul %[[S]]
// GPU: %[[B:.*]] = graph.add %[[D]], %arg3
// GPU: %[[W:.*]] = graph.softmax %[[B]] axis = 3
// GPU: graph.matmul %[[W]], %arg2
func.func @many(%q: tensor<1x2x200x64xf32>, %k: tensor<1x300x2x64xf32>, %v: tensor<1x2x300x64xf32>, %b: tensor<1x1x1x300xf32>)
    -> tensor<1x2x200x64xf32> {
  %y = graph.attention %q, %k, %v bias %b heads_inside = [false, true, false, false] scale = 0.125
      : (tensor<1x2x200x64xf32>, tensor<1x300x2x64xf32>, tensor<1x2x300x64xf32>, tensor<1x1x1x300xf32>) -> tensor<1x2x200x64xf32>
  return %y : tensor<1x2x200x64xf32>
}

// -----

// Few queries have one vector; keys are shared, a cap, a mask and causality.
// CPU-LABEL: @few
// CPU: kernel.func @attention
// CPU-SAME: #kernel.strategy<"cpu.attention", {{{.*}}rows = 24 : i64, {{.*}}vectors = 1 : i64}>
// GPU-LABEL: @few
// GPU: graph.reshape %arg0 : (tensor<1x4x16x64xf32>) -> tensor<1x2x32x64xf32>
// GPU: graph.tanh
// GPU: graph.select %arg3
// GPU: graph.less_equal
// GPU: graph.select
// GPU: graph.softmax
// GPU: graph.equal
func.func @few(%q: tensor<1x4x16x64xf32>, %k: tensor<1x2x300x64xf32>, %v: tensor<1x2x300x64xf32>, %m: tensor<1x1x1x300xi1>)
    -> tensor<1x4x16x64xf32> {
  %y = graph.attention %q, %k, %v mask %m causal = <() -> (284)> heads_inside = [false, false, false, false] scale = 0.125
      {softcap = 5.0 : f64, zero_rows}
      : (tensor<1x4x16x64xf32>, tensor<1x2x300x64xf32>, tensor<1x2x300x64xf32>, tensor<1x1x1x300xi1>) -> tensor<1x4x16x64xf32>
  return %y : tensor<1x4x16x64xf32>
}

// -----

// CPU-LABEL: @double
// CPU-NOT: cpu.attention
// CPU: cpu.gemm.batched
func.func @double(%q: tensor<1x2x20x64xf64>, %k: tensor<1x2x300x64xf64>, %v: tensor<1x2x300x64xf64>) -> tensor<1x2x20x64xf64> {
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<1x2x20x64xf64>, tensor<1x2x300x64xf64>, tensor<1x2x300x64xf64>) -> tensor<1x2x20x64xf64>
  return %y : tensor<1x2x20x64xf64>
}

// -----

// One query: vectors are elements of heads then.
// CPU-LABEL: @one
// CPU: #kernel.strategy<"cpu.attention", {{{.*}}vectors = 1 : i64}>
// GPU-LABEL: @one
// GPU: graph.softmax
func.func @one(%q: tensor<1x2x1x64xf32>, %k: tensor<1x2x300x64xf32>, %v: tensor<1x2x300x64xf32>) -> tensor<1x2x1x64xf32> {
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<1x2x1x64xf32>, tensor<1x2x300x64xf32>, tensor<1x2x300x64xf32>) -> tensor<1x2x1x64xf32>
  return %y : tensor<1x2x1x64xf32>
}
