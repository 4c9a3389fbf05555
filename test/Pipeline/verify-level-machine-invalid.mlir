// A level that does not exist.
// RUN: lathe-opt %s --verify-level="level=machine phase=" --verify-diagnostics

// expected-error @below {{there is no level 'machine' [verify-unknown-level]}}
module {
}
