// lib/Compiler/Artifact.cpp: a compiled model, in files or linked into this process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "llvm/Support/FileSystem.h"

namespace lathe {

Artifact::Artifact() : impl(std::make_unique<Impl>()) {}
Artifact::~Artifact() = default;

const std::string &Artifact::ir() const { return impl->ir; }
const std::vector<KernelInfo> &Artifact::kernels() const { return impl->kernels; }
size_t Artifact::codeBytes() const {
  size_t bytes = 0;
  for (const auto &object : impl->model.objects)
    bytes += object->getBufferSize();
  return bytes;
}
size_t Artifact::weightBytes() const { return impl->model.weights ? impl->model.weights->getBufferSize() : 0; }

const lathe_module_desc *Artifact::module(Diagnostics &diagnostics) {
  std::lock_guard<std::mutex> lock(impl->mutex);
  if (impl->model.objects.empty()) {
    diagnostics.error("artifact-no-code", impl->model.name, "holds no code: compilation stopped before 'emit'")
        .note("compile without a phase to stop after");
    return nullptr;
  }
  if (!impl->loaded)
    impl->loaded = loadInProcess(impl->model, diagnostics);
  return impl->loaded ? impl->loaded->desc() : nullptr;
}

bool Artifact::save(const std::string &path, Diagnostics &diagnostics) const {
  if (impl->model.objects.empty()) {
    diagnostics.error("artifact-no-code", path, "there is no code to write: compilation stopped before 'emit'")
        .note("compile without a phase to stop after");
    return false;
  }
  return writeArtifact(impl->model, path, diagnostics);
}

std::unique_ptr<Artifact> Artifact::load(const std::string &path, Diagnostics &diagnostics, bool uncheckedWeights) {
  auto artifact = std::make_unique<Artifact>();
  if (!readArtifact(path, uncheckedWeights, artifact->impl->model, diagnostics))
    return nullptr;
  return artifact;
}

} // namespace lathe
