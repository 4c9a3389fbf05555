// lib/Compiler/CheckLimits.cpp: sizes in a model, and time and memory while it is compiled.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckLimits.h"
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/MappedFiles.h"
#include "lathe-runtime/runtime.h"
#include "lathe/Support/MappedFile.h"
#include "mlir/IR/Action.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include <cstdio>
#include <unistd.h>

using namespace mlir;

namespace lathe {

/// Elements of all fixed dims; those of what has open ones or none at all are not counted.
static int64_t fixedElements(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || llvm::is_contained(tensor.getShape(), 0))
    return tensor ? 0 : 1;
  int64_t elements = 1;
  for (int64_t size : tensor.getShape())
    if (!ShapedType::isDynamic(size) && llvm::MulOverflow(elements, size, elements))
      return INT64_MAX;
  return elements;
}

LogicalResult checkLimits(ModuleOp module, const Limits &limits) {
  int64_t nodes = 0, mostElements = limits[Limit::TensorElements], mostNodes = limits[Limit::Nodes];
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    auto constant = dyn_cast<graph::ConstantOp>(op);
    nodes += constant ? 0 : 1;
    if (constant && isa<DenseResourceElementsAttr>(constant.getValue()))
      return WalkResult::advance();
    for (Type type : op->getResultTypes())
      if (int64_t elements = fixedElements(type); elements > mostElements) {
        InFlightDiagnostic error = op->emitError() << "has a result of " << elements << " elements, but at most "
                                                   << mostElements << " are allowed [limit-tensor-elements]";
        error.attachNote() << howToRaise(Limit::TensorElements);
        return error;
      }
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  // The importer counted the nodes of an ONNX model, of which each may become many ops.
  if (nodes / opsOfNode <= mostNodes)
    return success();
  InFlightDiagnostic error = module.emitError() << "the model has " << nodes << " operations, but at most " << mostNodes
                                                << " nodes of " << opsOfNode << " each are allowed [limit-nodes]";
  error.attachNote() << howToRaise(Limit::Nodes);
  return error;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// What is set, or the memory of the process but for an eighth: the system ends a process that comes close to all of
/// it, and pages of files, the stacks of threads and what the linker needs are in there, too.
static int64_t compileBytes(const Limits &limits) {
  int64_t bytes = limits[Limit::CompileBytes], memory = static_cast<int64_t>(lathe_get_memory());
  return bytes ? bytes : memory - memory / 8;
}

static std::unique_ptr<llvm::MemoryBuffer> refuse(StringRef name, const Limits &limits, int64_t most,
                                                  Diagnostics &diagnostics) {
  bool isOfMemory = most < limits[Limit::FileBytes];
  diagnostics
      .error("limit-file-bytes", name,
             "has more than " + Twine(most) + " bytes, " +
                 (isOfMemory ? "which is a third of the memory that compiling may take"
                             : "which is the most that is allowed"))
      .note(howToRaise(isOfMemory ? Limit::CompileBytes : Limit::FileBytes));
  return nullptr;
}

/// Reads a pipe or a device, which may never end, into memory.
static std::unique_ptr<llvm::MemoryBuffer> readPipe(int file, StringRef name, const Limits &limits,
                                                    Diagnostics &diagnostics) {
  // There are two copies while the memory grows.
  int64_t most = std::min(limits[Limit::FileBytes], compileBytes(limits) / 3);
  constexpr size_t step = 1 << 16;
  SmallVector<char, 0> bytes;
  for (;;) {
    size_t filled = bytes.size();
    if (filled + step > bytes.capacity())
      bytes.reserve(std::min<size_t>(2 * bytes.capacity(), static_cast<size_t>(most)) + 2 * step);
    bytes.resize_for_overwrite(filled + step);
    ssize_t count = read(file, bytes.data() + filled, step);
    bytes.truncate(filled + std::max<ssize_t>(count, 0));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0) {
      diagnostics.error("model-not-readable", name, "cannot read the model: " + llvm::sys::StrError())
          .note("check the path and its permissions");
      return nullptr;
    }
    if (static_cast<int64_t>(bytes.size()) > most)
      return refuse(name, limits, most, diagnostics);
    if (count == 0)
      return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), name, /*RequiresNullTerminator=*/true);
  }
}

