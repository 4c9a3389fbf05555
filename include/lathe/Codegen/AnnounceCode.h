// include/lathe/Codegen/AnnounceCode.h: tools that watch a process learn what code is linked into it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CODEGEN_ANNOUNCECODE_H
#define LATHE_CODEGEN_ANNOUNCECODE_H

namespace lathe {

class Diagnostics;

/// Who learns of code: any of both, as bits.
enum CodeListener : unsigned {
  ListenPerf = 1,     ///< `perf`, which reads /tmp/perf-PID.map.
  ListenDebugger = 2, ///< GDB and LLDB, by GDB's interface for code that is made at run time.
};

/// Lets `listeners`, in the place of those before, learn of all code that `loadInProcess` links from now on. Reports
/// an error and changes nothing if the map cannot be written.
bool announceCode(unsigned listeners, Diagnostics &diagnostics);

} // namespace lathe

#endif // LATHE_CODEGEN_ANNOUNCECODE_H
