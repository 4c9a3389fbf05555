// lib/OpLibrary/Build.cpp: from a specification to a folder that holds a library.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emit.h"
#include "Execute.h"
#include "Family.h"
#include "ObjectCode.h"
#include "Table.h"
#include "Units.h"
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
#include <chrono>
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
  std::string compilerOf(StringRef arch);
  bool findCompilers();
  bool compileUnits(const std::deque<Unit> &units, std::vector<UnitCode> &codes);
  bool takeUnits(const Units &units, std::vector<UnitCode> &codes);
  bool takeVariant(const Units &units, size_t &at, std::vector<UnitCode> &codes, const Specialization &specialization,
                   BuiltOp &own);
  bool write(StringRef path, StringRef content);
  bool writeTexts();
  bool writeLibraries();
  bool writeLibrary(StringRef arch);
  std::optional<std::vector<std::string>> writeObjects(StringRef arch, const std::string &folder);
  bool compileInterface(StringRef arch, const std::string &object);
  bool link(StringRef arch, const std::vector<std::string> &objects, const std::string &path);
  bool writeArchive(StringRef arch, const std::vector<std::string> &objects);
  bool compileC(const std::vector<std::string> &words, std::string &message);
  bool takeArch();
  bool moveIntoPlace();

  const BuildOptions &options;
  Diagnostics &diagnostics;
  std::unique_ptr<Spec> spec;
  std::vector<BuiltTarget> targets;
  std::vector<LinkedLibrary> libraries;
  std::string partial; ///< The folder while it is written.
};

} // namespace

/// Whether all that is in `folder` is called one of `names`; so if it is not there.
static bool holdsOnly(const llvm::Twine &folder, llvm::ArrayRef<StringRef> names) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (!llvm::is_contained(names, llvm::sys::path::filename(it->path())))
      return false;
  return true;
}

/// Only what is a library already, and nothing else, is ever replaced: a prefix that holds one,
/// among others, has its folders, too.
bool Builder::checkFolder() {
  std::error_code error;
  if (!fs::exists(options.folder))
    return true;
  if (!fs::is_directory(options.folder))
    return fail("oplib-folder", options.folder, "is a file, but a library is a folder", "choose another output path");
  bool isEmpty = fs::directory_iterator(options.folder, error) == fs::directory_iterator();
  bool isLibrary = fs::exists(options.folder + "/share/" + spec->name + "/manifest.json") &&
                   holdsOnly(options.folder, {"include", "lib", "share", "test", "dist"}) &&
                   holdsOnly(options.folder + "/include", {spec->name}) &&
                   holdsOnly(options.folder + "/share", {spec->name});
  if (isEmpty || isLibrary)
    return true;
  return fail("oplib-folder", options.folder,
              "is not empty and holds more than a library '" + spec->name + "', or none",
              "choose another output path, or empty the folder");
}

/// The C compiler for `arch`: the one that the user names, or the usual one.
std::string Builder::compilerOf(StringRef arch) {
  std::string compiler = chooseCompiler(options.compilers, arch);
  return compiler.empty() ? compilerFor(arch) : compiler;
}

/// Whether there is a C compiler for each architecture; to be known before the kernels are compiled.
bool Builder::findCompilers() {
  for (const std::string &arch : spec->archs())
    if (std::string compiler = compilerOf(arch); !llvm::sys::findProgramByName(compiler))
      return fail("oplib-no-compiler", spec->file,
                  "the C compiler " + quoted(compiler) + " for " + arch + " was not found",
                  "install gcc or clang, name another one with --cc, or leave the targets out with --arch");
  return true;
}

