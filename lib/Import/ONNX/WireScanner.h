// lib/Import/ONNX/WireScanner.h: finds the tensor bytes of an ONNX file, so
// that protobuf never copies them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_WIRESCANNER_H
#define LATHE_LIB_IMPORT_ONNX_WIRESCANNER_H

#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/Limits.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/LogicalResult.h"

#include <optional>
#include <string>

namespace lathe::onnx_import {

/// Where in the file the payload of one `TensorProto.raw_data` lies, in bytes.
struct RawDataHandle {
  uint64_t offset = 0;
  uint64_t size = 0;

  /// The form that takes the place of the payload in the skeleton.
  std::string encode() const;
  static std::optional<RawDataHandle> decode(llvm::StringRef encoded);
};

/// Returns `file`, a serialized ModelProto, with every `raw_data` replaced by
/// its handle: a message small enough for protobuf to parse. Total on damaged
/// input; reports [onnx-empty], [onnx-not-protobuf], [onnx-truncated],
/// [onnx-too-deep] or [onnx-too-large] with `name` as the place.
llvm::FailureOr<std::string> scanModel(llvm::ArrayRef<char> file, llvm::StringRef name, const Limits &limits,
                                       Diagnostics &diagnostics);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_WIRESCANNER_H
