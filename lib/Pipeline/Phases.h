// lib/Pipeline/Phases.h: the builders that the table of phases lists.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_PIPELINE_PHASES_H
#define LATHE_LIB_PIPELINE_PHASES_H

#include "lathe/Pipeline/Pipeline.h"

namespace lathe {

void buildOptimizePhase(mlir::OpPassManager &manager, const PipelineOptions &options);
void buildPartitionPhase(mlir::OpPassManager &manager, const PipelineOptions &options);
void buildLowerPhase(mlir::OpPassManager &manager, const PipelineOptions &options);
void buildSchedulePhase(mlir::OpPassManager &manager, const PipelineOptions &options);
void buildBufferizePhase(mlir::OpPassManager &manager, const PipelineOptions &options);
void buildCodegenPhase(mlir::OpPassManager &manager, const PipelineOptions &options);

} // namespace lathe

#endif // LATHE_LIB_PIPELINE_PHASES_H
