// include/lathe/Import/ONNXDefaults.h: which inputs of an ONNX model calls may leave out.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_IMPORT_ONNXDEFAULTS_H
#define LATHE_IMPORT_ONNXDEFAULTS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <string>
#include <vector>

namespace lathe {

/// The names of the initializers of a model that are inputs of its graph, too; none where `path` is no ONNX file that
/// can be read, which is not reported: `importONNX` does.
std::vector<std::string> listONNXDefaults(llvm::StringRef path, bool allowLinks);

/// The same from memory.
std::vector<std::string> listONNXDefaults(std::unique_ptr<llvm::MemoryBuffer> bytes);

} // namespace lathe

#endif // LATHE_IMPORT_ONNXDEFAULTS_H
