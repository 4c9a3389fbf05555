// What the types of elementwise ops must agree on.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

func.func @element_types(%a: tensor<3xf32>, %b: tensor<3xf64>) {
  // expected-error @+1 {{requires the same element type for all operands and results}}
  %y = graph.add %a, %b : (tensor<3xf32>, tensor<3xf64>) -> tensor<3xf32>
  return
}

// -----

func.func @float_only(%a: tensor<3xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 16-bit float or bfloat16 type or 32-bit float or 64-bit float values}}
  %y = graph.exp %a : tensor<3xi32> -> tensor<3xi32>
  return
}

// -----

func.func @int_only(%a: tensor<3xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of}}
  %y = graph.bitwise_not %a : tensor<3xf32> -> tensor<3xf32>
  return
}

// -----

func.func @bool_only(%a: tensor<3xi8>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 1-bit signless integer values}}
  %y = graph.not %a : tensor<3xi8> -> tensor<3xi8>
  return
}

// -----

func.func @compared(%a: tensor<3xf32>, %b: tensor<3xi32>) {
  // expected-error @+1 {{failed to verify that operands have the same element type}}
  %y = graph.less %a, %b : (tensor<3xf32>, tensor<3xi32>) -> tensor<3xi1>
  return
}

// -----

func.func @selected(%c: tensor<3xi1>, %a: tensor<3xf32>, %b: tensor<3xi32>) {
  // expected-error @+1 {{failed to verify that all of {a, b, y} have same element type}}
  %y = graph.select %c, %a, %b : (tensor<3xi1>, tensor<3xf32>, tensor<3xi32>) -> tensor<3xf32>
  return
}

// -----

func.func @odd_width(%a: tensor<3xi7>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of}}
  %y = graph.cast %a : tensor<3xi7> -> tensor<3xf32>
  return
}

// -----

func.func @unranked(%a: tensor<*xf32>) {
  // expected-error @+1 {{invalid kind of type specified}}
  %y = graph.cast %a : tensor<*xf32> -> tensor<3xf32>
  return
}

// -----

// bitcast_c1
func.func @bitcast_width(%a: tensor<3xf32>) {
  // expected-error @+1 {{cannot read elements of 32 bits as elements of 16 bits}}
  %y = graph.bitcast %a : tensor<3xf32> -> tensor<3xf16>
  return
}

// -----

// quantize_c1
func.func @quantize_zero(%x: tensor<3xf32>, %s: tensor<f32>, %z: tensor<i8>) {
  // expected-error @+1 {{has a zero point of type 'i8' for a result of type 'ui8'}}
  %y = graph.quantize %x scale %s zero %z : (tensor<3xf32>, tensor<f32>, tensor<i8>) -> tensor<3xui8>
  return
}

// -----

// quantize_c2
func.func @quantize_width(%x: tensor<3xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{rounds to integers of up to 16 bits, but the result has 32}}
  %y = graph.quantize %x scale %s : (tensor<3xf32>, tensor<f32>) -> tensor<3xi32>
  return
}

// -----

// dequantize_c1
func.func @dequantize_zero(%x: tensor<3xi8>, %s: tensor<f32>, %z: tensor<i32>) {
  // expected-error @+1 {{has a zero point of type 'i32' for 'x' of type 'i8'}}
  %y = graph.dequantize %x scale %s zero %z : (tensor<3xi8>, tensor<f32>, tensor<i32>) -> tensor<3xf32>
  return
}

// -----

// dequantize_c2
func.func @code_bits_of_a_matrix(%x: tensor<4x8xui8>, %s: tensor<4x1xf32>, %z: tensor<4x1xui8>) {
  // expected-error @+1 {{of codes [n, blocks, m] of ui8}}
  %y = graph.dequantize %x scale %s zero %z {code_bits = 8 : i64} : (tensor<4x8xui8>, tensor<4x1xf32>, tensor<4x1xui8>) -> tensor<4x8xf32>
  return
}

// -----

func.func @six_code_bits(%x: tensor<4x1x8xui8>, %s: tensor<4x1x1xf32>, %z: tensor<4x1x1xui8>) {
  // expected-error @+1 {{has a 'code_bits' of 6, but 4 or 8 are expected}}
  %y = graph.dequantize %x scale %s zero %z {code_bits = 6 : i64} : (tensor<4x1x8xui8>, tensor<4x1x1xf32>, tensor<4x1x1xui8>) -> tensor<4x1x8xf32>
  return
}

// -----

func.func @half_a_byte(%x: tensor<4x1x7xui8>, %s: tensor<4x1x1xf32>, %z: tensor<4x1x1xui8>) {
  // expected-error @+1 {{in whole bytes}}
  %y = graph.dequantize %x scale %s zero %z {code_bits = 4 : i64} : (tensor<4x1x7xui8>, tensor<4x1x1xf32>, tensor<4x1x1xui8>) -> tensor<4x1x7xf32>
  return
}

// -----

func.func @codes_without_a_zero(%x: tensor<4x1x8xui8>, %s: tensor<4x1x1xf32>) {
  // expected-error @+1 {{zeros of ui8 [n, blocks, 1] [graph-code-bits]}}
  %y = graph.dequantize %x scale %s {code_bits = 8 : i64} : (tensor<4x1x8xui8>, tensor<4x1x1xf32>) -> tensor<4x1x8xf32>
  return
}

// -----

func.func @codes_with_a_sign(%x: tensor<4x1x8xi8>, %s: tensor<4x1x1xf32>, %z: tensor<4x1x1xi8>) {
  // expected-error @+1 {{of codes [n, blocks, m] of ui8}}
  %y = graph.dequantize %x scale %s zero %z {code_bits = 8 : i64} : (tensor<4x1x8xi8>, tensor<4x1x1xf32>, tensor<4x1x1xi8>) -> tensor<4x1x8xf32>
  return
}
