// docs/reference/examples/compiler.cpp: an example of each function of the compiler's C++ interface;
// docs/reference/cpp.md shows the parts.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

#include <cstdio>
#include <fstream>
#include <sstream>

static int fail(const char *what) {
  std::fprintf(stderr, "%s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  std::string path = argv[argc - 1];
  // [compilerVersion compilerBuild phaseNames]
  std::printf("%s, built as %s\n", lathe::compilerVersion(), lathe::compilerBuild().c_str());
  for (const std::string &phase : lathe::phaseNames())
    std::printf("%s\n", phase.c_str());
  // [Program.load]
  lathe::Diagnostics diagnostics;
  std::unique_ptr<lathe::Program> program = lathe::Program::load(path, diagnostics);
  if (!program)
    std::printf("%s", diagnostics.text().c_str());
  // [end]
  if (!program)
    return fail("load");
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::string bytes = text.str();
  // [Program.parse]
  auto same = lathe::Program::parse(bytes.data(), bytes.size(), "classify.mlir", diagnostics);
  // [checkCustomOps]
  lathe::Diagnostics wrong;
  bool isRight = lathe::checkCustomOps({"ops.mlir"}, wrong); // No: there is no such file.
  // [end]
  if (isRight)
    return fail("custom ops");
  // [Program.loadAll Program.functionNames]
  std::unique_ptr<lathe::Program> both = lathe::Program::loadAll({{path, "first"}, {path, "second"}}, diagnostics);
  for (const std::string &name : both->functionNames())
    std::printf("%s\n", name.c_str()); // "first", "second"
  // [Program.name Program.contentKey]
  std::printf("%s %s\n", program->name().c_str(), program->contentKey().c_str());
  // [Program.inputNames Program.indexBounds]
  std::vector<int64_t> bounds = program->indexBounds();
  for (const std::string &name : program->inputNames())
    std::printf("%s\n", name.c_str());
  // [Program.signature]
  lathe::SignatureInfo signature = program->signature();
  // [Program.callsKernels]
  if (program->callsKernels())
    std::printf("compile it with --start-at, from the phase behind the one that wrote it\n");
  // [Program.operations]
  for (const lathe::OperationInfo &op : program->operations())
    std::printf("%s of %zu operands\n", op.kind.c_str(), op.operands.size());
  // [Program.save]
  program->save("classify.lathe", diagnostics);
  // [compile]
  lathe::CompileOptions options;
  options.dims = {"batch=4"};
  std::unique_ptr<lathe::Artifact> artifact = lathe::compile(*program, options, diagnostics);
  // [end]
  if (!artifact || !same || same->contentKey() != program->contentKey() || bounds.size() != 1 ||
      signature.inputs.size() != 1)
    return fail("compile");
  lathe::Diagnostics problems;
  // [Program.keepFunction]
  if (!same->keepFunction("mian", problems))
    std::printf("%s", problems.text().c_str()); // Names a function that is spelt alike.
  // [Program.keepNode]
  if (!same->keepNode("stem/conv", problems))
    std::printf("%s", problems.text().c_str()); // Names a node that is spelt alike.
  // [end]
  // [Artifact.name Artifact.target Artifact.kernels Artifact.codeBytes Artifact.weightBytes]
  std::printf("%s for %s: %zu kernels, %zu bytes of code, %zu of weights\n", artifact->name().c_str(),
              artifact->target().c_str(), artifact->kernels().size(), artifact->codeBytes(), artifact->weightBytes());
  // [Artifact.codeObjects Artifact.allocates]
  std::printf("%zu objects%s\n", artifact->codeObjects().size(), artifact->allocates() ? ", allocates" : "");
  // [Artifact.module]
  const lathe_module_desc *module = artifact->module(diagnostics); // For lathe_module_from_desc.
  // [Artifact.save Artifact.saveHeader]
  artifact->save("classify.lathebin", diagnostics);
  artifact->saveHeader("classify.h", diagnostics);
  // [Artifact.load]
  std::unique_ptr<lathe::Artifact> loaded = lathe::Artifact::load("classify.lathebin", diagnostics);
  // [Artifact.ir]
  options.stopAfter = "partition";
  std::printf("%s", lathe::compile(*program, options, diagnostics)->ir().c_str());
  // [check]
  bool complete = lathe::check(path, {}, diagnostics);
  // [end]
  return module && loaded && complete ? 0 : fail("artifact");
}
