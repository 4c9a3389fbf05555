// lib/Pipeline/Pipeline.cpp: the table.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Pipeline/Pipeline.h"
#include "Phases.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;

namespace lathe {

namespace {
struct PhaseInfo {
  Phase id;
  StringRef name;
  StringRef endsAt; ///< The level; empty for phases that are no pass pipelines.
  void (*build)(OpPassManager &, const PipelineOptions &);
  bool isParallel = false; ///< Its passes see each kernel alone.
};
} // namespace

/// The compiler, as a table: phase names, the levels they end at and
/// `--stop-after` cannot disagree.
static constexpr PhaseInfo phases[] = {
    {Phase::Import, "import", "", nullptr},
    {Phase::Optimize, "optimize", "graph", buildOptimizePhase},
    {Phase::Partition, "partition", "kernel", buildPartitionPhase},
    {Phase::Lower, "lower", "linalg", buildLowerPhase, /*isParallel=*/true},
    {Phase::Schedule, "schedule", "scheduled", buildSchedulePhase, /*isParallel=*/true},
    {Phase::Bufferize, "bufferize", "buffers", buildBufferizePhase},
    {Phase::Codegen, "codegen", "llvm", buildCodegenPhase, /*isParallel=*/true},
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

namespace {
/// While it lives, passes of `context` may use `count` threads.
class Threads {
public:
  Threads(MLIRContext &context, unsigned count) : context(context) {
    if (count == 1)
      return;
    pool.emplace(llvm::hardware_concurrency(count));
    context.setThreadPool(*pool);
  }
  ~Threads() {
    if (pool)
      context.disableMultithreading();
  }

private:
  MLIRContext &context;
  std::optional<llvm::DefaultThreadPool> pool;
};
} // namespace

static LogicalResult runPhase(ModuleOp module, const PhaseInfo &phase, const PipelineOptions &options) {
  PassManager manager(module.getContext());
#ifdef NDEBUG
  // Half of the time of `codegen`, whose result LLVM verifies once more.
  manager.enableVerifier(phase.id != Phase::Codegen);
#endif
  buildPhase(manager, phase.id, options);
  Threads threads(*module.getContext(), phase.isParallel ? options.threads : 1);
  return manager.run(module);
}

LogicalResult runPhases(ModuleOp module, Phase first, Phase last, const PipelineOptions &options,
                        llvm::function_ref<LogicalResult(Phase, bool isDone)> observe) {
  for (const PhaseInfo &phase : phases) {
    if (!phase.build || phase.id < first || phase.id > last)
      continue;
    if (observe && failed(observe(phase.id, /*isDone=*/false)))
      return failure();
    if (failed(runPhase(module, phase, options)))
      return failure();
    if (observe && failed(observe(phase.id, /*isDone=*/true)))
      return failure();
  }
  return success();
}

} // namespace lathe
