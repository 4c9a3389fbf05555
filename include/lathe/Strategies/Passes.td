// include/lathe/Strategies/Passes.td: choosing a strategy for each kernel, and obeying it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include "mlir/Pass/PassBase.td"

def FormGroupsPass : Pass<"kernel-form-groups", "mlir::func::FuncOp"> {
  let summary = "group each root problem with the ops that fuse with it";
  let description = [{
    A group starts at an op and grows along its single result: elementwise ops
    of the same shape join what produces their operand, if the strategy that will
    compute the group takes them, and elementwise chains join the reduction that
    consumes them. The op that decides how a group is computed is marked
    `kernel.root`. A group has one result; whatever happens
    between its ops never reaches memory. Constants of one element, and those whose
    elements are all equal, move in. A concatenation of more than `max-operands`
    becomes a tree of smaller ones, each a group of its own. Casts from fewer bits and
    `graph.dequantize` are copied to each elementwise op that reads them and join its
    group, if that can compute them. In a module
    that is marked `kernel.strict`, convolutions are, too, so that no strategy computes
    other sums; in one that is marked `kernel.tf32`, products and convolutions are.

    Needs: inferred shapes. Keeps: `graph`, plus `kernel.group`.

    ```mlir
    %0 = graph.matmul %a, %b : (tensor<8x4xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
    %1 = graph.relu %0 : tensor<8x2xf32> -> tensor<8x2xf32>
    // becomes
    %1 = kernel.group -> tensor<8x2xf32> {
      %0 = graph.matmul %a, %b {kernel.root} : (tensor<8x4xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
      %2 = graph.relu %0 : tensor<8x2xf32> -> tensor<8x2xf32>
      kernel.yield %2 : tensor<8x2xf32>
    }
    ```
  }];
  // Strategies choose tilings, and build what they are asked about to look at it.
  let dependentDialects = ["::lathe::kernel::KernelDialect", "::lathe::tile::TileDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
  let options = [Option<"target", "target", "std::string", "\"host\"", "What the groups are computed on.">,
                 Option<"maxOps", "max-ops", "unsigned", "32", "Most ops in one group.">,
                 Option<"maxOperands", "max-operands", "unsigned", "32", "Most operands of a concatenation.">];
  let statistics = [Statistic<"numGroups", "groups", "Groups formed.">];
}

def DecomposeAttentionPass : Pass<"decompose-attention", "mlir::func::FuncOp"> {
  let summary = "write out attention that no strategy of the target computes whole";
  let description = [{
    Becomes two products, a softmax and what masks the scores, which are memory then. So does all
    attention in a module that is marked `kernel.strict`, as weights are summed up in other
    terms where it is whole, and all where the target is empty. A remark says why.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.5 : ...
    // becomes
    %0 = graph.transpose %k [0, 1, 3, 2] : ...
    %1 = graph.matmul %q, %0 : ...
    %2 = graph.mul %1, %scale : ...
    %3 = graph.softmax %2 axis = 3 : ...
    %y = graph.matmul %3, %v : ...
    ```
  }];
  let dependentDialects = ["::lathe::graph::GraphDialect", "::lathe::kernel::KernelDialect", "::lathe::tile::TileDialect"];
  let options = [Option<"target", "target", "std::string", "\"host\"", "What attention is computed on.">];
  let statistics = [Statistic<"numDecomposed", "decomposed", "Attention that was written out.">];
}

def SelectStrategiesPass : Pass<"select-strategies", "::lathe::kernel::FuncOp"> {
  let summary = "choose how each kernel is computed";
  let description = [{
    The first strategy of the target's ordered list that matches is written into
    the kernel, unless one is there already.

    Needs: level `kernel`. Keeps: level `kernel`.

    ```mlir
    kernel.func @k(...) attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:fma,avx2">} {
      %y = graph.matmul %a, %w : ...
    // becomes
    kernel.func @k(...) attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:fma,avx2">,
        strategy = #kernel.strategy<"cpu.gemm.packed", {lanes = 8 : i64, rows = 6 : i64, ...}>} {
    ```

    A product or a convolution that falls to `cpu.loops` is a remark; why no other
    strategy takes it stands in the configuration as `because`.

    `choices` are what `lathe tune` found, as `KEY=NAME`: the alternative of that name computes
    the kernel of that key, and the configuration says `choice = "NAME"` and what it is
    `instead_of`. A name that the kernel does not have is a remark and changes nothing.
    `alternative` takes the alternative of that number where there is one; the configuration
    then says how many `alternatives` there are, too.
  }];
  let dependentDialects = ["::lathe::tile::TileDialect"];
  let options = [ListOption<"choices", "choices", "std::string", "Alternatives to take, KEY=NAME each.">,
                 Option<"alternative", "alternative", "unsigned", "0", "Which alternative to take; 0: the choice.">];
}

def LowerKernelsPass : Pass<"lower-kernels", "::lathe::kernel::FuncOp"> {
  let summary = "write out the bodies of kernels in linalg";
  let description = [{
    All graph ops become linalg on plain tensors, but for roots that the
    kernel's strategy takes whole.

    Needs: strategies. Keeps: level `linalg`.

    ```mlir
    %0 = graph.exp %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>> -> ...
    // becomes
    %init = tensor.empty(%n) : tensor<?xf32>
    %0 = linalg.generic {...} ins(%x : tensor<?xf32>) outs(%init : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %1 = math.exp %in : f32
      linalg.yield %1 : f32
    } -> tensor<?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def ApplyStrategiesPass : Pass<"apply-strategies", "::lathe::kernel::FuncOp"> {
  let summary = "rewrite each kernel as its strategy says";
  let description = [{
    Calls `apply` of the strategy that the kernel's attribute names, with the
    configuration that stands there. Nothing is chosen any more, and nothing but
    the kernel is touched: an argument that is wanted in another layout gets the
    note `kernel.packing`, which `pack-constants` obeys.

    Needs: level `linalg`. Keeps: level `scheduled`.

    ```mlir
    %0 = graph.matmul %a, %w : (tensor<8x4xf32>, tensor<4x16xf32>) -> tensor<8x16xf32>
    %1 = linalg.generic {...} ins(%0 : tensor<8x16xf32>) ... // max(x, 0)
    // becomes, with cpu.gemm.packed,
    %1 = tile.contract ins(%a, %packed : tensor<8x4xf32>, tensor<1x4x16xf32>)
        outs(%init : tensor<8x16xf32>) packed tiling(<rows = 6, ...>) maps [] {
    ^bb0(%acc: f32):
      %2 = arith.maximumf %acc, %zero : f32
      tile.yield %2 : f32
    } -> tensor<8x16xf32>
    ```
  }];
  let dependentDialects = ["::lathe::tile::TileDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def PackConstantsPass : Pass<"pack-constants", "::mlir::ModuleOp"> {
  let summary = "pack constants where kernels want them packed";
  let description = [{
    Each call gets a `kernel.pack` for each operand of which the kernel says
    `kernel.packing`.

    Needs: level `scheduled`. Keeps: level `scheduled`.

    ```mlir
    kernel.func @k(%w: tensor<2x3x16xf32> {kernel.packing = {order = array<i64: 0>, tile = 16 : i64, tiled = 1 : i64}}) ...
    %y = kernel.call @k affine_map<() -> ()>(%w) : (tensor<3x20xf32>) -> tensor<4x20xf32>
    // becomes
    %p = kernel.pack %w tiled = 1 order = [0] tile = 16 : tensor<3x20xf32> -> tensor<2x3x16xf32>
    %y = kernel.call @k affine_map<() -> ()>(%p) : (tensor<2x3x16xf32>) -> tensor<4x20xf32>
    ```
  }];
  let dependentDialects = ["::lathe::kernel::KernelDialect"];
}
