// lib/Import/ONNX/ModelFile.h: an ONNX file in memory, its tensors still where
// the file has them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_MODELFILE_H
#define LATHE_LIB_IMPORT_ONNX_MODELFILE_H

#include "ExternalData.h"
#include "lathe/Import/ONNX.h"
#include "lathe/Support/Diagnostics.h"

#include "onnx/onnx-ml.pb.h"
#include "llvm/Support/LogicalResult.h"
#include "llvm/Support/MemoryBuffer.h"

#include <map>
#include <memory>

namespace lathe::onnx_import {

/// The elements of one tensor: row-major, little-endian, a byte for a bool.
struct TensorBytes {
  llvm::ArrayRef<char> bytes;
  /// Keeps `bytes` alive: the mapping of a file or a buffer of its own.
  std::shared_ptr<const void> owner;
  /// The file that `bytes` are in; null where they are a buffer of their own.
  std::shared_ptr<const llvm::MemoryBuffer> file;
};

/// A parsed model. `TensorProto.raw_data` of its messages holds handles, not
/// data: use `read` for the data.
class ModelFile {
public:
  /// Maps `path` and parses it; with `allowLinks` tensor files may be reached by
  /// links. Errors: [onnx-cannot-read] and those of `scanModel`.
  static llvm::FailureOr<std::unique_ptr<ModelFile>> open(llvm::StringRef path, const ImportOptions &options,
                                                          Diagnostics &diagnostics);

  /// Parses `buffer`, which has no folder and hence no external data.
  static llvm::FailureOr<std::unique_ptr<ModelFile>> parse(std::shared_ptr<llvm::MemoryBuffer> buffer,
                                                           llvm::StringRef name, const Limits &limits,
                                                           Diagnostics &diagnostics);

  const ::onnx::ModelProto &model() const { return proto; }
  /// Gives inputs without a shape these ranks, with all sizes open. Errors: [onnx-rank].
  bool giveRanks(const std::map<std::string, int64_t> &ranks, Diagnostics &diagnostics);
  /// The path or name that messages start with.
  llvm::StringRef name() const { return fileName; }

  /// The elements of `tensor`, checked: as many bytes as its dims and element
  /// type need. `place` starts the messages. Errors: [onnx-tensor-dims],
  /// [onnx-tensor-size], [onnx-unsupported-dtype], [onnx-external-data-*].
  llvm::FailureOr<TensorBytes> read(const ::onnx::TensorProto &tensor, llvm::StringRef place, Diagnostics &diagnostics);

private:
  std::string fileName;
  std::shared_ptr<llvm::MemoryBuffer> buffer;
  ::onnx::ModelProto proto;
  ExternalData external;
};

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_MODELFILE_H
