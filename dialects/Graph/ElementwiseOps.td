// dialects/Graph/ElementwiseOps.td: ops that compute each element on its own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_ELEMENTWISE
#define LATHE_GRAPH_ELEMENTWISE

include "dialects/Graph/GraphBase.td"

class Graph_ElementwiseOp<string mnemonic, list<Trait> traits = []>
    : Graph_Op<mnemonic, !listconcat(traits, [
        DeclareOpInterfaceMethods<ScalarComputation>])> {
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferResultDims(
        ::lathe::graph::ShapeSolver &solver,
        ::llvm::SmallVectorImpl<::lathe::graph::Dims> &results) {
      return ::lathe::graph::inferElementwise(*this, solver, results);
    }
  }];
}

class Graph_UnaryOp<string mnemonic, string formula, Type type = Graph_FloatTensor>
    : Graph_ElementwiseOp<mnemonic, [SameOperandsAndResultElementType]> {
  let summary = formula;
  let description = "Elementwise: `" # formula # "`.";
  let arguments = (ins type:$x);
  let results = (outs type:$y);
  let assemblyFormat = "$x attr-dict `:` custom<UnaryTypes>(type($x), type($y))";
}

def Graph_AbsOp : Graph_UnaryOp<"abs", "y = |x|", Graph_NumberTensor>;
def Graph_NegOp : Graph_UnaryOp<"neg", "y = -x", Graph_NumberTensor> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_SignOp : Graph_UnaryOp<"sign", "y = -1, 0 or 1 as x < 0, x = 0 or x > 0; NaN stays NaN", Graph_NumberTensor>;
def Graph_CeilOp : Graph_UnaryOp<"ceil", "y = the least integer >= x">;
def Graph_FloorOp : Graph_UnaryOp<"floor", "y = the largest integer <= x">;
def Graph_RoundOp : Graph_UnaryOp<"round", "y = the nearest integer, ties to even">;
def Graph_ReciprocalOp : Graph_UnaryOp<"reciprocal", "y = 1 / x">;
def Graph_SqrtOp : Graph_UnaryOp<"sqrt", "y = sqrt(x)">;
def Graph_ExpOp : Graph_UnaryOp<"exp", "y = e^x">;
def Graph_LogOp : Graph_UnaryOp<"log", "y = ln x">;
def Graph_SinOp : Graph_UnaryOp<"sin", "y = sin x">;
def Graph_CosOp : Graph_UnaryOp<"cos", "y = cos x">;
def Graph_TanOp : Graph_UnaryOp<"tan", "y = tan x">;
def Graph_AsinOp : Graph_UnaryOp<"asin", "y = arcsin x">;
def Graph_AcosOp : Graph_UnaryOp<"acos", "y = arccos x">;
def Graph_AtanOp : Graph_UnaryOp<"atan", "y = arctan x">;
def Graph_SinhOp : Graph_UnaryOp<"sinh", "y = sinh x">;
def Graph_CoshOp : Graph_UnaryOp<"cosh", "y = cosh x">;
def Graph_TanhOp : Graph_UnaryOp<"tanh", "y = tanh x">;
def Graph_AsinhOp : Graph_UnaryOp<"asinh", "y = arsinh x">;
def Graph_AcoshOp : Graph_UnaryOp<"acosh", "y = arcosh x">;
def Graph_AtanhOp : Graph_UnaryOp<"atanh", "y = artanh x">;
def Graph_ErfOp : Graph_UnaryOp<"erf", "y = erf x">;
def Graph_ReluOp : Graph_UnaryOp<"relu", "y = max(x, 0)", Graph_NumberTensor>;
def Graph_SigmoidOp : Graph_UnaryOp<"sigmoid", "y = 1 / (1 + e^-x)">;
def Graph_SoftplusOp : Graph_UnaryOp<"softplus", "y = ln(1 + e^x)">;
def Graph_SoftsignOp : Graph_UnaryOp<"softsign", "y = x / (1 + |x|)">;
def Graph_MishOp : Graph_UnaryOp<"mish", "y = x tanh(ln(1 + e^x))">;
def Graph_NotOp : Graph_UnaryOp<"not", "y = not x", Graph_BoolTensor> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_BitwiseNotOp : Graph_UnaryOp<"bitwise_not", "y = ~x", Graph_IntTensor>;

