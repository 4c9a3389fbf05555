// A linear classifier in Lathe's native format: docs/architecture.md follows it through all levels.
func.func @main(%features: tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>> {graph.name = "features"})
    -> (tensor<?x2xf32, #graph.dims<()[s0] -> (s0, 2)>> {graph.name = "probabilities"})
    attributes {graph.checks = [], graph.symbols = [#graph.symbol<"batch">]} {
  %weights = graph.constant dense<[[0.1, 0.2], [0.3, -0.4], [0.5, 0.6], [-0.7, 0.8],
                                   [0.9, 1.0], [1.1, -1.2], [1.3, 1.4], [-1.5, 1.6]]> : tensor<8x2xf32>
  %bias = graph.constant dense<[0.5, -0.5]> : tensor<2xf32>
  %product = graph.matmul %features, %weights
      : (tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>, tensor<8x2xf32>)
      -> tensor<?x2xf32, #graph.dims<()[s0] -> (s0, 2)>>
  %sum = graph.add %product, %bias
      : (tensor<?x2xf32, #graph.dims<()[s0] -> (s0, 2)>>, tensor<2xf32>)
      -> tensor<?x2xf32, #graph.dims<()[s0] -> (s0, 2)>>
  %probabilities = graph.softmax %sum axis = 1
      : tensor<?x2xf32, #graph.dims<()[s0] -> (s0, 2)>>
  return %probabilities : tensor<?x2xf32, #graph.dims<()[s0] -> (s0, 2)>>
}
