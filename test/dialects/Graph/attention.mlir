// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK: graph.attention %{{.*}}, %{{.*}}, %{{.*}} heads_inside = [false, false, false, false] scale = 5.000000e-01 :
func.func @plain(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x3xf32>) -> tensor<1x2x5x3xf32> {
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.5
      : (tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf32>) -> tensor<1x2x5x3xf32>
  return %y : tensor<1x2x5x3xf32>
}

// CHECK: graph.attention %{{.*}} bias %{{.*}} mask %{{.*}} causal = <() -> (2)> heads_inside = [true, false, false, true] scale = 5.000000e-01 {hidden = -1.000000e+30 : f64, softcap = 2.000000e+00 : f64, zero_rows} :
func.func @all(%q: tensor<1x5x4x4xf16>, %k: tensor<1x2x7x4xf16>, %v: tensor<1x2x7x3xf16>, %b: tensor<1x1x1x7xf16>,
               %m: tensor<1x1x5x7xi1>) -> tensor<1x5x4x3xf16> {
  %y = graph.attention %q, %k, %v bias %b mask %m causal = <() -> (2)> heads_inside = [true, false, false, true]
      scale = 0.5 {softcap = 2.0 : f64, hidden = -1.0e30 : f64, zero_rows}
      : (tensor<1x5x4x4xf16>, tensor<1x2x7x4xf16>, tensor<1x2x7x3xf16>, tensor<1x1x1x7xf16>, tensor<1x1x5x7xi1>)
      -> tensor<1x5x4x3xf16>
  return %y : tensor<1x5x4x3xf16>
}
