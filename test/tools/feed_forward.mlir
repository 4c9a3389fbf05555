// Two products and a gate: families.yaml makes an operator of it.
#x = #graph.dims<()[s0] -> (s0, 24)>
#y = #graph.dims<()[s0] -> (s0, 40)>
func.func @main(%x: tensor<?x24xf32, #x> {graph.name = "x"}, %gate: tensor<24x40xf32> {graph.name = "gate"}, %up: tensor<24x40xf32> {graph.name = "up"})
    -> (tensor<?x40xf32, #y> {graph.name = "y"}) attributes {graph.checks = [], graph.symbols = [#graph.symbol<"batch">]} {
  %0 = graph.matmul %x, %gate : (tensor<?x24xf32, #x>, tensor<24x40xf32>) -> tensor<?x40xf32, #y>
  %1 = graph.matmul %x, %up : (tensor<?x24xf32, #x>, tensor<24x40xf32>) -> tensor<?x40xf32, #y>
  %2 = graph.swish %0 alpha = 1.0 : tensor<?x40xf32, #y> -> tensor<?x40xf32, #y>
  %3 = graph.mul %2, %1 : (tensor<?x40xf32, #y>, tensor<?x40xf32, #y>) -> tensor<?x40xf32, #y>
  return %3 : tensor<?x40xf32, #y>
}
