// The fallback: what its tasks are.
// RUN: lathe-opt %s --apply-strategies --canonicalize --cse --split-input-file | FileCheck %s

// Behind the view that the kernel returns is a loop nest, whose outer loops are tasks.

// CHECK-LABEL: kernel.func @repeat(
// CHECK-SAME:  %[[H:.*]]: index, %[[W:.*]]: index, %[[X:.*]]: tensor<?x?x96xf32>)
// CHECK:         %[[Y:.*]] = scf.forall (%{{.*}}, %{{.*}}) in (%{{.*}}, 2)
// CHECK:           linalg.generic
// CHECK:         %[[FLAT:.*]] = tensor.collapse_shape %[[Y]]
// CHECK:         kernel.return %[[FLAT]]
kernel.func @repeat(%h: index, %w: index, %x: tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
    attributes {sizes = 2 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v4">} {
  %e = tensor.empty(%h, %w) : tensor<?x2x?x2x96xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(a, b, c, d, e) -> (a, c, e)>, affine_map<(a, b, c, d, e) -> (a, b, c, d, e)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<?x?x96xf32>) outs(%e : tensor<?x2x?x2x96xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<?x2x?x2x96xf32>
  %flat = tensor.collapse_shape %y [[0, 1], [2, 3], [4]] : tensor<?x2x?x2x96xf32> into tensor<?x?x96xf32>
  kernel.return %flat : tensor<?x?x96xf32>
}

// -----

// A long sum over rows is shared by columns: two vectors of them a task.

// CHECK-LABEL: kernel.func @mean(
// CHECK:         %[[Y:.*]] = scf.forall (%{{.*}}) = (0) to (96) step (32)
// CHECK:           linalg.generic {{.*}}iterator_types = ["reduction", "parallel"]
// CHECK-SAME:        tensor<400x32xf32>
// CHECK:         kernel.return %[[Y]]
kernel.func @mean(%x: tensor<400x96xf32>) -> tensor<96xf32>
    attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v4">} {
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<96xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<96xf32>) -> tensor<96xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<400x96xf32>) outs(%z : tensor<96xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<96xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(j) -> (j)>, affine_map<(j) -> (j)>], iterator_types = ["parallel"]}
      ins(%s : tensor<96xf32>) outs(%e : tensor<96xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %scale : f32
    linalg.yield %0 : f32
  } -> tensor<96xf32>
  kernel.return %y : tensor<96xf32>
}

// -----

// A short one is not.

// CHECK-LABEL: kernel.func @short(
// CHECK-NOT:     scf.forall
// CHECK:         kernel.return
kernel.func @short(%x: tensor<4x96xf32>) -> tensor<96xf32>
    attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v4">} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<96xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<96xf32>) -> tensor<96xf32>
  %s = linalg.reduce ins(%x : tensor<4x96xf32>) outs(%z : tensor<96xf32>) dimensions = [0]
    (%in: f32, %init: f32) {
      %0 = arith.addf %in, %init : f32
      linalg.yield %0 : f32
    }
  kernel.return %s : tensor<96xf32>
}

// -----

// A concatenation: each task copies one line of every operand.

// CHECK-LABEL: kernel.func @concat(
// CHECK-SAME:  %[[H:[^:]*]]: index, %[[W:[^:]*]]: index, %[[A:[^:]*]]: tensor<?x?x24xf32>, %[[B:[^:]*]]: tensor<?x?x40xf32>)
// CHECK:         %[[Y:.*]] = scf.forall (%[[I:.*]]) in (%[[H]]) shared_outs(%[[OUT:.*]] = %{{.*}})
// CHECK:           %[[LINE:.*]] = tensor.extract_slice %[[OUT]][%[[I]], 0, 0] [1, %[[W]], 64]
// CHECK:           %[[FIRST:.*]] = tensor.extract_slice %[[A]][%[[I]], 0, 0] [1, %[[W]], 24]
// CHECK:           %[[ONE:.*]] = tensor.insert_slice %[[FIRST]] into %[[LINE]][0, 0, 0] [1, %[[W]], 24]
// CHECK:           %[[SECOND:.*]] = tensor.extract_slice %[[B]][%[[I]], 0, 0] [1, %[[W]], 40]
// CHECK:           %[[BOTH:.*]] = tensor.insert_slice %[[SECOND]] into %[[ONE]][0, 0, 24] [1, %[[W]], 40]
// CHECK:           tensor.parallel_insert_slice %[[BOTH]] into %[[OUT]][%[[I]], 0, 0] [1, %[[W]], 64]
// CHECK:         kernel.return %[[Y]]
kernel.func @concat(%h: index, %w: index, %a: tensor<?x?x24xf32>, %b: tensor<?x?x40xf32>) -> tensor<?x?x64xf32>
    attributes {sizes = 2 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v4">} {
  %e = tensor.empty(%h, %w) : tensor<?x?x64xf32>
  %0 = tensor.insert_slice %a into %e[0, 0, 0] [%h, %w, 24] [1, 1, 1] : tensor<?x?x24xf32> into tensor<?x?x64xf32>
  %1 = tensor.insert_slice %b into %0[0, 0, 24] [%h, %w, 40] [1, 1, 1] : tensor<?x?x40xf32> into tensor<?x?x64xf32>
  kernel.return %1 : tensor<?x?x64xf32>
}

