// lib/Codegen/GPU/Assemble.cpp: PTX as code for one GPU, where NVIDIA's assembler is installed.
//
// Nothing needs it: the driver does the same when it loads a module, at the cost of the time that it takes.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Assemble.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace fs = llvm::sys::fs;

namespace lathe {

/// After so long, the driver of the machine that runs the code is left to do it.
static constexpr unsigned mostSeconds = 300;

/// Runs the assembler; why there is no code, or "".
static std::string run(StringRef assembler, StringRef gpu, StringRef ptx, std::string &code) {
  llvm::SmallString<128> paths[3]; // The text, the code and what the assembler says.
  llvm::scope_exit cleanup([&] {
    for (const llvm::SmallString<128> &path : paths)
      if (!path.empty())
        fs::remove(path);
  });
  const char *endings[] = {"ptx", "cubin", "log"};
  for (auto [path, ending] : llvm::zip_equal(paths, endings))
    if (std::error_code error = fs::createTemporaryFile("lathe-gpu", ending, path))
      return "no file for it: " + error.message();
  std::error_code error;
  llvm::raw_fd_ostream text(paths[0], error);
  text << ptx;
  text.close();
  if (error || text.has_error()) {
    text.clear_error();
    return "the text cannot be written; is the disk full?";
  }
  std::string arch = ("-arch=" + gpu).str(), message;
  int status =
      llvm::sys::ExecuteAndWait(assembler, {assembler, arch, paths[0], "-o", paths[1]}, std::nullopt,
                                {std::nullopt, StringRef(paths[2]), StringRef(paths[2])}, mostSeconds, 0, &message);
  if (status != 0) {
    if (auto said = llvm::MemoryBuffer::getFile(paths[2]); said && message.empty())
      message = (*said)->getBuffer().split('\n').first.take_front(500).str();
    return message.empty() ? "it ended with " + std::to_string(status) : message;
  }
  auto made = llvm::MemoryBuffer::getFile(paths[1], /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!made)
    return "what it wrote cannot be read: " + made.getError().message();
  code = (*made)->getBuffer().str();
  return code.empty() ? "it wrote nothing" : "";
}

std::string assemblePtx(ModuleOp module, StringRef gpu, StringRef ptx) {
  llvm::ErrorOr<std::string> assembler = llvm::sys::findProgramByName("ptxas");
  std::string code;
  if (!assembler)
    return code;
  std::string problem = run(*assembler, gpu, ptx, code);
  if (!problem.empty())
    module.emitRemark("'" + *assembler + "' made no code of the kernels for '" + gpu + "': " + problem +
                      "; there is PTX alone, which the driver compiles whenever it loads it [gpu-no-cubin]");
  return code;
}

} // namespace lathe
