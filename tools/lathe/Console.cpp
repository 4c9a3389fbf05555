// tools/lathe/Console.cpp: messages, tables and files of the command line.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Console.h"
#include "Command.h"
#include "LoadedModel.h"

#include "lathe-runtime/runtime.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/PartialFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

int cli::usageError(StringRef id, const llvm::Twine &place, const llvm::Twine &message) {
  Diagnostics diagnostics;
  diagnostics.error(id, place, message).note("'" + place + " --help' shows what there is");
  printDiagnostics(diagnostics);
  return WrongUsage;
}

int cli::printDiagnostics(const Diagnostics &diagnostics) {
  // What was printed before must come before, also where both go to one file.
  llvm::outs().flush();
  llvm::errs() << diagnostics.text();
  return diagnostics.hasErrors() ? Failed : Ok;
}

void cli::addForeignError(Diagnostics &diagnostics, StringRef id, const llvm::Twine &place, StringRef text) {
  size_t open = text.rfind(" [");
  if (open != StringRef::npos && text.ends_with("]")) {
    id = text.drop_front(open + 2).drop_back();
    text = text.take_front(open);
  }
  text.consume_front((place + ": ").str());
  diagnostics.error(id, place, text);
}

void cli::addRuntimeError(Diagnostics &diagnostics, const llvm::Twine &place) {
  addForeignError(diagnostics, "", place, lathe_last_error());
}

std::string cli::formatBytes(uint64_t bytes) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
  double value = double(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  os << llvm::format(unit ? "%.1f " : "%.0f ", value) << units[unit];
  return text;
}

std::string cli::formatTable(StringRef alignment, const std::vector<std::vector<std::string>> &rows) {
  std::string text;
  std::vector<size_t> widths(alignment.size());
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  for (const auto &row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string padding(widths[i] - row[i].size(), ' ');
      line += i ? "  " : "";
      line += alignment[i] == 'r' ? padding + row[i] : row[i] + padding;
    }
    text += StringRef(line).rtrim().str() + "\n";
  }
  return text;
}

bool cli::checkWritable(StringRef path, Diagnostics &diagnostics) {
  StringRef folder = llvm::sys::path::parent_path(path);
  if (folder.empty())
    folder = ".";
  if (llvm::sys::fs::is_directory(path)) {
    diagnostics.error("cli-output-folder", path, "is a folder; name a file to write");
    return false;
  }
  std::error_code error = llvm::sys::fs::access(folder, llvm::sys::fs::AccessMode::Write);
  if (!error && !llvm::sys::fs::is_directory(folder))
    error = std::make_error_code(std::errc::not_a_directory);
  if (!error)
    return true;
  diagnostics
      .error("cli-output-unwritable", path, "cannot write into the folder " + quoted(folder) + ": " + error.message())
      .note("make the folder, or name another with -o");
  return false;
}

bool cli::writeFile(StringRef path, llvm::ArrayRef<StringRef> parts, Diagnostics &diagnostics) {
  // A pipe or a device cannot be replaced.
  bool isSpecial = llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path);
  std::error_code error = isSpecial ? writeBytes(path, parts) : replaceFile(path, parts);
  if (!error)
    return true;
  diagnostics.error("cli-write-failed", path, "cannot write the file: " + error.message())
      .note("nothing was left behind; name a place that can be written to and "
            "has room");
  return false;
}

bool cli::requireModel(StringRef path, Diagnostics &diagnostics) {
  if (fileKind(path) == FileKind::Model)
    return true;
  diagnostics.error("cli-not-a-model", path, "is compiled already; name the model it was compiled from");
  return false;
}

bool cli::requireOnnxFile(StringRef path, StringRef option, Diagnostics &diagnostics) {
  if (!requireModel(path, diagnostics))
    return false;
  auto refuse = [&](const llvm::Twine &what, StringRef wayOut) {
    diagnostics
        .error("cli-needs-onnx", path, option + " compares with an engine that reads ONNX files, but this is " + what)
        .note(wayOut);
    return false;
  };
  if (path == "-" || (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path)))
    return refuse("a pipe, which only one of the two can read", "write the model to a file first");
  uint64_t size = 0;
  bool hasSize = !llvm::sys::fs::file_size(path, size);
  auto start = llvm::MemoryBuffer::getFileSlice(path, hasSize ? std::min<uint64_t>(size, 8) : 0, 0);
  if ((start && (*start)->getBuffer().starts_with("\x7fLATHE")) || path.ends_with(".mlir") || path.ends_with(".lathe"))
    return refuse("Lathe's own format", "name the ONNX file that it was converted from, or leave out " + option.str());
  return true;
}

double cli::now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Progress::Progress(StringRef title, bool forced, size_t steps)
    : title(title), steps(steps), started(now()), terminal(llvm::errs().is_displayed()), plain(forced && !terminal) {
  if (terminal)
    watcher = std::thread([this] { watch(); });
}

void Progress::step(StringRef name) {
  std::lock_guard lock(mutex);
  current = name.str();
  ++done;
  if (plain)
    llvm::errs() << title << ": " << current << "\n";
  if (drawn)
    draw();
}

void Progress::stop() {
  {
    std::lock_guard lock(mutex);
    if (stopped)
      return;
    stopped = true;
    if (drawn)
      llvm::errs() << "\r\x1b[K";
  }
  changed.notify_one();
  if (watcher.joinable())
    watcher.join();
}

void Progress::draw() {
  drawn = true;
  llvm::errs() << "\r\x1b[K" << title << ": " << current;
  if (steps)
    llvm::errs() << " (" << done << "/" << steps << ")";
  llvm::errs() << llvm::format(", %.0f s", now() - started);
}

void Progress::watch() {
  std::unique_lock lock(mutex);
  // What is done within a second needs no line.
  auto wait = std::chrono::milliseconds(1000);
  while (!changed.wait_for(lock, wait, [this] { return stopped; })) {
    draw();
    wait = std::chrono::milliseconds(500);
  }
}