/// Compiles all units, side by side. Reports what the first of those that failed says.
bool Builder::compileUnits(const std::deque<Unit> &units, std::vector<UnitCode> &codes) {
  std::vector<Diagnostics> messages(units.size());
  std::vector<char> isDone(units.size(), 0);
  std::atomic<size_t> count = 0;
  std::atomic<bool> hasFailed = false, isLate = false;
  auto begin = std::chrono::steady_clock::now();
  std::mutex mutex; // Of `progress`.
  UnitCache cache{options.cache, options.compilerId};
  codes.resize(units.size());
  auto compileOne = [&](size_t i) {
    if (spec->budget.seconds && std::chrono::steady_clock::now() - begin > std::chrono::seconds(*spec->budget.seconds))
      isLate = true;
    if (hasFailed || isLate)
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
      passOn(messages[i], diagnostics, units[i].op->place + " asks for the operator '" + units[i].op->name + "'");
      return false;
    }
  if (isLate)
    return fail("oplib-budget-time", spec->budget.place,
                "compiling takes more than the budget of " + llvm::Twine(*spec->budget.seconds) + " s; " +
                    llvm::Twine(count.load()) + " of " + llvm::Twine(units.size()) + " kernels are done",
                "raise 'time' of the budget, ask for fewer kernels, or give --cache FOLDER, so that the next build "
                "goes on where this one ended");
  return !hasFailed ||
         fail("oplib-kernel", spec->file, "internal: a kernel failed without a message", "please report this");
}

/// The kernels of the uses from `at` on, which are those of a variant of `own`. The last of the targets that share
/// kernels, which has the fewest features, has their objects.
bool Builder::takeVariant(const Units &units, size_t &at, std::vector<UnitCode> &codes,
                          const Specialization &specialization, BuiltOp &own) {
  const Target &target = targets.back().target;
  Variant variant{levelName(target) + "." + specialization.name, "", &specialization, {}, 0, 0, ""};
  std::string keys;
  for (size_t form = 0; form < own.op->forms.size(); ++form) {
    const UnitUse &use = units.uses[at++];
    UnitCode &code = codes[use.unit];
    bool isFirst = own.variants.empty() && form == 0;
    if (!isFirst && code.panel != own.panel)
      return fail("oplib-kernel", own.op->place, "internal: kernels for one target pack an operand in two ways",
                  "please report this with the specification");
    own.panel = code.panel;
    keys += code.kernel.key + code.kernel.strategy;
    variant.kernels.push_back(code.kernel);
    if (!use.isLast) {
      variant.sameAs = levelName(spec->targets[use.lastTarget]) + "." + specialization.name;
      continue;
    }
    for (std::string &object : code.objects) {
      variant.bytes += object.size();
      variant.codeBytes += loadedBytes(object);
      own.objects.push_back(std::move(object));
    }
  }
  variant.key = hashOf(keys);
  own.bytes += variant.bytes;
  own.codeBytes += variant.codeBytes;
  own.variants.push_back(std::move(variant));
  return true;
}

