// What depends on constants only is computed by compiling and running it.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-fold-constants))" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @chain(
// CHECK: %[[Y:.*]] = graph.constant dense<[-4.000000e+00, -9.000000e+00]> : tensor<2xf32>
// CHECK-NEXT: return %[[Y]]
func.func @chain() -> tensor<2xf32> {
  %a = graph.constant dense<[2.0, 3.0]> : tensor<2xf32>
  %0 = graph.mul %a, %a : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = graph.neg %0 : tensor<2xf32> -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// Each value that something else reads becomes a constant; the input's user stays.
// CHECK-LABEL: func.func @two_readers(
// CHECK-SAME: %[[X:.*]]: tensor<2xi64>
// CHECK-DAG: %[[SUM:.*]] = graph.constant dense<[4, 6]> : tensor<2xi64>
// CHECK-DAG: %[[LESS:.*]] = graph.constant dense<{{.*}}> : tensor<2xi64>
// CHECK: %[[Y:.*]] = graph.add %[[X]], %[[SUM]]
// CHECK: return %[[Y]], %{{.*}}
func.func @two_readers(%x: tensor<2xi64>) -> (tensor<2xi64>, tensor<2xi64>) {
  %a = graph.constant dense<[2, 3]> : tensor<2xi64>
  %0 = graph.add %a, %a : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %1 = graph.neg %0 : tensor<2xi64> -> tensor<2xi64>
  %2 = graph.add %x, %0 : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return %2, %1 : tensor<2xi64>, tensor<2xi64>
}

// -----

// More than a few elements go into a resource, and so do truth values.
// CHECK-LABEL: func.func @resources(
// CHECK-DAG: graph.constant dense_resource<{{.*}}> : tensor<100xi64>
// CHECK-DAG: graph.constant dense_resource<{{.*}}> : tensor<2xi1>
// CHECK-NOT: graph.iota
func.func @resources() -> (tensor<100xi64>, tensor<2xi1>) {
  %a = graph.constant dense<7> : tensor<100xi64>
  %b = graph.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = graph.iota 0 : tensor<100xi64>
  %1 = graph.add %a, %0 : (tensor<100xi64>, tensor<100xi64>) -> tensor<100xi64>
  %2 = graph.is_nan %b : tensor<2xf32> -> tensor<2xi1>
  return %1, %2 : tensor<100xi64>, tensor<2xi1>
}

// -----

// What is much larger than what it is computed from stays, as does what an input reaches.
// CHECK-LABEL: func.func @stays(
// CHECK: graph.broadcast %{{.*}} -> tensor<512x512xf32>
// CHECK: graph.exp
func.func @stays(%x: tensor<4xf32>) -> (tensor<512x512xf32>, tensor<4xf32>) {
  %a = graph.constant dense<1.0> : tensor<1x1xf32>
  %0 = graph.broadcast %a : (tensor<1x1xf32>) -> tensor<512x512xf32>
  %1 = graph.exp %x : tensor<4xf32> -> tensor<4xf32>
  return %0, %1 : tensor<512x512xf32>, tensor<4xf32>
}
