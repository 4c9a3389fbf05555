// lib/OpLibrary/Build.cpp: from a specification to a folder that holds a library.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compile.h"
#include "Emit.h"
#include "Family.h"
#include "Table.h"
#include "lathe/OpLibrary/OpLibrary.h"
#include "lathe/Support/PartialFile.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/ThreadPool.h"
#include <atomic>
#include <deque>
#include <mutex>

using llvm::StringRef;
namespace fs = llvm::sys::fs;

namespace lathe::oplib {

namespace {

std::string identifier(StringRef text) {
  std::string result;
  for (char c : text)
    result += llvm::isAlnum(c) ? c : '_';
  return result;
}

class Builder {
public:
  Builder(const BuildOptions &options, Diagnostics &diagnostics) : options(options), diagnostics(diagnostics) {}
  bool run(BuildSummary &summary);

private:
  bool fail(StringRef id, const llvm::Twine &place, const llvm::Twine &message, const llvm::Twine &wayOut) {
    diagnostics.error(id, place, message).note(wayOut);
    return false;
  }
  void step(const llvm::Twine &name) {
    if (options.progress)
      options.progress(name.str());
  }
  bool checkFolder();
  std::deque<Unit> listUnits();
  bool compileUnits(const std::deque<Unit> &units, std::vector<UnitCode> &codes);
  bool takeUnits(std::vector<UnitCode> &codes);
  bool write(StringRef path, StringRef content);
  bool writeTexts();
  bool writeLibraries();
  bool execute(const std::vector<std::string> &words, std::string &message);
  bool writeArchive(const std::vector<std::string> &objects);
  bool moveIntoPlace();

  const BuildOptions &options;
  Diagnostics &diagnostics;
  std::unique_ptr<Spec> spec;
  std::vector<BuiltTarget> targets;
  std::string partial; ///< The folder while it is written.
};

} // namespace

/// Only what is a library already is ever replaced.
bool Builder::checkFolder() {
  std::error_code error;
  if (!fs::exists(options.folder))
    return true;
  if (!fs::is_directory(options.folder))
    return fail("oplib-folder", options.folder, "is a file, but a library is a folder", "choose another output path");
  bool isEmpty = fs::directory_iterator(options.folder, error) == fs::directory_iterator();
  if (isEmpty || fs::exists(options.folder + "/share/" + spec->name + "/manifest.json"))
    return true;
  return fail("oplib-folder", options.folder, "is not empty and holds no library '" + spec->name + "'",
              "choose another output path, or empty the folder");
}

/// A unit for each form of each variant of each operator, in the order of the tables.
std::deque<Unit> Builder::listUnits() {
  std::deque<Unit> units;
  for (const Target &target : spec->targets)
    for (const auto &op : spec->ops)
      for (const Specialization &specialization : op->specializations)
        for (const Form &form : op->forms)
          units.push_back({op.get(), &specialization, &form, target,
                           functionName(*spec, *op) + "_" + form.name + "_" + identifier(target.name()) + "_" +
                               identifier(specialization.name)});
  return units;
}

/// Compiles all units, side by side. Reports what the first of those that failed says.
bool Builder::compileUnits(const std::deque<Unit> &units, std::vector<UnitCode> &codes) {
  std::vector<Diagnostics> messages(units.size());
  std::vector<char> isDone(units.size(), 0);
  std::atomic<size_t> count = 0;
  std::atomic<bool> hasFailed = false;
  std::mutex mutex; // Of `progress`.
  UnitCache cache{options.cache, options.compilerId};
  codes.resize(units.size());
  auto compileOne = [&](size_t i) {
    if (hasFailed)
      return;
    isDone[i] = compileUnit(units[i], cache, codes[i], messages[i]);
    if (!isDone[i])
      hasFailed = true;
    size_t done = ++count;
    std::lock_guard<std::mutex> lock(mutex);
    step("compile " + units[i].op->name + " for " + units[i].target.name() + ", kernel " + llvm::Twine(done) + " of " +
         llvm::Twine(units.size()));
  };
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(options.threads));
  for (size_t i = 0; i < units.size(); ++i)
    pool.async(compileOne, i);
  pool.wait();
  for (size_t i = 0; i < units.size(); ++i)
    if (!isDone[i] && messages[i].hasErrors()) {
      for (const Diagnostic &message : messages[i])
        if (message.severity == Severity::Error) {
          Diagnostic &copy = diagnostics.error(message.id, message.place, message.message);
          copy.notes = message.notes;
        }
      return false;
    }
  return !hasFailed ||
         fail("oplib-kernel", spec->file, "internal: a kernel failed without a message", "please report this");
}