/// Puts the codes of the units where the tables want them.
bool Builder::takeUnits(const Units &units, std::vector<UnitCode> &codes) {
  size_t at = 0;
  for (const Target &target : spec->targets) {
    BuiltTarget &built = targets.emplace_back(BuiltTarget{target, {}});
    for (const auto &op : spec->ops) {
      BuiltOp &own = built.ops.emplace_back();
      own.op = op.get();
      for (const Specialization &specialization : op->specializations)
        if (specialization.pays(target) && !takeVariant(units, at, codes, specialization, own))
          return false;
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
  bool isWritten = write("include/" + spec->name + "/" + spec->name + ".h", emitHeader(*spec)) &&
                   write("include/" + spec->name + "/" + spec->name + ".hpp", emitCppHeader(*spec)) &&
                   write(share + "/manifest.json", emitManifest(*spec, targets));
  for (const std::string &arch : spec->archs()) {
    llvm::ArrayRef<BuiltTarget> own = targetsOf(targets, arch);
    isWritten = isWritten && write(sourcePath(*spec, arch), emitSource(*spec, own)) &&
                write(share + "/tables/" + arch + ".yaml", writeTables(*spec, own));
  }
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
bool Builder::compileC(const std::vector<std::string> &words, std::string &message) {
  constexpr size_t shown = 2000;
  int status = execute(words, message);
  message.resize(std::min(message.size(), shown));
  return status == 0;
}

bool Builder::writeArchive(StringRef arch, const std::vector<std::string> &objects) {
  std::vector<llvm::NewArchiveMember> members;
  std::deque<std::string> names; // Members refer to them.
  for (const std::string &object : objects) {
    auto member = llvm::NewArchiveMember::getFile(object, /*Deterministic=*/true);
    if (!member)
      return fail("oplib-link", options.folder, llvm::toString(member.takeError()), "free some disk space");
    member->MemberName = names.emplace_back(llvm::sys::path::filename(object));
    members.push_back(std::move(*member));
  }
  if (llvm::Error error = llvm::writeArchive(partial + "/" + spec->libraryFolder(arch) + "/lib" + spec->name + ".a",
                                             members, llvm::SymtabWritingMode::NormalSymtab,
                                             llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false))
    return fail("oplib-link", options.folder, llvm::toString(std::move(error)), "free some disk space");
  return true;
}

/// The objects of the kernels for `arch`, and the list of what is exported. Nothing after an error.
std::optional<std::vector<std::string>> Builder::writeObjects(StringRef arch, const std::string &folder) {
  std::vector<std::string> objects;
  if (!write(folder + "/exports", "{ global: " + spec->name + "_*; local: *; };\n"))
    return std::nullopt;
  for (const BuiltTarget &target : targetsOf(targets, arch))
    for (const BuiltOp &op : target.ops)
      for (auto [i, bytes] : llvm::enumerate(op.objects)) {
        std::string name =
            folder + "/" + op.op->name + "_" + identifier(target.target.name()) + "_" + std::to_string(i) + ".o";
        if (!write(name, bytes))
          return std::nullopt;
        objects.push_back(partial + "/" + name);
      }
  return objects;
}

bool Builder::compileInterface(StringRef arch, const std::string &object) {
  step("compile the interface for " + arch);
  std::string compiler = compilerOf(arch), message;
  std::string source = partial + "/share/" + spec->name + "/src";
  return compileC({compiler, "-std=c11", "-O2", "-fPIC", "-fvisibility=hidden", "-ffunction-sections",
                   "-fno-strict-aliasing", "-I" + source, "-I" + partial + "/include", "-c",
                   partial + "/" + sourcePath(*spec, arch), "-o", object},
                  message) ||
         fail("oplib-compile", spec->file, "'" + compiler + "' failed: " + message,
              "the compiler must know C11 and GCC's options; name another one with --cc");
}

bool Builder::link(StringRef arch, const std::vector<std::string> &objects, const std::string &path) {
  step("link for " + arch);
  std::string message;
  // No start files: they would add functions that run before main. The names of functions that nobody can call are
  // left out: the archive has them for debuggers.
  std::vector<std::string> words = {compilerOf(arch),
                                    "-shared",
                                    "-nostartfiles",
                                    "-Xlinker",
                                    "--version-script=" + llvm::sys::path::parent_path(objects.front()).str() +
                                        "/exports",
                                    "-Wl,-soname," + sharedObjectName(*spec),
                                    "-Wl,--gc-sections",
                                    "-Wl,--build-id=none",
                                    "-Wl,-z,noexecstack",
                                    "-Wl,-z,defs",
                                    "-Wl,--strip-all",
                                    "-o",
                                    path};
  words.insert(words.end(), objects.begin(), objects.end());
  words.insert(words.end(), {"-Wl,--as-needed", "-lm"});
  return compileC(words, message) || fail("oplib-link", spec->file, "linking for " + arch + " failed: " + message,
                                          "the linker's own words say what it lacks; name another compiler with --cc");
}

/// The static and the shared library for an architecture.
bool Builder::writeLibrary(StringRef arch) {
  std::string folder = ("objects/" + arch).str(), own = partial + "/" + spec->libraryFolder(arch);
  std::string shared = sharedObjectName(*spec);
  auto objects = writeObjects(arch, folder);
  if (!objects)
    return false;
  objects->insert(objects->begin(), partial + "/" + folder + "/" + spec->name + ".o");
  std::error_code error = fs::create_directories(own);
  if (error)
    return reportWriteError(options.folder, error, diagnostics);
  if (!compileInterface(arch, objects->front()) || !writeArchive(arch, *objects) ||
      !link(arch, *objects, own + "/" + shared))
    return false;
  auto binary = llvm::MemoryBuffer::getFile(own + "/" + shared, /*IsText=*/false);
  if (!binary)
    return reportWriteError(options.folder, binary.getError(), diagnostics);
  if (!checkSize(spec->budget, (*binary)->getBufferSize(), targetsOf(targets, arch), diagnostics))
    return false;
  libraries.push_back({arch.str(), std::move(*binary)});
  error = fs::create_link(shared, own + "/lib" + spec->name + ".so");
  return !error || reportWriteError(options.folder, error, diagnostics);
}

bool Builder::writeLibraries() {
  for (const std::string &arch : spec->archs())
    if (!writeLibrary(arch))
      return false;
  if (!write("share/" + spec->name + "/report.html", emitReport(*spec, targets, libraries)) ||
      !write("dist/" + wheelName(*spec), emitWheel(*spec, libraries, emitManifest(*spec, targets))))
    return false;
  std::error_code error = fs::remove_directories(partial + "/objects", /*IgnoreErrors=*/false);
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

/// Leaves the targets that `options.arch` asks for.
bool Builder::takeArch() {
  std::vector<std::string> archs = spec->archs();
  if (options.arch.empty())
    return true;
  if (!llvm::is_contained(archs, options.arch))
    return fail("oplib-arch", spec->file, "has no target for " + quoted(options.arch),
                "its targets are for " + llvm::join(archs, " and "));
  llvm::erase_if(spec->targets, [&](const Target &target) { return target.arch() != options.arch; });
  return true;
}

bool Builder::run(BuildSummary &summary) {
  step("read");
  spec = readSpec(options.spec, options.limits, diagnostics);
  if (!spec || !takeArch() || isUnclear(options.compilers, spec->archs(), spec->file, diagnostics) ||
      !findCompilers() || !checkFolder())
    return false;
  if (options.budgetBytes) {
    spec->budget.size = options.budgetBytes;
    spec->budget.place = spec->file;
  }
  if (std::error_code error = options.cache.empty() ? std::error_code() : fs::create_directories(options.cache))
    return reportWriteError(options.cache, error, diagnostics);
  Units units = listUnits(*spec);
  std::vector<UnitCode> codes;
  if (!compileUnits(units.units, codes))
    return false;
  summary.kernels = units.units.size();
  shareEqualVariants(units, codes);
  summary.cached = llvm::count_if(codes, [](const UnitCode &code) { return code.isCached; });
  if (!takeUnits(units, codes))
    return false;
  for (const BuiltTarget &target : targets)
    for (const BuiltOp &op : target.ops)
      summary.codeBytes += op.bytes;
  for (const auto &op : spec->ops)
    for (const std::string &arch : spec->archs())
      if (op->finishTests && !op->finishTests(*op, targetsOf(targets, arch).front().target, diagnostics))
        return false;
  // The model is the ending alone, as a path may have '%'; and no path begins with '-'.
  llvm::SmallString<128> folder(StringRef(options.folder).rtrim('/')), ending;
  fs::make_absolute(folder);
  fs::createUniquePath(".%%%%%%", ending, /*MakeAbsolute=*/false);
  partial = (folder + ending).str();
  llvm::scope_exit remove([&] { (void)fs::remove_directories(partial); });
  if (!write("lib/.folder", "") || fs::remove(partial + "/lib/.folder") || !writeTexts() || !writeLibraries() ||
      !moveIntoPlace())
    return false;
  summary.name = spec->name;
  summary.ops = spec->ops.size();
  for (const LinkedLibrary &library : libraries)
    summary.libraryBytes.emplace_back(library.arch, library.binary->getBufferSize());
  return true;
}

bool build(const BuildOptions &options, BuildSummary &summary, Diagnostics &diagnostics) {
  return Builder(options, diagnostics).run(summary);
}

} // namespace lathe::oplib
