// What cannot be written as PTX says why, and what can.
// RUN: not lathe compile %s -o %t.ptx --target cuda:sm_70 2>&1 | FileCheck %s --check-prefix=GPU
// RUN: not lathe compile %s -o %t.ptx --target cuda:sm_80,sm_90a 2>&1 | FileCheck %s --check-prefix=TWO

// GPU: unknown GPU 'sm_70'{{.*}} [target-unknown-feature]
// GPU: GPUs of cuda are sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a
// TWO: 'cuda:sm_80,sm_90a' names several GPUs as one target [target-several-gpus]

func.func @main(%x: tensor<4xf64>) -> tensor<4xf64> {
  %y = graph.exp %x : tensor<4xf64> -> tensor<4xf64>
  return %y : tensor<4xf64>
}
