// lib/Compiler/Program.cpp: models in every format that Lathe reads, and the native formats out.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckLimits.h"
#include "CustomOps.h"
#include "Implementation.h"
#include "ModelFormat.h"
#include "NativeFile.h"
#include "NativeModel.h"
#include "NativeText.h"
#include "dialects/Graph/MappedFiles.h"
#include "lathe/Export/ONNX.h"
#include "lathe/Import/ONNX.h"
#include "lathe/Pipeline/Decompose.h"
#include "lathe/Pipeline/InlineCalls.h"
#include "lathe/Pipeline/Pipeline.h"
#include "lathe/Support/PartialFile.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemAlloc.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace lathe {

/// What dialects register takes less. MLIR does not look whether there was memory for all of it.
static constexpr size_t registeredBytes = size_t(8) << 20;

std::shared_ptr<MLIRContext> createContext() {
  // As volatile, it is not taken for memory that nobody needs.
  void *volatile room = llvm::safe_malloc(registeredBytes);
  std::free(room);
  DialectRegistry registry;
  registerDialects(registry);
  auto context = std::make_shared<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  context->printOpOnDiagnostic(false);
  return context;
}

Program::~Program() = default;

const std::string &Program::name() const { return impl->name; }

namespace {
/// A part of a file, which stays mapped as long as the part is needed.
class PartOfFile final : public llvm::MemoryBuffer {
public:
  PartOfFile(std::shared_ptr<const llvm::MemoryBuffer> file, StringRef part) : file(std::move(file)) {
    init(part.begin(), part.end(), /*RequiresNullTerminator=*/false);
  }
  StringRef getBufferIdentifier() const override { return file->getBufferIdentifier(); }
  BufferKind getBufferKind() const override { return file->getBufferKind(); }

private:
  std::shared_ptr<const llvm::MemoryBuffer> file;
};
} // namespace

/// Reads text or a `.lathe` file. Constants of a `.lathe` file stay in `file`,
/// which `bytes` are in; without it, `bytes` are copied.
static std::unique_ptr<Program> parseNative(std::shared_ptr<MLIRContext> shared, StringRef bytes,
                                            std::shared_ptr<const llvm::MemoryBuffer> file, const std::string &name,
                                            bool isBytecode, const Limits &limits, Diagnostics &diagnostics) {
  if (isBytecode) {
    bytes = openNativeFile(bytes, name, diagnostics);
    if (bytes.empty())
      return nullptr;
  } else if (!isShallow(bytes, name, diagnostics)) {
    return nullptr;
  }
  auto program = std::make_unique<Program>();
  program->impl = std::make_unique<Program::Impl>();
  program->impl->context = std::move(shared);
  MLIRContext &context = *program->impl->context;
  auto parse = [&](std::unique_ptr<llvm::MemoryBuffer> source) {
    if (!isBytecode) {
      program->impl->module = parseText(std::move(source), context);
      return;
    }
    auto sources = std::make_shared<llvm::SourceMgr>();
    sources->AddNewSourceBuffer(std::move(source), SMLoc());
    program->impl->module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  };
  if (isBytecode && file) {
    // Constants that want more alignment than the header leaves them are refused.
    ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &) { return success(); });
    graph::MappedFiles::of(context).add(file);
    // The checksum has read all of it.
    graph::MappedFiles::of(context).release(ArrayRef<char>(bytes.data(), bytes.size()));
    parse(std::make_unique<PartOfFile>(file, bytes));
  }
  DiagnosticHandler handler(context, diagnostics, name);
  handler.setErrorId("native-syntax");
  if (!program->impl->module) {
    // The parser of text needs a terminating zero, which a mapping may lack; that of bytecode an
    // alignment, which bytes from elsewhere may lack.
    auto copy = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(bytes.size(), name, llvm::Align(4096));
    llvm::copy(bytes, copy->getBufferStart());
    parse(std::move(copy));
  }
  if (!program->impl->module) {
    if (!diagnostics.hasErrors())
      diagnostics.error("native-not-readable", name, "is damaged or not a model");
    return nullptr;
  }
  handler.setErrorId("native-verify");
  if (!isBytecode && failed(verify(*program->impl->module)))
    return nullptr;
  // What comes from behind `bufferize` is looked at where a phase starts from it.
  ModuleOp module = *program->impl->module;
  if (!isBehindBufferize(module) &&
      (failed(verifyNativeModel(module)) || failed(inlineCalls(module, limits)) || failed(checkLimits(module, limits))))
    return nullptr;
  return program;
}

static std::unique_ptr<Program> parseOnnx(std::shared_ptr<MLIRContext> shared,
                                          std::unique_ptr<llvm::MemoryBuffer> bytes, const std::string &name,
                                          bool isFile, Diagnostics &diagnostics, const LoadOptions &options,
                                          const Limits &limits) {
  auto program = std::make_unique<Program>();
  program->impl = std::make_unique<Program::Impl>();
  program->impl->context = std::move(shared);
  DiagnosticHandler handler(*program->impl->context, diagnostics, name);
  std::optional<CustomOps> customOps = CustomOps::load(options.customOps, *program->impl->context, diagnostics);
  if (!customOps)
    return nullptr;
  ImportOptions importing{.allowLinks = options.allowLinks,
                          .inputs = options.inputs,
                          .limits = limits,
                          .ranks = options.ranks,
                          .customOps = customOps->declarations()};
  auto module = isFile ? importONNX(name, *program->impl->context, diagnostics, importing)
                       : importONNX(std::move(bytes), name, *program->impl->context, diagnostics, importing);
  if (failed(module) || diagnostics.hasErrors())
    return nullptr;
  program->impl->module = std::move(*module);
  if (failed(verify(*program->impl->module)) || failed(checkLimits(*program->impl->module, limits)))
    return nullptr;
  return program;
}

