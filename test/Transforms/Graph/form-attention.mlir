// Attention is seen in two products with a softmax between them, in the forms that exporters write.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(func.func(graph-infer-shapes,graph-form-attention),canonicalize)' --split-input-file | FileCheck %s

// A transpose of keys to [batch, heads, size, length], a quotient, a mask that is added, a transpose of the result.
// CHECK-LABEL: @bert
// CHECK-NOT: graph.transpose
// CHECK: graph.attention %arg0, %arg1, %arg2 bias %arg3 heads_inside = [true, true, true, true] scale = 1.250000e-01
// CHECK-NOT: graph.matmul
func.func @bert(%q: tensor<3x9x2x64xf32>, %k: tensor<3x9x2x64xf32>, %v: tensor<3x9x2x64xf32>, %m: tensor<3x1x1x9xf32>)
    -> tensor<3x9x2x64xf32> {
  %eight = graph.constant dense<8.0> : tensor<f32>
  %qh = graph.transpose %q [0, 2, 1, 3] : tensor<3x9x2x64xf32> -> tensor<3x2x9x64xf32>
  %kt = graph.transpose %k [0, 2, 3, 1] : tensor<3x9x2x64xf32> -> tensor<3x2x64x9xf32>
  %vh = graph.transpose %v [0, 2, 1, 3] : tensor<3x9x2x64xf32> -> tensor<3x2x9x64xf32>
  %s = graph.matmul %qh, %kt : (tensor<3x2x9x64xf32>, tensor<3x2x64x9xf32>) -> tensor<3x2x9x9xf32>
  %d = graph.div %s, %eight : (tensor<3x2x9x9xf32>, tensor<f32>) -> tensor<3x2x9x9xf32>
  %a = graph.add %d, %m : (tensor<3x2x9x9xf32>, tensor<3x1x1x9xf32>) -> tensor<3x2x9x9xf32>
  %w = graph.softmax %a axis = 3 : tensor<3x2x9x9xf32>
  %y = graph.matmul %w, %vh : (tensor<3x2x9x9xf32>, tensor<3x2x9x64xf32>) -> tensor<3x2x9x64xf32>
  %r = graph.transpose %y [0, 2, 1, 3] : tensor<3x2x9x64xf32> -> tensor<3x9x2x64xf32>
  return %r : tensor<3x9x2x64xf32>
}

// -----

// Scales on both factors, and keys that are selected.
// CHECK-LABEL: @select
// CHECK: graph.attention %arg0, %arg1, %arg2 mask %{{.*}} heads_inside = [false, false, false, false] scale = 2.500000e-01 {hidden = -1.000000e+04 : f64}
func.func @select(%q: tensor<1x2x9x16xf32>, %k: tensor<1x2x9x16xf32>, %v: tensor<1x2x9x16xf32>, %m: tensor<9x9xi1>)
    -> tensor<1x2x9x16xf32> {
  %half = graph.constant dense<0.5> : tensor<f32>
  %low = graph.constant dense<-1.0e4> : tensor<f32>
  %qs = graph.mul %q, %half : (tensor<1x2x9x16xf32>, tensor<f32>) -> tensor<1x2x9x16xf32>
  %kt = graph.transpose %k [0, 1, 3, 2] : tensor<1x2x9x16xf32> -> tensor<1x2x16x9xf32>
  %ks = graph.mul %kt, %half : (tensor<1x2x16x9xf32>, tensor<f32>) -> tensor<1x2x16x9xf32>
  %s = graph.matmul %qs, %ks : (tensor<1x2x9x16xf32>, tensor<1x2x16x9xf32>) -> tensor<1x2x9x9xf32>
  %a = graph.select %m, %s, %low : (tensor<9x9xi1>, tensor<1x2x9x9xf32>, tensor<f32>) -> tensor<1x2x9x9xf32>
  %w = graph.softmax %a axis = 3 : tensor<1x2x9x9xf32>
  %y = graph.matmul %w, %v : (tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>) -> tensor<1x2x9x16xf32>
  return %y : tensor<1x2x9x16xf32>
}

