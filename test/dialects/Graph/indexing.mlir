// Reads and writes at positions, and resampling, read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @gather(
func.func @gather(%x: tensor<4x5xf32>, %i: tensor<2x3xi32>) -> tensor<4x2x3xf32> {
  // CHECK: graph.gather %{{.*}} at %{{.*}} axis = 1 : (tensor<4x5xf32>, tensor<2x3xi32>) -> tensor<4x2x3xf32>
  %0 = graph.gather %x at %i axis = 1 : (tensor<4x5xf32>, tensor<2x3xi32>) -> tensor<4x2x3xf32>
  return %0 : tensor<4x2x3xf32>
}

// CHECK-LABEL: func.func @gather_elements(
func.func @gather_elements(%x: tensor<4x5xi1>, %i: tensor<4x2xi64>) -> tensor<4x2xi1> {
  // CHECK: graph.gather_elements %{{.*}} at %{{.*}} axis = 1 : (tensor<4x5xi1>, tensor<4x2xi64>) -> tensor<4x2xi1>
  %0 = graph.gather_elements %x at %i axis = 1 : (tensor<4x5xi1>, tensor<4x2xi64>) -> tensor<4x2xi1>
  return %0 : tensor<4x2xi1>
}

// CHECK-LABEL: func.func @gather_nd(
func.func @gather_nd(%x: tensor<4x5x6xf32>, %i: tensor<4x2x1xi64>) -> tensor<4x2x6xf32> {
  // CHECK: graph.gather_nd %{{.*}} at %{{.*}} batch_dims = 1 : (tensor<4x5x6xf32>, tensor<4x2x1xi64>) -> tensor<4x2x6xf32>
  %0 = graph.gather_nd %x at %i batch_dims = 1 : (tensor<4x5x6xf32>, tensor<4x2x1xi64>) -> tensor<4x2x6xf32>
  return %0 : tensor<4x2x6xf32>
}

// CHECK-LABEL: func.func @scatter_elements(
func.func @scatter_elements(%x: tensor<4x5xf32>, %i: tensor<2x5xi64>, %u: tensor<2x5xf32>) -> tensor<4x5xf32> {
  // CHECK: graph.scatter_elements none %{{.*}} at %{{.*}} with %{{.*}} axis = 0 : (tensor<4x5xf32>, tensor<2x5xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  %0 = graph.scatter_elements none %x at %i with %u axis = 0 : (tensor<4x5xf32>, tensor<2x5xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  // CHECK: graph.scatter_elements add %{{.*}} at %{{.*}} with %{{.*}} axis = 0 : (tensor<4x5xf32>, tensor<2x5xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  %1 = graph.scatter_elements add %0 at %i with %u axis = 0 : (tensor<4x5xf32>, tensor<2x5xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  return %1 : tensor<4x5xf32>
}

// CHECK-LABEL: func.func @scatter_nd(
func.func @scatter_nd(%x: tensor<4x5xf32>, %i: tensor<2x1xi64>, %u: tensor<2x5xf32>) -> tensor<4x5xf32> {
  // CHECK: graph.scatter_nd none %{{.*}} at %{{.*}} with %{{.*}} : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  %0 = graph.scatter_nd none %x at %i with %u : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  // CHECK: graph.scatter_nd add %{{.*}} at %{{.*}} with %{{.*}} : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  %1 = graph.scatter_nd add %x at %i with %u : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  // CHECK: graph.scatter_nd mul %{{.*}} at %{{.*}} with %{{.*}} : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  %2 = graph.scatter_nd mul %x at %i with %u : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  // CHECK: graph.scatter_nd max %{{.*}} at %{{.*}} with %{{.*}} : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  %3 = graph.scatter_nd max %x at %i with %u : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  // CHECK: graph.scatter_nd min %{{.*}} at %{{.*}} with %{{.*}} : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  %4 = graph.scatter_nd min %x at %i with %u : (tensor<4x5xf32>, tensor<2x1xi64>, tensor<2x5xf32>) -> tensor<4x5xf32>
  return %4 : tensor<4x5xf32>
}

