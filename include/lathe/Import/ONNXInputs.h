// include/lathe/Import/ONNXInputs.h: which of several ONNX models an option that names an input is for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_IMPORT_ONNXINPUTS_H
#define LATHE_IMPORT_ONNXINPUTS_H

#include "lathe/Support/Limits.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include <string>
#include <vector>

namespace lathe {

/// Names of the inputs of a model's graph.
struct ONNXInputs {
  std::vector<std::string> tensors;  ///< Those that are tensors.
  std::vector<std::string> unranked; ///< Tensors whose number of dims the model does not say.
  std::vector<std::string> defaults; ///< Those that are initializers, too, so that calls may leave them out.
};

/// The inputs of the model in the file `path`; none where that is no ONNX file that can be read, which is not
/// reported: `importONNX` does.
ONNXInputs listONNXInputs(llvm::StringRef path, bool allowLinks, const Limits &limits);

/// The same from memory.
ONNXInputs listONNXInputs(std::unique_ptr<llvm::MemoryBuffer> bytes, const Limits &limits);

} // namespace lathe

#endif // LATHE_IMPORT_ONNXINPUTS_H
