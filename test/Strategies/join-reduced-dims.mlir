// Sums over dims of an argument that lie side by side run along one line.
// RUN: lathe-opt %s --apply-strategies --split-input-file | FileCheck %s

// CHECK-LABEL: kernel.func @image(
// CHECK-SAME: %[[X:.*]]: tensor<8x64x28x28xf32>
// CHECK: %[[LINES:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0], [1], [2, 3]] : tensor<8x64x28x28xf32> into tensor<8x64x784xf32>
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction", "parallel", "reduction"]
kernel.func @image(%x: tensor<8x64x28x28xf32>) -> tensor<64xf32> attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v3">} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<64xf32>) -> tensor<64xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>, affine_map<(n, c, h, w) -> (c)>],
                       iterator_types = ["reduction", "parallel", "reduction", "reduction"]}
      ins(%x : tensor<8x64x28x28xf32>) outs(%init : tensor<64xf32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %s, %a : f32
    linalg.yield %t : f32
  } -> tensor<64xf32>
  kernel.return %y : tensor<64xf32>
}

// -----

// What has strides stays as it is.
// CHECK-LABEL: kernel.func @strides(
// CHECK-NOT: collapse_shape
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "reduction", "reduction"]
kernel.func @strides(%x: tensor<8x28x28xf32> {kernel.strides = affine_map<() -> (1000, 30, 1)>}) -> tensor<8xf32> attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v3">} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(c, h, w) -> (c, h, w)>, affine_map<(c, h, w) -> (c)>],
                       iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x : tensor<8x28x28xf32>) outs(%init : tensor<8xf32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %s, %a : f32
    linalg.yield %t : f32
  } -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// -----

// What follows the reduction by element has the same dims.
// CHECK-LABEL: kernel.func @shifted(
// CHECK-SAME: %[[X:.*]]: tensor<8x7x7xf32>
// CHECK: tensor.collapse_shape %[[X]] {{\[\[}}0], [1, 2]] : tensor<8x7x7xf32> into tensor<8x49xf32>
// CHECK-NOT: iterator_types = ["parallel", "parallel", "parallel"]
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [8, 7, 7] : tensor<8x49xf32> into tensor<8x7x7xf32>
kernel.func @shifted(%x: tensor<8x7x7xf32>) -> tensor<8x7x7xf32> attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v3">} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
  %sum = linalg.generic {indexing_maps = [affine_map<(c, h, w) -> (c, h, w)>, affine_map<(c, h, w) -> (c)>],
                         iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x : tensor<8x7x7xf32>) outs(%init : tensor<8xf32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %s, %a : f32
    linalg.yield %t : f32
  } -> tensor<8xf32>
  %out = tensor.empty() : tensor<8x7x7xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(c, h, w) -> (c, h, w)>, affine_map<(c, h, w) -> (c)>, affine_map<(c, h, w) -> (c, h, w)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %sum : tensor<8x7x7xf32>, tensor<8xf32>) outs(%out : tensor<8x7x7xf32>) {
  ^bb0(%a: f32, %s: f32, %o: f32):
    %t = arith.subf %a, %s : f32
    linalg.yield %t : f32
  } -> tensor<8x7x7xf32>
  kernel.return %y : tensor<8x7x7xf32>
}
