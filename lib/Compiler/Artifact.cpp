// lib/Compiler/Artifact.cpp: a compiled model, in files or linked into this process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "lathe/Support/PartialFile.h"
#include "llvm/Support/FileSystem.h"

namespace lathe {

Artifact::Artifact() : impl(std::make_unique<Impl>()) {}
Artifact::~Artifact() = default;

const std::string &Artifact::ir() const { return impl->ir; }
const std::vector<KernelInfo> &Artifact::kernels() const { return impl->kernels; }
const std::string &Artifact::name() const { return impl->model.name; }
const std::string &Artifact::target() const { return impl->model.target; }

std::vector<std::string_view> Artifact::codeObjects() const {
  std::vector<std::string_view> result;
  for (const auto &object : llvm::drop_begin(impl->model.objects, impl->model.objects.empty() ? 0 : 1))
    result.emplace_back(object->getBuffer());
  return result;
}
bool Artifact::allocates() const { return impl->allocates; }
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
  if (llvm::StringRef(path).ends_with(".ptx")) {
    if (impl->model.ptx.empty()) {
      diagnostics
          .error("output-no-ptx", path, "the model is compiled for '" + impl->model.target + "', which is not one GPU")
          .note("compile it with --target cuda:sm_80 or another GPU, or use .so, .a, .o or .lathebin");
      return false;
    }
    std::error_code error = replaceFile(path, {impl->model.ptx});
    return !error || reportWriteError(path, error, diagnostics);
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
