// What branches, loops and sizes from data may not look like.
// RUN: lathe-opt %s --allow-unregistered-dialect --verify-diagnostics --split-input-file

// define_symbol_c1
func.func @no_element(%x: tensor<2xi64>) {
  // expected-error @+1 {{reads element 2 of a 'tensor<2xi64>' [graph-symbols]}}
  graph.define_symbol %x[2] symbol = 0 : tensor<2xi64>
  return
}

// -----

// define_symbol_c2
func.func @no_symbol(%x: tensor<2xi64>) attributes {graph.symbols = [#graph.symbol<"n">]} {
  // expected-error @+1 {{defines symbol s0, which is not among the function's inner symbols [graph-symbols]}}
  graph.define_symbol %x[1] symbol = 0 : tensor<2xi64>
  return
}

// -----

// symbol_c5
func.func @twice(%x: tensor<2xi64>) attributes {graph.symbols = [#graph.symbol<"n", inner = true>]} {
  // expected-note @+1 {{by this op}}
  graph.define_symbol %x[0] symbol = 0 : tensor<2xi64>
  // expected-error @+1 {{defines symbol s0, 'n', which is defined already [graph-symbols]}}
  graph.define_symbol %x[1] symbol = 0 : tensor<2xi64>
  return
}

// -----

func.func @too_early(%x: tensor<2xi64>) attributes {graph.symbols = [#graph.symbol<"n", inner = true>]} {
  // expected-error @+1 {{uses symbol s0, 'n', which is not defined here; an earlier graph.define_symbol, graph.if or graph.loop has to define it [graph-symbol-undefined]}}
  %0 = "test.op"() : () -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
  graph.define_symbol %x[0] symbol = 0 : tensor<2xi64>
  return
}

// -----

// Nor behind the region that it is defined in.
func.func @elsewhere(%c: tensor<i1>, %x: tensor<2xi64>) attributes {graph.symbols = [#graph.symbol<"n", inner = true>]} {
  graph.if %c : tensor<i1> {
    graph.define_symbol %x[0] symbol = 0 : tensor<2xi64>
    graph.yield
  } else {
    graph.yield
  }
  // expected-error @+1 {{uses symbol s0, 'n', which is not defined here; an earlier graph.define_symbol, graph.if or graph.loop has to define it [graph-symbol-undefined]}}
  %0 = "test.op"() : () -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
  return
}

// -----

// check_c3
// expected-error @+1 {{check 0 uses symbols that are nowhere defined together: affine_map<()[s0, s1] -> (s0, s1)> [graph-symbol-undefined]}}
func.func @apart(%c: tensor<i1>, %x: tensor<2xi64>) attributes {
    graph.symbols = [#graph.symbol<"n", inner = true>, #graph.symbol<"m", inner = true>],
    graph.checks = [#graph.check<"eq", ()[s0, s1] -> (s0, s1), "">]} {
  graph.if %c : tensor<i1> {
    graph.define_symbol %x[0] symbol = 0 : tensor<2xi64>
    graph.yield
  } else {
    graph.define_symbol %x[1] symbol = 1 : tensor<2xi64>
    graph.yield
  }
  return
}

// -----

// check_c1
func.func @relation() {
  // expected-error @+1 {{asks for #graph.check<"lt", () -> (1, 2), "">, but 'eq', 'ge' or 'broadcast' of two expressions is expected [graph-symbols]}}
  graph.check <"lt", () -> (1, 2), "">
  return
}

// -----

// if_c1
func.func @two_conditions(%c: tensor<2xi1>) {
  // expected-error @+1 {{has a condition of type 'tensor<2xi1>', but one element is expected}}
  graph.if %c : tensor<2xi1> {
    graph.yield
  } else {
    graph.yield
  }
  return
}

// -----

// if_c2
func.func @too_few(%c: tensor<i1>, %x: tensor<f32>) {
  // expected-error @+1 {{must end its second region in 'graph.yield' of 1 values}}
  %0 = graph.if %c : tensor<i1> -> (tensor<f32>) {
    graph.yield %x : tensor<f32>
  } else {
    graph.yield
  }
  return
}

// -----

// if_c2
func.func @other_type(%c: tensor<i1>, %x: tensor<f32>, %y: tensor<i32>) {
  // expected-error @+1 {{has result 0 of type 'tensor<f32>', but its second region yields a 'tensor<i32>' [graph-branch-type]}}
  %0 = graph.if %c : tensor<i1> -> (tensor<f32>) {
    graph.yield %x : tensor<f32>
  } else {
    graph.yield %y : tensor<i32>
  }
  return
}

// -----

// if_c3
func.func @other_size(%c: tensor<i1>, %x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, %y: tensor<4xf32>)
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  // expected-error @+1 {{has s0 as dim 0 of result 0, but its regions yield s0 and 4 [graph-branch-type]}}
  %0 = graph.if %c : tensor<i1> -> (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) {
    graph.yield %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
  } else {
    graph.yield %y : tensor<4xf32>
  }
  return
}

// -----

// loop_c1
func.func @trips(%m: tensor<3xi64>) {
  // expected-error @+1 {{has a trip count or condition of type 'tensor<3xi64>', but one element is expected}}
  graph.loop trip_count(%m : tensor<3xi64>) {
  ^bb0(%i: tensor<i64>):
    graph.yield
  }
  return
}

// -----

// loop_c2
func.func @no_turn(%m: tensor<i64>) {
  // expected-error @+1 {{must have a body with arguments for the turn, a tensor<i64>, and for 0 carried values}}
  graph.loop trip_count(%m : tensor<i64>) {
    graph.yield
  }
  return
}

// -----

// loop_c2
func.func @other_argument(%m: tensor<i64>, %x: tensor<f32>) {
  // expected-error @+1 {{carries value 0 of type 'tensor<f32>', but its body takes a 'tensor<2xf32>' [graph-loop-type]}}
  %0 = graph.loop trip_count(%m : tensor<i64>) carried(%x : tensor<f32>) -> (tensor<2xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<2xf32>):
    graph.yield %a : tensor<2xf32>
  }
  return
}

// -----

// loop_c3
func.func @no_condition(%c: tensor<i1>) {
  // expected-error @+1 {{must end its body in 'graph.yield' of 1 values}}
  graph.loop condition(%c : tensor<i1>) {
  ^bb0(%i: tensor<i64>):
    graph.yield
  }
  return
}

// -----

// loop_c3
func.func @scan_rank(%m: tensor<i64>, %x: tensor<2xf32>) {
  // expected-error @+1 {{has scan output 0 of type 'tensor<3xf32>', but its body yields a 'tensor<2xf32>' [graph-loop-type]}}
  %0 = graph.loop trip_count(%m : tensor<i64>) -> (tensor<3xf32>) {
  ^bb0(%i: tensor<i64>):
    graph.yield %x : tensor<2xf32>
  }
  return
}

// -----

// loop_c4
func.func @grows(%m: tensor<i64>, %x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>)
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  // expected-error @+1 {{carries value 0 with s0, s0, s0 + 1 and s0 as dim 0 before the loop, in its body, at the end of a turn and in the result [graph-loop-type]}}
  %0 = graph.loop trip_count(%m : tensor<i64>) carried(%x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>)
      -> (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) {
  ^bb0(%i: tensor<i64>, %a: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>):
    %1 = "test.op"() : () -> tensor<?xf32, #graph.dims<()[s0] -> (s0 + 1)>>
    graph.yield %1 : tensor<?xf32, #graph.dims<()[s0] -> (s0 + 1)>>
  }
  return
}

// -----

// loop_c5
func.func @known_turns(%m: tensor<i64>, %c: tensor<i1>, %x: tensor<2xf32>) attributes {graph.symbols = []} {
  // expected-error @+1 {{has 4 turns in scan output 0, but with a condition their number is known when it ends [graph-loop-type]}}
  %0 = graph.loop trip_count(%m : tensor<i64>) condition(%c : tensor<i1>) -> (tensor<4x2xf32>) {
  ^bb0(%i: tensor<i64>):
    graph.yield %c, %x : tensor<i1>, tensor<2xf32>
  }
  return
}

// -----

// call_c1
func.func @calls_nothing(%x: tensor<4xf32>) {
  // expected-error @+1 {{calls @elsewhere, but functions of a module call others that have a body in it [graph-call]}}
  %0 = graph.call @elsewhere(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}
func.func private @elsewhere(%x: tensor<4xf32>) -> tensor<4xf32>

// -----

// call_c2
func.func @too_many(%x: tensor<4xf32>) {
  // expected-error @+1 {{has 2 operands, but @one has 1 [graph-call]}}
  %0 = graph.call @one(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}
func.func private @one(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

func.func @another_size(%x: tensor<5xf32>) {
  // expected-error @+1 {{has operand 0 of type 'tensor<5xf32>', but that of @one is a 'tensor<4xf32>' [graph-call]}}
  %0 = graph.call @one(%x) : (tensor<5xf32>) -> tensor<4xf32>
  return
}
func.func private @one(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

func.func @another_result(%x: tensor<4xf32>) {
  // expected-error @+1 {{has result 0 of type 'tensor<4xf64>', but that of @one is a 'tensor<4xf32>' [graph-call]}}
  %0 = graph.call @one(%x) : (tensor<4xf32>) -> tensor<4xf64>
  return
}
func.func private @one(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