// -----

// Zeros in the place of weights that are no numbers.
// CHECK-LABEL: @zeros
// CHECK-NOT: graph.is_nan
// CHECK: graph.attention {{.*}} {zero_rows}
func.func @zeros(%q: tensor<1x2x9x16xf32>, %k: tensor<1x2x16x9xf32>, %v: tensor<1x2x9x16xf32>, %b: tensor<1x1x1x9xf32>)
    -> tensor<1x2x9x16xf32> {
  %zero = graph.constant dense<0.0> : tensor<f32>
  %s = graph.matmul %q, %k : (tensor<1x2x9x16xf32>, tensor<1x2x16x9xf32>) -> tensor<1x2x9x9xf32>
  %a = graph.add %s, %b : (tensor<1x2x9x9xf32>, tensor<1x1x1x9xf32>) -> tensor<1x2x9x9xf32>
  %w = graph.softmax %a axis = 3 : tensor<1x2x9x9xf32>
  %n = graph.is_nan %w : tensor<1x2x9x9xf32> -> tensor<1x2x9x9xi1>
  %z = graph.select %n, %zero, %w : (tensor<1x2x9x9xi1>, tensor<f32>, tensor<1x2x9x9xf32>) -> tensor<1x2x9x9xf32>
  %y = graph.matmul %z, %v : (tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>) -> tensor<1x2x9x16xf32>
  return %y : tensor<1x2x9x16xf32>
}

// -----

// Heads in the batch, as rank 3.
// CHECK-LABEL: @batched
// CHECK: graph.attention {{.*}} heads_inside = [false, false, false, false] scale = 1.000000e+00 : (tensor<6x1x9x16xf32>
func.func @batched(%q: tensor<6x9x16xf32>, %k: tensor<6x9x16xf32>, %v: tensor<6x9x16xf32>) -> tensor<6x9x16xf32> {
  %kt = graph.transpose %k [0, 2, 1] : tensor<6x9x16xf32> -> tensor<6x16x9xf32>
  %s = graph.matmul %q, %kt : (tensor<6x9x16xf32>, tensor<6x16x9xf32>) -> tensor<6x9x9xf32>
  %w = graph.softmax %s axis = 2 : tensor<6x9x9xf32>
  %y = graph.matmul %w, %v : (tensor<6x9x9xf32>, tensor<6x9x16xf32>) -> tensor<6x9x16xf32>
  return %y : tensor<6x9x16xf32>
}

// -----

// Keys and values that are repeated for groups of heads.
// CHECK-LABEL: @shared
// CHECK-NOT: graph.broadcast
// CHECK: graph.attention %arg0, %arg1, %arg2 heads_inside = [false, false, false, false] scale = 1.000000e+00 : (tensor<1x4x9x16xf32>, tensor<1x2x7x16xf32>, tensor<1x2x7x16xf32>)
func.func @shared(%q: tensor<1x4x9x16xf32>, %k: tensor<1x2x7x16xf32>, %v: tensor<1x2x7x16xf32>) -> tensor<1x4x9x16xf32> {
  %k1 = graph.reshape %k : (tensor<1x2x7x16xf32>) -> tensor<1x2x1x7x16xf32>
  %k2 = graph.broadcast %k1 : (tensor<1x2x1x7x16xf32>) -> tensor<1x2x2x7x16xf32>
  %k3 = graph.reshape %k2 : (tensor<1x2x2x7x16xf32>) -> tensor<1x4x7x16xf32>
  %v1 = graph.reshape %v : (tensor<1x2x7x16xf32>) -> tensor<1x2x1x7x16xf32>
  %v2 = graph.broadcast %v1 : (tensor<1x2x1x7x16xf32>) -> tensor<1x2x2x7x16xf32>
  %v3 = graph.reshape %v2 : (tensor<1x2x2x7x16xf32>) -> tensor<1x4x7x16xf32>
  %kt = graph.transpose %k3 [0, 1, 3, 2] : tensor<1x4x7x16xf32> -> tensor<1x4x16x7xf32>
  %s = graph.matmul %q, %kt : (tensor<1x4x9x16xf32>, tensor<1x4x16x7xf32>) -> tensor<1x4x9x7xf32>
  %w = graph.softmax %s axis = 3 : tensor<1x4x9x7xf32>
  %y = graph.matmul %w, %v3 : (tensor<1x4x9x7xf32>, tensor<1x4x7x16xf32>) -> tensor<1x4x9x16xf32>
  return %y : tensor<1x4x9x16xf32>
}

