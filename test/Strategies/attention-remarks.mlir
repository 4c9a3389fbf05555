// Attention that is no kernel says why.
// RUN: lathe-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(decompose-attention{target=x86_64:v3}))' --verify-diagnostics | FileCheck %s
// CHECK-NOT: graph.attention

module attributes {kernel.strict} {
  func.func @strict(%q: tensor<1x2x40x64xf32>, %k: tensor<1x2x300x64xf32>) -> tensor<1x2x40x64xf32> {
    // expected-remark@+1 {{the accuracy 'strict' wants weights that are summed up as the model says [strategy-attention]}}
    %y = graph.attention %q, %k, %k heads_inside = [false, false, false, false] scale = 0.125
        : (tensor<1x2x40x64xf32>, tensor<1x2x300x64xf32>, tensor<1x2x300x64xf32>) -> tensor<1x2x40x64xf32>
    return %y : tensor<1x2x40x64xf32>
  }
}

// -----

func.func @types(%q: tensor<1x2x40x64xf64>, %k: tensor<1x2x300x64xf64>) -> tensor<1x2x40x64xf64> {
  // expected-remark@+1 {{queries are f64, neither f32 nor of half precision}}
  %y = graph.attention %q, %k, %k heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<1x2x40x64xf64>, tensor<1x2x300x64xf64>, tensor<1x2x300x64xf64>) -> tensor<1x2x40x64xf64>
  return %y : tensor<1x2x40x64xf64>
}

// -----

func.func @biases(%q: tensor<1x2x40x64xf32>, %k: tensor<1x2x300x64xf32>, %b: tensor<1x1x1x300xbf16>, %m: tensor<1x1x40x1xi1>)
    -> (tensor<1x2x40x64xf32>, tensor<1x2x40x64xf32>) {
  // expected-remark@+1 {{a bias is tensor<1x1x1x300xbf16>, but f32 and f16 are read}}
  %y = graph.attention %q, %k, %k bias %b heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<1x2x40x64xf32>, tensor<1x2x300x64xf32>, tensor<1x2x300x64xf32>, tensor<1x1x1x300xbf16>) -> tensor<1x2x40x64xf32>
  // expected-remark@+1 {{a bias or a mask, tensor<1x1x40x1xi1>, is the same for all keys of a query}}
  %z = graph.attention %q, %k, %k mask %m heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<1x2x40x64xf32>, tensor<1x2x300x64xf32>, tensor<1x2x300x64xf32>, tensor<1x1x40x1xi1>) -> tensor<1x2x40x64xf32>
  return %y, %z : tensor<1x2x40x64xf32>, tensor<1x2x40x64xf32>
}

// -----

func.func @none(%q: tensor<1x0x40x64xf32>, %k: tensor<1x2x300x64xf32>) -> tensor<1x0x40x64xf32> {
  // expected-remark@+1 {{there are no heads of queries}}
  %y = graph.attention %q, %k, %k heads_inside = [false, false, false, false] scale = 0.125
      : (tensor<1x0x40x64xf32>, tensor<1x2x300x64xf32>, tensor<1x2x300x64xf32>) -> tensor<1x0x40x64xf32>
  return %y : tensor<1x0x40x64xf32>
}
