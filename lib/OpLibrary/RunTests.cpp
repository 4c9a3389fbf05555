// lib/OpLibrary/RunTests.cpp: configures, builds and runs the CTest project that ships with a library.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Execute.h"
#include "Installed.h"
#include "lathe/OpLibrary/OpLibrary.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Threading.h"
#include <chrono>

using llvm::StringRef;
namespace fs = llvm::sys::fs;

namespace lathe::oplib {

namespace {

class Tester {
public:
  Tester(const TestOptions &options, Diagnostics &diagnostics) : options(options), diagnostics(diagnostics) {}
  bool run(std::vector<TestResult> &results);

private:
  bool fail(StringRef id, const llvm::Twine &message, const llvm::Twine &wayOut) {
    diagnostics.error(id, options.folder, message).note(wayOut);
    return false;
  }
  void step(const llvm::Twine &name) {
    if (options.progress)
      options.progress(name.str());
  }
  bool findPrograms();
  bool build(const Installed &library);
  std::optional<std::vector<std::string>> archsToTest(const Installed &library);
  bool runArch(const Installed &library, std::vector<TestResult> &results);
  std::optional<std::vector<std::string>> list();
  TestResult runOne(const std::string &name);

  const TestOptions &options;
  Diagnostics &diagnostics;
  std::string arch;   ///< Whose library is tested now.
  std::string folder; ///< Where its tests are built.
};

} // namespace

/// The end of what a program printed: where it says what went wrong.
static std::string endOf(StringRef output) {
  constexpr size_t shown = 2000;
  return output.rtrim().take_back(shown).str();
}

/// What the program itself printed, of which CTest makes "1: LINE" behind lines of its own.
static std::string ownLines(StringRef output) {
  llvm::SmallVector<StringRef> lines;
  output.split(lines, '\n');
  std::string text;
  for (StringRef line : lines) {
    auto [number, own] = line.split(": ");
    bool isOfTest = !number.empty() && llvm::all_of(number, [](char c) { return llvm::isDigit(c); });
    if (isOfTest && !own.starts_with("Test command: ") && !own.starts_with("Working Directory: ") &&
        !own.starts_with("Test timeout "))
      text += own.str() + "\n";
  }
  return text;
}

/// Counts lines such as "gemm_f32 v3.any: 300 calls, 0 wrong" and "...: skipped, ...", as Shipped/harness.c prints.
static void countCalls(StringRef output, TestResult &result) {
  llvm::SmallVector<StringRef> lines;
  output.split(lines, '\n');
  for (StringRef line : lines) {
    uint64_t calls = 0, wrong = 0;
    StringRef counts = line.rsplit(": ").second;
    auto [first, second] = counts.split(" calls, ");
    if (line.contains(": skipped, "))
      ++result.skipped;
    else if (!first.getAsInteger(10, calls) && second.consume_back(" wrong") && !second.getAsInteger(10, wrong)) {
      ++result.variants;
      result.calls += calls;
      result.wrong += wrong;
    }
  }
}

bool Tester::findPrograms() {
  for (StringRef program : {"cmake", "ctest"})
    if (!llvm::sys::findProgramByName(program))
      return fail("oplib-no-cmake", "the tests need '" + program + "', which was not found",
                  "install CMake, or put it on PATH");
  return true;
}

/// What runs programs for `arch`; empty: this machine. An emulator that the user names is for this machine's own
/// architecture only where no other is tested.
static std::string emulatorOf(const TestOptions &options, const Installed &library, const std::string &arch) {
  if (!options.emulator.empty() && (!isHost(arch) || library.libraries.size() == 1 || !options.arch.empty()))
    return options.emulator;
  return isHost(arch) ? "" : "qemu-" + arch + " -L /usr/" + arch + "-linux-gnu";
}

bool Tester::build(const Installed &library) {
  std::string source = options.folder + "/test", output;
  if (!fs::exists(source + "/CMakeLists.txt"))
    return fail("oplib-no-tests", "the library '" + library.name + "' has no tests: there is no test/CMakeLists.txt",
                "give the folder that 'lathe oplib build' wrote, with all that is in it");
  std::vector<std::string> words = {"cmake", "-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Release"};
  std::string compiler = chooseCompiler(options.compilers, arch), emulator = emulatorOf(options, library, arch);
  if (compiler.empty() && !isHost(arch))
    compiler = compilerFor(arch);
  if (!compiler.empty())
    words.push_back("-DCMAKE_C_COMPILER=" + compiler);
  if (!emulator.empty()) {
    std::replace(emulator.begin(), emulator.end(), ' ', ';');
    words.insert(words.end(), {"-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=" + arch,
                               "-DCMAKE_CROSSCOMPILING_EMULATOR=" + emulator});
  }
  step("configure the tests");
  if (execute(words, output) != 0)
    return fail("oplib-test-build", "the tests cannot be configured: " + endOf(output),
                "CMake's own words say what it lacks; --cc names another C compiler");
  step("build the tests");
  unsigned threads = llvm::hardware_concurrency(options.threads).compute_thread_count();
  words = {"cmake", "--build", folder, "--parallel", std::to_string(threads)};
  if (execute(words, output) != 0)
    return fail("oplib-test-build", "the tests cannot be built: " + endOf(output),
                "the compiler's own words say why; --cc names another one");
  return true;
}

/// The names of the tests, as "ctest -N" lists them: "  Test #1: gemm_f32".
std::optional<std::vector<std::string>> Tester::list() {
  std::string output;
  std::vector<std::string> names;
  if (execute({"ctest", "--test-dir", folder, "-N"}, output) == 0) {
    llvm::SmallVector<StringRef> lines;
    StringRef(output).split(lines, '\n');
    for (StringRef line : lines)
      if (line.trim().starts_with("Test ") && line.contains("#"))
        names.push_back(line.split(": ").second.trim().str());
  }
  if (!names.empty())
    return names;
  fail("oplib-no-tests", "ctest finds no tests: " + endOf(output), "build the library again");
  return std::nullopt;
}

TestResult Tester::runOne(const std::string &name) {
  TestResult result;
  result.name = name;
  auto begin = std::chrono::steady_clock::now();
  // CMake 3.20 and later know --test-dir; names of operators have no letter that an expression gives a meaning.
  result.hasPassed = execute({"ctest", "--test-dir", folder, "-V", "-R", "^" + name + "$"}, result.output) == 0;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::string lines = ownLines(result.output);
  countCalls(lines, result);
  // A program that ended well, but compared nothing, has shown nothing.
  result.hasPassed &= result.wrong == 0 && result.variants + result.skipped > 0;
  result.output = endOf(lines.empty() ? result.output : lines);
  return result;
}

/// Those that can be tested here, with a warning for each other one. Nothing, and an error, if none can.
std::optional<std::vector<std::string>> Tester::archsToTest(const Installed &library) {
  std::vector<std::string> archs = library.archs(), result;
  if (!options.arch.empty() && !llvm::is_contained(archs, options.arch)) {
    fail("oplib-arch", "is no library for " + quoted(options.arch), "it is for " + llvm::join(archs, " and "));
    return std::nullopt;
  }
  if (!options.arch.empty())
    archs = {options.arch};
  for (const std::string &own : archs) {
    StringRef emulator = options.emulator;
    std::string chosen = emulatorOf(options, library, own);
    StringRef program = StringRef(chosen).split(' ').first;
    if (program.empty() || llvm::sys::findProgramByName(program)) {
      result.push_back(own);
      continue;
    }
    std::string message = "the library is for " + own + ", but '" + program.str() + "' was not found";
    constexpr StringRef wayOut = "install QEMU's user mode, or name what runs such programs with --emulator";
    if (archs.size() == 1 || !emulator.empty()) {
      fail("oplib-no-emulator", message, wayOut);
      return std::nullopt;
    }
    diagnostics.warning("oplib-no-emulator", options.folder, message + ", so that it is not tested").note(wayOut);
  }
  if (!result.empty())
    return result;
  fail("oplib-no-emulator", "nothing here runs programs for " + llvm::join(archs, " or "),
       "install QEMU's user mode, or name what runs such programs with --emulator");
  return std::nullopt;
}

/// Those of the library for `arch`.
bool Tester::runArch(const Installed &library, std::vector<TestResult> &results) {
  llvm::SmallString<128> path;
  if (std::error_code error = fs::createUniqueDirectory("lathe-oplib-test", path))
    return fail("oplib-test-build", "no temporary folder can be made: " + error.message(), "free some disk space");
  llvm::scope_exit remove([&] { (void)fs::remove_directories(path); });
  folder = path.str().str();
  std::optional<std::vector<std::string>> names;
  if (!build(library) || !(names = list()))
    return false;
  bool hasPassed = true;
  for (size_t i = 0; i < names->size(); ++i) {
    step("test " + (*names)[i] + ", " + llvm::Twine(i + 1) + " of " + llvm::Twine(names->size()));
    results.push_back(runOne((*names)[i]));
    hasPassed &= results.back().hasPassed;
    if (library.libraries.size() > 1)
      results.back().name = arch + "/" + results.back().name;
  }
  return hasPassed;
}

bool Tester::run(std::vector<TestResult> &results) {
  std::optional<Installed> library = readInstalled(options.folder, diagnostics);
  if (!library || !findPrograms())
    return false;
  if (library->libraries.empty())
    return fail("oplib-manifest", "its manifest names no library", "build the library again");
  if (options.arch.empty() && isUnclear(options.compilers, library->archs(), options.folder, diagnostics))
    return false;
  auto archs = archsToTest(*library);
  bool hasPassed = archs.has_value();
  for (const std::string &own : archs.value_or(std::vector<std::string>())) {
    arch = own;
    hasPassed &= runArch(*library, results);
  }
  return hasPassed;
}

bool test(const TestOptions &options, std::vector<TestResult> &results, Diagnostics &diagnostics) {
  return Tester(options, diagnostics).run(results);
}

} // namespace lathe::oplib
