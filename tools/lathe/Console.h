// tools/lathe/Console.h: what the commands say to the user, all in one form.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_CONSOLE_H
#define LATHE_TOOLS_LATHE_CONSOLE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lathe {
class Diagnostics;
}

namespace lathe::cli {

/// Prints an error about the command line, and where to read more. Returns
/// WrongUsage.
int usageError(llvm::StringRef id, const llvm::Twine &place, const llvm::Twine &message);

/// Prints all diagnostics. Returns Failed if there is an error among them, else
/// Ok.
int printDiagnostics(const Diagnostics &diagnostics);

/// Adds an error whose text, from the runtime or a compiled module, may have an
/// id of its own in brackets at the end; `id` where it has none.
void addForeignError(Diagnostics &diagnostics, llvm::StringRef id, const llvm::Twine &place, llvm::StringRef text);

/// Adds the message of the runtime's last failure in this thread.
void addRuntimeError(Diagnostics &diagnostics, const llvm::Twine &place);

/// "12.3 MB" (of 10^6 bytes), with the unit that fits.
std::string formatBytes(uint64_t bytes);

/// Rows of equal length as a table. `alignment` has a letter for each column:
/// 'l' puts it to the left, 'r' to the right.
std::string formatTable(llvm::StringRef alignment, const std::vector<std::vector<std::string>> &rows);

/// Checks that `path` lies in a folder that can be written to, before hours are
/// spent on what goes there.
bool checkWritable(llvm::StringRef path, Diagnostics &diagnostics);

/// Writes `parts` one after the other. Replaces the file at `path` only when
/// all of them are written.
bool writeFile(llvm::StringRef path, llvm::ArrayRef<llvm::StringRef> parts, Diagnostics &diagnostics);

/// Reports an error if `path` is a compiled artifact, where only a model will
/// do.
bool requireModel(llvm::StringRef path, Diagnostics &diagnostics);

/// Reports an error also for models that other engines cannot read, which
/// `option` is about: Lathe's own format, and pipes.
bool requireOnnxFile(llvm::StringRef path, llvm::StringRef option, Diagnostics &diagnostics);

/// Seconds since a fixed time.
double now();

/// Shows on stderr what takes longer than a second: on a terminal one line that
/// is drawn again, elsewhere (if forced) a line for each step.
class Progress {
public:
  /// `title` is what the steps belong to, `steps` how many there will be (0 if
  /// unknown).
  Progress(llvm::StringRef title, bool forced, size_t steps = 0);
  ~Progress() { stop(); }

  void step(llvm::StringRef name);
  /// Clears the line. Nothing is shown after that.
  void stop();

  /// For CompileOptions::progress.
  std::function<void(const std::string &)> callback() {
    return [this](const std::string &phase) { step(phase); };
  }

private:
  void draw();
  void watch();

  std::string title, current;
  size_t steps, done = 0;
  double started;
  bool terminal, plain, drawn = false, stopped = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::thread watcher;
};

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_CONSOLE_H
