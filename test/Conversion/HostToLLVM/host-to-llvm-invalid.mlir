// A module without both programs has nothing to convert.
// RUN: lathe-opt %s --convert-host-to-llvm --verify-diagnostics --split-input-file

// expected-error @below {{internal: no launch program to convert [host-no-program]}}
module {
  host.program @plan {
  }
}

// -----

host.program @plan {
}
host.program @run {
  // expected-error @+1 {{internal: kernel 'k' was not split into its functions [host-no-kernel]}}
  host.launch @k[]()
}

// -----

host.program @plan {
  %n = host.dim 0, 0
  // expected-error @+1 {{internal: kernel 'k' was not split into its functions [host-no-kernel]}}
  %t = host.temporaries @k[%n]
  host.set_workspace %t
}
host.program @run {
}
