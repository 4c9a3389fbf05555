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

/// Reads what the assembler says of each kernel:
///     Compiling entry function 'lathe_k0_main' for 'sm_80'
///     Function properties for lathe_k0_main
///     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
///     Used 40 registers, ...
/// The properties of other functions, which it lists there, too, are not the kernel's.
static void readResources(StringRef said, DeviceCode &device) {
  DeviceCode::Kernel *kernel = nullptr;
  bool isOther = false;
  for (StringRef rest = said; !rest.empty();) {
    StringRef line;
    std::tie(line, rest) = rest.split('\n');
    if (line.contains("Compiling entry function '")) {
      StringRef name = line.split('\'').second.split('\'').first;
      auto found = llvm::find_if(device.kernels, [&](const DeviceCode::Kernel &each) { return each.name == name; });
      kernel = found == device.kernels.end() ? nullptr : &*found;
      isOther = false;
    }
    if (line.contains("Function properties for "))
      isOther = kernel && line.rsplit(' ').second.trim() != kernel->name;
    auto read = [&](StringRef words, unsigned &number) {
      size_t end = line.find(words);
      if (end != StringRef::npos)
        line.take_front(end).rsplit(' ').second.getAsInteger(10, number);
    };
    if (!kernel)
      continue;
    unsigned stores = 0, loads = 0;
    read(" bytes spill stores", stores);
    read(" bytes spill loads", loads);
    if (!isOther)
      kernel->spillBytes = std::max({kernel->spillBytes, stores, loads});
    read(" registers", kernel->registers);
  }
}

/// Runs the assembler; why there is no code, or "".
static std::string run(StringRef assembler, StringRef gpu, DeviceCode &device) {
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
  text << device.ptx;
  text.close();
  if (error || text.has_error()) {
    text.clear_error();
    return "the text cannot be written; is the disk full?";
  }
  std::string arch = ("-arch=" + gpu).str(), message;
  int status =
      llvm::sys::ExecuteAndWait(assembler, {assembler, "-v", arch, paths[0], "-o", paths[1]}, std::nullopt,
                                {std::nullopt, StringRef(paths[2]), StringRef(paths[2])}, mostSeconds, 0, &message);
  auto said = llvm::MemoryBuffer::getFile(paths[2]);
  if (status != 0) {
    if (said && message.empty())
      message = (*said)->getBuffer().split('\n').first.take_front(500).str();
    return message.empty() ? "it ended with " + std::to_string(status) : message;
  }
  auto made = llvm::MemoryBuffer::getFile(paths[1], /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!made)
    return "what it wrote cannot be read: " + made.getError().message();
  device.cubin = (*made)->getBuffer().str();
  if (said)
    readResources((*said)->getBuffer(), device);
  return device.cubin.empty() ? "it wrote nothing" : "";
}

void assemble(ModuleOp module, StringRef gpu, DeviceCode &device) {
  llvm::ErrorOr<std::string> assembler = llvm::sys::findProgramByName("ptxas");
  if (!assembler)
    return;
  std::string problem = run(*assembler, gpu, device);
  if (!problem.empty())
    module.emitRemark("'" + *assembler + "' made no code of the kernels for '" + gpu + "': " + problem +
                      "; there is PTX alone, which the driver compiles whenever it loads it [gpu-no-cubin]");
}

} // namespace lathe
