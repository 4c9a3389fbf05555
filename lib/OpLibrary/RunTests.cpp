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
  std::optional<std::vector<std::string>> list();
  TestResult runOne(const std::string &name);

  const TestOptions &options;
  Diagnostics &diagnostics;
  std::string folder; ///< Where the tests are built.
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

bool Tester::build(const Installed &library) {
  std::string source = options.folder + "/test", output;
  if (!fs::exists(source + "/CMakeLists.txt"))
    return fail("oplib-no-tests", "the library '" + library.name + "' has no tests: there is no test/CMakeLists.txt",
                "give the folder that 'lathe oplib build' wrote, with all that is in it");
  std::vector<std::string> words = {"cmake", "-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Release"};
  std::string arch = library.arch();
  std::string compiler = options.compiler.empty() && !isHost(arch) ? compilerFor(arch) : options.compiler;
  std::string emulator = options.emulator;
  if (emulator.empty() && !isHost(arch))
    emulator = "qemu-" + arch + " -L /usr/" + arch + "-linux-gnu";
  if (!compiler.empty())
    words.push_back("-DCMAKE_C_COMPILER=" + compiler);
  if (!emulator.empty()) {
    if (StringRef program = StringRef(emulator).split(' ').first; !llvm::sys::findProgramByName(program))
      return fail("oplib-no-emulator", "the library is for " + arch + ", but '" + program + "' was not found",
                  "install QEMU's user mode, or name what runs such programs with --emulator");
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

bool Tester::run(std::vector<TestResult> &results) {
  std::optional<Installed> library = readInstalled(options.folder, diagnostics);
  if (!library || !findPrograms())
    return false;
  llvm::SmallString<128> path;
  if (std::error_code error = fs::createUniqueDirectory("lathe-oplib-test", path))
    return fail("oplib-test-build", "no temporary folder can be made: " + error.message(), "free some disk space");
  llvm::scope_exit remove([&] { (void)fs::remove_directories(path); });
  folder = path.str().str();
  std::optional<std::vector<std::string>> names;
  if (!build(*library) || !(names = list()))
    return false;
  bool hasPassed = true;
  for (size_t i = 0; i < names->size(); ++i) {
    step("test " + (*names)[i] + ", " + llvm::Twine(i + 1) + " of " + llvm::Twine(names->size()));
    results.push_back(runOne((*names)[i]));
    hasPassed &= results.back().hasPassed;
  }
  return hasPassed;
}

bool test(const TestOptions &options, std::vector<TestResult> &results, Diagnostics &diagnostics) {
  return Tester(options, diagnostics).run(results);
}

} // namespace lathe::oplib