/// Puts the codes of the units, which are in the order of `listUnits`, where the tables want them.
bool Builder::takeUnits(std::vector<UnitCode> &codes) {
  size_t at = 0;
  for (const Target &target : spec->targets) {
    BuiltTarget &built = targets.emplace_back(BuiltTarget{target, {}});
    for (const auto &op : spec->ops) {
      BuiltOp &own = built.ops.emplace_back();
      own.op = op.get();
      bool isFirst = true;
      for (const Specialization &specialization : op->specializations) {
        Variant variant{target.name() + "." + specialization.name, "", &specialization, {}, 0};
        std::string keys;
        for (size_t form = 0; form < op->forms.size(); ++form, isFirst = false) {
          UnitCode &code = codes[at++];
          if (!isFirst && code.panel != own.panel)
            return fail("oplib-kernel", op->name, "internal: kernels for one target pack an operand in two ways",
                        "please report this with the specification");
          own.panel = code.panel;
          keys += code.kernel.key + code.kernel.strategy;
          for (std::string &object : code.objects) {
            variant.bytes += object.size();
            own.objects.push_back(std::move(object));
          }
          variant.kernels.push_back(std::move(code.kernel));
        }
        variant.key = hashOf(keys);
        own.bytes += variant.bytes;
        own.variants.push_back(std::move(variant));
      }
      own.rows = makeRows(own);
    }
  }
  return true;
}

bool Builder::write(StringRef path, StringRef content) {
  std::string to = partial + "/" + path.str();
  std::error_code error = fs::create_directories(llvm::sys::path::parent_path(to));
  if (!error)
    error = lathe::writeBytes(to, {content});
  return !error || reportWriteError(options.folder, error, diagnostics);
}

bool Builder::writeTexts() {
  std::string share = "share/" + spec->name;
  bool isWritten =
      write("include/" + spec->name + "/" + spec->name + ".h", emitHeader(*spec)) &&
      write("include/" + spec->name + "/" + spec->name + ".hpp", emitCppHeader(*spec)) &&
      write(share + "/src/" + spec->name + ".c", emitSource(*spec, targets)) &&
      write(share + "/manifest.json", emitManifest(*spec, targets)) &&
      write(share + "/tables/" + targets.front().target.arch().str() + ".yaml", writeTables(*spec, targets));
  for (StringRef name :
       {"CPU/MachineBits.h", "Ops/Functions.h", "Ops/HalfPrecision.h", "Ops/Ops.h", "Ops/Sizes.h", "Ops/Tables.h",
        "lathe-runtime/cpu_features.def", "lathe-runtime/element_types.def", "lathe-runtime/module_abi.h"})
    isWritten = isWritten && write(share + "/src/" + name.str(), embeddedFile(name));
  for (const auto &files : {emitPackage(*spec), emitTests(*spec, targets)})
    for (const auto &file : files)
      isWritten = isWritten && write(file.getKey(), file.getValue());
  return isWritten;
}

/// Runs the C compiler. Sets `message` to what it says if it fails.
bool Builder::execute(const std::vector<std::string> &words, std::string &message) {
  llvm::SmallString<128> log;
  if (std::error_code error = fs::createTemporaryFile("lathe-oplib", "log", log)) {
    message = "no temporary file can be made: " + error.message();
    return false;
  }
  llvm::scope_exit remove([&] { (void)fs::remove(log); });
  llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(words.front());
  std::vector<StringRef> arguments(words.begin(), words.end());
  int status = program ? llvm::sys::ExecuteAndWait(*program, arguments, std::nullopt,
                                                   {std::nullopt, StringRef(log), StringRef(log)}, 0, 0, &message)
                       : -1;
  if (auto text = llvm::MemoryBuffer::getFile(log); text && status != 0)
    message += (*text)->getBuffer().take_front(2000);
  return status == 0;
}

bool Builder::writeArchive(const std::vector<std::string> &objects) {
  std::vector<llvm::NewArchiveMember> members;
  std::deque<std::string> names; // Members refer to them.
  for (const std::string &object : objects) {
    auto member = llvm::NewArchiveMember::getFile(object, /*Deterministic=*/true);
    if (!member)
      return fail("oplib-link", options.folder, llvm::toString(member.takeError()), "free some disk space");
    member->MemberName = names.emplace_back(llvm::sys::path::filename(object));
    members.push_back(std::move(*member));
  }
  if (llvm::Error error = llvm::writeArchive(partial + "/lib/lib" + spec->name + ".a", members,
                                             llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_GNU,
                                             /*Deterministic=*/true, /*Thin=*/false))
    return fail("oplib-link", options.folder, llvm::toString(std::move(error)), "free some disk space");
  return true;
}

