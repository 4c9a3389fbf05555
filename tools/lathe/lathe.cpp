// tools/lathe/lathe.cpp: the program `lathe`.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CommandLine.h"

int main(int argc, char **argv) { return lathe_command_line(argc, argv); }
