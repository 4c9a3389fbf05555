// lib/OpLibrary/Execute.cpp: other programs, such as the C compiler and CMake.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Execute.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using llvm::StringRef;
namespace fs = llvm::sys::fs;

namespace lathe::oplib {

int execute(const std::vector<std::string> &words, std::string &output) {
  output.clear();
  llvm::SmallString<128> log;
  if (std::error_code error = fs::createTemporaryFile("lathe-oplib", "log", log)) {
    output = "no temporary file can be made: " + error.message();
    return -1;
  }
  llvm::scope_exit remove([&] { (void)fs::remove(log); });
  llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(words.front());
  if (!program) {
    output = "'" + words.front() + "' was not found";
    return -1;
  }
  std::vector<StringRef> arguments(words.begin(), words.end());
  int status = llvm::sys::ExecuteAndWait(*program, arguments, std::nullopt,
                                         {std::nullopt, StringRef(log), StringRef(log)}, 0, 0, &output);
  if (auto text = llvm::MemoryBuffer::getFile(log))
    output += (*text)->getBuffer();
  return status;
}

bool isHost(StringRef arch) { return llvm::Triple(llvm::sys::getProcessTriple()).getArchName() == arch; }

std::string compilerFor(StringRef arch) { return isHost(arch) ? "cc" : (arch + "-linux-gnu-gcc").str(); }

/// "ARCH=COMPILER" in two; the architecture is empty where none is said.
static std::pair<StringRef, StringRef> splitCompiler(StringRef text) {
  auto [arch, compiler] = text.split('=');
  return llvm::is_contained({"x86_64", "aarch64"}, arch) ? std::pair(arch, compiler) : std::pair(StringRef(), text);
}

std::string chooseCompiler(llvm::ArrayRef<std::string> given, StringRef arch) {
  for (const std::string &text : llvm::reverse(given))
    if (auto [own, compiler] = splitCompiler(text); own.empty() || own == arch)
      return compiler.str();
  return "";
}

bool isUnclear(llvm::ArrayRef<std::string> given, llvm::ArrayRef<std::string> archs, StringRef place,
               Diagnostics &diagnostics) {
  auto isOpen = [](const std::string &text) { return splitCompiler(text).first.empty(); };
  const std::string *found = llvm::find_if(given, isOpen);
  if (archs.size() < 2 || found == given.end())
    return false;
  diagnostics
      .error("oplib-compiler-arch", place,
             "the library is for " + llvm::join(archs, " and ") + ", but --cc " + *found + " does not say for which")
      .note("write --cc ARCH=COMPILER, once for each, as in --cc " + archs.front() + "=" + *found +
            ", or build for one of them with --arch");
  return true;
}

} // namespace lathe::oplib