// -----

// Weights that something else reads, a mask before the scale, and what is added to a key that is barely hidden, are
// no attention.
// CHECK-LABEL: @not
// CHECK-NOT: graph.attention
// CHECK-COUNT-3: graph.softmax
// CHECK-NOT: graph.attention
// CHECK: return
func.func @not(%q: tensor<1x2x9x16xf32>, %k: tensor<1x2x16x9xf32>, %v: tensor<1x2x9x16xf32>, %m: tensor<9x9xi1>, %b: tensor<9x9xf32>)
    -> (tensor<1x2x9x16xf32>, tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>, tensor<1x2x9x16xf32>) {
  %two = graph.constant dense<2.0> : tensor<f32>
  %low = graph.constant dense<-10.0> : tensor<f32>
  %s = graph.matmul %q, %k : (tensor<1x2x9x16xf32>, tensor<1x2x16x9xf32>) -> tensor<1x2x9x9xf32>
  %w = graph.softmax %s axis = 3 : tensor<1x2x9x9xf32>
  %y = graph.matmul %w, %v : (tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>) -> tensor<1x2x9x16xf32>
  %s2 = graph.matmul %v, %k : (tensor<1x2x9x16xf32>, tensor<1x2x16x9xf32>) -> tensor<1x2x9x9xf32>
  %a2 = graph.add %s2, %b : (tensor<1x2x9x9xf32>, tensor<9x9xf32>) -> tensor<1x2x9x9xf32>
  %d2 = graph.mul %a2, %two : (tensor<1x2x9x9xf32>, tensor<f32>) -> tensor<1x2x9x9xf32>
  %w2 = graph.softmax %d2 axis = 3 : tensor<1x2x9x9xf32>
  %y2 = graph.matmul %w2, %v : (tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>) -> tensor<1x2x9x16xf32>
  %q3 = graph.neg %q : tensor<1x2x9x16xf32>
  %s3 = graph.matmul %q3, %k : (tensor<1x2x9x16xf32>, tensor<1x2x16x9xf32>) -> tensor<1x2x9x9xf32>
  %a3 = graph.select %m, %s3, %low : (tensor<9x9xi1>, tensor<1x2x9x9xf32>, tensor<f32>) -> tensor<1x2x9x9xf32>
  %d3 = graph.add %a3, %b : (tensor<1x2x9x9xf32>, tensor<9x9xf32>) -> tensor<1x2x9x9xf32>
  %w3 = graph.softmax %d3 axis = 3 : tensor<1x2x9x9xf32>
  %y3 = graph.matmul %w3, %v : (tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>) -> tensor<1x2x9x16xf32>
  return %y, %w, %y2, %y3 : tensor<1x2x9x16xf32>, tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>, tensor<1x2x9x16xf32>
}

// -----