/// Reports ranks that are given for a model of Lathe's own formats.
static bool checkRanks(const LoadOptions &options, const std::string &name, Diagnostics &diagnostics) {
  if (options.ranks.empty())
    return true;
  const auto &[input, rank] = *options.ranks.begin();
  diagnostics
      .error("onnx-rank", name,
             "rank " + Twine(rank) + " is given for input " + quoted(input) + ", but only ONNX models take ranks")
      .note("leave the rank out: the model has it");
  return false;
}

static void finish(Program &program, const std::string &file, const Limits &limits) {
  program.impl->limits = limits;
  program.impl->file = file;
  program.impl->name = file == stdinName ? "" : llvm::sys::path::stem(file).str();
  if (program.impl->name.empty())
    program.impl->name = "model";
}

std::unique_ptr<Program> Program::load(const std::string &path, Diagnostics &diagnostics, const LoadOptions &options) {
  return loadInto(createContext(), {path}, diagnostics, options);
}

static std::unique_ptr<Program> parseInto(std::shared_ptr<MLIRContext> context, StringRef bytes,
                                          const std::string &name, Diagnostics &diagnostics,
                                          const LoadOptions &options) {
  Limits limits;
  if (!limits.set(options.limits, name, diagnostics))
    return nullptr;
  std::optional<ModelFormat> format = modelFormat(bytes, name, diagnostics);
  if (!format)
    return nullptr;
  std::unique_ptr<Program> program;
  if (*format == ModelFormat::Onnx)
    program = parseOnnx(std::move(context), llvm::MemoryBuffer::getMemBufferCopy(bytes, name), name, /*isFile=*/false,
                        diagnostics, options, limits);
  else if (checkRanks(options, name, diagnostics))
    program =
        parseNative(std::move(context), bytes, nullptr, name, *format == ModelFormat::Bytecode, limits, diagnostics);
  if (program)
    finish(*program, name, limits);
  return program;
}

std::unique_ptr<Program> loadInto(std::shared_ptr<MLIRContext> context, const FunctionSource &source,
                                  Diagnostics &diagnostics, const LoadOptions &options) {
  const std::string &path = source.path;
  if (source.bytes)
    return parseInto(std::move(context), {static_cast<const char *>(source.bytes), source.size}, path, diagnostics,
                     options);
  bool isStdin = path == "-";
  // A pipe can be read once, and has no folder with tensor files.
  bool isFile = !isStdin && llvm::sys::fs::is_regular_file(path);
  std::string name = isStdin ? stdinName : path;
  Limits limits;
  if (!limits.set(options.limits, name, diagnostics))
    return nullptr;
  std::unique_ptr<llvm::MemoryBuffer> file = readModel(path, name, limits, diagnostics);
  if (!file)
    return nullptr;
  StringRef bytes = file->getBuffer();
  std::optional<ModelFormat> format = modelFormat(bytes, name, diagnostics);
  if (!format)
    return nullptr;
  std::unique_ptr<Program> program;
  if (*format == ModelFormat::Onnx)
    program =
        parseOnnx(std::move(context), isFile ? nullptr : std::move(file), name, isFile, diagnostics, options, limits);
  else if (checkRanks(options, name, diagnostics))
    program = parseNative(std::move(context), bytes, std::move(file), name, *format == ModelFormat::Bytecode, limits,
                          diagnostics);
  if (!program || !checkFiles(*program->impl->context, diagnostics))
    return nullptr;
  finish(*program, name, limits);
  return program;
}

std::unique_ptr<Program> Program::parse(const void *bytes, size_t size, const std::string &name,
                                        Diagnostics &diagnostics, const LoadOptions &options) {
  return parseInto(createContext(), {static_cast<const char *>(bytes), size}, name, diagnostics, options);
}

bool Program::save(const std::string &path, Diagnostics &diagnostics) const {
  if (StringRef(path).ends_with(".onnx")) {
    OwningOpRef<ModuleOp> parts = impl->module->clone();
    if (failed(decompose(*parts))) {
      diagnostics.error("output-write-failed", path, "internal: writing out ops failed");
      return false;
    }
    std::optional<std::string> bytes = exportONNX(*parts, impl->file, diagnostics);
    if (bytes && !checkFiles(*impl->context, diagnostics))
      return false;
    std::error_code failed = bytes ? replaceFile(path, {*bytes}) : std::error_code();
    return bytes && (!failed || reportWriteError(path, failed, diagnostics));
  }
  bool isText = StringRef(path).ends_with(".mlir"), isIntact = true;
  if (!isText && !StringRef(path).ends_with(".lathe")) {
    diagnostics.error("output-unknown-kind", path, "the ending says no native format")
        .note("use .mlir for text, .lathe for bytecode, or .onnx");
    return false;
  }
  std::error_code error;
  if (isText) {
    error = replaceFile(
        path, [&](llvm::raw_ostream &out) { impl->module->print(out, OpPrintingFlags().enableDebugInfo(true, false)); },
        [&] { return isIntact = checkFiles(*impl->context, diagnostics); });
  } else {
    BytecodeWriterConfig config("Lathe " LATHE_VERSION);
    std::string bytecode;
    llvm::raw_string_ostream stream(bytecode);
    if (failed(writeBytecodeToFile(*impl->module, stream, config))) {
      diagnostics.error("output-write-failed", path, "internal: writing bytecode failed");
      return false;
    }
    if (!checkFiles(*impl->context, diagnostics))
      return false;
    error = replaceFile(path, {nativeHeader(bytecode), bytecode});
  }
  if (error)
    return reportWriteError(path, error, diagnostics);
  return isIntact;
}

} // namespace lathe
