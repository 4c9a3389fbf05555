// test/fuzz/artifact.cpp: compiled models whose checksums are right, but nothing else need be. They are read, not
// linked: code that was changed may do anything.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Invariants.h"
#include "lathe/Compiler/Compiler.h"
// The reader, with sanitizers, and the header of the container, which nobody else sees.
#include "Codegen/CPU/WriteArtifact.cpp"
#include <cstdint>
#include <unistd.h>

using namespace lathe;

/// Puts the checksums that the bytes have into their header, if there is room for one.
static void seal(std::string &bytes) {
  ContainerHeader header;
  if (bytes.size() < sizeof(header))
    return;
  memcpy(&header, bytes.data(), sizeof(header));
  if (header.weightsOffset > bytes.size() || header.weightsOffset < sizeof(header))
    return;
  llvm::StringRef all(bytes);
  header.weightsChecksum = lathe::weightsChecksum(all.substr(header.weightsOffset));
  header.checksum = containerChecksum(header, all.slice(sizeof(header), header.weightsOffset));
  memcpy(bytes.data(), &header, sizeof(header));
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::string path = "/dev/shm/lathe-fuzz-" + std::to_string(getpid()) + ".lathebin";
  std::string bytes(reinterpret_cast<const char *>(data), size);
  seal(bytes);
  FILE *file = fopen(path.c_str(), "wb");
  if (!file || fwrite(bytes.data(), 1, size, file) != size || fclose(file) != 0)
    abort();
  lathe::Diagnostics diagnostics;
  std::unique_ptr<Artifact> artifact = Artifact::load(path, diagnostics);
  fuzz::expectErrors(artifact != nullptr, diagnostics);
  if (artifact) {
    (void)artifact->codeBytes();
    (void)artifact->weightBytes();
    (void)artifact->codeObjects();
  }
  unlink(path.c_str());
  return 0;
}
