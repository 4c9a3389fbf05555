// tools/lathe/Options.h: the options that several commands have, with one
// meaning.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_OPTIONS_H
#define LATHE_TOOLS_LATHE_OPTIONS_H

#include "Command.h"

#include "lathe-runtime/runtime.h"
#include "lathe/Compiler/Compiler.h"

namespace lathe::cli {

inline constexpr Option targetOption = {"--target", "", Form::Text, "TARGET",
                                        "what to make code for: host, x86_64:v3, x86_64:v2+v3+v4, aarch64, ... [host]"};
inline constexpr Option accuracyOption = {
    "--accuracy", "", Form::Text, "LEVEL",
    "standard, or strict: all sums term by term, no Winograd convolutions [standard]"};
inline constexpr Option precisionOption = {
    "--precision", "", Form::Text, "TYPE",
    "of products: f32; bf16: those with constant weights multiply bf16 and add in f32; or tf32: tensor cores of GPUs "
    "round the factors of f32 to 11 bits [f32]"};
inline constexpr Option isaOption = {"--isa", "", Form::Text, "NAME",
                                     "which of several targets to use, such as v3 [the best that this machine runs]"};
inline constexpr Option functionOption = {"--function", "", Form::Text, "NAME",
                                          "which of several functions to call [main, or the only one]"};
inline constexpr Option deviceOption = {"--device", "", Form::Text, "cuda:N",
                                        "run on an NVIDIA GPU, counted from 0; a model is compiled for it [the CPU]"};
inline constexpr Option uncheckedOption = {
    "--unchecked-weights", "", Form::Flag, "",
    "load a .so or .lathebin without reading its weights to compare their checksum"};
inline constexpr Option fixedDimOption = {
    "--dim", "", Form::Dim, "NAME=SIZE", "fix a free dim for good; code gets smaller and faster", true};
inline constexpr Option knownDimOption = {
    "--dim",
    "",
    Form::Range,
    "NAME=SIZE",
    "fix a free dim for good, or NAME=8..512%8: keep it free, but say what it can be; code gets smaller and faster",
    true};
inline constexpr Option threadsOption = {
    "--threads", "", Form::Count,      "N", "threads of each call [all that the process may use]",
    false,       1,  LATHE_MAX_THREADS};
inline constexpr Option loopStepsOption = {"--max-loop-steps",
                                           "",
                                           Form::Count,
                                           "N",
                                           "turns that all loops of the model may make in a call [a billion]",
                                           false,
                                           1,
                                           INT64_MAX};
inline constexpr Option flushOption = {
    "--flush-denormals", "", Form::Flag, "",
    "read and write denormal numbers as zero, which many processors compute much faster"};
inline constexpr Option dimSizeOption = {
    "--dim",
    "",
    Form::Range,
    "NAME=SIZE",
    "size of a free dim in the inputs; the code stays free in it. Or NAME=8..512%8: what the code may count on",
    true};
inline constexpr Option shapeOption = {
    "--shape", "", Form::Shape, "INPUT=1x3x48x320", "shape of an input, where free dims have no names", true};
inline constexpr Option allowLinksOption = {
    "--allow-links", "", Form::Flag, "", "let links lead to tensor files, as in the folders of hubs; trust the model"};
inline constexpr Option overridableOption = {
    "--overridable", "", Form::Text, "NAME", "make an input of an initializer that the graph lists as one", true};
inline constexpr Option limitOption = {
    "--limit", "", Form::Pair, "NAME=NUMBER", "allow the model more, or less, than usual; docs/limits.md has the names",
    true};
inline constexpr Option customOpOption = {
    "--custom-op", "", Form::Text, "FILE", "operators of one's own: a library (.so) or declarations (.mlir)", true};
inline constexpr Option rankOption = {
    "--rank", "", Form::Dim, "INPUT=N", "rank of an input for which the model has none; its sizes are free", true};
inline constexpr Option seedOption = {"--seed", "", Form::Count, "N", "of the random inputs [0]"};
inline constexpr Option noCacheOption = {"--no-cache", "", Form::Flag, "",
                                         "compile a model anew, and do not keep it ('lathe cache --help')"};
inline constexpr Option choicesOption = {"--choices", "", Form::Text, "FILE",
                                         "take what 'lathe tune' found [choices.json beside the compiled models]"};
inline constexpr Option noChoicesOption = {"--no-choices", "", Form::Flag, "",
                                           "compute kernels as Lathe chooses, whatever 'lathe tune' found"};
inline constexpr Option progressOption = {"--progress", "", Form::Flag, "",
                                          "say what is going on, also where stderr is not a terminal"};
inline constexpr Option roundsOption = {"--rounds", "", Form::Count, "N", "rounds of timed calls [10]",
                                        false,      1,  1000000};

/// What --allow-links, --overridable, --limit, --rank and --custom-op say.
inline LoadOptions loadOptions(const Arguments &arguments) {
  std::map<std::string, int64_t> ranks;
  for (const NamedSizes &rank : arguments.sizes("--rank"))
    ranks[rank.name] = rank.sizes.front();
  return {arguments.has("--allow-links"), arguments.all("--overridable").vec(), arguments.all("--limit").vec(), ranks,
          arguments.all("--custom-op").vec()};
}

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_OPTIONS_H
