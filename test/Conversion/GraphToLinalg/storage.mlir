// Elements that share their bytes with others are read and written by shifts.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @unpack(
// CHECK: linalg.generic
// CHECK: tensor.extract
// CHECK-NOT: tensor.extract
// CHECK: arith.shrui
// CHECK: arith.shrsi
func.func @unpack(%x: tensor<3xui8>) -> tensor<5xi8> {
  %y = graph.unpack %x bits = 4 : tensor<3xui8> -> tensor<5xi8>
  return %y : tensor<5xi8>
}

// -----

// Six bits may go on in the next byte.
// CHECK-LABEL: func.func @unpack6(
// CHECK: tensor.extract
// CHECK: tensor.extract
// CHECK: arith.ori
func.func @unpack6(%x: tensor<3xui8>) -> tensor<4xui8> {
  %y = graph.unpack %x bits = 6 : tensor<3xui8> -> tensor<4xui8>
  return %y : tensor<4xui8>
}

// -----

// CHECK-LABEL: func.func @pack(
// CHECK-COUNT-2: tensor.extract
// CHECK-NOT: tensor.extract
func.func @pack(%x: tensor<5xi8>) -> tensor<3xui8> {
  %y = graph.pack %x bits = 4 : tensor<5xi8> -> tensor<3xui8>
  return %y : tensor<3xui8>
}
