// tools/lathe/LoadedModel.h: whatever file the user names, as a module that can
// be called.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_LOADEDMODEL_H
#define LATHE_TOOLS_LATHE_LOADEDMODEL_H

#include "lathe-runtime/runtime.h"

#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace lathe {
class Artifact;
class Diagnostics;
} // namespace lathe

namespace lathe::cli {

class Arguments;
class StoredModule;

/// What a file is, by its content and, where that is ours, its ending.
enum class FileKind { Model, SharedLibrary, Lathebin, ObjectOrArchive };
FileKind fileKind(llvm::StringRef path);

class LoadedModel {
public:
  /// Loads an artifact, or compiles a model now, or takes what was compiled before from the
  /// cache, as --target, --no-cache and --progress of `arguments` say. Null after an error. That it has no function, as
  /// kernels without a model, is one unless it is `onlyToShow`, and so is that it is
  /// for another machine, or to be linked into a program.
  static std::unique_ptr<LoadedModel> open(llvm::StringRef path, const Arguments &arguments, Diagnostics &diagnostics,
                                           bool onlyToShow = false);
  ~LoadedModel();

  /// Null where the code is for another machine, or to be linked into a program.
  lathe_module *module() const { return handle; }
  const lathe_module_desc &description() const;
  const lathe_variant_desc &variant() const;
  /// That of --function, or the only one, or "main".
  const lathe_function_desc &function() const { return *called; }
  /// Null for a shared library.
  const Artifact *artifact() const { return own.get(); }

  FileKind kind = FileKind::Model;
  std::vector<int64_t> indexBounds; ///< Of a model, as of Program.
  bool fromCache = false;
  int64_t callBytes = 0;  ///< Of --limit; 0 where it says nothing.
  double loadSeconds = 0; ///< With compilation.

private:
  LoadedModel();

  // The module reads what the artifact owns: freed in the destructor, before.
  std::unique_ptr<Artifact> own;
  std::unique_ptr<StoredModule> stored;
  bool chooseFunction(llvm::StringRef path, const Arguments &arguments, bool onlyToShow, Diagnostics &diagnostics);
  /// Shows `description` alone, whose code nobody calls.
  void show(const lathe_module_desc &description, llvm::StringRef isa);

  const lathe_module_desc *foreign = nullptr;         ///< Where there is no `handle`.
  const lathe_variant_desc *foreignVariant = nullptr; ///< Of that.
  lathe_module *handle = nullptr;
  const lathe_function_desc *called = nullptr;
};

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_LOADEDMODEL_H
