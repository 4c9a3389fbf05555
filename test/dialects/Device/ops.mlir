// The ops of the device dialect are printed as they are read.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK: device.body @k.entry extents @k.extents maps [#device.map<argument = 0, element = f16, box = [64, 128]>] stays
device.body @k.entry extents @k.extents maps [#device.map<argument = 0, element = f16, box = [64, 128]>] stays
func.func private @k.entry()
func.func private @k.extents() -> (index, index, index)

// CHECK-LABEL: func.func @f(
// CHECK: device.tensor_map %{{.*}} sizes[%{{.*}}, %{{.*}}] pitches[%{{.*}}] box [64, 128] : memref<?x512xf16> -> !llvm.ptr
// CHECK: device.roles copiers = 128 registers = 40, 232 setup {
// CHECK: } copy {
// CHECK: ^bb0(%{{.*}}: index):
// CHECK: } compute {
// CHECK: ^bb0(%{{.*}}: index):
func.func @f(%m: memref<?x512xf16>, %n: index, %p: index) {
  %map = device.tensor_map %m sizes [%n, %n] pitches [%p] box [64, 128] : memref<?x512xf16> -> !llvm.ptr
  device.roles copiers = 128 registers = 40, 232 setup {
    nvvm.barrier0
  } copy {
  ^bb0(%turn: index):
  } compute {
  ^bb0(%turn: index):
  }
  return
}
