// Ops on sequences and optional values read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: host.program run of "main" {
host.program run of "main" {
  %in = host.input 0
  %n = host.dim 1, 0
  // CHECK: %[[T:.*]] = host.describe %{{.*}}[%{{.*}}, %{{.*}}] : ui8
  %t = host.describe %in[%n, %n] : ui8
  // CHECK: %[[S:.*]] = host.make_value insert %{{.*}}, %[[T]][%{{.*}}, %{{.*}}] id = 3
  %s = host.make_value insert %in, %t[%n, %n] id = 3
  // CHECK: host.load_address %[[S]][1]
  %a = host.load_address %s[1]
  host.set_output 0 = %a
}
