// tools/lathe/GpuSelftest.cpp: `lathe gpu-selftest`: each family of kernels on the GPU against the CPU.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Python.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static int run(const Arguments &arguments) {
  std::vector<std::string> words;
  if (arguments.has("--quick"))
    words.push_back("--quick");
  if (arguments.has("--json"))
    words.push_back("--json=" + arguments.get("--json").str());
  return runPython("lathe gpu-selftest", "lathe.gpu_selftest", words, {});
}

static constexpr Option options[] = {
    {"--quick", "", Form::Flag, "", "small sizes only"},
    {"--json", "", Form::Text, "FILE", "write the table to a file, too"},
};

const Command &cli::gpuSelftestCommand() {
  static const Command command = {
      "gpu-selftest",
      "compare the kernels on an NVIDIA GPU with the CPU",
      "",
      0,
      0,
      "Compiles small models of each family of kernels for the first GPU and for the "
      "CPU, runs\nthe same inputs, and prints how far the results are apart, as a part "
      "of what is allowed,\nwhat a call took with its copies and without, and the bytes of its tensors "
      "as a part of what\nthe GPU copies in that time. Needs the Python package.",
      "  lathe gpu-selftest --json selftest.json\n",
      options,
      run};
  return command;
}
