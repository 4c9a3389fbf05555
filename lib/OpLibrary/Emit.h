// lib/OpLibrary/Emit.h: the texts of a library: header, interface, package and tests.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_EMIT_H
#define LATHE_LIB_OPLIBRARY_EMIT_H

#include "Spec.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

namespace lathe::oplib {

/// NAME.h: plain C11.
std::string emitHeader(const Spec &spec);
/// NAME.hpp: C++20 on top of it.
std::string emitCppHeader(const Spec &spec);
/// The words of NAME_ctx.
size_t contextWords(const Spec &spec);
/// NAME.c: tables and the library's functions. Includes Functions.h.
/// Of one architecture.
std::string emitSource(const Spec &spec, llvm::ArrayRef<BuiltTarget> targets);
/// Its path in the library's folder.
std::string sourcePath(const Spec &spec, llvm::StringRef arch);
/// manifest.json.
std::string emitManifest(const Spec &spec, const std::vector<BuiltTarget> &targets);
/// Files for CMake and pkg-config, by their paths in the library's folder.
llvm::StringMap<std::string> emitPackage(const Spec &spec);
/// The CTest project, by the paths of its files.
llvm::StringMap<std::string> emitTests(const Spec &spec, const std::vector<BuiltTarget> &targets);

/// What is known of a linked library.
struct LinkedLibrary {
  std::string arch;
  std::unique_ptr<llvm::MemoryBuffer> binary; ///< The shared library.
};

/// report.html: a page that needs no network.
std::string emitReport(const Spec &spec, const std::vector<BuiltTarget> &targets,
                       llvm::ArrayRef<LinkedLibrary> libraries);

/// A wheel for Python, for all architectures, and its name.
std::string emitWheel(const Spec &spec, llvm::ArrayRef<LinkedLibrary> libraries, llvm::StringRef manifest);
std::string wheelName(const Spec &spec);

/// A file of the runtime or the tests that each library gets as it is, such as
/// "Functions.h".
llvm::StringRef embeddedFile(llvm::StringRef name);

/// "[m, k]", with derived sizes written out.
std::string shapeOf(const Op &op, const Operand &operand);
/// What an operand's first element has to be aligned to, in bytes.
unsigned alignmentOf(const Op &op, const Operand &operand);

/// "libmlops.so.1".
std::string sharedObjectName(const Spec &spec);
/// The name of the operator's arguments struct in C, without the library's.
inline std::string functionName(const Spec &spec, const Op &op) { return spec.name + "_" + op.name; }

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_EMIT_H
