// Constants of equal elements in equal order have one place in the weights, wherever the elements come from.
// RUN: lathe-opt %s --convert-host-to-llvm | FileCheck %s

// CHECK: host.weights 256
// CHECK-DAG: host.constant @first {{.*}} {offset = 0 : i64}
// CHECK-DAG: host.constant @equal {{.*}} {offset = 0 : i64}
// CHECK-DAG: host.constant @packed {{.*}} {offset = 64 : i64}
// CHECK-DAG: host.constant @file {{.*}} {offset = 128 : i64}
// CHECK-DAG: host.constant @same_bytes {{.*}} {offset = 128 : i64}
// CHECK-DAG: host.constant @other_bytes {{.*}} {offset = 192 : i64}
// CHECK-DAG: host.constant @empty {{.*}} {offset = 256 : i64}
host.constant @first dense<[1.0, 2.0]> : tensor<2xf32>
host.constant @equal dense<[1.0, 2.0]> : tensor<2xf32>
host.constant @packed dense<[[1.0, 2.0]]> : tensor<1x2xf32> tiled = 1 order = [0] tile = 2
host.constant @file dense_resource<a> : tensor<2xf32>
host.constant @same_bytes dense_resource<b> : tensor<2xf32>
host.constant @other_bytes dense_resource<c> : tensor<2xf32>
host.constant @empty dense<> : tensor<0xf32>

host.signature "main" {inputs = [], outputs = [], symbols = [], checks = []}
host.program plan of "main" {
}
host.program run of "main" {
}

{-#
  dialect_resources: {
    builtin: {
      a: "0x040000000000803F00000040",
      b: "0x040000000000803F00000040",
      c: "0x040000000000803F00004040"
    }
  }
#-}
