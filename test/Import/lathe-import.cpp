// test/Import/lathe-import.cpp: imports ONNX files and prints the module, for
// tests of the importer alone.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Import/ONNX.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"

#include <chrono>

static llvm::cl::list<std::string> paths(llvm::cl::Positional, llvm::cl::desc("<models>"));
static llvm::cl::opt<bool> fromMemory("from-memory", llvm::cl::desc("Give the bytes of the model, not its path"));
static llvm::cl::opt<bool> debugInfo("debug-info", llvm::cl::desc("Print the locations of the ops"));
static llvm::cl::opt<bool> expandFunctions("expand-functions",
                                           llvm::cl::desc("Expand what ONNX defines by a function"));
static llvm::cl::opt<bool> summary("summary", llvm::cl::desc("Print one line per model"));
static llvm::cl::opt<bool> listOps("list-ops", llvm::cl::desc("Print the table of operators"));

static bool import(const std::string &path) {
  lathe::Diagnostics diagnostics;
  auto begin = std::chrono::steady_clock::now();
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> module = llvm::failure();
  if (fromMemory) {
    auto bytes = llvm::MemoryBuffer::getFile(path);
    if (!bytes) {
      llvm::errs() << path << ": " << bytes.getError().message() << "\n";
      return false;
    }
    module = lathe::importONNX(std::move(*bytes), "<bytes>", context, diagnostics);
  } else {
    lathe::ImportOptions options;
    options.expandFunctions = expandFunctions;
    module = lathe::importONNX(path, context, diagnostics, options);
  }
  double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  llvm::errs() << diagnostics.text();
  if (failed(module)) {
    // What a user reads must never be silent.
    if (!diagnostics.hasErrors())
      llvm::errs() << path << ": error: failed without a message\n";
    return false;
  }
  if (failed(mlir::verify(**module)))
    return false;
  if (summary) {
    size_t ops = 0;
    (*module)->walk([&](mlir::Operation *) { ++ops; });
    llvm::outs() << path << ": " << ops << " ops, " << llvm::format("%.1f", ms) << " ms\n";
    return true;
  }
  mlir::OpPrintingFlags flags;
  flags.elideLargeResourceString(64).elideLargeElementsAttrs(64);
  if (debugInfo)
    flags.enableDebugInfo(true, /*prettyForm=*/true).useLocalScope();
  (*module)->print(llvm::outs(), flags);
  llvm::outs() << "\n";
  return true;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::cl::ParseCommandLineOptions(argc, argv, "Import ONNX models.\n");
  if (listOps)
    for (const lathe::SupportedONNXOp &op : lathe::listSupportedONNXOps()) {
      llvm::outs() << (op.domain.empty() ? op.name : op.domain + "." + op.name);
      for (int version : op.versions)
        llvm::outs() << ' ' << version;
      llvm::outs() << "\n";
    }
  bool good = true;
  for (const std::string &path : paths)
    good &= import(path);
  return good ? 0 : 1;
}
