// What calls may not be: without end, too deep, of sizes that do not fit, or left where shapes are inferred.
// RUN: lathe-opt %s --graph-inline-calls="most-operations=20 most-depth=3" --verify-diagnostics --split-input-file

// call_c3
func.func @a(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @b(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @b(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+2 {{calls @a within a call of it, which never ends [graph-recursion]}}
  // expected-note @+1 {{calls are written out; use graph.loop for what is repeated}}
  %0 = graph.call @a(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @a(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @b(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @b(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @c(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @c(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @d(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @d(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+2 {{is one of more than 3 calls, one inside the other [graph-call-depth]}}
  // expected-note @+1 {{allow more}}
  %0 = graph.call @e(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @e(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// Few functions may stand for endless work: each has the one below it twice.
// expected-error @+2 {{has 23 operations with its calls written out, but at most 20 are allowed [limit-nodes]}}
// expected-note @+1 {{allow more}}
func.func @a(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @b(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = graph.call @b(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
func.func private @b(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @c(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = graph.call @c(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = graph.neg %1 : tensor<4xf32> -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
func.func private @c(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.neg %x : tensor<4xf32> -> tensor<4xf32>
  %1 = graph.neg %0 : tensor<4xf32> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

func.func private @square(%x: tensor<?x?xf32, #graph.dims<()[s0] -> (s0, s0)>>) -> tensor<?x?xf32, #graph.dims<()[s0] -> (s0, s0)>>
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  return %x : tensor<?x?xf32, #graph.dims<()[s0] -> (s0, s0)>>
}
func.func @a(%x: tensor<4x5xf32>) -> tensor<?x?xf32> {
  // expected-error @+1 {{dim 1 of operand 0 and of that input of @square must be equal, but are 5 and 4 [graph-shape-mismatch]}}
  %0 = graph.call @square(%x) : (tensor<4x5xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func private @ranged(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
    attributes {graph.symbols = [#graph.symbol<"m", range = <least = 8, most = 64, divisor = 8>>]} {
  return %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
}
func.func @a(%x: tensor<12xf32>) -> tensor<?xf32> {
  // expected-error @+1 {{dim 0 of input 0 of @ranged is a multiple of 8: its rest and 0 must be equal, but are 4 and 0 [graph-shape-mismatch]}}
  %0 = graph.call @ranged(%x) : (tensor<12xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func private @ranged(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
    attributes {graph.symbols = [#graph.symbol<"m", range = <most = 64>>]} {
  return %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
}
func.func @a(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32>
    attributes {graph.symbols = [#graph.symbol<"m", range = <least = 65>>]} {
  // expected-error @+1 {{dim 0 of input 0 of @ranged is ..64, but the caller's is 65.. [graph-shape-mismatch]}}
  %0 = graph.call @ranged(%x) : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// The same depth where callees come first in the file.
func.func private @e(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func private @d(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @e(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @c(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @d(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @b(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @c(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @a(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+2 {{is one of more than 3 calls, one inside the other [graph-call-depth]}}
  // expected-note @+1 {{allow more}}
  %0 = graph.call @b(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// All functions that programs call are written out.
func.func private @leaf(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.neg %x : tensor<4xf32> -> tensor<4xf32>
  %1 = graph.neg %0 : tensor<4xf32> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
func.func @a(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @leaf(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = graph.call @leaf(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
func.func @b(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @leaf(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = graph.call @leaf(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
// expected-error @+2 {{has 9 operations with its calls written out, and functions before it have 18, but at most 20 are allowed [limit-nodes]}}
// expected-note @+1 {{allow more}}
func.func @c(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.call @leaf(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = graph.call @leaf(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// A call that says of its result what it never is.
func.func private @same(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}
func.func @a(%x: tensor<3xf32>) -> tensor<2x2xf32> {
  // expected-error @+1 {{dim 0 of result 0 of @same and of the call must be equal, but are 3 and 4 [graph-shape-mismatch]}}
  %0 = graph.call @same(%x) : (tensor<3xf32>) -> tensor<4xf32>
  %1 = graph.reshape %0 : (tensor<4xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// -----

// What the callee checks, and what no call of this caller has.
func.func private @both(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, %y: tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>)
    -> tensor<?xf32> attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">],
                                 graph.checks = [#graph.check<"eq", ()[s0, s1] -> (s0, s1 * 2), "asked %lld %lld">]} {
  %0 = graph.neg %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
func.func @a(%x: tensor<8xf32>, %y: tensor<4xf32>, %z: tensor<5xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %0 = graph.call @both(%x, %y) : (tensor<8xf32>, tensor<4xf32>) -> tensor<?xf32>
  // expected-error @+2 {{cannot be: @both checks a size of 8 and one of 10 by 'eq' [graph-shape-mismatch]}}
  // expected-note @+1 {{the check says: asked 8 10}}
  %1 = graph.call @both(%x, %z) : (tensor<8xf32>, tensor<5xf32>) -> tensor<?xf32>
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}
