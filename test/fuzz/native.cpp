// test/fuzz/native.cpp: models in Lathe's own format, as text or as bytecode whose checksum is right.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Invariants.h"
#include "NativeFile.h"
#include "lathe/Compiler/Compiler.h"

using namespace lathe;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  bool isBytecode = bytes.starts_with("ML\xefR");
  std::string file = (isBytecode ? nativeHeader(bytes) : std::string()) + bytes.str();
  Diagnostics diagnostics;
  const LoadOptions loading = {.limits = {"nodes=2000", "tensor-elements=1000000"}};
  auto program =
      Program::parse(file.data(), file.size(), isBytecode ? "fuzz.lathe" : "fuzz.mlir", diagnostics, loading);
  fuzz::expectErrors(program != nullptr, diagnostics);
  return 0;
}
