// Convolutions have channels last inside; transposes sink until they meet their inverse.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-assign-layouts))" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @residual(
// CHECK: graph.transpose %{{.*}} [0, 2, 3, 1] : tensor<1x4x8x8xf32> -> tensor<1x8x8x4xf32>
// CHECK-NOT: graph.transpose
// CHECK: graph.conv {{.*}} channels_last
// CHECK: graph.relu
// CHECK: graph.conv {{.*}} channels_last
// CHECK: graph.add %{{.*}}, %{{.*}} : (tensor<1x8x8x4xf32>, tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
// CHECK: graph.transpose %{{.*}} [0, 3, 1, 2]
// CHECK-NEXT: return
func.func @residual(%x: tensor<1x4x8x8xf32>, %f: tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32> {
  %0 = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = graph.relu %0 : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  %2 = graph.conv %1, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %3 = graph.add %2, %0 : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  return %3 : tensor<1x4x8x8xf32>
}

// -----

// A constant bias per channel is the same elements under another shape.
// CHECK-LABEL: func.func @bias(
// CHECK: %[[B:.*]] = graph.constant {{.*}} : tensor<1x1x1x4xf32>
// CHECK: %[[Y:.*]] = graph.conv
// CHECK: graph.add %[[Y]], %[[B]] : (tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x8x8x4xf32>
func.func @bias(%x: tensor<1x4x8x8xf32>, %f: tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32> {
  %b = graph.constant dense<[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]> : tensor<4x1x1xf32>
  %0 = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = graph.add %0, %b : (tensor<1x4x8x8xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}

// -----

// CHECK-LABEL: func.func @concat(
// CHECK: graph.max_pool %{{.*}} channels_last
// CHECK: graph.average_pool %{{.*}} channels_last
// CHECK: graph.concat %{{.*}}, %{{.*}} axis = 3 : (tensor<1x8x8x4xf32>, tensor<1x8x8x4xf32>) -> tensor<1x8x8x8xf32>
// CHECK: graph.transpose %{{.*}} [0, 3, 1, 2]
// CHECK-NEXT: return
func.func @concat(%x: tensor<1x4x8x8xf32>) -> tensor<1x8x8x8xf32> {
  %0 = graph.max_pool %x kernel = [1, 1] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  %1 = graph.average_pool %x kernel = [1, 1] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  %2 = graph.concat %0, %1 axis = 1 : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x8x8x8xf32>
  return %2 : tensor<1x8x8x8xf32>
}

// -----

#n = #graph.dims<()[s0] -> (s0, 4, 8, 8)>
#m = #graph.dims<()[s0] -> (s0, 4, 1, 1)>
// Squeeze and excite: one transpose at each end, none in the block.
// CHECK-LABEL: func.func @squeeze_and_excite(
// CHECK: graph.transpose %{{.*}} [0, 2, 3, 1]
// CHECK-NOT: graph.transpose
// CHECK: graph.reduce mean %{{.*}} axes = [1, 2] keep_dims : {{.*}} -> tensor<?x1x1x4xf32, #graph.dims<()[s0] -> (s0, 1, 1, 4)>>
// CHECK: graph.conv %{{.*}}, %{{.*}} channels_last
// CHECK: graph.sigmoid
// CHECK: graph.mul %{{.*}}, %{{.*}} : {{.*}} -> tensor<?x8x8x4xf32, #graph.dims<()[s0] -> (s0, 8, 8, 4)>>
// CHECK: graph.transpose %{{.*}} [0, 3, 1, 2]
// CHECK-NEXT: return
func.func @squeeze_and_excite(%x: tensor<?x4x8x8xf32, #n>, %f: tensor<4x4x1x1xf32>) -> tensor<?x4x8x8xf32, #n> {
  %0 = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<?x4x8x8xf32, #n>, tensor<4x4x1x1xf32>) -> tensor<?x4x8x8xf32, #n>
  %1 = graph.reduce mean %0 axes = [2, 3] keep_dims : tensor<?x4x8x8xf32, #n> -> tensor<?x4x1x1xf32, #m>
  %2 = graph.conv %1, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<?x4x1x1xf32, #m>, tensor<4x4x1x1xf32>) -> tensor<?x4x1x1xf32, #m>
  %3 = graph.sigmoid %2 : tensor<?x4x1x1xf32, #m> -> tensor<?x4x1x1xf32, #m>
  %4 = graph.mul %0, %3 : (tensor<?x4x8x8xf32, #n>, tensor<?x4x1x1xf32, #m>) -> tensor<?x4x8x8xf32, #n>
  return %4 : tensor<?x4x8x8xf32, #n>
}

// -----

// Without kept dims the rest is a reshape: no transpose after the reduction.
// CHECK-LABEL: func.func @reduce(
// CHECK: graph.reduce sum %{{.*}} axes = [1, 2] keep_dims : tensor<1x8x8x4xf32> -> tensor<1x1x1x4xf32>
// CHECK-NEXT: graph.reshape %{{.*}} : (tensor<1x1x1x4xf32>) -> tensor<1x4xf32>
// CHECK-NEXT: return
func.func @reduce(%x: tensor<1x4x8x8xf32>) -> tensor<1x4xf32> {
  %0 = graph.max_pool %x kernel = [1, 1] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  %1 = graph.reduce sum %0 axes = [2, 3] : tensor<1x4x8x8xf32> -> tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}

// -----

// Axes, offsets and amounts follow the dimensions.
// CHECK-LABEL: func.func @moves(
// CHECK: graph.max_pool
// CHECK: graph.pad edge %{{.*}} amounts = <() -> (0, 2, 3, 1, 0, 6, 7, 5)> : (tensor<1x8x8x4xf32>) -> tensor<1x16x18x10xf32>
// CHECK: graph.slice %{{.*}} offsets = <() -> (1, 2)> axes = [3, 1] steps = [1, 2] : (tensor<1x16x18x10xf32>) -> tensor<1x7x18x9xf32>
// CHECK: graph.resize nearest %{{.*}} axes = [1, 2] scales = [2.000000e+00, 1.000000e+00] {{.*}} -> tensor<1x14x18x9xf32>
// CHECK: graph.softmax %{{.*}} axis = 3 : tensor<1x14x18x9xf32>
// CHECK: graph.transpose %{{.*}} [0, 3, 1, 2]
// CHECK-NEXT: return
func.func @moves(%x: tensor<1x4x8x8xf32>) -> tensor<1x9x14x18xf32> {
  %0 = graph.max_pool %x kernel = [1, 1] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  %1 = graph.pad edge %0 amounts = <() -> (0, 1, 2, 3, 0, 5, 6, 7)> : (tensor<1x4x8x8xf32>) -> tensor<1x10x16x18xf32>
  %2 = graph.slice %1 offsets = <() -> (1, 2)> axes = [1, 2] steps = [1, 2] : (tensor<1x10x16x18xf32>) -> tensor<1x9x7x18xf32>
  %3 = graph.resize nearest %2 axes = [2, 3] scales = [2.0, 1.0] asymmetric floor {cubic_coefficient = -0.75 : f64} : (tensor<1x9x7x18xf32>) -> tensor<1x9x14x18xf32>
  %4 = graph.softmax %3 axis = 1 : tensor<1x9x14x18xf32>
  return %4 : tensor<1x9x14x18xf32>
}

// -----

// A softmax along the innermost dimension keeps it innermost.
// CHECK-LABEL: func.func @innermost(
// CHECK: %[[T:.*]] = graph.transpose %{{.*}} [0, 3, 1, 2]
// CHECK-NEXT: graph.softmax %[[T]] axis = 3
func.func @innermost(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %0 = graph.max_pool %x kernel = [5, 5] strides = [1, 1] pads = [2, 2, 2, 2] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  %1 = graph.softmax %0 axis = 3 : tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}

// -----

// With one spatial dimension both directions are one permutation: what is so
// small that moving it costs nothing, and constants, start no new round.
// CHECK-LABEL: func.func @line(
// CHECK: %[[T:.*]] = graph.transpose %arg0 [0, 2, 1] : tensor<1x8x5xf32> -> tensor<1x5x8xf32>
// CHECK: graph.add
// CHECK: graph.sub
// CHECK: return
func.func @line(%x: tensor<1x8x5xf32>, %s: tensor<1x5x1xf32>) -> tensor<1x5x8xf32> {
  %0 = graph.transpose %x [0, 2, 1] : tensor<1x8x5xf32> -> tensor<1x5x8xf32>
  %1 = graph.reduce mean %0 axes = [2] keep_dims : tensor<1x5x8xf32> -> tensor<1x5x1xf32>
  %2 = graph.constant dense<1.0e-5> : tensor<f32>
  %3 = graph.add %1, %2 : (tensor<1x5x1xf32>, tensor<f32>) -> tensor<1x5x1xf32>
  %4 = graph.add %3, %s : (tensor<1x5x1xf32>, tensor<1x5x1xf32>) -> tensor<1x5x1xf32>
  %5 = graph.sub %0, %4 : (tensor<1x5x8xf32>, tensor<1x5x1xf32>) -> tensor<1x5x8xf32>
  return %5 : tensor<1x5x8xf32>
}

// -----

// One element in the only spatial dimension: the transposed bias does not sink in its turn, for ever.
// CHECK-LABEL: func.func @one_element(
// CHECK: graph.conv {{.*}}channels_last
// CHECK: graph.add
func.func @one_element(%x: tensor<1x4x1xf32>, %w: tensor<4x4x3xf32>) -> tensor<1x4x1xf32> {
  %b = graph.constant dense<[[1.0], [2.0], [3.0], [4.0]]> : tensor<4x1xf32>
  %c = graph.conv %x, %w strides = [1] pads = [1, 1] dilations = [1] groups = 1 : (tensor<1x4x1xf32>, tensor<4x4x3xf32>) -> tensor<1x4x1xf32>
  %y = graph.add %c, %b : (tensor<1x4x1xf32>, tensor<4x1xf32>) -> tensor<1x4x1xf32>
  return %y : tensor<1x4x1xf32>
}

// -----

#h = #graph.dims<()[s0, s1] -> (s0, 4, s1, s1)>
#n = #graph.dims<()[s0] -> (s0, 4, 1, 1)>

// What a reduction leaves open names no symbol beyond those that it needs: the
// result has the function's type.
// CHECK-LABEL: func.func @global_pool(
// CHECK: graph.reduce max %{{.*}} axes = [1, 2] keep_dims : {{.*}} -> tensor<?x1x1x4xf32, #graph.dims<()[s0] -> (s0, 1, 1, 4)>>
// CHECK: return %{{.*}} : tensor<?x4x1x1xf32
func.func @global_pool(%x: tensor<?x4x?x?xf32, #h>) -> tensor<?x4x1x1xf32, #n>
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"h">]} {
  %0 = graph.max_pool %x kernel = [1, 1] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<?x4x?x?xf32, #h> -> tensor<?x4x?x?xf32, #h>
  %1 = graph.reduce max %0 axes = [2, 3] keep_dims : tensor<?x4x?x?xf32, #h> -> tensor<?x4x1x1xf32, #n>
  return %1 : tensor<?x4x1x1xf32, #n>
}

// -----

#h = #graph.dims<()[s0, s1] -> (s0, 4, s1, s1)>
#m = #graph.dims<()[s0, s1, s2] -> (s2, 4, s1, s1)>

// A broadcast keeps channels last, too.
// CHECK-LABEL: func.func @broadcast(
// CHECK: graph.max_pool {{.*}} channels_last
// CHECK-NEXT: graph.broadcast
// CHECK-NEXT: graph.transpose %{{.*}} [0, 3, 1, 2]
// CHECK-NEXT: return
func.func @broadcast(%x: tensor<?x4x?x?xf32, #h>, %y: tensor<?xf32, #graph.dims<()[s0, s1, s2] -> (s2)>>) -> tensor<?x4x?x?xf32, #m>
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"h">, #graph.symbol<"m">]} {
  %0 = graph.max_pool %x kernel = [1, 1] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<?x4x?x?xf32, #h> -> tensor<?x4x?x?xf32, #h>
  %1 = graph.broadcast %0 : (tensor<?x4x?x?xf32, #h>) -> tensor<?x4x?x?xf32, #m>
  return %1 : tensor<?x4x?x?xf32, #m>
}

// -----

// A pool of short windows that is alone between images with channels first reads them as they are.
// CHECK-LABEL: func.func @alone(
// CHECK-SAME: %[[X:.*]]: tensor<1x4x8x8xf32>
// CHECK-NEXT: %[[Y:.*]] = graph.max_pool %[[X]] kernel = [3, 3]
// CHECK-NEXT: return %[[Y]]
func.func @alone(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %0 = graph.max_pool %x kernel = [3, 3] strides = [1, 1] pads = [1, 1, 1, 1] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  return %0 : tensor<1x4x8x8xf32>
}

// -----

#o = #graph.dims<()[s0] -> (1, 4, s0, 8)>
// With open borders, each position of a mean is compared: that is done for all channels at once.
// CHECK-LABEL: func.func @open_mean(
// CHECK: graph.average_pool %{{.*}} channels_last
func.func @open_mean(%x: tensor<1x4x?x8xf32, #o>) -> tensor<1x4x?x8xf32, #o> attributes {graph.symbols = [#graph.symbol<"n">]} {
  %0 = graph.average_pool %x kernel = [3, 3] strides = [1, 1] pads = [1, 1, 1, 1] dilations = [1, 1] : tensor<1x4x?x8xf32, #o> -> tensor<1x4x?x8xf32, #o>
  return %0 : tensor<1x4x?x8xf32, #o>
}

// -----

#b = #graph.dims<()[s0] -> (s0, 4, 8, 8)>
// An open batch opens no border.
// CHECK-LABEL: func.func @mean_of_a_batch(
// CHECK-NOT: graph.transpose
// CHECK: graph.average_pool %{{.*}} kernel
// CHECK-NOT: graph.transpose
// CHECK: return
func.func @mean_of_a_batch(%x: tensor<?x4x8x8xf32, #b>) -> tensor<?x4x8x8xf32, #b> attributes {graph.symbols = [#graph.symbol<"n">]} {
  %0 = graph.average_pool %x kernel = [3, 3] strides = [1, 1] pads = [1, 1, 1, 1] dilations = [1, 1] : tensor<?x4x8x8xf32, #b> -> tensor<?x4x8x8xf32, #b>
  return %0 : tensor<?x4x8x8xf32, #b>
}