std::unique_ptr<llvm::MemoryBuffer> readModel(StringRef path, StringRef name, const Limits &limits,
                                              Diagnostics &diagnostics) {
  if (path == "-")
    return readPipe(STDIN_FILENO, name, limits, diagnostics);
  int file = -1;
  llvm::sys::fs::file_status status;
  std::error_code error = llvm::sys::fs::openFileForRead(path, file);
  llvm::scope_exit close([&] {
    if (file >= 0)
      ::close(file);
  });
  if (!error)
    error = llvm::sys::fs::status(file, status);
  if (!error && status.type() == llvm::sys::fs::file_type::directory_file)
    error = std::make_error_code(std::errc::is_a_directory);
  if (!error && status.type() != llvm::sys::fs::file_type::regular_file)
    return readPipe(file, name, limits, diagnostics);
  if (!error && status.getSize() > static_cast<uint64_t>(limits[Limit::FileBytes]))
    return refuse(name, limits, limits[Limit::FileBytes], diagnostics);
  if (!error) {
    auto buffer = mapFile(file, path);
    if (buffer)
      return std::move(*buffer);
    error = buffer.getError();
  }
  diagnostics.error("model-not-readable", name, "cannot read the model: " + error.message())
      .note("check the path and its permissions");
  return nullptr;
}

bool checkFiles(MLIRContext &context, Diagnostics &diagnostics) {
  StringRef changed = graph::MappedFiles::of(context).findChanged();
  if (changed.empty())
    return true;
  diagnostics.error("model-changed", changed, "the file was changed while it was read")
      .note("begin again once nobody writes to it; put new files in the place of old ones by renaming them");
  return false;
}

//===----------------------------------------------------------------------===//
// Time and memory
//===----------------------------------------------------------------------===//

/// Bytes of the process that belong to no file; 0 where the system does not say.
static int64_t bytesInUse() {
  FILE *file = fopen("/proc/self/statm", "re");
  if (!file)
    return 0;
  long long all = 0, resident = 0, shared = 0;
  int read = fscanf(file, "%lld %lld %lld", &all, &resident, &shared);
  fclose(file);
  return read == 3 ? (resident - shared) * sysconf(_SC_PAGESIZE) : 0;
}

CompileWatch::CompileWatch(MLIRContext &context, const Limits &limits)
    : context(context), seconds(limits[Limit::CompileSeconds]), bytes(compileBytes(limits)) {
  constexpr int64_t longest = 1'000'000'000; // The clock counts nanoseconds.
  end = std::chrono::steady_clock::now() + std::chrono::seconds(std::min(seconds, longest));
  context.registerActionHandler([this](llvm::function_ref<void()> action, const tracing::Action &what) {
    // A round of patterns that is left out never says that it changes nothing; the patterns in it are left out.
    if (!isOver() || what.getTag().starts_with("GreedyPatternRewriteIteration"))
      action();
  });
}

CompileWatch::~CompileWatch() { context.registerActionHandler({}); }

bool CompileWatch::isOver() {
  if (state != Going)
    return true;
  auto now = std::chrono::steady_clock::now();
  if (now > end) {
    state = TooLong;
    return true;
  }
  // There are thousands of short passes, and to ask the system takes longer than some of them.
  if (now.time_since_epoch().count() < nextLook)
    return false;
  nextLook = (now + std::chrono::milliseconds(5)).time_since_epoch().count();
  return !allows(0);
}

bool CompileWatch::allows(int64_t more) {
  // Whether there is room is known only by who asks for much; there may be several such threads.
  if (state == Going && bytesInUse() > bytes - std::min(more, bytes))
    state = TooLarge;
  return state == Going;
}

void CompileWatch::report(StringRef place, Diagnostics &diagnostics) const {
  if (state == TooLong)
    diagnostics.error("limit-compile-seconds", place, "compiling takes longer than " + Twine(seconds) + " seconds")
        .note(howToRaise(Limit::CompileSeconds));
  else
    diagnostics
        .error("limit-compile-bytes", place,
               "the process that compiles needs more than " + Twine(bytes) + " bytes of memory")
        .note("compile on a machine with more memory, or for a model that you trust, allow more with "
              "--limit compile-bytes=NUMBER, in Python limits={\"compile-bytes\": NUMBER}");
}

} // namespace lathe
