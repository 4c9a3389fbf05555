// test/fuzz/Invariants.h: what holds whatever the input is.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TEST_FUZZ_INVARIANTS_H
#define LATHE_TEST_FUZZ_INVARIANTS_H

#include "lathe/Support/Diagnostics.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace lathe::fuzz {

/// Ends the process, which the fuzzer takes for a finding, unless a task either did its work or says why not: with an
/// error that has an id and is no message of a phase about itself.
inline void expectErrors(bool isDone, const Diagnostics &diagnostics) {
  const char *wrong = nullptr;
  if (isDone == diagnostics.hasErrors())
    wrong = isDone ? "there are errors, but a result as well" : "there is neither a result nor an error";
  for (const Diagnostic &diagnostic : diagnostics)
    if (diagnostic.id.empty() || diagnostic.id == "phase-mlir" || diagnostic.id == "phase-failed" ||
        diagnostic.message.find("internal:") != std::string::npos)
      wrong = "an error is one of the compiler's";
  if (!wrong)
    return;
  fprintf(stderr, "%s:\n%s\n", wrong, diagnostics.text().c_str());
  abort();
}

} // namespace lathe::fuzz

#endif // LATHE_TEST_FUZZ_INVARIANTS_H
