// tools/lathe/Check.cpp: `lathe check`: all that a model needs and Lathe lacks,
// in a second.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"
#include "Options.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

namespace {

/// What was found of one model.
struct Result {
  std::string path;
  /// Whether nothing is lacking.
  bool complete = false;
  Diagnostics diagnostics;
  CheckReport report;

  size_t count(Severity severity) const {
    return llvm::count_if(diagnostics, [=](const Diagnostic &d) { return d.severity == severity; });
  }
};

} // namespace

static void checkModel(const std::string &path, const Arguments &arguments, Result &result) {
  result.path = path;
  if (!requireModel(path, result.diagnostics))
    return;
  Progress progress(path, arguments.has("--progress"));
  CompileOptions options;
  options.target = arguments.get("--target", "host").str();
  options.dims = arguments.all("--dim").vec();
  options.progress = progress.callback();
  result.complete = check(path, options, result.diagnostics, loadOptions(arguments), &result.report);
}

//===----------------------------------------------------------------------===//
// For people
//===----------------------------------------------------------------------===//

/// "120 direct, 2 expanded from functions of ONNX"
static std::string describeNodes(const CheckReport &report) {
  static constexpr std::pair<StringRef, StringRef> ways[] = {
      {"direct", ""},  {"expanded", " from functions of ONNX"}, {"function", " of functions of the model"}, {"own", ""},
      {"missing", ""},
  };
  llvm::SmallVector<std::string> parts;
  for (auto [way, more] : ways) {
    size_t nodes = 0;
    for (const OperatorUse &use : report.operators)
      nodes += use.how == way ? use.nodes.size() : 0;
    if (nodes)
      parts.push_back(std::to_string(nodes) + " " + (way == "function" ? "calls" : way.str()) + more.str());
  }
  return llvm::join(parts, ", ");
}

/// `text` as `quoted` has it, without the quotes; what is no UTF-8 is replaced.
static std::string escaped(StringRef text) {
  std::string result = quoted(llvm::json::fixUTF8(text));
  return result.substr(1, result.size() - 2);
}

/// The nodes of an operator, as many as fit into a line.
static std::string nameNodes(const OperatorUse &use) {
  constexpr size_t most = 4;
  std::string text;
  for (const std::string &node : llvm::ArrayRef(use.nodes).take_front(most))
    text += (text.empty() ? "" : ", ") + quoted(llvm::json::fixUTF8(node));
  if (use.nodes.size() > most)
    text += " and " + std::to_string(use.nodes.size() - most) + " more";
  return text;
}

static std::string describeValues(llvm::ArrayRef<ValueUse> values) {
  return llvm::join(
      llvm::map_range(
          values, [](const ValueUse &value) { return escaped(value.name) + " " + value.dtype + escaped(value.dims); }),
      ", ");
}

static void print(const Result &result) {
  const CheckReport &report = result.report;
  auto line = [&](const llvm::Twine &text) { llvm::outs() << result.path << ": " << text << "\n"; };
  if (!report.operators.empty())
    line(llvm::Twine(report.operators.size()) + " operators: " + describeNodes(report));
  for (const OperatorUse &use : report.operators)
    if (use.how == "expanded" || use.how == "own" || use.how == "missing")
      line(use.how + " " + escaped(use.label) + ": " + nameNodes(use));
  if (!report.inputs.empty() || !report.outputs.empty()) {
    line("takes " + describeValues(report.inputs));
    line("gives " + describeValues(report.outputs));
  }
  if (report.weightBytes)
    line("holds " + formatBytes(report.weightBytes) + " of weights");
  if (size_t count = report.sizesFromData.size())
    line(llvm::Twine(count) + " sizes follow from data, the first of " + report.sizesFromData.front());
  size_t slow = result.count(Severity::Remark);
  if (!result.complete)
    line("not ok, Lathe lacks what the errors say");
  else if (slow)
    line("ok, Lathe has all that it needs; what the " + llvm::Twine(slow) + " remarks name is slower than it could be");
  else
    line("ok, Lathe has all that it needs");
}

