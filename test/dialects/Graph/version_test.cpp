// test/dialects/Graph/version_test.cpp: bytecode of the graph dialect is read if
// its version is this one or an older one, and a newer one is an error.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/GraphVersion.h"

#include "dialects/Graph/Graph.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <cstdio>

using namespace lathe::graph;

static int failures = 0;

static void expect(bool condition, const char *what, const std::string &got) {
  if (condition)
    return;
  ++failures;
  std::printf("FAILED: %s; got \"%s\"\n", what, got.c_str());
}

static constexpr llvm::StringLiteral text = R"mlir(
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = graph.relu %x : tensor<2xf32> -> tensor<2xf32>
  return %y : tensor<2xf32>
}
)mlir";

static std::string print(mlir::ModuleOp module) {
  std::string result;
  llvm::raw_string_ostream(result) << module;
  return result;
}

/// Bytecode of `module` as version `number` would write it, by default this one.
static std::string write(mlir::ModuleOp module, std::optional<uint64_t> number) {
  mlir::BytecodeWriterConfig config;
  if (number)
    config.setDialectVersion<GraphDialect>(std::make_unique<GraphVersion>(*number));
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  expect(llvm::succeeded(mlir::writeBytecodeToFile(module, stream, config)), "bytecode is written", "");
  return bytes;
}

/// What `bytes` are read as, or the error.
static std::string read(const std::string &bytes, mlir::MLIRContext &context) {
  std::string error;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { error += diagnostic.str(); });
  auto module = mlir::parseSourceString<mlir::ModuleOp>(bytes, mlir::ParserConfig(&context));
  return module ? print(*module) : error;
}

int main() {
  mlir::MLIRContext context;
  context.loadDialect<GraphDialect, mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context));
  expect(bool(module), "the text is read", "");
  if (!module)
    return 1;
  std::string expected = print(*module);
  std::string present = write(*module, std::nullopt);
  expect(read(present, context) == expected, "this version is read", read(present, context));
  expect(present == write(*module, GraphVersion::current), "this version is written by default", "another");
  std::string old = write(*module, 0);
  expect(old != present, "the version is in the file", "it is not");
  expect(read(old, context) == expected, "a file without a version is read", read(old, context));
  std::string error = read(write(*module, GraphVersion::current + 41), context);
  expect(llvm::StringRef(error).contains("has version 42 of the graph dialect, but this version of Lathe reads up to 1 "
                                         "[native-version]"),
         "a newer version is an error", error);
  std::printf("%d failures\n", failures);
  return failures != 0;
}
