// lib/OpLibrary/Installed.cpp: a library that `lathe oplib build` wrote, as its manifest describes it, and opened.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Installed.h"
#include "Execute.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using llvm::StringRef;

namespace lathe::oplib {

static std::string textOf(const llvm::json::Object &object, StringRef key) {
  return object.getString(key).value_or("").str();
}

static std::vector<std::string> textsOf(const llvm::json::Object &object, StringRef key) {
  std::vector<std::string> result;
  if (const llvm::json::Array *list = object.getArray(key))
    for (const llvm::json::Value &value : *list)
      result.push_back(value.getAsString().value_or("").str());
  return result;
}

/// Calls `use` with each object of the list `key`.
template <typename Use> static void forEach(const llvm::json::Object &object, StringRef key, Use use) {
  if (const llvm::json::Array *list = object.getArray(key))
    for (const llvm::json::Value &value : *list)
      if (const llvm::json::Object *entry = value.getAsObject())
        use(*entry);
}

static std::string signatureOf(const llvm::json::Object &op) {
  std::string text = "(" + llvm::join(textsOf(op, "symbols"), ", ") + ";";
  forEach(op, "operands", [&](const llvm::json::Object &operand) {
    text += text.back() == ';' ? " " : ", ";
    text += textOf(operand, "name") + (operand.getBoolean("optional").value_or(false) ? "?: " : ": ") +
            textOf(operand, "dtype") + "[" + llvm::join(textsOf(operand, "dims"), ", ") + "]";
    for (const std::string &stride : textsOf(operand, "strides"))
      text += " " + stride;
    if (operand.getBoolean("packed").value_or(false))
      text += " packed";
  });
  return text + ")";
}

static InstalledOp readOp(const llvm::json::Object &object) {
  InstalledOp op;
  op.name = textOf(object, "op");
  op.family = textOf(object, "family");
  op.about = textOf(object, "about");
  op.signature = signatureOf(object);
  op.choiceName = textOf(object, "choice");
  op.choices = textsOf(object, "choices");
  op.symbols = textsOf(object, "symbols");
  if (const llvm::json::Object *derived = object.getObject("derived"))
    for (const auto &[name, value] : *derived)
      op.derived.emplace_back(StringRef(name).str(), value.getAsString().value_or("").str());
  forEach(object, "operands", [&](const llvm::json::Object &entry) {
    op.operands.push_back({textOf(entry, "dtype"), textsOf(entry, "dims"), entry.getBoolean("optional").value_or(false),
                           entry.getBoolean("packed").value_or(false), entry.getBoolean("result").value_or(false)});
    op.strides += textsOf(entry, "strides").size();
  });
  return op;
}

static void readVariants(const llvm::json::Object &entry, Installed &library) {
  auto op = llvm::find_if(library.ops, [&](const InstalledOp &known) { return known.name == textOf(entry, "op"); });
  if (op == library.ops.end())
    return;
  op->panels[textOf(entry, "target")] = entry.getInteger("panel_columns").value_or(0);
  std::vector<InstalledVariant> &variants = op->variants[textOf(entry, "target")];
  forEach(entry, "variants", [&](const llvm::json::Object &variant) {
    InstalledVariant made{textOf(variant, "name"),
                          textOf(variant, "kernel"),
                          textOf(variant, "why"),
                          variant.getInteger("object_bytes").value_or(0),
                          variant.getInteger("code_bytes").value_or(0),
                          {}};
    forEach(variant, "kernels", [&](const llvm::json::Object &kernel) {
      std::string strategy = textOf(kernel, "strategy");
      if (!llvm::is_contained(made.strategies, strategy))
        made.strategies.push_back(strategy);
    });
    variants.push_back(std::move(made));
  });
}

std::vector<std::string> Installed::archs() const {
  std::vector<std::string> result;
  for (const auto &[arch, path] : libraries)
    result.push_back(arch);
  return result;
}

std::optional<Installed> readInstalled(const std::string &folder, Diagnostics &diagnostics) {
  std::error_code error;
  std::string file = llvm::sys::fs::is_regular_file(folder) ? folder : "";
  for (llvm::sys::fs::directory_iterator it(folder + "/share", error), end; it != end && !error; it.increment(error))
    if (std::string path = it->path() + "/manifest.json"; llvm::sys::fs::exists(path))
      file = path;
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (file.empty() || !buffer) {
    diagnostics.error("oplib-no-library", folder, "holds no library: there is no share/NAME/manifest.json")
        .note("give the folder that 'lathe oplib build' wrote");
    return std::nullopt;
  }
  auto root = llvm::json::parse((*buffer)->getBuffer());
  const llvm::json::Object *object = root ? root->getAsObject() : nullptr;
  if (!object || !object->getInteger("context_words")) {
    diagnostics
        .error("oplib-manifest", file,
               "is no manifest: " + (root ? std::string("it has no context_words") : llvm::toString(root.takeError())))
        .note("build the library again");
    return std::nullopt;
  }
  Installed library;
  library.folder = folder;
  library.name = textOf(*object, "name");
  library.version = textOf(*object, "version");
  library.spec = textOf(*object, "spec");
  library.compiler = textOf(*object, "compiler");
  library.contextWords = static_cast<size_t>(std::clamp<int64_t>(*object->getInteger("context_words"), 0, 1 << 20));
  if (const llvm::json::Object *libraries = object->getObject("libraries"))
    for (const auto &[arch, path] : *libraries)
      library.libraries.emplace_back(StringRef(arch).str(), path.getAsString().value_or("").str());
  llvm::sort(library.libraries);
  forEach(*object, "interface", [&](const llvm::json::Object &entry) { library.ops.push_back(readOp(entry)); });
  forEach(*object, "ops", [&](const llvm::json::Object &entry) { readVariants(entry, library); });
  return library;
}

//===----------------------------------------------------------------------===//
// In this process
//===----------------------------------------------------------------------===//

void *OpenLibrary::function(const std::string &function) {
  llvm::sys::DynamicLibrary library(handle);
  return library.getAddressOfSymbol((name + "_" + function).c_str());
}

bool OpenLibrary::open(const Installed &library, Diagnostics &diagnostics) {
  name = library.name;
  if (library.libraries.empty()) {
    diagnostics
        .error("oplib-manifest", library.folder,
               "its manifest names no library, as those of earlier versions of lathe do")
        .note("build it again");
    return false;
  }
  auto own = llvm::find_if(library.libraries, [](const auto &entry) { return isHost(entry.first); });
  if (own == library.libraries.end()) {
    diagnostics
        .error("oplib-load", library.folder,
               "is a library for " + llvm::join(library.archs(), " and ") + ", which this machine is not")
        .note("measure on a machine that it is for");
    return false;
  }
  std::string path = library.folder + "/" + own->second;
  llvm::SmallString<256> full(path);
  (void)llvm::sys::fs::make_absolute(full);
  std::string message;
  // Statuses are numbers here; each library names them for itself.
  llvm::sys::DynamicLibrary loaded = llvm::sys::DynamicLibrary::getPermanentLibrary(full.c_str(), &message);
  if (!loaded.isValid()) {
    diagnostics.error("oplib-load", path, "cannot be loaded: " + message).note("build the library again");
    return false;
  }
  handle = loaded.getOSSpecificHandle();
  context.assign(library.contextWords, 0);
  auto *open = reinterpret_cast<int (*)(const void *, void *)>(function("open"));
  for (StringRef needed : {"force", "select", "call"})
    if (!function(needed.str()))
      open = nullptr;
  int status = open ? open(nullptr, context.data()) : -1;
  if (status != 0)
    diagnostics
        .error("oplib-load", path,
               open ? "this machine can run none of its targets" : "lacks functions that libraries have")
        .note("build it for this machine, with this version of lathe");
  return status == 0;
}

int OpenLibrary::force(const std::string &op, const std::string &variant) {
  auto *force = reinterpret_cast<int (*)(void *, const char *, const char *)>(function("force"));
  return force(context.data(), op.c_str(), variant.empty() ? nullptr : variant.c_str());
}

std::string OpenLibrary::isaOf(const std::string &op, llvm::ArrayRef<int64_t> sizes) {
  struct Choice {
    const char *isa, *variant, *kernel, *by;
    int32_t row;
  } choice = {};
  auto *select = reinterpret_cast<int (*)(const void *, const char *, const int64_t *, Choice *)>(function("select"));
  int status = select(context.data(), op.c_str(), sizes.data(), &choice);
  return status == 0 && choice.isa ? choice.isa : "";
}

int OpenLibrary::call(size_t op, const int64_t *sizes, const void *const *operands, void *workspace, size_t bytes,
                      size_t *needed) {
  using Call = int (*)(const void *, size_t, const int64_t *, const void *const *, int32_t, void *, size_t, size_t *);
  return reinterpret_cast<Call>(function("call"))(context.data(), op, sizes, operands, 0, workspace, bytes, needed);
}

} // namespace lathe::oplib
