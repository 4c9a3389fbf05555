// include/lathe/Pipeline/Pipeline.h: the compiler as one table of phases, which every driver walks.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_PIPELINE_PIPELINE_H
#define LATHE_PIPELINE_PIPELINE_H

#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include <optional>
#include <string>

namespace lathe {

/// In order. `Import` and `Emit` are not pass pipelines: the compiler does them.
enum class Phase { Import, Optimize, Partition, Lower, Schedule, Bufferize, Codegen, Emit };

llvm::StringRef phaseName(Phase phase);
std::optional<Phase> parsePhase(llvm::StringRef name);
llvm::ArrayRef<llvm::StringRef> getPhaseNames();

struct PipelineOptions {
  std::string target = "host";        ///< Canonical target string.
  std::vector<std::string> dims;      ///< NAME=VALUE.
  std::vector<std::string> dimNames;  ///< Of dims that some function has, where there are several.
  graph::ConstantEvaluator evaluator; ///< For constant folding; may be empty.
  bool keepFiltered = false;          ///< Where Winograd's filtering is faster than bf16, convolutions stay f32.
  bool keepWeightCodes = false;       ///< Quantized weights of products, for processors that decode them.
  bool formAttention = true;          ///< Products with a softmax between them, where some target computes them whole.
  bool isEvaluator = false;           ///< Compiling constants, which are not folded themselves.
  int64_t foldedBytes = INT64_MAX;    ///< That constants may be computed to.
  std::vector<std::string> choices;   ///< KEY=NAME, for `select-strategies`.
  unsigned alternative = 0;           ///< Of each kernel, for the same.
  unsigned threads = 1;               ///< For the phases whose passes see each kernel alone; 0: all.
};

/// Adds the passes of one phase, which ends in `verify-level`.
void buildPhase(mlir::OpPassManager &manager, Phase phase, const PipelineOptions &options);

/// Runs the phases from `first` to `last` that are pass pipelines, in order.
/// `observe` is called before and after each and may end the walk.
llvm::LogicalResult runPhases(mlir::ModuleOp module, Phase first, Phase last, const PipelineOptions &options,
                              llvm::function_ref<llvm::LogicalResult(Phase, bool isDone)> observe = {});

/// Dialects and interface models that the phases need.
void registerDialects(mlir::DialectRegistry &registry);
/// All passes of Lathe, and the pipelines `lathe-PHASE`, for lathe-opt; without
/// an evaluator, constants are not folded.
void registerPasses(graph::ConstantEvaluator evaluator = {});

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lathe/Pipeline/Passes.h.inc"

} // namespace lathe

#endif // LATHE_PIPELINE_PIPELINE_H
