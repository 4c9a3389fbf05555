// lib/OpLibrary/Compile.cpp: one kernel or program of a library, compiled or taken from a cache.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compile.h"
#include "KernelText.h"
#include "ObjectCode.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/PartialFile.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"

using llvm::StringRef;
namespace fs = llvm::sys::fs;

namespace lathe::oplib {

std::string hashOf(StringRef text) {
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(llvm::arrayRefFromStringRef(text));
  return llvm::utohexstr(hash.high64, /*LowerCase=*/true, 16) + llvm::utohexstr(hash.low64, true, 16);
}

void passOn(const Diagnostics &from, Diagnostics &to, const std::string &note) {
  for (const Diagnostic &message : from) {
    auto add = message.severity == Severity::Error     ? &Diagnostics::error
               : message.severity == Severity::Warning ? &Diagnostics::warning
                                                       : &Diagnostics::remark;
    Diagnostic &copy = (to.*add)(message.id, message.place, message.message);
    copy.notes = message.notes;
    if (message.severity == Severity::Error)
      copy.note(note);
  }
}

//===----------------------------------------------------------------------===//
// The cache: a file for each unit, named by all that it is made of
//===----------------------------------------------------------------------===//

static constexpr StringRef cacheMagic = "lathe-oplib-unit 1";

/// Lines of text, and then the objects.
static std::string toBytes(const UnitCode &code) {
  std::string lines, objects;
  for (StringRef line :
       {cacheMagic, StringRef(code.kernel.symbol), StringRef(code.kernel.key), StringRef(code.kernel.strategy)})
    lines += line.str() + "\n";
  lines += std::to_string(code.panel) + "\n" + std::to_string(code.objects.size()) + "\n";
  for (const std::string &object : code.objects) {
    lines += std::to_string(object.size()) + "\n";
    objects += object;
  }
  return hashOf(lines + objects) + "\n" + lines + objects;
}

/// False if the bytes are not what `toBytes` made: a file that was cut off, or is of something else.
static bool fromBytes(StringRef bytes, UnitCode &code) {
  auto line = [&] {
    auto [first, rest] = bytes.split('\n');
    bytes = rest;
    return first;
  };
  StringRef hash = line();
  if (hash != hashOf(bytes) || line() != cacheMagic)
    return false;
  code.kernel.symbol = line().str();
  code.kernel.key = line().str();
  code.kernel.strategy = line().str();
  size_t count = 0;
  if (line().getAsInteger(10, code.panel) || line().getAsInteger(10, count))
    return false;
  std::vector<size_t> sizes(count);
  for (size_t &size : sizes)
    if (line().getAsInteger(10, size))
      return false;
  for (size_t size : sizes) {
    code.objects.push_back(bytes.take_front(size).str());
    bytes = bytes.drop_front(std::min(size, bytes.size()));
  }
  return bytes.empty();
}

static bool readCached(const std::string &path, UnitCode &code) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  UnitCode read;
  if (!buffer || !fromBytes((*buffer)->getBuffer(), read))
    return false;
  code = std::move(read);
  code.isCached = true;
  return true;
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

namespace {

class Compiler {
public:
  Compiler(const Unit &unit, UnitCode &code, Diagnostics &diagnostics)
      : unit(unit), code(code), diagnostics(diagnostics) {}

  /// The text of the unit, or what its file and those beside it hold, as a checksum.
  bool readText();
  std::string key(const UnitCache &cache) const;
  bool run();

private:
  bool fail(StringRef id, const llvm::Twine &message, const llvm::Twine &wayOut) {
    diagnostics.error(id, unit.op->place, message).note(wayOut);
    return false;
  }
  std::vector<std::string> fixedDims() const;
  bool takeKernel(Artifact &artifact);
  bool takeProgram(Artifact &artifact);

