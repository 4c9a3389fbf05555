// dialects/Graph/GraphOps.td: all op families, for one run of mlir-tblgen.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include "dialects/Graph/ElementwiseOps.td"
include "dialects/Graph/ContractionOps.td"
include "dialects/Graph/ConvolutionOps.td"
include "dialects/Graph/PoolingOps.td"
include "dialects/Graph/NormalizationOps.td"
include "dialects/Graph/ReductionOps.td"
include "dialects/Graph/ShapeOps.td"
include "dialects/Graph/IndexingOps.td"
include "dialects/Graph/ControlOps.td"
include "dialects/Graph/StorageOps.td"
include "dialects/Graph/TextOps.td"
include "dialects/Graph/SequenceTypes.td"

// Families with headers of their own; for the reference only.
#ifdef LATHE_ALL_OPS
include "dialects/Graph/AttentionOps.td"
include "dialects/Graph/RecurrentOps.td"
include "dialects/Graph/SequenceOps.td"
#endif
