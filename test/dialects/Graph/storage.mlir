// How elements lie in memory, and the types that only move.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @reinterpret(
func.func @reinterpret(%x: tensor<5xi4>, %z: tensor<2xcomplex<f32>>) -> tensor<3xui8> {
  // CHECK: graph.reinterpret %{{.*}} : tensor<5xi4> -> tensor<3xui8>
  %0 = graph.reinterpret %x : tensor<5xi4> -> tensor<3xui8>
  // CHECK: graph.reinterpret %{{.*}} : tensor<2xcomplex<f32>> -> tensor<2xui64>
  %1 = graph.reinterpret %z : tensor<2xcomplex<f32>> -> tensor<2xui64>
  return %0 : tensor<3xui8>
}

// CHECK-LABEL: func.func @unpack(
func.func @unpack(%x: tensor<3xui8>) -> tensor<4xui8> {
  // CHECK: graph.unpack %{{.*}} bits = 4 : tensor<3xui8> -> tensor<5x1xi8>
  %0 = graph.unpack %x bits = 4 : tensor<3xui8> -> tensor<5x1xi8>
  // CHECK: graph.unpack %{{.*}} bits = 6 : tensor<3xui8> -> tensor<4xui8>
  %1 = graph.unpack %x bits = 6 : tensor<3xui8> -> tensor<4xui8>
  return %1 : tensor<4xui8>
}

// CHECK-LABEL: func.func @pack(
func.func @pack(%x: tensor<5xi8>) -> tensor<2xui8> {
  // CHECK: graph.pack %{{.*}} bits = 2 : tensor<5xi8> -> tensor<2xui8>
  %0 = graph.pack %x bits = 2 : tensor<5xi8> -> tensor<2xui8>
  return %0 : tensor<2xui8>
}

// CHECK-LABEL: func.func @cast(
func.func @cast(%x: tensor<3xf32>) -> tensor<3xf8E8M0FNU> {
  // CHECK: graph.cast %{{.*}} {saturate = false} : tensor<3xf32> -> tensor<3xf8E5M2>
  %0 = graph.cast %x {saturate = false} : tensor<3xf32> -> tensor<3xf8E5M2>
  // CHECK: graph.cast %{{.*}} {round_mode = 2 : i32} : tensor<3xf32> -> tensor<3xf8E8M0FNU>
  %1 = graph.cast %x {round_mode = 2 : i32} : tensor<3xf32> -> tensor<3xf8E8M0FNU>
  return %1 : tensor<3xf8E8M0FNU>
}

// CHECK-LABEL: func.func @encode(
func.func @encode(%x: tensor<3xf64>) -> tensor<3xf32> {
  // CHECK: graph.encode %{{.*}} as f4E2M1FN saturate = true up : tensor<3xf64> -> tensor<3xui8>
  %0 = graph.encode %x as f4E2M1FN saturate = true up : tensor<3xf64> -> tensor<3xui8>
  // CHECK: graph.decode %{{.*}} as f4E2M1FN : tensor<3xui8> -> tensor<3xf32>
  %1 = graph.decode %0 as f4E2M1FN : tensor<3xui8> -> tensor<3xf32>
  return %1 : tensor<3xf32>
}

// CHECK-LABEL: func.func @constants(
func.func @constants() -> tensor<2x!graph.string> {
  // CHECK: graph.constant dense<[7, -8]> : tensor<2xi4>
  %0 = graph.constant dense<[7, -8]> : tensor<2xi4>
  // CHECK: graph.constant dense<["a", "b c"]> : tensor<2x!graph.string>
  %1 = graph.constant dense<["a", "b c"]> : tensor<2x!graph.string>
  return %1 : tensor<2x!graph.string>
}
