#loc = loc("05.onnx":0:0)
#map = affine_map<()[s0] -> (2, s0 - 1)>
#map1 = affine_map<()[s0, s1] -> (0, s1)>
#map2 = affine_map<()[s0, s1, s2] -> (s0, s2 + 1)>
module attributes {graph.metadata = {}, graph.model = {description = "", domain = "", graph_description = "", name = "random", producer_name = "", version = 0 : i64}} {
  func.func @main(%arg0: tensor<?xf32, #graph.dims<()[s0] -> (s0)>> {graph.name = "x0"} loc("05.onnx":0:0)) -> (tensor<?xf32, #graph.dims<()[s0, s1, s2, s3] -> (s3 ceildiv 2)>> {graph.name = "v0"}, tensor<?xf32, #graph.dims<()[s0] -> (s0)>> {graph.name = "v2"}) attributes {graph.checks = [], graph.symbols = [#graph.symbol<"d">, #graph.symbol<"min", min = #map>, #graph.symbol<"max", max = #map1>, #graph.symbol<"min", min = #map2>]} {
    %0 = graph.constant dense<2> : tensor<1xi64> loc(#loc5)
    %1 = graph.constant dense<-4611686018427387904> : tensor<1xi64> loc(#loc6)
    %2 = graph.constant dense<0> : tensor<1xi64> loc(#loc7)
    %3 = graph.constant dense<-2> : tensor<1xi64> loc(#loc8)
    %4 = graph.slice %arg0 offsets = <()[s0, s1, s2, s3] -> (s2)> axes = [0] steps = [-2] : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0, s1, s2, s3] -> (s3 ceildiv 2)>> loc(#loc9)
    %5 = graph.max %arg0, %arg0 : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>> loc(#loc10)
    %6 = graph.mul %arg0, %5 : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>> loc(#loc11)
    return %4, %6 : tensor<?xf32, #graph.dims<()[s0, s1, s2, s3] -> (s3 ceildiv 2)>>, tensor<?xf32, #graph.dims<()[s0] -> (s0)>> loc(#loc)
  } loc(#loc)
} loc(#loc)
#loc1 = loc("initializer"(#loc))
#loc2 = loc("Slice-13"(#loc))
#loc3 = loc("Max-13"(#loc))
#loc4 = loc("Mul-14"(#loc))
#loc5 = loc("k0"(#loc1))
#loc6 = loc("k1"(#loc1))
#loc7 = loc("k2"(#loc1))
#loc8 = loc("k3"(#loc1))
#loc9 = loc("v0"(#loc2))
#loc10 = loc("v1"(#loc3))
#loc11 = loc("v2"(#loc4))
