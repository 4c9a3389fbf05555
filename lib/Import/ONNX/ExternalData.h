// lib/Import/ONNX/ExternalData.h: maps tensor files beside the model, and
// nothing else.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_EXTERNALDATA_H
#define LATHE_LIB_IMPORT_ONNX_EXTERNALDATA_H

#include "lathe/Support/Diagnostics.h"

#include "onnx/onnx-ml.pb.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/LogicalResult.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <optional>

namespace lathe::onnx_import {

/// A range of a mapped file.
struct ExternalBytes {
  llvm::ArrayRef<char> bytes;
  std::shared_ptr<const llvm::MemoryBuffer> file;
};

/// Resolves TensorProto.external_data inside one folder. A model may come from
/// anyone, so its locations must not reach other files: no absolute path, no
/// `..`, no symbolic link, no second hard link, regular files only.
class ExternalData {
public:
  /// Without a folder (a model from memory) every access is an error. With
  /// `allowLinks` files may be reached by links, also such as lead elsewhere.
  explicit ExternalData(std::optional<std::string> folder = std::nullopt, bool allowLinks = false)
      : folder(std::move(folder)), allowLinks(allowLinks) {}

  /// The bytes that `tensor` refers to; `expectedSize` is what its dims need.
  /// `place` starts the messages. Errors: [onnx-external-data-no-folder],
  /// [onnx-external-data-location], [onnx-external-data-outside],
  /// [onnx-external-data-link], [onnx-external-data-missing],
  /// [onnx-external-data-range], [onnx-external-data-entry].
  llvm::FailureOr<ExternalBytes> read(const ::onnx::TensorProto &tensor, uint64_t expectedSize, llvm::StringRef place,
                                      Diagnostics &diagnostics);

private:
  std::optional<std::string> folder;
  bool allowLinks;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;

  llvm::FailureOr<std::shared_ptr<llvm::MemoryBuffer>> open(llvm::StringRef location, llvm::StringRef place,
                                                            Diagnostics &diagnostics);
};

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_EXTERNALDATA_H
