# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What of onnxruntime's API is not here, and why: messages and docs/onnxruntime.md say it.

A test walks the names of onnxruntime and finds each one here or in lathe.ort.
"""

from __future__ import annotations

# Subpackages that come from an installed onnxruntime.
FROM_PACKAGE = ("backend", "datasets", "quantization", "tools", "transformers")

_DEVICES = "everything lies in the memory of the CPU"
_ENUM = "it describes memory of devices"
_PLUGINS = "there are no execution providers to plug in"
_ADAPTERS = "adapters are not applied to compiled weights"
_SPARSE = "tensors are dense"
_EP_CONTEXT = "compiled models are .so or .lathebin files, without nodes of providers"

# Names of the module.
ABSENT: dict[str, str] = {
    "AdapterFormat": _ADAPTERS,
    "LoraAdapter": _ADAPTERS,
    "ModelCompiler": _EP_CONTEXT,
    "OrtAllocatorType": _ENUM,
    "OrtArenaCfg": _ENUM,
    "OrtCompileApiFlags": _EP_CONTEXT,
    "OrtDevice": _DEVICES,
    "OrtDeviceMemoryType": _ENUM,
    "OrtDeviceVendorId": _DEVICES,
    "OrtEpAssignedNode": _PLUGINS,
    "OrtEpAssignedSubgraph": _PLUGINS,
    "OrtEpContextData": _EP_CONTEXT,
    "OrtEpContextDataBuffer": _EP_CONTEXT,
    "OrtEpDevice": _PLUGINS,
    "OrtExecutionProviderDevicePolicy": _PLUGINS,
    "OrtExternalInitializerInfo": _EP_CONTEXT,
    "OrtHardwareDevice": _DEVICES,
    "OrtHardwareDeviceType": _DEVICES,
    "OrtMemType": _ENUM,
    "OrtMemoryInfo": _ENUM,
    "OrtMemoryInfoDeviceType": _ENUM,
    "OrtSparseFormat": _SPARSE,
    "OrtSyncStream": _DEVICES,
    "SessionIOBinding": "it is the native half of IOBinding, which is whole here",
    "SparseTensor": _SPARSE,
    "create_and_register_allocator": _ENUM,
    "create_and_register_allocator_v2": _ENUM,
    "register_execution_provider_library": _PLUGINS,
    "unregister_execution_provider_library": _PLUGINS,
}

# Methods of classes that are here.
ABSENT_METHODS: dict[str, str] = {
    "InferenceSession.create_ortvalue_from_shape_and_type": _DEVICES,
    "InferenceSession.get_input_epdevices": _PLUGINS,
    "InferenceSession.get_input_memory_infos": _ENUM,
    "InferenceSession.get_output_memory_infos": _ENUM,
    "InferenceSession.get_provider_graph_assignment_info": _PLUGINS,
    "InferenceSession.get_tuning_results": _PLUGINS,
    "InferenceSession.release_captured_graph": _DEVICES,
    "InferenceSession.run_with_ortvaluevector": "it is for training loops in C++",
    "InferenceSession.set_ep_dynamic_options": _PLUGINS,
    "InferenceSession.set_tuning_results": _PLUGINS,
    "OrtValue.as_sparse_tensor": _SPARSE,
    "OrtValue.ort_value_from_sparse_tensor": _SPARSE,
    "RunOptions.add_active_adapter": _ADAPTERS,
    "SessionOptions.add_external_initializers_from_files_in_memory": "files are read by path",
    "SessionOptions.add_provider_for_devices": _PLUGINS,
    "SessionOptions.clear_ep_context_data_read_func": _EP_CONTEXT,
    "SessionOptions.set_ep_context_data_read_func": _EP_CONTEXT,
    "SessionOptions.set_load_cancellation_flag": "compiling cannot be cancelled",
    "SessionOptions.set_provider_selection_policy": _PLUGINS,
    "SessionOptions.set_provider_selection_policy_delegate": _PLUGINS,
}

# What is here and behaves in another way.
DIFFERENT: dict[str, str] = {
    "InferenceSession": "compiles the model, once for all processes; `.so` and `.lathebin` files "
    "load without that; providers are an NVIDIA GPU, where its driver is (of its options, "
    "`device_id` is read), and the CPU",
    "SessionOptions.add_external_initializers": "raises NotImplementedError",
    "SessionOptions.add_free_dimension_override_by_denotation": "changes nothing: it stays free",
    "SessionOptions.add_initializer": "raises NotImplementedError",
    "SessionOptions.enable_profiling": "the file has compiling and runs, not single nodes",
    "SessionOptions.graph_optimization_level": "all optimizations are always on",
    "SessionOptions.inter_op_num_threads": "kernels run one after the other, each on all threads",
    "SessionOptions.optimized_model_filepath": "gets the model as it was given, without files of "
    "external data",
    "SessionOptions.register_custom_ops_library": "takes what `lathe.register_op` does, for all "
    "sessions made from then on; libraries for onnxruntime's own interface raise Fail",
    "OrtValue": "is on the CPU, or on a GPU where a driver is; `vendor_id` and `memory_info` are "
    "not taken",
    "get_build_info": "names Lathe",
}
