// tools/lathe/CommandLine.h: the whole command line as a C function, for programs that have it in a
// library.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_COMMANDLINE_H
#define LATHE_TOOLS_LATHE_COMMANDLINE_H

/// Runs `lathe` with the words of a main function; returns what the process ends with.
extern "C" __attribute__((visibility("default"))) int lathe_command_line(int argc, char **argv);

#endif // LATHE_TOOLS_LATHE_COMMANDLINE_H