class Graph_AlphaOp<string mnemonic, string formula> : Graph_UnaryOp<mnemonic, formula> {
  let arguments = (ins Graph_FloatTensor:$x, F64Attr:$alpha);
  let assemblyFormat = "$x `alpha` `=` $alpha attr-dict `:` custom<UnaryTypes>(type($x), type($y))";
}

def Graph_LeakyReluOp : Graph_AlphaOp<"leaky_relu", "y = x where x >= 0, else alpha x">;
def Graph_EluOp : Graph_AlphaOp<"elu", "y = x where x > 0, else alpha (e^x - 1)">;
def Graph_CeluOp : Graph_AlphaOp<"celu", "y = max(0, x) + min(0, alpha (e^(x / alpha) - 1))">;
def Graph_ThresholdedReluOp : Graph_AlphaOp<"thresholded_relu", "y = x where x > alpha, else 0">;
def Graph_SwishOp : Graph_AlphaOp<"swish", "y = x / (1 + e^(-alpha x))">;

class Graph_AlphaBetaOp<string mnemonic, string formula> : Graph_UnaryOp<mnemonic, formula> {
  let arguments = (ins Graph_FloatTensor:$x, F64Attr:$alpha, F64Attr:$beta);
  let assemblyFormat = [{
    $x `alpha` `=` $alpha `beta` `=` $beta attr-dict `:` custom<UnaryTypes>(type($x), type($y))
  }];
}

def Graph_HardSigmoidOp : Graph_AlphaBetaOp<"hard_sigmoid", "y = max(0, min(1, alpha x + beta))">;
def Graph_SeluOp : Graph_AlphaBetaOp<"selu", "y = beta x where x > 0, else beta alpha (e^x - 1)">;
def Graph_ShrinkOp : Graph_AlphaBetaOp<"shrink", "y = x + beta where x < -alpha, x - beta where x > alpha, else 0">;

def Graph_GeluOp : Graph_UnaryOp<"gelu", "y = x P(X <= x) with X standard normal"> {
  let description = [{
    The Gaussian error linear unit, `y = x / 2 (1 + erf(x / sqrt 2))`, or with
    `approximate_tanh` `y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`
    (Hendrycks and Gimpel, arXiv:1606.08415).
  }];
  let arguments = (ins Graph_FloatTensor:$x, UnitAttr:$approximate_tanh);
  let assemblyFormat = "$x (`approximate_tanh` $approximate_tanh^)? attr-dict `:` custom<UnaryTypes>(type($x), type($y))";
}

