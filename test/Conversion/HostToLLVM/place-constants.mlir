// Constants of equal elements in equal order have one place in the weights, wherever the elements come from.
// RUN: lathe-opt %s --convert-host-to-llvm | FileCheck %s

// CHECK: module attributes {{.*}}host.weights_size = 256 : i64
// CHECK-DAG: host.constant @first {{.*}} {host.offset = 0 : i64}
// CHECK-DAG: host.constant @equal {{.*}} {host.offset = 0 : i64}
// CHECK-DAG: host.constant @packed {{.*}} {host.offset = 64 : i64}
// CHECK-DAG: host.constant @file {{.*}} {host.offset = 128 : i64}
// CHECK-DAG: host.constant @same_bytes {{.*}} {host.offset = 128 : i64}
// CHECK-DAG: host.constant @other_bytes {{.*}} {host.offset = 192 : i64}
// CHECK-DAG: host.constant @empty {{.*}} {host.offset = 256 : i64}
host.constant @first dense<[1.0, 2.0]> : tensor<2xf32>
host.constant @equal dense<[1.0, 2.0]> : tensor<2xf32>
host.constant @packed dense<[[1.0, 2.0]]> : tensor<1x2xf32> tiled = 1 order = [0] tile = 2
host.constant @file dense_resource<a> : tensor<2xf32>
host.constant @same_bytes dense_resource<b> : tensor<2xf32>
host.constant @other_bytes dense_resource<c> : tensor<2xf32>
host.constant @empty dense<> : tensor<0xf32>

host.program @plan {
}
host.program @run {
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