bool Builder::writeLibraries() {
  std::string folder = partial + "/objects", source = partial + "/share/" + spec->name + "/src";
  std::vector<std::string> objects = {folder + "/" + spec->name + ".o"};
  if (!write("objects/exports", "{ global: " + spec->name + "_*; local: *; };\n"))
    return false;
  for (const BuiltTarget &target : targets)
    for (const BuiltOp &op : target.ops)
      for (auto [i, bytes] : llvm::enumerate(op.objects)) {
        std::string name = op.op->name + "_" + identifier(target.target.name()) + "_" + std::to_string(i) + ".o";
        if (!write("objects/" + name, bytes))
          return false;
        objects.push_back(folder + "/" + name);
      }
  step("compile the interface");
  std::string message;
  if (!llvm::sys::findProgramByName(options.compiler))
    return fail("oplib-no-compiler", spec->file, "the C compiler " + quoted(options.compiler) + " was not found",
                "install gcc or clang, or name another one with --cc");
  if (!execute({options.compiler, "-std=c11", "-O2", "-fPIC", "-fvisibility=hidden", "-ffunction-sections",
                "-fno-strict-aliasing", "-I" + source, "-I" + partial + "/include", "-c",
                source + "/" + spec->name + ".c", "-o", objects.front()},
               message))
    return fail("oplib-compile", spec->file, "'" + options.compiler + "' failed: " + message,
                "the compiler must know C11 and GCC's options; name another one with --cc");
  step("link");
  std::string shared = sharedObjectName(*spec);
  // No start files: they would add functions that run before main.
  std::vector<std::string> words = {options.compiler,
                                    "-shared",
                                    "-nostartfiles",
                                    "-Wl,--version-script=" + folder + "/exports",
                                    "-Wl,-soname," + shared,
                                    "-Wl,--gc-sections",
                                    "-Wl,--build-id=none",
                                    "-Wl,-z,noexecstack",
                                    "-Wl,-z,defs",
                                    "-o",
                                    partial + "/lib/" + shared};
  words.insert(words.end(), objects.begin(), objects.end());
  words.insert(words.end(), {"-Wl,--as-needed", "-lm"});
  if (!writeArchive(objects))
    return false;
  if (!execute(words, message))
    return fail("oplib-link", spec->file, "linking failed: " + message, "see what the linker says above");
  auto binary = llvm::MemoryBuffer::getFile(partial + "/lib/" + shared, /*IsText=*/false);
  if (!binary)
    return reportWriteError(options.folder, binary.getError(), diagnostics);
  if (!write("dist/" + wheelName(*spec), emitWheel(*spec, (*binary)->getBuffer(), emitManifest(*spec, targets))))
    return false;
  std::error_code error = fs::create_link(shared, partial + "/lib/lib" + spec->name + ".so");
  if (!error)
    error = fs::remove_directories(folder, /*IgnoreErrors=*/false);
  return !error || reportWriteError(options.folder, error, diagnostics);
}

/// The old library is gone only when the new one has its place.
bool Builder::moveIntoPlace() {
  std::string old = partial + ".old";
  std::error_code error;
  bool hadOne = fs::exists(options.folder);
  if (hadOne)
    error = fs::rename(options.folder, old);
  if (!error)
    error = fs::rename(partial, options.folder);
  if (error && hadOne)
    (void)fs::rename(old, options.folder);
  (void)fs::remove_directories(old);
  return !error || reportWriteError(options.folder, error, diagnostics);
}

bool Builder::run(BuildSummary &summary) {
  step("read");
  spec = readSpec(options.spec, diagnostics);
  if (!spec || !checkFolder())
    return false;
  if (std::error_code error = options.cache.empty() ? std::error_code() : fs::create_directories(options.cache))
    return reportWriteError(options.cache, error, diagnostics);
  std::deque<Unit> units = listUnits();
  std::vector<UnitCode> codes;
  if (!compileUnits(units, codes))
    return false;
  summary.kernels = units.size();
  summary.cached = llvm::count_if(codes, [](const UnitCode &code) { return code.isCached; });
  if (!takeUnits(codes))
    return false;
  for (const BuiltTarget &target : targets)
    for (const BuiltOp &op : target.ops)
      summary.codeBytes += op.bytes;
  for (const auto &op : spec->ops)
    if (op->finishTests && !op->finishTests(*op, spec->targets.front(), diagnostics))
      return false;
  StringRef folder = StringRef(options.folder).rtrim('/');
  llvm::SmallString<128> unique;
  fs::createUniquePath(folder + ".%%%%%%", unique, /*MakeAbsolute=*/false);
  partial = std::string(unique);
  llvm::scope_exit remove([&] { (void)fs::remove_directories(partial); });
  if (!write("lib/.folder", "") || fs::remove(partial + "/lib/.folder") || !writeTexts() || !writeLibraries() ||
      !moveIntoPlace())
    return false;
  summary.name = spec->name;
  summary.ops = spec->ops.size();
  return true;
}

bool build(const BuildOptions &options, BuildSummary &summary, Diagnostics &diagnostics) {
  return Builder(options, diagnostics).run(summary);
}

} // namespace lathe::oplib
