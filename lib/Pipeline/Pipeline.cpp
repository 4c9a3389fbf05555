// lib/Pipeline/Pipeline.cpp: the table.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Pipeline/Pipeline.h"
#include "Phases.h"

using namespace mlir;

namespace lathe {

namespace {
struct PhaseInfo {
  Phase id;
  StringRef name;
  StringRef endsAt; ///< The level; empty for phases that are no pass pipelines.
  void (*build)(OpPassManager &, const PipelineOptions &);
};
} // namespace

/// The compiler, as a table: phase names, the levels they end at and
/// `--stop-after` cannot disagree.
static constexpr PhaseInfo phases[] = {
    {Phase::Import, "import", "", nullptr},
    {Phase::Optimize, "optimize", "graph", buildOptimizePhase},
    {Phase::Partition, "partition", "kernel", buildPartitionPhase},
    {Phase::Lower, "lower", "linalg", buildLowerPhase},
    {Phase::Schedule, "schedule", "scheduled", buildSchedulePhase},
    {Phase::Bufferize, "bufferize", "buffers", buildBufferizePhase},
    {Phase::Codegen, "codegen", "llvm", buildCodegenPhase},
    {Phase::Emit, "emit", "", nullptr},
};

StringRef phaseName(Phase phase) { return phases[static_cast<unsigned>(phase)].name; }

std::optional<Phase> parsePhase(StringRef name) {
  for (const PhaseInfo &phase : phases)
    if (phase.name == name)
      return phase.id;
  return std::nullopt;
}

ArrayRef<StringRef> getPhaseNames() {
  static const SmallVector<StringRef> names = [] {
    SmallVector<StringRef> result;
    for (const PhaseInfo &phase : phases)
      result.push_back(phase.name);
    return result;
  }();
  return names;
}

void buildPhase(OpPassManager &manager, Phase phase, const PipelineOptions &options) {
  const PhaseInfo &info = phases[static_cast<unsigned>(phase)];
  if (!info.build)
    return;
  info.build(manager, options);
  manager.addPass(createVerifyLevelPass({info.endsAt.str(), info.name.str()}));
}

void buildPipeline(OpPassManager &manager, Phase first, Phase last, const PipelineOptions &options) {
  for (const PhaseInfo &phase : phases)
    if (phase.id >= first && phase.id <= last)
      buildPhase(manager, phase.id, options);
}

} // namespace lathe
