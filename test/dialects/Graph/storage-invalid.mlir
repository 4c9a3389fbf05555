// One case for each constraint of ops on how elements are stored.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// reinterpret_c1
func.func @reinterpret(%x: tensor<5xi4>) {
  // expected-error @+1 {{has an operand of 3 bytes and a result of 2}}
  %y = graph.reinterpret %x : tensor<5xi4> -> tensor<2xui8>
  return
}

// -----

// unpack_c1
func.func @unpack_bits(%x: tensor<5xui8>) {
  // expected-error @+1 {{has elements of 5 bits, but 2, 4 or 6 are expected}}
  %y = graph.unpack %x bits = 5 : tensor<5xui8> -> tensor<8xi8>
  return
}

// -----

// unpack_c2
func.func @unpack_size(%x: tensor<3xui8>) {
  // expected-error @+1 {{has 3 bytes for 7 elements of 4 bits, which take 4}}
  %y = graph.unpack %x bits = 4 : tensor<3xui8> -> tensor<7xi8>
  return
}

// -----

// pack_c1
func.func @pack_bits(%x: tensor<8xi8>) {
  // expected-error @+1 {{has elements of 3 bits, but 2, 4 or 6 are expected}}
  %y = graph.pack %x bits = 3 : tensor<8xi8> -> tensor<3xui8>
  return
}

// -----

// pack_c2
func.func @pack_rank(%x: tensor<2x2xi8>) {
  // expected-error @+1 {{packs vectors, not 'tensor<2x2xi8>'}}
  %y = graph.pack %x bits = 4 : tensor<2x2xi8> -> tensor<2xui8>
  return
}

// -----

// pack_c2
func.func @pack_size(%x: tensor<5xi8>) {
  // expected-error @+1 {{has 2 bytes for 5 elements of 4 bits, which take 3}}
  %y = graph.pack %x bits = 4 : tensor<5xi8> -> tensor<2xui8>
  return
}

// -----

// cast_c1
func.func @cast_complex(%x: tensor<2xcomplex<f32>>) {
  // expected-error @+1 {{cannot convert 'complex<f32>' to 'f32'}}
  %y = graph.cast %x : tensor<2xcomplex<f32>> -> tensor<2xf32>
  return
}

// -----

// encode_c1
func.func @encode_format(%x: tensor<2xf32>) {
  // expected-error @+1 {{has the format 'f16', but a float type of at most 8 bits is expected}}
  %y = graph.encode %x as f16 saturate = true up : tensor<2xf32> -> tensor<2xui8>
  return
}

// -----

// decode_c1
func.func @decode_format(%x: tensor<2xui8>) {
  // expected-error @+1 {{has the format 'i8', but a float type of at most 8 bits is expected}}
  %y = graph.decode %x as i8 : tensor<2xui8> -> tensor<2xf32>
  return
}
