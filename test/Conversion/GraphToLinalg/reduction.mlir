// Reductions, softmax, positions of extremes, running sums.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

#x = #graph.dims<()[s0] -> (2, s0, 3)>

// Half precision is summed in f32; the mean divides by a size known later.
// reduce_c2
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1, d2) -> (d0)>
// CHECK-LABEL: func.func @mean(
// CHECK-SAME: %[[N:.*]]: index
// CHECK: linalg.generic {{.*}}#[[ROWS]]], iterator_types = ["parallel", "reduction", "reduction"]
// CHECK: arith.extf
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc> : f32
// CHECK: %[[COUNT:.*]] = affine.apply #{{.*}}()[%[[N]]]
// CHECK: arith.divf
// CHECK: arith.truncf
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0, 1, 2]] output_shape [2, 1, 1]
func.func @mean(%n: index, %x: tensor<2x?x3xf16, #x>) -> tensor<2x1x1xf16> {
  %y = graph.reduce mean %x axes = [1, 2] keep_dims : tensor<2x?x3xf16, #x> -> tensor<2x1x1xf16>
  return %y : tensor<2x1x1xf16>
}

// -----

// CHECK-LABEL: func.func @least(
// CHECK: %[[START:.*]] = arith.constant 127 : i8
// CHECK: linalg.fill ins(%[[START]] : i8)
// CHECK: arith.minsi
func.func @least(%x: tensor<2x3xi8>) -> tensor<3xi8> {
  %y = graph.reduce min %x axes = [0] : tensor<2x3xi8> -> tensor<3xi8>
  return %y : tensor<3xi8>
}

// -----

// CHECK-LABEL: func.func @all(
// CHECK: %[[START:.*]] = arith.constant true
// CHECK: linalg.fill ins(%[[START]] : i1)
// CHECK: arith.andi
func.func @all(%x: tensor<2x3xi1>) -> tensor<2xi1> {
  %y = graph.reduce all %x axes = [1] : tensor<2x3xi1> -> tensor<2xi1>
  return %y : tensor<2xi1>
}

// -----

// Softmax: maximum, exponentials, sum, quotient.
// CHECK-LABEL: func.func @softmax(
// CHECK: arith.maximumf
// CHECK: linalg.yield
// CHECK: arith.subf
// CHECK: math.exp
// CHECK: linalg.yield
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc>
// CHECK: linalg.yield
// CHECK: arith.divf
func.func @softmax(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = graph.softmax %x axis = 1 : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// Half precision is widened before the sum and narrowed after the quotient.
// softmax_c2
// CHECK-LABEL: func.func @softmax_f16(
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc> : f32
// CHECK: %[[Q:.*]] = arith.divf %{{.*}}, %{{.*}} : f32
// CHECK: arith.truncf %[[Q]] : f32 to f16
func.func @softmax_f16(%x: tensor<2x3xf16>) -> tensor<2x3xf16> {
  %y = graph.softmax %x axis = 1 : tensor<2x3xf16>
  return %y : tensor<2x3xf16>
}

// -----

// Its logarithm never leaves the range.
// CHECK-LABEL: func.func @log_softmax(
// CHECK: math.exp
// CHECK: math.log
// CHECK-NOT: arith.divf
// CHECK: return
func.func @log_softmax(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = graph.softmax %x axis = 0 log : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// Of equal elements the last.
// CHECK-LABEL: func.func @arg(
// CHECK: %[[R:.*]]:2 = linalg.generic
// CHECK: arith.cmpi ule
// CHECK: linalg.index 1
// CHECK: return %[[R]]#1 : tensor<2xi64>
func.func @arg(%x: tensor<2x3xui8>) -> tensor<2xi64> {
  %y = graph.arg max %x axis = 1 last : tensor<2x3xui8> -> tensor<2xi64>
  return %y : tensor<2xi64>
}

// -----

// Along lines of floats, the extreme is found first, and then the first position that has it, in 32 bits.
// CHECK-LABEL: func.func @arg_of_lines(
// CHECK: %[[MAX:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<2x3xf32>)
// CHECK: arith.maximumf
// CHECK: %[[WHERE:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[MAX]] : tensor<2x3xf32>, tensor<2xf32>) outs(%{{.*}} : tensor<2xi32>)
// CHECK: arith.cmpf oeq
// CHECK: arith.cmpf uno
// CHECK: arith.minsi
// CHECK: linalg.generic {{.*}} ins(%[[WHERE]] : tensor<2xi32>)
// CHECK: arith.extsi
func.func @arg_of_lines(%x: tensor<2x3xf32>) -> tensor<2xi64> {
  %y = graph.arg max %x axis = 1 : tensor<2x3xf32> -> tensor<2xi64>
  return %y : tensor<2xi64>
}

// -----

// The old sum is written before the new one is made, from the end backwards.
// CHECK-LABEL: func.func @running(
// CHECK: scf.for %[[I:[a-z0-9]+]] = %{{.*}} to %[[N:[a-z0-9]+]] step %{{[a-z0-9]+}} iter_args(%[[SUM:.*]] = %{{.*}}, %[[Y:.*]] = %{{.*}})
// CHECK: %[[LAST:.*]] = arith.subi %[[N]], %{{.*}} : index
// CHECK: %[[AT:.*]] = arith.subi %[[LAST]], %[[I]] : index
// CHECK: tensor.extract_slice %{{.*}}[%[[AT]], 0] [1, 3] [1, 1] : tensor<2x3xf32> to tensor<1x3xf32>
// CHECK: tensor.insert_slice %[[SUM]] into %[[Y]][%[[AT]], 0]
// CHECK: linalg.generic
func.func @running(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = graph.cumulative_sum %x axis = 0 exclusive reverse : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// Along the innermost dim, each of many lines is a task, whose sum is in a register.
// CHECK-LABEL: func.func @running_lines(
// CHECK: scf.forall (%{{.*}}) in (9)
// CHECK: scf.for {{.*}} iter_args(%[[SUM:.*]] = %{{.*}}, %{{.*}} = %{{.*}}) -> (i64, tensor<1x64xi64>)
// CHECK: tensor.extract
// CHECK: arith.addi
// CHECK: tensor.insert
// CHECK: tensor.parallel_insert_slice
func.func @running_lines(%x: tensor<9x64xi64>) -> tensor<9x64xi64> {
  %y = graph.cumulative_sum %x axis = 1 : tensor<9x64xi64>
  return %y : tensor<9x64xi64>
}