//===----------------------------------------------------------------------===//
// For programs
//===----------------------------------------------------------------------===//

static llvm::json::Array toJson(llvm::ArrayRef<std::string> texts) {
  llvm::json::Array list;
  for (const std::string &text : texts)
    list.push_back(llvm::json::fixUTF8(text));
  return list;
}

static llvm::json::Array toJson(llvm::ArrayRef<ValueUse> values) {
  llvm::json::Array list;
  for (const ValueUse &value : values)
    list.push_back(llvm::json::Object{
        {"name", llvm::json::fixUTF8(value.name)}, {"dtype", value.dtype}, {"dims", llvm::json::fixUTF8(value.dims)}});
  return list;
}

static llvm::json::Object toJson(const Result &result) {
  llvm::json::Array messages, operators;
  for (const Diagnostic &diagnostic : result.diagnostics)
    messages.push_back(llvm::json::Object{{"severity", severityName(diagnostic.severity)},
                                          {"id", diagnostic.id},
                                          {"place", llvm::json::fixUTF8(diagnostic.place)},
                                          {"message", llvm::json::fixUTF8(diagnostic.message)},
                                          {"notes", toJson(diagnostic.notes)}});
  for (const OperatorUse &use : result.report.operators)
    operators.push_back(llvm::json::Object{
        {"operator", llvm::json::fixUTF8(use.label)}, {"how", use.how}, {"nodes", toJson(use.nodes)}});
  return llvm::json::Object{
      {"model", llvm::json::fixUTF8(result.path)},
      {"ok", result.complete},
      {"slow", result.count(Severity::Remark) != 0},
      {"messages", std::move(messages)},
      {"operators", std::move(operators)},
      {"inputs", toJson(result.report.inputs)},
      {"outputs", toJson(result.report.outputs)},
      {"free_dims", toJson(result.report.dims)},
      {"sizes_from_data", toJson(result.report.sizesFromData)},
      {"weight_bytes", int64_t(result.report.weightBytes)},
  };
}

static int run(const Arguments &arguments) {
  bool isJson = arguments.has("--json"), isStrict = arguments.has("--strict");
  int code = Ok;
  llvm::json::Array models;
  for (const std::string &path : arguments.operands) {
    Result result;
    checkModel(path, arguments, result);
    if (!result.complete || (isStrict && result.count(Severity::Remark)))
      code = Failed;
    if (isJson) {
      models.push_back(toJson(result));
      continue;
    }
    printDiagnostics(result.diagnostics);
    print(result);
  }
  if (isJson)
    llvm::outs() << llvm::formatv("{0:2}\n", llvm::json::Value(llvm::json::Object{{"version", compilerVersion()},
                                                                                  {"models", std::move(models)}}));
  return code;
}

static constexpr Option options[] = {
    targetOption,
    knownDimOption,
    {"--json", "", Form::Flag, "", "print all of it as JSON, for programs"},
    {"--strict", "", Form::Flag, "", "end with 1, too, where something is slower than it could be"},
    allowLinksOption,
    limitOption,
    rankOption,
    customOpOption,
    progressOption,
};

const Command &cli::checkCommand() {
  static const Command command = {"check",
                                  "list what a model needs and Lathe lacks",
                                  "MODEL...",
                                  1,
                                  ~0u,
                                  "Lists every operator, attribute and dtype of a model that Lathe does "
                                  "not support, and\nwhatever is wrong with the file, in branches and loops, too; as "
                                  "remarks, the products that\nonly plain loops compute, and why. Says what the model "
                                  "takes, gives and holds. Generates\nno code. Ends with 0 if nothing is lacking in "
                                  "any of the models, else with 1.",
                                  "  lathe check model.onnx\n"
                                  "  lathe check model.onnx --target x86_64:v3 --dim batch=1\n"
                                  "  lathe check models/*.onnx --json",
                                  options,
                                  run};
  return command;
}
