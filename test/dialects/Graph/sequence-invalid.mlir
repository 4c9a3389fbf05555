// What sequences, optional values and the ops on them rule out.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// sequence_type_c1
// expected-error @+1 {{a sequence of 'tensor<?xf32, #graph.dims<()[s0] -> (s0)>>' cannot be}}
func.func private @f(!graph.sequence<tensor<?xf32, #graph.dims<()[s0] -> (s0)>>>)

// -----

// optional_type_c1
// expected-error @+1 {{an optional 'f32' cannot be}}
func.func private @f(!graph.optional<f32>)

// -----

// sequence_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has an element of type 'tensor<3x2xf32>', which is no 'tensor<4x2xf32>' [graph-sequence-type]}}
  %0 = graph.sequence %x : tensor<3x2xf32> -> !graph.sequence<tensor<4x2xf32>>
  return
}

// -----

// sequence_insert_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a sequence of type '!graph.sequence<tensor<?x2xf32>>', which is no}}
  %0 = graph.sequence_insert %x into %s : tensor<3x2xf32>, !graph.sequence<tensor<?x2xf32>> -> !graph.sequence<tensor<3x2xf32>>
  return
}

// -----

// sequence_insert_c2
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a position of type 'tensor<2xi64>', but one element is expected [graph-sequence-type]}}
  %0 = graph.sequence_insert %x into %s at %k : tensor<3x2xf32>, !graph.sequence<tensor<?x2xf32>>, tensor<2xi64> -> !graph.sequence<tensor<?x2xf32>>
  return
}

// -----

// sequence_erase_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a result of type '!graph.sequence<tensor<*xf32>>', but the sequence is a '!graph.sequence<tensor<?x2xf32>>' [graph-sequence-type]}}
  %0 = graph.sequence_erase %s : !graph.sequence<tensor<?x2xf32>> -> !graph.sequence<tensor<*xf32>>
  return
}

// -----

// sequence_erase_c2
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a position of type 'tensor<2xi64>'}}
  %0 = graph.sequence_erase %s at %k : !graph.sequence<tensor<?x2xf32>>, tensor<2xi64> -> !graph.sequence<tensor<?x2xf32>>
  return
}

// -----

// sequence_shape_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a result of type 'tensor<3xi64>' for the dims of a 'tensor<?x2xf32>' [graph-sequence-type]}}
  %0 = graph.sequence_shape %s at %p : !graph.sequence<tensor<?x2xf32>>, tensor<i64> -> tensor<3xi64>
  return
}

// -----

// sequence_shape_c2
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a position of type 'tensor<2xi64>'}}
  %0 = graph.sequence_shape %s at %k : !graph.sequence<tensor<?x2xf32>>, tensor<2xi64> -> tensor<2xi64>
  return
}

// -----

// sequence_at_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a result of type 'tensor<4xf32>', which is no 'tensor<?x2xf32>' [graph-sequence-type]}}
  %0 = graph.sequence_at %s at %p : !graph.sequence<tensor<?x2xf32>>, tensor<i64> -> tensor<4xf32>
  return
}

// -----

// sequence_at_c2
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a position of type 'tensor<2xi64>'}}
  %0 = graph.sequence_at %s at %k : !graph.sequence<tensor<?x2xf32>>, tensor<2xi64> -> tensor<4x2xf32>
  return
}

// -----

// split_to_sequence_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has the axis 2 of a 'tensor<3x2xf32>' [graph-sequence-type]}}
  %0 = graph.split_to_sequence %x axis = 2 : tensor<3x2xf32> -> !graph.sequence<tensor<3x2xf32>>
  return
}

// -----

// split_to_sequence_c2
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has sizes of rank 2 or more, or drops the axis of parts of more than one element}}
  %0 = graph.split_to_sequence %x by %p axis = 0 drop_axis : tensor<3x2xf32>, tensor<i64> -> !graph.sequence<tensor<2xf32>>
  return
}

// -----

// split_to_sequence_c3
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a part of type 'tensor<?x2xf32>', which is no 'tensor<3x2xf32>'}}
  %0 = graph.split_to_sequence %x by %p axis = 0 : tensor<3x2xf32>, tensor<i64> -> !graph.sequence<tensor<3x2xf32>>
  return
}

// -----

// concat_from_sequence_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{cannot make a 'tensor<?x2xf32>' of a sequence of 'tensor<?x2xf32>' along axis 2}}
  %0 = graph.concat_from_sequence %s axis = 2 : !graph.sequence<tensor<?x2xf32>> -> !graph.sequence<tensor<?x2xf32>>
  return
}

// -----

// optional_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a value of type 'tensor<3x2xf32>', which is no 'tensor<3xf32>'}}
  %0 = graph.optional %x : tensor<3x2xf32> -> !graph.optional<tensor<3xf32>>
  return
}

// -----

// optional_get_element_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a result of type '!graph.sequence<tensor<4xf32>>' for the content 'tensor<3xf32>'}}
  %0 = graph.optional_get_element %o : !graph.optional<tensor<3xf32>> -> !graph.sequence<tensor<4xf32>>
  return
}

// -----

// generalize_c1
func.func @f(%x: tensor<3x2xf32>, %s: !graph.sequence<tensor<?x2xf32>>, %o: !graph.optional<tensor<3xf32>>,
                %p: tensor<i64>, %k: tensor<2xi64>) {
  // expected-error @+1 {{has a value of type '!graph.sequence<tensor<?x2xf32>>', which is no}}
  %0 = graph.generalize %s : !graph.sequence<tensor<?x2xf32>> -> !graph.sequence<tensor<3x2xf32>>
  return
}

// -----

// map_type_c1
// expected-error @+1 {{a map of 'f32' to 'f32' cannot be}}
func.func private @f(!graph.map<f32 to f32>)

// -----

// make_map_c1
func.func @f(%k: tensor<2xi64>, %v: tensor<2xf32>) {
  // expected-error @+1 {{makes '!graph.map<i64 to f32, many = true>' of 'tensor<2xi64>' and 'tensor<2xf32>' [graph-sequence-type]}}
  %0 = graph.make_map %k to %v : tensor<2xi64>, tensor<2xf32> -> !graph.map<i64 to f32, many = true>
  return
}

// -----

// map_keys_c1
func.func @f(%m: !graph.map<i64 to f32>) {
  // expected-error @+1 {{gives '!graph.sequence<tensor<?xf32>>' of '!graph.map<i64 to f32>' [graph-sequence-type]}}
  %0 = graph.map_keys %m : !graph.map<i64 to f32> -> !graph.sequence<tensor<?xf32>>
  return
}

// -----

// map_values_c1
func.func @f(%m: !graph.map<i64 to f32>) {
  // expected-error @+1 {{gives '!graph.sequence<tensor<?xi64>>' of '!graph.map<i64 to f32>' [graph-sequence-type]}}
  %0 = graph.map_values %m : !graph.map<i64 to f32> -> !graph.sequence<tensor<?xi64>>
  return
}
