// test/fuzz/onnx.cpp: ONNX files, whatever is in them, end in a model or in errors that say something.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Invariants.h"
#include "lathe/Compiler/Compiler.h"

using namespace lathe;

#ifdef FUZZ_MESSAGES
#include "Messages.h"

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
  std::string changed = fuzz::changeModel({reinterpret_cast<char *>(data), size}, seed);
  if (changed.empty() || changed.size() > most)
    return 0;
  memcpy(data, changed.data(), changed.size());
  return changed.size();
}

// All phases that change the IR; machine code of each would take most of the time.
static const std::string stopAfter = "bufferize";
#else
// The shapes: bytes that are no model end before that.
static const std::string stopAfter = "import";
#endif

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Diagnostics diagnostics;
  const LoadOptions loading = {.limits = {"nodes=2000", "tensor-elements=1000000"}};
  std::unique_ptr<Program> program = Program::parse(data, size, "fuzz.onnx", diagnostics, loading);
  fuzz::expectErrors(program != nullptr, diagnostics);
  if (!program || stopAfter == "import")
    return 0;
  CompileOptions options;
  options.target = "x86_64:v3";
  options.threads = 1;
  options.stopAfter = stopAfter;
  std::unique_ptr<Artifact> artifact = compile(*program, options, diagnostics);
  fuzz::expectErrors(artifact != nullptr, diagnostics);
  return 0;
}
