// A module without both programs has nothing to convert.
// RUN: lathe-opt %s --convert-host-to-llvm --verify-diagnostics

// expected-error @below {{internal: no launch program to convert [host-no-program]}}
module {
  host.program @plan {
  }
}
