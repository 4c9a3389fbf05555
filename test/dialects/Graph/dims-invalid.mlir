// What an encoding of dimensions and the type of its tensor must agree on.
// RUN: lathe-opt %s --allow-unregistered-dialect --verify-diagnostics --split-input-file

// dims_c2
// expected-error @+1 {{the encoding has 1 expressions, but the tensor has rank 2}}
func.func private @rank(tensor<?x4xf32, #graph.dims<()[s0] -> (s0)>>)

// -----

// dims_c2
// expected-error @+1 {{the encoding says 5 of dim 1, but the type says 4}}
func.func private @value(tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 5)>>)

// -----

// dims_c2
// expected-error @+1 {{the encoding says s0 of dim 1, but the type says 4}}
func.func private @free(tensor<?x4xf32, #graph.dims<()[s0] -> (s0, s0)>>)

// -----

// dims_c2
// expected-error @+1 {{the encoding says 5 of dim 0, but the type says ?}}
func.func private @fixed(tensor<?x4xf32, #graph.dims<() -> (5, 4)>>)

// -----

// dims_c3
// expected-error @+1 {{uses symbol s2, but its function has 1 in 'graph.symbols' [graph-symbols]}}
func.func private @unknown_in_type(tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s0, s2)>>)
    attributes {graph.symbols = [#graph.symbol<"n">]}

// -----

// dims_c3
func.func @unknown_in_body(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) attributes {graph.symbols = [#graph.symbol<"n">]} {
  // expected-error @+1 {{uses symbol s1, but its function has 1 in 'graph.symbols' [graph-symbols]}}
  %0 = "test.op"(%x) : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>
  return
}

// -----

// expected-error @+1 {{'graph.symbols' has 3 : i64, but a list of #graph.symbol is expected [graph-symbols]}}
func.func private @no_symbol() attributes {graph.symbols = [3]}

// -----

// expected-error @+1 {{"graph.symbols" is a list, and belongs to a func.func [graph-symbols]}}
func.func private @no_list() attributes {graph.symbols = "n"}

// -----

// symbol_c1
// expected-error @+1 {{symbol s1 has more than one of 'input', 'min', 'max' and 'inner' [graph-symbols]}}
func.func private @two_kinds() attributes {graph.symbols = [#graph.symbol<"n">,
  #graph.symbol<"m", min = affine_map<()[s0] -> (s0, 1)>, max = affine_map<()[s0] -> (s0, 1)>>]}

// -----

// symbol_c2
// expected-error @+1 {{symbol s1 uses symbol s1, but may use only the first 1 [graph-symbols]}}
func.func private @later() attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m", min = affine_map<()[s0, s1] -> (s1, 1)>>]}

// -----

// symbol_c2
// expected-error @+1 {{symbol s0 has 0 dimensions and 1 expressions, but none and 2 are expected [graph-symbols]}}
func.func private @one_result() attributes {graph.symbols = [#graph.symbol<"m", max = affine_map<() -> (1)>>]}

// -----

// symbol_c3
// expected-error @+1 {{symbol s0 is read from input 1, but there are 1 inputs [graph-symbols]}}
func.func private @no_input(tensor<2xi64>) attributes {graph.symbols = [#graph.symbol<"n", input = 1, element = 0>]}

// -----

// symbol_c3
// expected-error @+1 {{symbol s0 is element 2 of input 0, but that is a 'tensor<2xi64>' [graph-symbols]}}
func.func private @no_element(tensor<2xi64>) attributes {graph.symbols = [#graph.symbol<"n", input = 0, element = 2>]}

// -----

// symbol_c3
// expected-error @+1 {{symbol s0 is element 0 of input 0, but that is a 'tensor<2xf32>' [graph-symbols]}}
func.func private @no_integer(tensor<2xf32>) attributes {graph.symbols = [#graph.symbol<"n", input = 0, element = 0>]}

// -----

// check_c1
// expected-error @+1 {{'graph.checks' has #graph.check<"lt", () -> (1, 2), "">, but a list of #graph.check with 'eq', 'ge' or 'broadcast' is expected [graph-symbols]}}
func.func private @relation() attributes {graph.checks = [#graph.check<"lt", () -> (1, 2), "">]}

// -----

// check_c2
// expected-error @+1 {{check 0 uses symbol s0, but may use only the first 0 [graph-symbols]}}
func.func private @check() attributes {graph.checks = [#graph.check<"eq", ()[s0] -> (s0, 2), "">]}

// -----

// symbol_c4
// expected-error @+1 {{symbol s1 has a bound, but is not defined in the body [graph-symbols]}}
func.func private @bound_of_a_dim() attributes {graph.symbols = [#graph.symbol<"n">,
  #graph.symbol<"m", bound = affine_map<()[s0] -> (s0)>>]}

// -----

// symbol_c4
// expected-error @+1 {{symbol s1 uses symbol s1, but may use only the first 1 [graph-symbols]}}
func.func private @bound_of_itself() attributes {graph.symbols = [#graph.symbol<"n">,
  #graph.symbol<"m", inner = true, bound = affine_map<()[s0, s1] -> (s1)>>]}

// -----

// symbol_c6
// expected-error @+1 {{symbol s0 has a range, but is no dim of an input [graph-symbols]}}
func.func private @range_of_an_element(tensor<2xi64>) attributes {graph.symbols = [
  #graph.symbol<"n", input = 0, element = 1, range = <most = 8>>]}

// -----

// range_c1
// expected-error @+2 {{but there are 8, 4, 1 [graph-range]}}
// expected-error @+1 {{failed to parse Graph_SymbolAttr parameter 'range'}}
func.func private @no_size() attributes {graph.symbols = [#graph.symbol<"n", range = <least = 8, most = 4>>]}

// -----

// range_c1
// expected-error @+2 {{but there are 0, 9, 8 [graph-range]}}
// expected-error @+1 {{failed to parse Graph_SymbolAttr parameter 'range'}}
func.func private @between_multiples() attributes {graph.symbols = [#graph.symbol<"n", range = <most = 9, divisor = 8>>]}

// -----

// A dim that is computed defines nothing.
// expected-error @+1 {{uses symbol s0, 'n', which nothing defines; a dim of an input has to be exactly this symbol [graph-symbol-undefined]}}
func.func @composite(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0 * 2, 4)>>) attributes {graph.symbols = [#graph.symbol<"n">]} {
  return
}

// -----

// expected-error @+1 {{check 0 uses symbols that are nowhere defined together: affine_map<()[s0] -> (s0, 2)> [graph-symbol-undefined]}}
func.func private @check_of_nothing() attributes {graph.symbols = [#graph.symbol<"n">],
  graph.checks = [#graph.check<"eq", ()[s0] -> (s0, 2), "">]}
