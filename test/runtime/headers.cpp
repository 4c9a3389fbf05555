// test/runtime/headers.cpp: compiles only if the public headers are C++, too.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe-runtime/cuda.h"
#include "lathe-runtime/runtime.h"

extern "C" lathe_status latheTestCall(lathe_module *module, const lathe_tensor &input, lathe_tensor &output) {
  lathe_call_options options = {};
  options.struct_size = sizeof options;
  options.threads = 2;
  return lathe_module_call_with(module, "main", &input, 1, &output, 1, &options);
}