// CHECK-LABEL: func.func @resize(
func.func @resize(%x: tensor<1x2x4x4xf32>, %s: tensor<2xi64>) -> tensor<1x2x8x6xf32> {
  // CHECK: graph.resize nearest %{{.*}} axes = [2, 3] scales = [2.000000e+00, 1.500000e+00] asymmetric floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x8x6xf32>
  %0 = graph.resize nearest %x axes = [2, 3] scales = [2.000000e+00, 1.500000e+00] asymmetric floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x8x6xf32>
  // CHECK: graph.resize cubic %{{.*}} to %{{.*}} axes = [2, 3] scales = [] align_corners round_prefer_ceil {cubic_coefficient = -5.000000e-01 : f64, exclude_outside} : (tensor<1x2x4x4xf32>, tensor<2xi64>) -> tensor<1x2x8x6xf32>
  %1 = graph.resize cubic %x to %s axes = [2, 3] scales = [] align_corners round_prefer_ceil {cubic_coefficient = -5.000000e-01 : f64, exclude_outside} : (tensor<1x2x4x4xf32>, tensor<2xi64>) -> tensor<1x2x8x6xf32>
  // CHECK: graph.resize linear %{{.*}} axes = [2, 3] scales = [] half_pixel ceil {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x8x6xf32>
  %2 = graph.resize linear %x axes = [2, 3] scales = [] half_pixel ceil {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x8x6xf32>
  // CHECK: graph.resize linear %{{.*}} axes = [] scales = [] half_pixel_symmetric round_prefer_floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = graph.resize linear %x axes = [] scales = [] half_pixel_symmetric round_prefer_floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  // CHECK: graph.resize linear %{{.*}} axes = [] scales = [] pytorch_half_pixel round_prefer_floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = graph.resize linear %x axes = [] scales = [] pytorch_half_pixel round_prefer_floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x8x6xf32>
}

// CHECK-LABEL: func.func @resize_factors(
func.func @resize_factors(%x: tensor<1x2x4x4xf32>, %f: tensor<2xf64>) -> tensor<1x2x8x6xf32> {
  // CHECK: graph.resize linear %{{.*}} by %{{.*}} axes = [2, 3] scales = [] half_pixel floor {{.*}} : (tensor<1x2x4x4xf32>, tensor<2xf64>) -> tensor<1x2x8x6xf32>
  %0 = graph.resize linear %x by %f axes = [2, 3] scales = [] half_pixel floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x4x4xf32>, tensor<2xf64>) -> tensor<1x2x8x6xf32>
  return %0 : tensor<1x2x8x6xf32>
}

// CHECK-LABEL: func.func @resize_fractions(
func.func @resize_fractions(%x: tensor<1x2x3x3xf32>, %f: tensor<2x2xf64>) -> tensor<1x2x5x5xf32> {
  // CHECK: graph.resize nearest %{{.*}} by %{{.*}} axes = [2, 3] scales = [] half_pixel floor {{.*}} : (tensor<1x2x3x3xf32>, tensor<2x2xf64>) -> tensor<1x2x5x5xf32>
  %0 = graph.resize nearest %x by %f axes = [2, 3] scales = [] half_pixel floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x2x3x3xf32>, tensor<2x2xf64>) -> tensor<1x2x5x5xf32>
  return %0 : tensor<1x2x5x5xf32>
}

// CHECK-LABEL: func.func @nonzero(
func.func @nonzero(%x: tensor<4x5xf32>) -> tensor<2x7xi64> {
  // CHECK: graph.nonzero %{{.*}} : tensor<4x5xf32> -> tensor<2x7xi64>
  %0 = graph.nonzero %x : tensor<4x5xf32> -> tensor<2x7xi64>
  return %0 : tensor<2x7xi64>
}

// CHECK-LABEL: func.func @suppress_boxes(
func.func @suppress_boxes(%boxes: tensor<2x9x4xf32>, %scores: tensor<2x3x9xf32>, %order: tensor<2x3x9xi64>, %overlap: tensor<f32>, %least: tensor<f32>) -> tensor<2x3x5xi64> {
  // CHECK: graph.suppress_boxes %{{.*}} scores %{{.*}} order %{{.*}} overlap %{{.*}} least %{{.*}} centers : ({{.*}}) -> tensor<2x3x5xi64>
  %0 = graph.suppress_boxes %boxes scores %scores order %order overlap %overlap least %least centers : (tensor<2x9x4xf32>, tensor<2x3x9xf32>, tensor<2x3x9xi64>, tensor<f32>, tensor<f32>) -> tensor<2x3x5xi64>
  // CHECK: graph.suppress_boxes %{{.*}} scores %{{.*}} order %{{.*}} overlap %{{.*}} : ({{.*}}) -> tensor<2x3x9xi64>
  %1 = graph.suppress_boxes %boxes scores %scores order %order overlap %overlap : (tensor<2x9x4xf32>, tensor<2x3x9xf32>, tensor<2x3x9xi64>, tensor<f32>) -> tensor<2x3x9xi64>
  return %0 : tensor<2x3x5xi64>
}