// -----

// Sizes that are known, too.

// CHECK-LABEL: kernel.func @concat_of_known_sizes(
// CHECK:         scf.forall (%{{.*}}) in (64)
// CHECK:           tensor.parallel_insert_slice %{{.*}} into %{{.*}} [1, 12, 64] [1, 1, 1]
kernel.func @concat_of_known_sizes(%a: tensor<64x4x64xf32>, %b: tensor<64x8x64xf32>) -> tensor<64x12x64xf32>
    attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v4">} {
  %e = tensor.empty() : tensor<64x12x64xf32>
  %0 = tensor.insert_slice %a into %e[0, 0, 0] [64, 4, 64] [1, 1, 1] : tensor<64x4x64xf32> into tensor<64x12x64xf32>
  %1 = tensor.insert_slice %b into %0[0, 4, 0] [64, 8, 64] [1, 1, 1] : tensor<64x8x64xf32> into tensor<64x12x64xf32>
  kernel.return %1 : tensor<64x12x64xf32>
}

// -----

// What follows padding pads on the way: nothing is padded as a whole.

// CHECK-LABEL: kernel.func @padded(
// CHECK-NOT:     tensor.pad
// CHECK:         scf.forall (%{{.*}}, %{{.*}}) in (4, 58) shared_outs(%{{.*}} = %{{.*}})
// CHECK:           tensor.pad
// CHECK:           linalg.generic
// CHECK:         kernel.return
kernel.func @padded(%x: tensor<4x56x300xf32>) -> tensor<4x58x300xf32>
    attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v4">} {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 1, 0] high[0, 1, 0] {
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %zero : f32
  } : tensor<4x56x300xf32> to tensor<4x58x300xf32>
  %e = tensor.empty() : tensor<4x58x300xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j, k)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%p : tensor<4x58x300xf32>) outs(%e : tensor<4x58x300xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<4x58x300xf32>
  kernel.return %y : tensor<4x58x300xf32>
}

// -----

// A loop of no iteration computes nothing: its result is what it started from,
// which tasks fill.

// CHECK-LABEL: kernel.func @empty(
// CHECK-NOT:     linalg.generic
// CHECK:         %[[Z:.*]] = scf.forall (%{{.*}}) in (4)
// CHECK:           linalg.fill
// CHECK:         kernel.return %[[Z]]
kernel.func @empty(%x: tensor<0x4x300xf32>) -> tensor<4x300xf32>
    attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v4">} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x300xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x300xf32>) -> tensor<4x300xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (j, k)>],
                       iterator_types = ["reduction", "parallel", "parallel"]}
      ins(%x : tensor<0x4x300xf32>) outs(%z : tensor<4x300xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  } -> tensor<4x300xf32>
  kernel.return %s : tensor<4x300xf32>
}

// -----

// Each result is a loop of tasks; what both need is computed in both.

// CHECK-LABEL: kernel.func @two_results(
// CHECK:         %[[A:.*]] = scf.forall (%{{.*}}) in (4)
// CHECK:           linalg.exp
// CHECK:         %[[B:.*]] = scf.forall (%{{.*}}) in (4)
// CHECK:           arith.extf
// CHECK:         kernel.return %[[A]], %[[B]]
kernel.func @two_results(%x: tensor<4x300xf32>) -> (tensor<4x300xf32>, tensor<4x300xf64>)
    attributes {sizes = 0 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v4">} {
  %e = tensor.empty() : tensor<4x300xf32>
  %f = tensor.empty() : tensor<4x300xf64>
  %0 = linalg.exp ins(%x : tensor<4x300xf32>) outs(%e : tensor<4x300xf32>) -> tensor<4x300xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<4x300xf32>) outs(%f : tensor<4x300xf64>) {
  ^bb0(%in: f32, %out: f64):
    %2 = arith.extf %in : f32 to f64
    linalg.yield %2 : f64
  } -> tensor<4x300xf64>
  kernel.return %0, %1 : tensor<4x300xf32>, tensor<4x300xf64>
}
