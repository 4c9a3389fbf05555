// Sequences and optional values, read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @sequences(
// CHECK-SAME: !graph.sequence<tensor<?x2xf32>>, %{{.*}}: !graph.optional<!graph.sequence<tensor<*xf32>>>
func.func @sequences(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>,
                     %o: !graph.optional<!graph.sequence<tensor<*xf32>>>, %p: tensor<i64>, %k: tensor<2xi64>)
    attributes {graph.symbols = [#graph.symbol<"rows", inner = true>]} {
  // CHECK: graph.sequence %{{.*}}, %{{.*}} : tensor<3x2xf32>, tensor<3x2xf32> -> {{(!graph.sequence)?}}<tensor<3x2xf32>>
  %0 = graph.sequence %x, %x : tensor<3x2xf32>, tensor<3x2xf32> -> !graph.sequence<tensor<3x2xf32>>
  // CHECK: graph.sequence -> {{(!graph.sequence)?}}<tensor<*xf32>>
  %1 = graph.sequence -> !graph.sequence<tensor<*xf32>>
  // CHECK: graph.sequence_insert %{{.*}} into %{{.*}} at %{{.*}} : tensor<3x2xf32>, {{(!graph.sequence)?}}<tensor<?x2xf32>>, tensor<i64> -> {{(!graph.sequence)?}}<tensor<?x2xf32>>
  %2 = graph.sequence_insert %x into %s at %p : tensor<3x2xf32>, !graph.sequence<tensor<?x2xf32>>, tensor<i64> -> !graph.sequence<tensor<?x2xf32>>
  // CHECK: graph.sequence_erase %{{.*}} : {{(!graph.sequence)?}}<tensor<?x2xf32>> -> {{(!graph.sequence)?}}<tensor<?x2xf32>>
  %3 = graph.sequence_erase %2 : !graph.sequence<tensor<?x2xf32>> -> !graph.sequence<tensor<?x2xf32>>
  // CHECK: graph.sequence_length %{{.*}} : {{(!graph.sequence)?}}<tensor<?x2xf32>> -> tensor<i64>
  %4 = graph.sequence_length %3 : !graph.sequence<tensor<?x2xf32>> -> tensor<i64>
  // CHECK: graph.sequence_shape %{{.*}} at %{{.*}} : {{(!graph.sequence)?}}<tensor<?x2xf32>>, tensor<i64> -> tensor<2xi64>
  %5 = graph.sequence_shape %3 at %p : !graph.sequence<tensor<?x2xf32>>, tensor<i64> -> tensor<2xi64>
  graph.define_symbol %5[0] symbol = 0 : tensor<2xi64>
  // CHECK: graph.sequence_at %{{.*}} at %{{.*}} : {{(!graph.sequence)?}}<tensor<?x2xf32>>, tensor<i64> -> tensor<?x2xf32, #
  %6 = graph.sequence_at %3 at %p : !graph.sequence<tensor<?x2xf32>>, tensor<i64> -> tensor<?x2xf32, #graph.dims<()[s0] -> (s0, 2)>>
  // CHECK: graph.split_to_sequence %{{.*}} by %{{.*}} axis = 0 : tensor<3x2xf32>, tensor<2xi64> -> {{(!graph.sequence)?}}<tensor<?x2xf32>>
  %7 = graph.split_to_sequence %x by %k axis = 0 : tensor<3x2xf32>, tensor<2xi64> -> !graph.sequence<tensor<?x2xf32>>
  // CHECK: graph.split_to_sequence %{{.*}} axis = 1 drop_axis : tensor<3x2xf32> -> {{(!graph.sequence)?}}<tensor<3xf32>>
  %8 = graph.split_to_sequence %x axis = 1 drop_axis : tensor<3x2xf32> -> !graph.sequence<tensor<3xf32>>
  // CHECK: graph.concat_from_sequence %{{.*}} axis = 1 new_axis : {{(!graph.sequence)?}}<tensor<3xf32>> -> {{(!graph.sequence)?}}<tensor<3x?xf32>>
  %9 = graph.concat_from_sequence %8 axis = 1 new_axis : !graph.sequence<tensor<3xf32>> -> !graph.sequence<tensor<3x?xf32>>
  // CHECK: graph.optional %{{.*}} : tensor<3x2xf32> -> {{(!graph.optional)?}}<tensor<3x2xf32>>
  %10 = graph.optional %x : tensor<3x2xf32> -> !graph.optional<tensor<3x2xf32>>
  // CHECK: graph.optional -> {{(!graph.optional)?}}<tensor<3x2xf32>>
  %11 = graph.optional -> !graph.optional<tensor<3x2xf32>>
  // CHECK: graph.optional_has_element %{{.*}} : {{(!graph.optional)?}}<!graph.sequence<tensor<*xf32>>> -> tensor<i1>
  %12 = graph.optional_has_element %o : !graph.optional<!graph.sequence<tensor<*xf32>>> -> tensor<i1>
  // CHECK: graph.optional_get_element %{{.*}} : {{(!graph.optional)?}}<tensor<3x2xf32>> -> {{(!graph.sequence)?}}<tensor<3x2xf32>>
  %13 = graph.optional_get_element %10 : !graph.optional<tensor<3x2xf32>> -> !graph.sequence<tensor<3x2xf32>>
  // CHECK: graph.generalize %{{.*}} : {{(!graph.sequence)?}}<tensor<3x2xf32>> -> {{(!graph.sequence)?}}<tensor<*xf32>>
  %14 = graph.generalize %13 : !graph.sequence<tensor<3x2xf32>> -> !graph.sequence<tensor<*xf32>>
  return
}

// CHECK-LABEL: func.func @maps(
// CHECK-SAME: !graph.map<!graph.string to f32>
// CHECK-SAME: -> !graph.map<i64 to f32, many = true>
func.func @maps(%m: !graph.map<!graph.string to f32>, %k: tensor<2xi64>, %v: tensor<3x2xf32>) -> !graph.map<i64 to f32, many = true> {
  // CHECK: graph.make_map %{{.*}} to %{{.*}} : tensor<2xi64>, tensor<3x2xf32> -> {{(!graph.map)?}}<i64 to f32, many = true>
  %0 = graph.make_map %k to %v : tensor<2xi64>, tensor<3x2xf32> -> !graph.map<i64 to f32, many = true>
  // CHECK: graph.map_keys %{{.*}} : {{(!graph.map)?}}<!graph.string to f32> -> {{(!graph.sequence)?}}<tensor<?x!graph.string>>
  %1 = graph.map_keys %m : !graph.map<!graph.string to f32> -> !graph.sequence<tensor<?x!graph.string>>
  // CHECK: graph.map_values %{{.*}} : {{(!graph.map)?}}<!graph.string to f32> -> {{(!graph.sequence)?}}<tensor<?xf32>>
  %2 = graph.map_values %m : !graph.map<!graph.string to f32> -> !graph.sequence<tensor<?xf32>>
  return %0 : !graph.map<i64 to f32, many = true>
}

// Branches and turns hand them on.
// CHECK-LABEL: func.func @regions(
func.func @regions(%c: tensor<i1>, %n: tensor<i64>, %x: tensor<2xf32>, %s: !graph.sequence<tensor<2xf32>>) {
  // CHECK: graph.if %{{.*}} : tensor<i1> -> (!graph.sequence<tensor<2xf32>>)
  %0 = graph.if %c : tensor<i1> -> (!graph.sequence<tensor<2xf32>>) {
    graph.yield %s : !graph.sequence<tensor<2xf32>>
  } else {
    %1 = graph.sequence_insert %x into %s : tensor<2xf32>, !graph.sequence<tensor<2xf32>> -> !graph.sequence<tensor<2xf32>>
    graph.yield %1 : !graph.sequence<tensor<2xf32>>
  }
  // CHECK: graph.loop trip_count(%{{.*}} : tensor<i64>) carried(%{{.*}} : !graph.sequence<tensor<2xf32>>)
  %2 = graph.loop trip_count(%n : tensor<i64>) carried(%0 : !graph.sequence<tensor<2xf32>>) -> (!graph.sequence<tensor<2xf32>>) {
  ^bb0(%i: tensor<i64>, %a: !graph.sequence<tensor<2xf32>>):
    %3 = graph.sequence_erase %a : !graph.sequence<tensor<2xf32>> -> !graph.sequence<tensor<2xf32>>
    graph.yield %3 : !graph.sequence<tensor<2xf32>>
  }
  return
}