class Graph_TestOp<string mnemonic, string formula, Type type = Graph_FloatTensor>
    : Graph_ElementwiseOp<mnemonic> {
  let summary = formula;
  let description = "Elementwise: `" # formula # "`.";
  let arguments = (ins type:$x);
  let results = (outs Graph_BoolTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
}

def Graph_IsNanOp : Graph_TestOp<"is_nan", "y = x is not a number">;
def Graph_IsInfOp : Graph_TestOp<"is_inf", "y = x is infinite"> {
  let arguments = (ins Graph_FloatTensor:$x, BoolAttr:$detect_negative, BoolAttr:$detect_positive);
}

def Graph_RoundMode : I32EnumAttr<"RoundMode", "how a power of two is found", [
    I32EnumAttrCase<"up", 0>, I32EnumAttrCase<"down", 1>, I32EnumAttrCase<"nearest", 2>]> {
  let cppNamespace = "::lathe::graph";
}

def Graph_CastOp : Graph_ElementwiseOp<"cast"> {
  let summary = "conversion to another element type";
  let description = [{
    Floats become integers by truncation towards zero, anything becomes `i1` by
    comparison with zero, narrowing floats round to nearest even. Integers wrap.

    As ONNX's Cast has it, what is too large for a float of eight bits becomes the
    largest number, or, without `saturate`, an infinity or, where there is none,
    not a number. `round_mode` is for results of type `f8E8M0FNU`: away from zero,
    towards zero, or to the nearest, where ties go up.

    * (C1) Strings are cast to and from numbers and truth values, and complex
      numbers not at all.
  }];
  let arguments = (ins Graph_Tensor:$x, DefaultValuedAttr<BoolAttr, "true">:$saturate,
      DefaultValuedAttr<Graph_RoundMode, "::lathe::graph::RoundMode::up">:$round_mode);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasFolder = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_EncodeOp : Graph_ElementwiseOp<"encode"> {
  let summary = "the code of a number in a narrow float format";
  let description = [{
    What `graph.cast` to the type `format` is, as the bits of the result: the nearest
    number of the format, ties to even. `graph-store-elements` makes it.

    * (C1) `format` is a float type of at most 8 bits.
  }];
  let arguments = (ins Graph_FloatTensor:$x, TypeAttr:$format, BoolAttr:$saturate, Graph_RoundMode:$round_mode);
  let results = (outs RankedTensorOf<[UI8]>:$y);
  let assemblyFormat = "$x `as` $format `saturate` `=` $saturate $round_mode attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Graph_DecodeOp : Graph_ElementwiseOp<"decode"> {
  let summary = "the number that a code of a narrow float format stands for";
  let description = [{
    The reverse of `graph.encode`, which is exact.

    * (C1) `format` is a float type of at most 8 bits.
  }];
  let arguments = (ins RankedTensorOf<[UI8]>:$x, TypeAttr:$format);
  let results = (outs RankedTensorOf<[F32]>:$y);
  let assemblyFormat = "$x `as` $format attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Graph_BitcastOp : Graph_ElementwiseOp<"bitcast"> {
  let summary = "the same bits under another element type";
  let description = [{
    Elementwise: the bits of `x` read as an element of the result's type. An
    `i1` counts as eight bits that hold 0 or 1; any bits but zero become true.

    * (C1) Both element types have as many bits.
  }];
  let arguments = (ins Graph_Tensor:$x);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

class Graph_BinaryOp<string mnemonic, string formula, Type type = Graph_NumberTensor>
    : Graph_ElementwiseOp<mnemonic, [SameOperandsAndResultElementType]> {
  let summary = formula;
  let description = "Elementwise with broadcasting: `" # formula # "`.";
  let arguments = (ins type:$a, type:$b);
  let results = (outs type:$y);
  let assemblyFormat = "$a `,` $b attr-dict `:` functional-type(operands, results)";
}

def Graph_AddOp : Graph_BinaryOp<"add", "y = a + b"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_SubOp : Graph_BinaryOp<"sub", "y = a - b"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_MulOp : Graph_BinaryOp<"mul", "y = a b"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_DivOp : Graph_BinaryOp<"div", "y = a / b, truncated towards zero for integers (0 where b = 0)"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_PowOp : Graph_ElementwiseOp<"pow"> {
  let summary = "y = a^b";
  let description = "Elementwise with broadcasting: `y = a^b` in the element type of `a`. Powers of "
      "integers by integers are exact modulo 2^width; by negative ones they are cut off, of 0 as well.";
  let arguments = (ins Graph_NumberTensor:$a, Graph_NumberTensor:$b);
  let results = (outs Graph_NumberTensor:$y);
  let assemblyFormat = "$a `,` $b attr-dict `:` functional-type(operands, results)";
}
def Graph_MinOp : Graph_BinaryOp<"min", "y = the lesser of a and b, NaN if either is"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_MaxOp : Graph_BinaryOp<"max", "y = the larger of a and b, NaN if either is"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_ModOp : Graph_BinaryOp<"mod", "y = a - b floor(a / b): the sign of b"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_FmodOp : Graph_BinaryOp<"fmod", "y = a - b trunc(a / b): the sign of a">;
def Graph_PreluOp : Graph_BinaryOp<"prelu", "y = a where a >= 0, else b a">;
def Graph_AndOp : Graph_BinaryOp<"and", "y = a and b", Graph_BoolTensor> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_OrOp : Graph_BinaryOp<"or", "y = a or b", Graph_BoolTensor> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_XorOp : Graph_BinaryOp<"xor", "y = a or b, not both", Graph_BoolTensor>;
def Graph_BitwiseAndOp : Graph_BinaryOp<"bitwise_and", "y = a & b", Graph_IntTensor>;
def Graph_BitwiseOrOp : Graph_BinaryOp<"bitwise_or", "y = a | b", Graph_IntTensor>;
def Graph_BitwiseXorOp : Graph_BinaryOp<"bitwise_xor", "y = a ^ b", Graph_IntTensor>;
def Graph_ShiftLeftOp : Graph_BinaryOp<"shift_left", "y = a << b (0 where b is the width or more)", Graph_IntTensor>;
def Graph_ShiftRightOp : Graph_BinaryOp<"shift_right", "y = a >> b, keeping the sign (only the sign is left where b is the width or more)", Graph_IntTensor>;

def SameTypeElements : PredOpTrait<"operands have the same element type",
  CPred<"::mlir::getElementTypeOrSelf($_op.getOperand(0)) == ::mlir::getElementTypeOrSelf($_op.getOperand(1))">>;

class Graph_CompareOp<string mnemonic, string formula>
    : Graph_ElementwiseOp<mnemonic, [SameTypeElements]> {
  let summary = formula;
  let description = "Elementwise with broadcasting: `" # formula # "`.";
  let arguments = (ins Graph_Tensor:$a, Graph_Tensor:$b);
  let results = (outs Graph_BoolTensor:$y);
  let assemblyFormat = "$a `,` $b attr-dict `:` functional-type(operands, results)";
}
def Graph_EqualOp : Graph_CompareOp<"equal", "y = (a = b)"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_LessOp : Graph_CompareOp<"less", "y = (a < b)"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_LessEqualOp : Graph_CompareOp<"less_equal", "y = (a <= b)"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_GreaterOp : Graph_CompareOp<"greater", "y = (a > b)"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}
def Graph_GreaterEqualOp : Graph_CompareOp<"greater_equal", "y = (a >= b)"> {
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_SelectOp : Graph_ElementwiseOp<"select", [
    AllElementTypesMatch<["a", "b", "y"]>]> {
  let summary = "y = a where c, else b";
  let description = "Elementwise with broadcasting: `y = a` where `c` holds, else `b`.";
  let arguments = (ins Graph_BoolTensor:$c, Graph_Tensor:$a, Graph_Tensor:$b);
  let results = (outs Graph_Tensor:$y);
  let assemblyFormat = "$c `,` $a `,` $b attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    std::optional<::lathe::graph::Dims> inferContents(::lathe::graph::ShapeSolver &solver);
  }];
}

def Graph_QuantizeOp : Graph_ElementwiseOp<"quantize", [AllElementTypesMatch<["x", "scale"]>]> {
  let summary = "y = x / scale, rounded to even, plus zero, saturated";
  let description = [{
    Elementwise with broadcasting: `y = clamp(round(x / scale) + zero)`, where
    ties round to even and `clamp` is to the range of the integers of `y`. Half
    precision is computed in f32. Without `zero`, that is 0. What is not a
    number becomes the least integer.

    * (C1) `zero` has the element type of `y`.
    * (C2) The integers of `y` have 16 bits or less.
  }];
  let arguments = (ins Graph_FloatTensor:$x, Graph_FloatTensor:$scale, Optional<Graph_IntTensor>:$zero);
  let results = (outs Graph_IntTensor:$y);
  let assemblyFormat = "$x `scale` $scale (`zero` $zero^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Graph_DequantizeOp : Graph_ElementwiseOp<"dequantize"> {
  let summary = "y = (x - zero) scale";
  let description = [{
    Elementwise with broadcasting: `y = (x - zero) scale`, where the difference
    is one of 32-bit integers. Half precision is computed in f32. Without
    `zero`, that is 0.

    `code_bits` is there where a product reads constant weights as they are (`graph-keep-weight-codes`): the bits
    that each of the codes needs. Such an op is not folded.

    * (C1) `zero` has the element type of `x`.
    * (C2) `code_bits` is 4 or 8; `x` holds codes `[n, blocks, m]`, bytes without a sign of which `m` take whole bytes, and
      `scale`, in f32, and `zero`, which is there, are `[n, blocks, 1]`.
  }];
  let arguments = (ins Graph_IntTensor:$x, Graph_FloatTensor:$scale, Optional<Graph_IntTensor>:$zero,
      OptionalAttr<I64Attr>:$code_bits);
  let results = (outs Graph_FloatTensor:$y);
  let builders = [OpBuilder<(ins "::mlir::Type":$y, "::mlir::Value":$x, "::mlir::Value":$scale, "::mlir::Value":$zero), [{
    build($_builder, $_state, y, x, scale, zero, /*code_bits=*/::mlir::IntegerAttr());
  }]>];
  let assemblyFormat = "$x `scale` $scale (`zero` $zero^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