// Casts between the products, and biases of two types, which are added in the wider one.
// CHECK-LABEL: @types
// CHECK: %[[WIDE:.*]] = graph.cast %arg3 : tensor<9x9xf16> -> tensor<9x9xf32>
// CHECK: %[[SUM:.*]] = graph.add %arg4, %[[WIDE]]
// CHECK: %[[BIAS:.*]] = graph.reshape %[[SUM]]
// CHECK: graph.attention %arg0, %{{.*}}, %arg2 bias %[[BIAS]] heads_inside
// CHECK-NOT: graph.softmax
func.func @types(%q: tensor<1x2x9x16xf16>, %k: tensor<1x2x16x9xf16>, %v: tensor<1x2x9x16xf16>, %b: tensor<9x9xf16>, %c: tensor<9x9xf32>)
    -> tensor<1x2x9x16xf16> {
  %s = graph.matmul %q, %k : (tensor<1x2x9x16xf16>, tensor<1x2x16x9xf16>) -> tensor<1x2x9x9xf16>
  %a = graph.add %s, %b : (tensor<1x2x9x9xf16>, tensor<9x9xf16>) -> tensor<1x2x9x9xf16>
  %x = graph.cast %a : tensor<1x2x9x9xf16> -> tensor<1x2x9x9xf32>
  %d = graph.add %x, %c : (tensor<1x2x9x9xf32>, tensor<9x9xf32>) -> tensor<1x2x9x9xf32>
  %w = graph.softmax %d axis = 3 : tensor<1x2x9x9xf32>
  %h = graph.cast %w : tensor<1x2x9x9xf32> -> tensor<1x2x9x9xf16>
  %y = graph.matmul %h, %v : (tensor<1x2x9x9xf16>, tensor<1x2x9x16xf16>) -> tensor<1x2x9x16xf16>
  return %y : tensor<1x2x9x16xf16>
}

// -----

// Two masks, one of which is true where a key is hidden, and a cap before them.
// CHECK-LABEL: @masks
// CHECK: %[[NOT:.*]] = graph.not %arg4
// CHECK: %[[BOTH:.*]] = graph.and
// CHECK-SAME: %[[NOT]]
// CHECK: graph.attention {{.*}} mask %{{.*}} scale = 1.000000e+00 {softcap = 3.000000e+01 : f64}
func.func @masks(%q: tensor<1x2x9x16xf32>, %k: tensor<1x2x16x9xf32>, %v: tensor<1x2x9x16xf32>, %m: tensor<9x9xi1>, %n: tensor<1x1x1x9xi1>)
    -> tensor<1x2x9x16xf32> {
  %cap = graph.constant dense<30.0> : tensor<f32>
  %low = graph.constant dense<0xFF800000> : tensor<f32>
  %s = graph.matmul %q, %k : (tensor<1x2x9x16xf32>, tensor<1x2x16x9xf32>) -> tensor<1x2x9x9xf32>
  %d = graph.div %s, %cap : (tensor<1x2x9x9xf32>, tensor<f32>) -> tensor<1x2x9x9xf32>
  %t = graph.tanh %d : tensor<1x2x9x9xf32>
  %c = graph.mul %t, %cap : (tensor<1x2x9x9xf32>, tensor<f32>) -> tensor<1x2x9x9xf32>
  %a = graph.select %m, %c, %low : (tensor<9x9xi1>, tensor<1x2x9x9xf32>, tensor<f32>) -> tensor<1x2x9x9xf32>
  %b = graph.select %n, %low, %a : (tensor<1x1x1x9xi1>, tensor<f32>, tensor<1x2x9x9xf32>) -> tensor<1x2x9x9xf32>
  %w = graph.softmax %b axis = 3 : tensor<1x2x9x9xf32>
  %y = graph.matmul %w, %v : (tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>) -> tensor<1x2x9x16xf32>
  return %y : tensor<1x2x9x16xf32>
}

// -----

// What is added to a score that a number hides is added to that number.
// CHECK-LABEL: @added
// CHECK: %[[LOW:.*]] = graph.select %arg3
// CHECK: %[[SUM:.*]] = graph.add %arg4, %[[LOW]]
// CHECK: graph.attention {{.*}} bias %{{.*}} heads_inside = [false, {{.*}} scale = 1.000000e+00 : (
func.func @added(%q: tensor<1x2x9x16xf32>, %k: tensor<1x2x16x9xf32>, %v: tensor<1x2x9x16xf32>, %m: tensor<9x9xi1>, %b: tensor<9x9xf32>)
    -> tensor<1x2x9x16xf32> {
  %low = graph.constant dense<-3.0e38> : tensor<f32>
  %s = graph.matmul %q, %k : (tensor<1x2x9x16xf32>, tensor<1x2x16x9xf32>) -> tensor<1x2x9x9xf32>
  %a = graph.select %m, %s, %low : (tensor<9x9xi1>, tensor<1x2x9x9xf32>, tensor<f32>) -> tensor<1x2x9x9xf32>
  %c = graph.add %a, %b : (tensor<1x2x9x9xf32>, tensor<9x9xf32>) -> tensor<1x2x9x9xf32>
  %w = graph.softmax %c axis = 3 : tensor<1x2x9x9xf32>
  %y = graph.matmul %w, %v : (tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>) -> tensor<1x2x9x16xf32>
  return %y : tensor<1x2x9x16xf32>
}

