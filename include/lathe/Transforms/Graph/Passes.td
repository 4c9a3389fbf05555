// include/lathe/Transforms/Graph/Passes.td: graph -> graph.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include "mlir/Pass/PassBase.td"

def InferShapesPass : Pass<"graph-infer-shapes", "mlir::func::FuncOp"> {
  let summary = "give every tensor its dimensions as expressions of symbols";
  let description = [{
    Free dimensions of arguments become symbols; every graph op infers its
    result types again; arithmetic on shapes becomes `graph.dim_values` or
    constants, and operands that only said a shape are dropped. `dims` fixes
    named symbols to values, or says their `range`.

    Needs: `graph`. Keeps: `graph`; afterwards no dimension is unresolved.

    ```mlir
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32>
    // becomes
    func.func @main(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> ...
        attributes {graph.symbols = [#graph.symbol<"">]}
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let options = [ListOption<"dims", "dims", "std::string",
      "NAME=SIZE for each symbol to fix, NAME=8..512%8 for what one can be.">,
    ListOption<"elsewhere", "elsewhere", "std::string",
      "Names that other functions of the module have: `dims` may name them.">];
}

def InlineCallsPass : Pass<"graph-inline-calls", "mlir::ModuleOp"> {
  let summary = "write out the functions that others call";
  let description = [{
    Each `graph.call` becomes the body of its callee, with its shapes inferred for the operands that it has there.
    Private functions go. So every pass behind it sees one function after the other, memory is planned across calls, and
    kernels that calls have in common are one, as all equal kernels are.

    Needs: `graph`. Keeps: `graph`; afterwards there are no calls.

    ```mlir
    func.func private @twice(%x: tensor<?xf32>) -> tensor<?xf32> {
      %0 = graph.add %x, %x : ...
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = graph.call @twice(%x) : (tensor<4xf32>) -> tensor<4xf32>
    // becomes
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = graph.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let options = [Option<"mostOperations", "most-operations", "int64_t", "INT64_MAX",
      "What all functions may have with their calls written out.">,
    Option<"mostDepth", "most-depth", "int64_t", "64", "How many calls there may be, one inside the other.">];
}

def StoreElementsPass : Pass<"graph-store-elements", "mlir::func::FuncOp"> {
  let summary = "keep elements that no processor knows as integers";
  let description = [{
    Floats of eight bits and less, integers of less than a byte, complex numbers and
    strings (their addresses) become integers of as many bits, or of a byte if those
    are fewer. Casts become `graph.encode`, `graph.decode` and shifts; functions on
    strings become `graph.text`. All other ops have to move elements only.

    The signature stays. Where it has elements of less than a byte, `graph.unpack` and
    `graph.pack` stand between it and the rest; large constants stay packed, too.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    func.func @main(%x: tensor<5xi4>) -> tensor<5xf32> {
      %0 = graph.cast %x : tensor<5xi4> -> tensor<5xf32>
    // becomes
    func.func @main(%x: tensor<5xi4>) -> tensor<5xf32> {
      %0 = graph.reinterpret %x : tensor<5xi4> -> tensor<3xui8>
      %1 = graph.unpack %0 bits = 4 : tensor<3xui8> -> tensor<5xi8>
      %2 = graph.cast %1 : tensor<5xi8> -> tensor<5xf32>
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def FormAttentionPass : Pass<"graph-form-attention", "mlir::func::FuncOp"> {
  let summary = "see attention in two products with a softmax between them";
  let description = [{
    `softmax(cap(scale q k^T) + bias) v` of rank 3 or 4 becomes `graph.attention`, as exporters and
    importers write it: scales on either factor or on the scores, masks that are added or selected, in
    any number, keys and values that are repeated for groups of heads, and transposes between
    [batch, length, heads, size] and [batch, heads, length, size], which become `heads_inside`. Weights that are zero
    where they are no numbers become `zero_rows`. Nothing else may use what is between the products, and nothing there
    is f64. Positions of queries and keys that are compared stay a mask.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %kt = graph.transpose %k [0, 2, 3, 1] : ...
    %s = graph.matmul %q, %kt : ...
    %d = graph.div %s, %eight : ...
    %m = graph.add %d, %mask : ...
    %w = graph.softmax %m axis = 3 : ...
    %y = graph.matmul %w, %v : ...
    // becomes
    %y = graph.attention %q, %k, %v bias %mask heads_inside = [false, true, false, false] scale = 1.250000e-01 : ...
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let statistics = [Statistic<"numFormed", "formed", "Attention that was found.">];
}

def FormIntegerProductsPass : Pass<"graph-form-integer-products", "mlir::func::FuncOp"> {
  let summary = "multiply bytes, not what quantized bytes stand for";
  let description = [{
    A product or convolution of tensors that `graph.dequantize` gives becomes one
    of the bytes with sums in i32, times both scales; and one of bytes that were
    widened to i32 and had their zero points subtracted becomes one of the bytes.
    Zero points become sums over rows and columns, which are subtracted after it
    and are constants where the weights are. Weights without a sign whose zero
    point is 128 get one. Padding is what stands for zero.

    The sums are exact. A product of dequantized tensors stays where its sum may
    leave the range of i32, or where a parameter varies within a sum; a remark
    says so.

    Needs: inferred shapes, channels first. Keeps: `graph`.

    ```mlir
    %0 = graph.dequantize %x scale %s : (tensor<4x8xui8>, tensor<f32>) -> tensor<4x8xf32>
    %1 = graph.dequantize %w scale %t : (tensor<8x6xi8>, tensor<6xf32>) -> tensor<8x6xf32>
    %2 = graph.matmul %0, %1 : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
    // becomes
    %0 = graph.matmul %x, %w : (tensor<4x8xui8>, tensor<8x6xi8>) -> tensor<4x6xi32>
    %1 = graph.cast %0 : tensor<4x6xi32> -> tensor<4x6xf32>
    %2 = graph.mul %s, %t : (tensor<f32>, tensor<6xf32>) -> tensor<6xf32>
    %3 = graph.mul %1, %2 : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xf32>
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let statistics = [Statistic<"numFormed", "products", "Products of bytes that were formed">];
}

def KeepWeightCodesPass : Pass<"graph-keep-weight-codes", "mlir::func::FuncOp"> {
  let summary = "leave quantized weights of products in their few bits";
  let description = [{
    The right operand of a product with f32 or f16 that constants of 2 to 8 bits give by
    `graph.dequantize` gets one form: codes without a sign, a column of the weights in a row,
    cut into blocks that share a scale and a zero point. `code_bits` says how many
    bits a code needs, 4 or 8. Constants do not fold over this op, so that a processor reads the codes
    in each call and not four or eight times as many bytes.

    A product stays where its weights have fewer than 4096 elements. In a module with the mark `kernel.bf16` those
    of more than 4 rows stay, too, which are faster in bf16. So does a product where
    bytes become floats in another way, such as with a parameter that varies otherwise; there a remark says so.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %w = graph.dequantize %q scale %s : (tensor<64x128xi8>, tensor<128xf32>) -> tensor<64x128xf32>
    %0 = graph.matmul %x, %w : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
    // becomes
    %d = graph.dequantize %c scale %t zero %z {code_bits = 8 : i64}
        : (tensor<128x1x64xui8>, tensor<128x1x1xf32>, tensor<128x1x1xui8>) -> tensor<128x1x64xf32>
    %r = graph.reshape %d : (tensor<128x1x64xf32>) -> tensor<128x64xf32>
    %w = graph.transpose %r [1, 0] : tensor<128x64xf32> -> tensor<64x128xf32>
    %0 = graph.matmul %x, %w : (tensor<1x64xf32>, tensor<64x128xf32>) -> tensor<1x128xf32>
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let statistics = [Statistic<"numKept", "kept", "Products whose weights stay in codes">];
}

def FoldScaleIntoConvPass : Pass<"graph-fold-scale-into-conv", "mlir::func::FuncOp"> {
  let summary = "multiply constant scales of convolution results into the filters";
  let description = [{
    `conv(x, w) * s` with `w` and the per-channel `s` constant becomes
    `conv(x, w * s)`, and `(conv + b) * s` becomes `conv * s + b * s`: what is
    left of a BatchNormalization is one bias, and constant folding computes the
    new filter.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %0 = graph.conv %x, %w strides = ...
    %1 = graph.mul %0, %s : (tensor<1x8x4x4xf32>, tensor<8x1x1xf32>) -> tensor<1x8x4x4xf32>
    // becomes
    %r = graph.reshape %s : (tensor<8x1x1xf32>) -> tensor<8x1x1x1xf32>
    %f = graph.mul %w, %r : (tensor<8x3x3x3xf32>, tensor<8x1x1x1xf32>) -> tensor<8x3x3x3xf32>
    %1 = graph.conv %x, %f strides = ...
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def MultiplyInBF16Pass : Pass<"graph-multiply-in-bf16", "mlir::func::FuncOp"> {
  let summary = "multiply bf16 and add in f32 where weights are constants";
  let description = [{
    In a module with the mark `kernel.bf16`, which `--precision bf16` sets, products and convolutions of
    f32 whose weights are constants round both factors to bf16, to the nearest even; the sums stay f32. What else reads a tensor that is
    rounded reads the rounded one, so that only this is stored; inputs and results of
    the function stay as they are. Sums of fewer than 16 terms or an odd number of
    channels, narrow groups and products of two computed tensors stay f32. With
    `keep-filtered`, so do convolutions for which Winograd's filtering in f32 is faster
    than vectors of bf16: of 3x3 taps with stride 1, on images of at least 14 x 14.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %0 = graph.matmul %x, %w : (tensor<8x64xf32>, tensor<64x32xf32>) -> tensor<8x32xf32>
    // becomes
    %a = graph.cast %x : tensor<8x64xf32> -> tensor<8x64xbf16>
    %b = graph.cast %w : tensor<64x32xf32> -> tensor<64x32xbf16>
    %0 = graph.matmul %a, %b : (tensor<8x64xbf16>, tensor<64x32xbf16>) -> tensor<8x32xf32>
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let options = [Option<"keepFiltered", "keep-filtered", "bool", "false", "Leave what f32 computes by fewer products.">];
  let statistics = [Statistic<"numNarrowed", "products", "Products that multiply bf16">];
}

def AssignLayoutsPass : Pass<"graph-assign-layouts", "mlir::func::FuncOp"> {
  let summary = "channels last for every op that has a choice";
  let description = [{
    Convolutions and pools become `channels_last` between transposes; transposes
    then sink through elementwise ops, reductions, concatenations, paddings,
    slices and resamplings until they meet their inverse or leave the model.

    Needs: inferred shapes. Keeps: `graph`; afterwards every convolution and
    pool is `channels_last`.

    ```mlir
    %0 = graph.conv %x, %w strides = ...
    // becomes
    %t = graph.transpose %x [0, 2, 3, 1]
    %c = graph.conv %t, %w channels_last strides = ...
    %0 = graph.transpose %c [0, 3, 1, 2]
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def MaterializePaddingPass : Pass<"graph-materialize-padding", "mlir::func::FuncOp"> {
  let summary = "make the padding of convolutions an op of its own";
  let description = [{
    A convolution with padding becomes `graph.pad` and one without, so that
    microkernels read without bounds checks and padding can fuse with producers.

    Needs: channels last. Keeps: `graph`; no convolution has padding.

    ```mlir
    %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [1, 1, 1, 1] ...
    // becomes
    %p = graph.pad constant %x amounts = <() -> (0, 1, 1, 0, 0, 1, 1, 0)> : ...
    %0 = graph.conv %p, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] ...
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def DecomposeConvTransposePass : Pass<"graph-decompose-conv-transpose", "mlir::func::FuncOp"> {
  let summary = "transposed convolutions as convolutions whose outputs interleave";
  let description = [{
    Every stride-th output along a dim is a convolution of the input with every
    stride-th tap, in reverse. Where all of these phases have as many taps, they
    are the channels of one convolution; else, up to 16, each is one, so that no
    tap of zero meets an infinity. A transpose puts the outputs in their places
    and a slice cuts off what the padding takes. With strides and dilations both,
    or more padding than the filter reaches, the op stays, and a remark says so.

    Needs: channels last. Keeps: `graph`.

    ```mlir
    %0 = graph.conv_transpose %x, %w channels_last strides = [2, 2] ...
        : (tensor<1x4x5x3xf32>, tensor<3x8x2x2xf32>) -> tensor<1x8x10x8xf32>
    // becomes, with %f the filters of four phases,
    %c = graph.conv %x, %f channels_last strides = [1, 1] ...
        : (tensor<1x4x5x3xf32>, tensor<32x3x1x1xf32>) -> tensor<1x4x5x32xf32>
    %b = graph.reshape %c : (tensor<1x4x5x32xf32>) -> tensor<1x4x5x2x16xf32>
    %t = graph.transpose %b [0, 1, 3, 2, 4] : tensor<1x4x5x2x16xf32> -> tensor<1x4x2x5x16xf32>
    %0 = graph.reshape %t : (tensor<1x4x2x5x16xf32>) -> tensor<1x8x10x8xf32>
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def SplitResamplingPass : Pass<"graph-split-resampling", "mlir::func::FuncOp"> {
  let summary = "interpolation along several axes as one op for each";
  let description = [{
    Linear and cubic interpolation of f32 and f64 is separable: two axes cost four
    neighbours one after the other, of which those along an outer axis are whole
    rows, instead of as many as the product of both. What shrinks goes first.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %0 = graph.resize linear %x axes = [2, 3] scales = [2.0, 2.0] ...
    // becomes
    %t = graph.resize linear %x axes = [2] scales = [2.0] ...
    %0 = graph.resize linear %t axes = [3] scales = [2.0] ...
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def SplitPoolsPass : Pass<"graph-split-pools", "mlir::func::FuncOp"> {
  let summary = "maxima of large windows axis by axis";
  let description = [{
    The maximum of a window is that of the maxima of its lines: 13x13 positions cost
    26 comparisons and one more pass over the image instead of 169. Windows of up to 16
    positions stay, and so does one that is the whole image. What shrinks most goes
    first.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %y = graph.max_pool %x kernel = [5, 5] strides = [1, 1] pads = [2, 2, 2, 2] dilations = [1, 1] ...
    // becomes
    %t = graph.max_pool %x kernel = [5, 1] strides = [1, 1] pads = [2, 0, 2, 0] dilations = [1, 1] ...
    %y = graph.max_pool %t kernel = [1, 5] strides = [1, 1] pads = [0, 2, 0, 2] dilations = [1, 1] ...
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
}

def DecomposeRecurrentPass : Pass<"graph-decompose-recurrent", "mlir::func::FuncOp"> {
  let summary = "recurrent layers as one product over all steps and a loop";
  let description = [{
    The product of the input with `w` does not depend on the state: it becomes
    one `graph.matmul` over all steps, with the biases. What is left of a step, a
    product of the state with `r` and elementwise ops, is the body of a
    `graph.loop` that carries the states; a few steps, `unroll-limit`, become
    straight code. Rows whose length is reached keep their state by
    `graph.select`.

    Needs: inferred shapes. Keeps: `graph`; no recurrent layer is left.

    ```mlir
    %y, %h = graph.rnn forward %x, %w, %r ...
    // becomes
    %p = graph.matmul %rows, %wt : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
    %h, %y = graph.loop trip_count(%n) carried(%h0) {
    ^bb0(%i: tensor<i64>, %s: tensor<2x8xf32>):
      %g = graph.gather %p at %i axis = 0
      %m = graph.matmul %s, %rt
      %a = graph.add %m, %g
      %t = graph.tanh %a
      graph.yield %t, %t
    }
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let options = [Option<"unrollLimit", "unroll-limit", "int64_t", "4", "The most steps that become straight code.">];
}

def FoldConstantsPass : Pass<"graph-fold-constants", "mlir::func::FuncOp"> {
  let summary = "compute what depends on constants only";
  let description = [{
    All ops whose operands are constants are moved into one program, which the
    evaluator (the compiler's own JIT) compiles and runs; its results take
    their place as constants. There is no second implementation of any op.

    Results much larger than what they are computed from stay unfolded.

    Needs: inferred shapes. Keeps: `graph`.

    ```mlir
    %a = graph.constant dense<[1.0, 4.0]> : tensor<2xf32>
    %0 = graph.sqrt %a : tensor<2xf32> -> tensor<2xf32>
    // becomes
    %0 = graph.constant dense<[1.0, 2.0]> : tensor<2xf32>
    ```
  }];
  let dependentDialects = ["lathe::graph::GraphDialect"];
  let statistics = [Statistic<"numFolded", "folded", "Values that became constants.">];
}