  const Unit &unit;
  UnitCode &code;
  Diagnostics &diagnostics;
  std::string text;
};

} // namespace

/// Whether `op` says what of `program` it takes, which has to be a graph.
static bool checkProgram(const Program &program, const Op &op, Diagnostics &diagnostics) {
  std::vector<std::string> functions = program.functionNames();
  bool isSeveral = op.function.empty() && functions.size() > 1;
  if (isSeveral)
    diagnostics
        .error("oplib-graph-results", op.place,
               "the file '" + op.file + "' holds the functions " + shortList(functions))
        .note("name one of them, such as function: " + functions.front());
  bool isGraph = !program.callsKernels();
  if (!isGraph)
    diagnostics
        .error("oplib-graph-file", op.place,
               "the file '" + op.file + "' calls kernels, so it is IR of a phase behind 'optimize' and no graph")
        .note("give the graph or the model that it was made from");
  return !isSeveral && isGraph;
}

std::unique_ptr<Program> loadProgram(const Op &op, Diagnostics &diagnostics) {
  LoadOptions options;
  options.limits = op.limits;
  std::unique_ptr<Program> program = Program::load(op.file, diagnostics, options);
  bool isThere = program && checkProgram(*program, op, diagnostics) &&
                 (op.function.empty() || program->keepFunction(op.function, diagnostics)) &&
                 (op.node.empty() || program->keepNode(op.node, diagnostics));
  return isThere ? std::move(program) : nullptr;
}

bool Compiler::readText() {
  const Op &op = *unit.op;
  if (op.file.empty()) {
    text = KernelText(op, *unit.specialization).write(*unit.form, unit.name);
    return true;
  }
  auto buffer = llvm::MemoryBuffer::getFile(op.file, /*IsText=*/false);
  if (!buffer)
    return fail("oplib-graph-file", "the file '" + op.file + "' cannot be read: " + buffer.getError().message(),
                "give the path of a graph, relative to the specification");
  std::unique_ptr<Program> program = loadProgram(op, diagnostics);
  if (!program)
    return false;
  text = program->contentKey();
  return true;
}

/// Of a file: what `--dim` fixes.
std::vector<std::string> Compiler::fixedDims() const {
  std::vector<std::string> result;
  for (auto [i, fixed] : llvm::enumerate(unit.specialization->fixed))
    if (fixed && !unit.op->file.empty())
      result.push_back(unit.op->symbols[i] + "=" + std::to_string(*fixed));
  return result;
}

std::string Compiler::key(const UnitCache &cache) const {
  std::string all = (cacheMagic + "\n" + (cache.compiler.empty() ? StringRef(compilerVersion()) : cache.compiler) +
                     "\n" + unit.target.str() + "\n" + unit.name + "\n")
                        .str();
  // What is computed beforehand has a limit.
  return hashOf(all + llvm::join(fixedDims(), ",") + "\n" + llvm::join(unit.op->limits, ",") + "\n" + text);
}

bool Compiler::takeKernel(Artifact &artifact) {
  for (const KernelInfo &info : artifact.kernels())
    if (info.name == unit.name) {
      code.kernel = {"lathe_kernel_" + unit.name, info.key, info.strategy};
      code.panel = info.packed.empty() ? 0 : info.packed.front().panel;
      for (std::string_view object : artifact.codeObjects())
        code.objects.emplace_back(object);
      bool isPacked = llvm::any_of(unit.op->operands, [](const Operand &operand) { return operand.isPacked; });
      if (isPacked && code.panel == 0)
        return fail("oplib-kernel", "no strategy for '" + unit.target.str() + "' takes a packed operand",
                    "leave 'packed' out");
      return true;
    }
  return fail("oplib-kernel", "internal: kernel '" + unit.name + "' is gone", "please report this");
}

bool Compiler::takeProgram(Artifact &artifact) {
  if (artifact.allocates())
    return fail("oplib-graph-allocates",
                "the sizes of its temporaries follow from data, but a library allocates nothing",
                "give the graph static sizes, or sizes that follow from those of its inputs");
  std::string keys;
  std::vector<std::string> strategies;
  for (const KernelInfo &info : artifact.kernels()) {
    keys += info.key + info.strategy;
    std::string name = StringRef(info.strategy).split(' ').first.str();
    if (!llvm::is_contained(strategies, name))
      strategies.push_back(name);
  }
  code.kernel = {"lathe_query_" + unit.name, hashOf(keys), llvm::join(strategies, " + ")};
  // One object, with the constants of the program in it.
  llvm::SmallString<128> path;
  if (std::error_code error = fs::createTemporaryFile("lathe-oplib", "o", path))
    return fail("oplib-link", "no temporary file can be made: " + error.message(), "free some disk space");
  llvm::scope_exit remove([&] { (void)fs::remove(path); });
  if (!artifact.save(std::string(path), diagnostics))
    return false;
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fail("oplib-link", buffer.getError().message(), "free some disk space");
  code.objects.push_back((*buffer)->getBuffer().str());
  return true;
}

bool Compiler::run() {
  LoadOptions loading;
  loading.limits = unit.op->limits;
  std::unique_ptr<Program> program =
      unit.op->file.empty() ? Program::parse(text.data(), text.size(), unit.name + ".mlir", diagnostics, loading)
                            : loadProgram(*unit.op, diagnostics);
  if (!program)
    return false;
  CompileOptions compiling;
  compiling.target = unit.target.str();
  compiling.name = unit.name;
  compiling.dims = fixedDims();
  compiling.threads = 1; // Units are compiled side by side.
  std::unique_ptr<Artifact> artifact = compile(*program, compiling, diagnostics);
  if (!artifact)
    return false;
  return unit.op->isProgram ? takeProgram(*artifact) : takeKernel(*artifact);
}

bool compileUnit(const Unit &unit, const UnitCache &cache, UnitCode &code, Diagnostics &diagnostics) {
  Compiler compiler(unit, code, diagnostics);
  if (!compiler.readText())
    return false;
  std::string path = cache.folder.empty() ? "" : cache.folder + "/" + compiler.key(cache) + ".unit";
  bool isRead = !path.empty() && readCached(path, code);
  if (!isRead && !compiler.run())
    return false;
  code.fingerprint = fingerprintOf(code.objects);
  if (isRead)
    return true;
  // A cache that cannot be written is none: the library is right without it.
  if (!path.empty())
    (void)replaceFile(path, {toBytes(code)});
  return true;
}

} // namespace lathe::oplib
