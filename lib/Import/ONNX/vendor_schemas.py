"""Schemas of operators that ONNX's own package lacks and exporters write.

They are those of ONNX Runtime's domains `com.microsoft` and `com.microsoft.nchwc`, and two that its
optimizer puts into the default domain. A test compares them with what the installed ONNX Runtime
says of itself.

Part of the Lathe project, under the Apache License v2.0 with LLVM Exceptions.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

from collections.abc import Iterator, Mapping

import onnx.helper
from onnx import defs

MICROSOFT = "com.microsoft"
BLOCKED = "com.microsoft.nchwc"
FLOATS = "float16 float double bfloat16"
SHORT_FLOATS = "float float16 bfloat16"
BYTES = "uint8 int8"
NUMBERS = "uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float double"
ANY = f"{NUMBERS} string bool complex64 complex128"

Types = Mapping[str, str]
Attributes = Mapping[str, object]

# Attributes without a default have their kind instead of a value.
KINDS = {
    "int": "INT",
    "float": "FLOAT",
    "string": "STRING",
    "ints": "INTS",
    "floats": "FLOATS",
    "strings": "STRINGS",
}

ACTIVATION = {"activation": "string", "activation_params": "floats"}
WINDOW = {"auto_pad": b"NOTSET", "pads": "ints", "strides": "ints"}
NORM = {"axis": -1, "epsilon": 1e-5, "stash_type": 1}

CONV = {**WINDOW, "dilations": "ints", "group": 1, "kernel_shape": "ints"}
POOL_WINDOW = {**WINDOW, "dilations": "ints", "ceil_mode": 0, "kernel_shape!": "ints"}

UNARY = "X:T X_scale:tensor(float) X_zero_point?:T Y_scale:tensor(float) Y_zero_point?:T"
BINARY = (
    "A:T A_scale:tensor(float) A_zero_point?:T B:T B_scale:tensor(float) B_zero_point?:T "
    "C_scale:tensor(float) C_zero_point?:T"
)
POOL = "X:T x_scale:tensor(float) x_zero_point?:T y_scale:tensor(float) y_zero_point?:T"
GLOBAL_POOL = "X:T x_scale:tensor(float) x_zero_point:T y_scale:tensor(float) y_zero_point:T"
SOFTMAX = "X:T X_scale:tensor(float) x_zero_point?:T y_scale:tensor(float) y_zero_point:T"
SKIP_OUTPUTS = "output:T mean?:U inv_std_var?:U input_skip_bias_sum?:T"
SKIP_TYPES = {"T": SHORT_FLOATS, "U": "float"}
NORM_TYPES = {"T": FLOATS, "V": FLOATS, "U": "float double"}

FLOAT = {"T": "float"}
GROUP_TYPES = {"T": "float16 float", "M": "float16 float"}
GROUP_NORM = {"activation!": "int", "channels_last": 1, "epsilon": 1e-5, "groups!": "int"}
LAST = {"channels_last": 0}

# Domain, name, inputs, outputs, types, attributes. `x?` is optional, `x*` variadic; an attribute
# that ends in `!` is required.
TABLE: list[tuple[str, str, str, str, Types, Attributes]] = [
    ("", "LayerNormalization", "X:T Scale:V B?:V", "Y:V Mean?:U InvStdDev?:U", NORM_TYPES, NORM),
    ("", "SimplifiedLayerNormalization", "X:T scale:V", "Y:V inv_std_var?:U", NORM_TYPES, NORM),
    (MICROSOFT, "Gelu", "X:T", "Y:T", {"T": FLOATS}, {}),
    (MICROSOFT, "FastGelu", "X:T bias?:T", "Y:T", {"T": FLOATS}, {}),
    (MICROSOFT, "BiasGelu", "A:T B:T", "C:T", {"T": FLOATS}, {}),
    (MICROSOFT, "QuickGelu", "X:T", "Y:T", {"T": FLOATS}, {"alpha": 1.702}),
    (
        MICROSOFT,
        "FusedMatMul",
        "A:T B:T",
        "Y:T",
        {"T": FLOATS},
        {"alpha": 1.0, "transA": 0, "transB": 0, "transBatchA": 0, "transBatchB": 0},
    ),
    (
        MICROSOFT,
        "FusedConv",
        "X:T W:T B?:T Z?:T",
        "Y:T",
        {"T": "float16 float double"},
        {**ACTIVATION, **CONV},
    ),
    (
        MICROSOFT,
        "SkipLayerNormalization",
        "input:T skip:T gamma:T beta?:T bias?:T",
        SKIP_OUTPUTS,
        SKIP_TYPES,
        {"epsilon": 1e-12},
    ),
    (
        MICROSOFT,
        "SkipSimplifiedLayerNormalization",
        "input:T skip:T gamma:T bias?:T",
        SKIP_OUTPUTS,
        SKIP_TYPES,
        {"epsilon": 1e-12},
    ),
    (
        MICROSOFT,
        "RotaryEmbedding",
        "input:T position_ids:M cos_cache:T sin_cache:T",
        "output:T",
        {"T": SHORT_FLOATS, "M": "int64"},
        {
            "interleaved": "int",
            "is_packed_batching": "int",
            "num_heads": "int",
            "rotary_embedding_dim": "int",
            "scale": "float",
        },
    ),
    (
        MICROSOFT,
        "Attention",
        "input:T weights:T bias?:T mask_index?:M past?:T attention_bias?:T past_sequence_length?:M",
        "output:T present?:T",
        {"T": SHORT_FLOATS, "M": "int32"},
        {
            "do_rotary": "int",
            "mask_filter_value": "float",
            "num_heads!": "int",
            "past_present_share_buffer": "int",
            "qkv_hidden_sizes": "ints",
            "rotary_embedding_dim": "int",
            "scale": "float",
            "unidirectional": 0,
        },
    ),
    (
        MICROSOFT,
        "MultiHeadAttention",
        "query:T key?:T value?:T bias?:T key_padding_mask?:M attention_bias?:T past_key?:T "
        "past_value?:T past_sequence_length?:M cache_indirection?:M",
        "output:T present_key?:T present_value?:T qk?:QK",
        {"T": SHORT_FLOATS, "QK": SHORT_FLOATS, "M": "int32"},
        {"mask_filter_value": "float", "num_heads!": "int", "scale": "float", "unidirectional": 0},
    ),
    (MICROSOFT, "QLinearAdd", BINARY, "C:T", {"T": BYTES}, {}),
    (MICROSOFT, "QLinearMul", BINARY, "C:T", {"T": BYTES}, {}),
    (MICROSOFT, "QLinearSigmoid", UNARY, "Y:T", {"T": BYTES}, {}),
    (MICROSOFT, "QLinearLeakyRelu", UNARY, "Y:T", {"T": BYTES}, {"alpha": 0.01}),
    (
        MICROSOFT,
        "QLinearAveragePool",
        POOL,
        "Y:T",
        {"T": BYTES},
        {
            **WINDOW,
            "ceil_mode": 0,
            "channels_last": 0,
            "count_include_pad": 0,
            "kernel_shape!": "ints",
        },
    ),
    (MICROSOFT, "QLinearGlobalAveragePool", GLOBAL_POOL, "Y:T", {"T": BYTES}, {"channels_last": 0}),
    (
        MICROSOFT,
        "QLinearConcat",
        "Y_scale:TF Y_zero_point:T8 inputs*:TV",
        "Y:T8",
        {"T8": BYTES, "TF": "float", "TV": "uint8 int8 float"},
        {"axis!": "int"},
    ),
    (MICROSOFT, "QLinearSoftmax", SOFTMAX, "Y:T", {"T": BYTES}, {"axis": -1, "opset!": "int"}),
    (
        MICROSOFT,
        "DynamicQuantizeMatMul",
        "A:T1 B:T2 b_scale:T1 b_zero_point?:T2 bias?:T1",
        "Y:T1",
        {"T1": "float", "T2": "int8 uint8"},
        {},
    ),
    (
        MICROSOFT,
        "DynamicQuantizeLSTM",
        "X:T W:T2 R:T2 B?:T sequence_lens?:T1 initial_h?:T initial_c?:T P?:T W_scale:T "
        "W_zero_point:T2 R_scale:T R_zero_point:T2",
        "Y?:T Y_h?:T Y_c?:T",
        {"T": "float", "T1": "int32", "T2": "uint8 int8"},
        {
            "activation_alpha": "floats",
            "activation_beta": "floats",
            "activations": "strings",
            "clip": "float",
            "direction": b"forward",
            "hidden_size": "int",
            "input_forget": 0,
        },
    ),
    (
        MICROSOFT,
        "MatMulIntegerToFloat",
        "A:T1 B:T2 a_scale:T3 b_scale:T3 a_zero_point?:T1 b_zero_point?:T2 bias?:T3",
        "Y:T3",
        {"T1": BYTES, "T2": BYTES, "T3": "float float16"},
        {},
    ),
    (
        MICROSOFT,
        "TransposeMatMul",
        "A:T B:T",
        "Y:T",
        {"T": FLOATS},
        {"alpha": 1.0, "transA": 0, "transB": 0},
    ),
    (
        MICROSOFT,
        "FusedGemm",
        "A:T B:T C?:T",
        "Y:T",
        {"T": "float16 float double uint32 uint64 int32 int64"},
        {
            "activation": "string",
            "activation_alpha": "float",
            "activation_beta": "float",
            "activation_gamma": "float",
            "alpha": 1.0,
            "beta": 1.0,
            "transA": 0,
            "transB": 0,
        },
    ),
    (MICROSOFT, "NhwcConv", "X:T W:T B?:T", "Y:T", {"T": "float16 float double"}, CONV),
    (MICROSOFT, "NhwcMaxPool", "x:T", "y:T", {"T": "int8 uint8"}, POOL_WINDOW),
    (
        MICROSOFT,
        "NhwcFusedConv",
        "X:T W:T B?:T Z?:T",
        "Y:T",
        {"T": "float16 float"},
        {**ACTIVATION, **CONV},
    ),
    (
        MICROSOFT,
        "EmbedLayerNormalization",
        "input_ids:T1 segment_ids?:T1 word_embedding:T position_embedding:T segment_embedding?:T "
        "gamma:T beta:T mask?:T1 position_ids?:T1",
        "output:T mask_index?:T1 embedding_sum?:T",
        {"T": "float float16", "T1": "int32"},
        {"epsilon": 1e-12, "mask_index_type": "int"},
    ),
    (
        MICROSOFT,
        "GroupQueryAttention",
        "query:T key?:T value?:T past_key?:T_CACHE past_value?:T_CACHE seqlens_k:M "
        "total_sequence_length:M cos_cache?:T sin_cache?:T position_ids?:tensor(int64) "
        "attention_bias?:T head_sink?:T k_scale?:T_KV_SCALE v_scale?:T_KV_SCALE q_norm_weight?:T "
        "k_norm_weight?:T",
        "output:T present_key?:T_CACHE present_value?:T_CACHE output_qk?:T",
        {
            "T": SHORT_FLOATS,
            "T_CACHE": "float float16 bfloat16 uint8 int8 float8e4m3fn",
            "T_KV_SCALE": "float",
            "M": "int32",
        },
        {
            "causal": 1,
            "do_rotary": "int",
            "k_quant_type": b"NONE",
            "kv_cache_bit_width": "int",
            "kv_num_heads!": "int",
            "local_window_size": -1,
            "num_heads!": "int",
            "qk_norm_epsilon": 1e-6,
            "qk_output": 0,
            "rotary_interleaved": "int",
            "scale": "float",
            "sliding_window_cache": 0,
            "smooth_softmax": -1,
            "softcap": "float",
            "v_quant_type": b"NONE",
        },
    ),
    (
        MICROSOFT,
        "QAttention",
        "input:T1 weight:T2 bias:T3 input_scale:T3 weight_scale:T3 mask_index?:T4 "
        "input_zero_point?:T1 weight_zero_point?:T2 past?:T3",
        "output:T3 present?:T3",
        {"T1": BYTES, "T2": BYTES, "T3": "float float16", "T4": "int32"},
        {
            "do_rotary": "int",
            "mask_filter_value": "float",
            "num_heads!": "int",
            "past_present_share_buffer": "int",
            "scale": "float",
            "unidirectional": 0,
        },
    ),
    (
        MICROSOFT,
        "QLinearConv",
        "x:T1 x_scale:tensor(float) x_zero_point:T1 w:T2 w_scale:tensor(float) w_zero_point:T2 "
        "y_scale:tensor(float) y_zero_point:T3 B?:T4",
        "y:T3",
        {"T1": BYTES, "T2": BYTES, "T3": BYTES, "T4": "int32"},
        {**CONV, **LAST},
    ),
    (
        MICROSOFT,
        "QLinearWhere",
        "condition:B X:T x_scale:TF x_zero_point:T Y:T y_scale:TF y_zero_point:T z_scale:TF "
        "z_zero_point:T",
        "Z:T",
        {"B": "bool", "TF": "float", "T": BYTES},
        {},
    ),
    (
        MICROSOFT,
        "QGemm",
        "A:TA a_scale:T a_zero_point:TA B:TB b_scale:T b_zero_point:TB C?:TC y_scale?:T "
        "y_zero_point?:TYZ",
        "Y:TY",
        {
            "T": "float",
            "TA": BYTES,
            "TB": BYTES,
            "TC": "int32",
            "TYZ": BYTES,
            "TY": "float uint8 int8",
        },
        {"alpha": 1.0, "transA": 0, "transB": 0},
    ),
    (
        MICROSOFT,
        "QuantizeLinear",
        "x:T1 y_scale:T1 y_zero_point?:T2",
        "y:T2",
        {"T1": "float float16", "T2": "int4 uint4 int8 uint8 int16 uint16"},
        {"axis": "int"},
    ),
    (
        MICROSOFT,
        "DequantizeLinear",
        "x:T1 x_scale:T2 x_zero_point?:T1",
        "y:T2",
        {"T1": "int4 uint4 int8 uint8 int16 uint16 int32", "T2": "float float16"},
        {"axis": "int"},
    ),
    (
        MICROSOFT,
        "MatMulNBits",
        "A:T1 B:T2 scales:T1 zero_points?:T3 g_idx?:T4 bias?:T1",
        "Y:T1",
        {
            "T1": SHORT_FLOATS,
            "T2": "uint8",
            "T3": "uint8 float16 float bfloat16",
            "T4": "int32",
        },
        {
            "K!": "int",
            "N!": "int",
            "accuracy_level": 0,
            "bits": 4,
            "block_size!": "int",
            "weight_prepacked": 0,
        },
    ),
    (
        MICROSOFT,
        "GatherBlockQuantized",
        "data:T1 indices:Tind scales:T2 zero_points?:T1",
        "output:T2",
        {
            "T1": "int4 uint4 uint8 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz "
            "float4e2m1",
            "T2": SHORT_FLOATS,
            "Tind": "int32 int64",
        },
        {"bits": 4, "block_size": 128, "gather_axis": 0, "quantize_axis": 1},
    ),
    (
        MICROSOFT,
        "Tokenizer",
        "X:T",
        "Y:T",
        {"T": "string"},
        {
            "mark!": "int",
            "mincharnum!": "int",
            "pad_value!": "string",
            "separators": "strings",
            "tokenexp": "string",
        },
    ),
    (MICROSOFT, "CDist", "A:T B:T", "C:T", {"T": "float double"}, {"metric": b"sqeuclidean"}),
    (MICROSOFT, "BiasAdd", "X:T bias:T skip:T", "Y:T", {"T": "float16 float"}, {}),
    (MICROSOFT, "BiasSplitGelu", "X:T bias:T", "Y:T", {"T": "float16 float"}, {}),
    (MICROSOFT, "ExpandDims", "X:T axis:tensor(int32)", "Y:T", {"T": ANY}, {}),
    (
        MICROSOFT,
        "GatherND",
        "data:T indices:Tind",
        "output:T",
        {"T": ANY, "Tind": "int32 int64"},
        {},
    ),
    (
        MICROSOFT,
        "GridSample",
        "X:T1 Grid:T1",
        "Y:T2",
        {"T1": ANY, "T2": "float16 float double"},
        {"align_corners": 0, "mode": b"bilinear", "padding_mode": b"zeros"},
    ),
    (
        MICROSOFT,
        "Pad",
        "data:T pads:tensor(int64) value?:T",
        "output:T",
        {"T": "float16 float double"},
        {"mode": b"constant"},
    ),
    (
        MICROSOFT,
        "QLinearReduceMean",
        "data:T data_scale:tensor(float) data_zero_point?:T reduced_scale:tensor(float) "
        "reduced_zero_point?:T",
        "reduced:T",
        {"T": BYTES},
        {"axes!": "ints", "keepdims!": "int"},
    ),
    (
        MICROSOFT,
        "TorchEmbedding",
        "weight:T indices:tensor(int64) padding_idx?:tensor(int64) "
        "scale_grad_by_freq?:tensor(bool)",
        "Y:T",
        {"T": f"{NUMBERS} bfloat16"},
        {},
    ),
    (
        MICROSOFT,
        "Trilu",
        "X:T k?:tensor(int64)",
        "Y:T",
        {"T": f"{NUMBERS} bfloat16 bool"},
        {"upper": 1},
    ),
    (
        MICROSOFT,
        "Unique",
        "x:T",
        "y:T idx:tensor(int64) counts:tensor(int64)",
        {"T": ANY},
        {},
    ),
    (
        MICROSOFT,
        "MurmurHash3",
        "X:T1",
        "Y:T2",
        {"T1": "uint32 int32 uint64 int64 float double string", "T2": "uint32 int32"},
        {"positive": 1, "seed": 0},
    ),
    (MICROSOFT, "Inverse", "X:T", "Y:T", {"T": "float16 float double"}, {}),
    (
        MICROSOFT,
        "MatMulBnb4",
        "A:T1 B:T2 absmax:T1",
        "Y:T1",
        {"T1": SHORT_FLOATS, "T2": "uint8"},
        {
            "K!": "int",
            "N!": "int",
            "block_size!": "int",
            "quant_type!": "int",
            "training_mode": 0,
            "transB": 1,
        },
    ),
    (
        MICROSOFT,
        "CropAndResize",
        "X:T1 rois:T1 batch_indices:T2 crop_size:T2",
        "Y:T1",
        {"T1": "float16 float double", "T2": "int32"},
        {"extrapolation_value": 0.0, "mode": b"bilinear"},
    ),
    (MICROSOFT, "GroupNorm", "X:T gamma:M beta:M", "Y:T", GROUP_TYPES, GROUP_NORM),
    (
        MICROSOFT,
        "SkipGroupNorm",
        "X:T gamma:M beta:M skip:T bias?:T",
        "Y:T S?:T",
        GROUP_TYPES,
        GROUP_NORM,
    ),
    (
        MICROSOFT,
        "QEmbedLayerNormalization",
        "input_ids:T1 segment_ids?:T1 word_embedding_quant:T2 position_embedding_quant:T2 "
        "segment_embedding?:T2 gamma_quant:T2 beta_quant:T2 mask?:T1 word_embedding_scale:T "
        "position_embedding_scale:T segment_embedding_scale?:T gamma_scale:T beta_scale:T "
        "word_embedding_zero_point:T2 position_embedding_zero_point:T2 "
        "segment_embedding_zero_point?:T2 gamma_zero_point:T2 beta_zero_point:T2",
        "layernorm_out:T mask_index_out:T1",
        {"T1": "int32", "T2": BYTES, "T": "float"},
        {"epsilon": 1e-12},
    ),
    (
        MICROSOFT,
        "CausalConvWithState",
        "input:T weight:T bias?:T past_state?:T",
        "output:T present_state:T",
        {"T": SHORT_FLOATS},
        {
            "activation": b"none",
            "channels_last": 0,
            "dilation": 1,
            "ndim": 1,
            "state_window": 0,
        },
    ),
    (
        MICROSOFT,
        "LinearAttention",
        "query:T key:T value:T past_state?:S decay?:T beta?:T",
        "output:T present_state:S",
        {"T": SHORT_FLOATS, "S": SHORT_FLOATS},
        {
            "chunk_size": 64,
            "kv_num_heads!": "int",
            "q_num_heads!": "int",
            "scale": 0.0,
            "state_window": 0,
            "update_rule": b"gated_delta",
        },
    ),
    (MICROSOFT, "GemmFastGelu", "X:T W:T bias?:T", "Y:T", {"T": SHORT_FLOATS}, {}),
    (
        MICROSOFT,
        "BiasSoftmax",
        "data:T bias:T",
        "output:T",
        {"T": "float16 float double"},
        {"axis": 1, "is_inner_broadcast!": "int"},
    ),
    (
        MICROSOFT,
        "MatMulInteger16",
        "A:T1 B:T2",
        "Y:T3",
        {"T1": "int16 uint16", "T2": "int16 uint16", "T3": "int32 uint32"},
        {},
    ),
    (
        MICROSOFT,
        "UnfoldTensor",
        "input:T",
        "output:T",
        {"T": f"{ANY} bfloat16"},
        {"dim": -1, "size!": "int", "step": 1},
    ),
    (
        MICROSOFT,
        "Range",
        "start:T limit:T delta?:T",
        "Y:T",
        {"T": "float double int16 int32 int64"},
        {},
    ),
    (
        BLOCKED,
        "Conv",
        "X:T W:T B?:T Sum?:T",
        "Y:T",
        FLOAT,
        {**ACTIVATION, **CONV},
    ),
    (BLOCKED, "MaxPool", "X:T", "Y:T", FLOAT, {**POOL_WINDOW, "storage_order": 0}),
    (BLOCKED, "AveragePool", "X:T", "Y:T", FLOAT, {**POOL_WINDOW, "count_include_pad": 0}),
    (BLOCKED, "GlobalMaxPool", "X:T", "Y:T", FLOAT, {}),
    (BLOCKED, "GlobalAveragePool", "X:T", "Y:T", FLOAT, {}),
    (BLOCKED, "ReorderInput", "X:T", "Y:T", FLOAT, LAST),
    (BLOCKED, "ReorderOutput", "X:T", "Y:T", FLOAT, {**LAST, "channels": 0}),
    (
        BLOCKED,
        "Upsample",
        "X:T",
        "Y:T",
        FLOAT,
        {
            "coordinate_transformation_mode": b"asymmetric",
            "mode": b"nearest",
            "scales": "ints",
        },
    ),
]


def parameters(text: str) -> list[defs.OpSchema.FormalParameter]:
    option = defs.OpSchema.FormalParameterOption
    result = []
    for word in text.split():
        name, kind = word.split(":")
        mark = {"?": option.Optional, "*": option.Variadic}.get(name[-1], option.Single)
        result.append(
            defs.OpSchema.FormalParameter(
                name.rstrip("?*"), kind, param_option=mark, is_homogeneous=mark != option.Variadic
            )
        )
    return result


def attributes(table: Attributes) -> list[defs.OpSchema.Attribute]:
    kind = defs.OpSchema.AttrType
    result = []
    for name, value in table.items():
        if isinstance(value, str):
            required = name.endswith("!")
            result.append(
                defs.OpSchema.Attribute(
                    name.rstrip("!"), getattr(kind, KINDS[value]), required=required
                )
            )
        else:
            result.append(defs.OpSchema.Attribute(name, default(name, value)))
    return result


def default(name: str, value: object) -> onnx.AttributeProto:
    return onnx.helper.make_attribute(name, value)


def vendor_schemas() -> Iterator[defs.OpSchema]:
    """One schema for each row; all are of version 1."""
    for domain, name, inputs, outputs, types, table in TABLE:
        constraints = [
            (variable, [f"tensor({t})" for t in names.split()], "")
            for variable, names in types.items()
        ]
        yield defs.OpSchema(
            name,
            domain,
            1,
            inputs=parameters(inputs),
            outputs=parameters(outputs),
            type_constraints=constraints,
            attributes=attributes(table),
        )
