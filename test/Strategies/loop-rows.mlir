// The fallback: tasks over the outer loops, whole rows within them, results computed where they go.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --canonicalize --cse --split-input-file | FileCheck %s

// A head is a task and a row a step. What lies between the passes over a row is
// one number a row, and the exponentials are computed in the result.
// CHECK: kernel.func @softmax(
// CHECK-SAME: %[[X:.*]]: tensor<12x128x128xf32>
// CHECK: scf.forall (%[[HEAD:.*]]) in (12) shared_outs
// CHECK: scf.for %[[ROW:.*]] =
// CHECK: linalg.generic {{.*}}"reduction"{{.*}} outs(%{{.*}} : tensor<1x1xf32>)
// CHECK: arith.maximumf
// CHECK: %[[EXPS:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x1x128xf32>)
// CHECK: math.exp
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}}"reduction"{{.*}} ins(%[[EXPS]] : {{.*}}) outs(%{{.*}} : tensor<1x1xf32>)
// CHECK: arith.addf
// CHECK: linalg.generic {{.*}} ins(%[[SUM]] : tensor<1x1xf32>) outs(%[[EXPS]] : tensor<1x1x128xf32>)
// CHECK: arith.divf
// CHECK-NOT: linalg.generic
// CHECK: kernel.return
kernel.func @softmax(%x: tensor<12x128x128xf32>) -> tensor<12x128x128xf32> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %y = graph.softmax %x axis = 2 : tensor<12x128x128xf32>
  kernel.return %y : tensor<12x128x128xf32>
}

// -----

// Half precision keeps its sums in f32, so the exponentials of a row are
// memory of their own.
// CHECK: kernel.func @softmax(
// CHECK: scf.for
// CHECK: %[[EXPS:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x1x128xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[EXPS]], %{{.*}} : tensor<1x1x128xf32>, tensor<1x1xf32>) outs(%{{.*}} : tensor<1x1x128xf16>)
kernel.func @softmax(%x: tensor<12x128x128xf16>) -> tensor<12x128x128xf16> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %y = graph.softmax %x axis = 2 : tensor<12x128x128xf16>
  kernel.return %y : tensor<12x128x128xf16>
}

// -----

// A sum over what is concatenated is added where it was concatenated.
// CHECK: kernel.func @concat(
// CHECK: tensor.insert_slice
// CHECK: %[[ALL:.*]] = tensor.insert_slice
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %[[ALL]])
kernel.func @concat(%a: tensor<1x768xf32>, %b: tensor<196x768xf32>, %c: tensor<197x768xf32>) -> tensor<197x768xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %0 = graph.concat %a, %b axis = 0 : (tensor<1x768xf32>, tensor<196x768xf32>) -> tensor<197x768xf32>
  %1 = graph.add %0, %c : (tensor<197x768xf32>, tensor<197x768xf32>) -> tensor<197x768xf32>
  kernel.return %1 : tensor<197x768xf32>
}

// -----

// Where the first dim is reduced, tasks are parts of the columns: a task for each row would reduce all of them.
// CHECK: kernel.func @first(
// CHECK: scf.forall (%{{.*}}) = (0) to (2048) step (256) shared_outs
// CHECK-NOT: scf.forall (
// CHECK: kernel.return
kernel.func @first(%x: tensor<64x2048xf32>) -> tensor<64x2048xf32> attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v4">} {
  %y = graph.softmax %x axis = 0 : tensor<64x2048xf32>
  kernel.return %y : tensor<64x2048xf32>
}
