// An operator of one's own whose body is made of ops of the graph dialect: the compiler fuses them with
// what is around them.
func.func @"com.example::SquaredRelu"(
    %x: tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>> {graph.name = "x"})
    -> tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>> {
  %positive = graph.relu %x : tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>
  %squared = graph.mul %positive, %positive
      : (tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>, tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>)
      -> tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>
  return %squared : tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>
}
