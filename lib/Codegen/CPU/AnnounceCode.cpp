// lib/Codegen/CPU/AnnounceCode.cpp: addresses and names of kernels for `perf` and for debuggers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Codegen/AnnounceCode.h"
#include "CodeListeners.h"
#include "lathe/Support/Diagnostics.h"
#include "llvm/ExecutionEngine/Orc/Debugging/ELFDebugObjectPlugin.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include <atomic>

using namespace llvm;

namespace lathe {

static std::atomic<unsigned> listening = 0;

/// Where `perf` looks for code of this process that is in no file: a line for each function, with its address and
/// size in hexadecimal and its name.
static std::string mapPath() { return "/tmp/perf-" + std::to_string(sys::Process::getProcessId()) + ".map"; }

/// Writes all lines at once, so that those of two threads do not mix. Without `flags`, the map begins with them.
static Error writeToMap(StringRef lines, sys::fs::OpenFlags flags = sys::fs::OF_Append) {
  std::error_code error;
  raw_fd_ostream file(mapPath(), error, flags);
  if (error)
    return createFileError(mapPath(), error);
  file.SetUnbuffered();
  file << lines;
  file.close();
  error = file.error();
  file.clear_error(); // Left in the stream, it would end the process.
  return error ? createFileError(mapPath(), error) : Error::success();
}

/// Begins a map of this process. What is there may be that of an earlier one, which had the same number.
static Error beginMap() {
  static std::atomic<sys::Process::Pid> owner = 0;
  sys::Process::Pid own = sys::Process::getProcessId();
  bool isBegun = owner.exchange(own) == own;
  return writeToMap("", isBegun ? sys::fs::OF_Append : sys::fs::OF_None);
}

namespace {
/// Writes what was linked, once addresses are known. What is unloaded stays there: `perf` reads the map at the end.
class PerfMap final : public orc::ObjectLinkingLayer::Plugin {
public:
  void modifyPassConfig(orc::MaterializationResponsibility &, jitlink::LinkGraph &,
                        jitlink::PassConfiguration &config) override {
    config.PostFixupPasses.push_back(&PerfMap::write);
  }
  Error notifyFailed(orc::MaterializationResponsibility &) override { return Error::success(); }
  Error notifyRemovingResources(orc::JITDylib &, orc::ResourceKey) override { return Error::success(); }
  void notifyTransferringResources(orc::JITDylib &, orc::ResourceKey, orc::ResourceKey) override {}

private:
  static Error write(jitlink::LinkGraph &graph) {
    std::string text;
    raw_string_ostream lines(text);
    for (jitlink::Symbol *symbol : graph.defined_symbols())
      if (symbol->isCallable() && symbol->hasName())
        lines << utohexstr(symbol->getAddress().getValue(), /*LowerCase=*/true) << ' '
              << utohexstr(symbol->getSize(), /*LowerCase=*/true) << ' ' << *symbol->getName() << '\n';
    return writeToMap(text);
  }
};
} // namespace

bool announceCode(unsigned listeners, Diagnostics &diagnostics) {
  if (listeners & ListenPerf)
    if (Error error = beginMap()) {
      diagnostics.error("perf-map", mapPath(), "cannot be written: " + toString(std::move(error)))
          .note("perf looks for the names of kernels there; remove what is in the way, or leave it out");
      return false;
    }
  listening = listeners;
  return true;
}

Error addCodeListeners(orc::LLJIT &jit) {
  unsigned listeners = listening;
  auto *layer = dyn_cast<orc::ObjectLinkingLayer>(&jit.getObjLinkingLayer());
  if (!layer)
    return Error::success();
  if (listeners & ListenPerf)
    layer->addPlugin(std::make_shared<PerfMap>());
  if (listeners & ListenDebugger) {
    // Kernels have symbols, and no lines of a source.
    Error error = Error::success();
    auto plugin = std::make_shared<orc::ELFDebugObjectPlugin>(jit.getExecutionSession(), /*RequireDebugSections=*/false,
                                                              /*AutoRegisterCode=*/true, error);
    if (error)
      return error;
    layer->addPlugin(std::move(plugin));
  }
  return Error::success();
}

} // namespace lathe