// -----

// Transposes around attention that is one op already.
// CHECK-LABEL: @transposes
// CHECK-NOT: graph.transpose
// CHECK: %[[Y:.*]] = graph.attention %arg0, %arg1, %arg2 heads_inside = [true, false, true, true]
// CHECK-NEXT: return %[[Y]]
func.func @transposes(%q: tensor<1x9x2x16xf32>, %k: tensor<1x2x7x16xf32>, %v: tensor<1x7x2x16xf32>) -> tensor<1x9x2x16xf32> {
  %qh = graph.transpose %q [0, 2, 1, 3] : tensor<1x9x2x16xf32> -> tensor<1x2x9x16xf32>
  %kh = graph.transpose %k [0, 2, 1, 3] : tensor<1x2x7x16xf32> -> tensor<1x7x2x16xf32>
  %y = graph.attention %qh, %kh, %v heads_inside = [false, true, true, false] scale = 0.25
      : (tensor<1x2x9x16xf32>, tensor<1x7x2x16xf32>, tensor<1x7x2x16xf32>) -> tensor<1x2x9x16xf32>
  %r = graph.transpose %y [0, 2, 1, 3] : tensor<1x2x9x16xf32> -> tensor<1x9x2x16xf32>
  return %r : tensor<1x9x2x16xf32>
}

// -----

// A softmax of f64 between products of f32, and a finite number that a bias may bring back.
// CHECK-LABEL: @neither
// CHECK-NOT: graph.attention
// CHECK: return
func.func @neither(%q: tensor<1x2x9x16xf32>, %k: tensor<1x2x16x9xf32>, %v: tensor<1x2x9x16xf32>, %m: tensor<9x9xi1>, %b: tensor<9x9xf32>)
    -> (tensor<1x2x9x16xf32>, tensor<1x2x9x16xf32>) {
  %low = graph.constant dense<-1.0e9> : tensor<f32>
  %s = graph.matmul %q, %k : (tensor<1x2x9x16xf32>, tensor<1x2x16x9xf32>) -> tensor<1x2x9x9xf32>
  %d = graph.cast %s : tensor<1x2x9x9xf32> -> tensor<1x2x9x9xf64>
  %w = graph.softmax %d axis = 3 : tensor<1x2x9x9xf64>
  %x = graph.cast %w : tensor<1x2x9x9xf64> -> tensor<1x2x9x9xf32>
  %y = graph.matmul %x, %v : (tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>) -> tensor<1x2x9x16xf32>
  %s2 = graph.matmul %v, %k : (tensor<1x2x9x16xf32>, tensor<1x2x16x9xf32>) -> tensor<1x2x9x9xf32>
  %a2 = graph.select %m, %s2, %low : (tensor<9x9xi1>, tensor<1x2x9x9xf32>, tensor<f32>) -> tensor<1x2x9x9xf32>
  %c2 = graph.add %a2, %b : (tensor<1x2x9x9xf32>, tensor<9x9xf32>) -> tensor<1x2x9x9xf32>
  %w2 = graph.softmax %c2 axis = 3 : tensor<1x2x9x9xf32>
  %y2 = graph.matmul %w2, %v : (tensor<1x2x9x9xf32>, tensor<1x2x9x16xf32>) -> tensor<1x2x9x16xf32>
  return %y, %y2 : tensor<1x2x9x16xf32>, tensor<1x2x9x16xf32>
}
