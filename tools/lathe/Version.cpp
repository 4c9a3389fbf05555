// tools/lathe/Version.cpp: `lathe version`: what a report of a problem needs.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"

#include "lathe-runtime/module_abi.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/Target/Title.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;

static int run(const Arguments &) {
  Target host = Target::host();
  llvm::outs() << "lathe " << compilerVersion() << "\n"
               << "LLVM  " << LLVM_VERSION_STRING << "\n"
               << "ABI   " << LATHE_ABI_VERSION << "\n"
               << "host  " << titleOf(host) << "\n";
  if (titleOf(host) != host.str())
    llvm::outs() << "      " << host.str() << "\n";
  return Ok;
}

const Command &cli::versionCommand() {
  static const Command command = {"version", "print the versions of Lathe, LLVM and the ABI, and the host's target",
                                  "",        0,
                                  0,         "Prints what a report of a problem should say.",
                                  "",        {},
                                  run};
  return command;
}
