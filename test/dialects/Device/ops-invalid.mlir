// One case for each constraint of tensor maps and roles.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// body_c1
// expected-error @+1 {{names the function @k.extents, which does not exist}}
device.body @k.entry extents @k.extents maps []
func.func private @k.entry()

// -----

// tensor_map_c1
func.func @pitches(%m: memref<8x512xf16>, %n: index) {
  // expected-error @+1 {{has 2 sizes, 0 pitches and a box of 2; 2 to 5 sizes, one pitch fewer and as many of the box are needed}}
  %map = device.tensor_map %m sizes [%n, %n] pitches [] box [64, 128] : memref<8x512xf16> -> !llvm.ptr
  return
}

// -----

// tensor_map_c2
func.func @box(%m: memref<8x512xf16>, %n: index) {
  // expected-error @+1 {{has a box of 257 elements in a dimension, which 1 to 256 may be}}
  %map = device.tensor_map %m sizes [%n, %n] pitches [%n] box [64, 257] : memref<8x512xf16> -> !llvm.ptr
  return
}

// -----

// tensor_map_c2
func.func @row(%m: memref<8x512xf16>, %n: index) {
  // expected-error @+1 {{has rows of 64 bytes in its box, which must be 128}}
  %map = device.tensor_map %m sizes [%n, %n] pitches [%n] box [32, 128] : memref<8x512xf16> -> !llvm.ptr
  return
}

// -----

// roles_c1
func.func @turn() {
  // expected-error @+1 {{needs 'setup' without arguments, and one of type index of 'copy' and of 'compute'}}
  device.roles copiers = 128 registers = 40, 232 setup {
    nvvm.barrier0
  } copy {
    nvvm.barrier0
  } compute {
  ^bb0(%turn: index):
  }
  return
}

// -----

// roles_c2
func.func @registers() {
  // expected-error @+1 {{has 36 and 232 registers, which must be multiples of 8 from 24 to 256}}
  device.roles copiers = 128 registers = 36, 232 setup {
    nvvm.barrier0
  } copy {
  ^bb0(%turn: index):
  } compute {
  ^bb0(%turn: index):
  }
  return
}

// -----

// roles_c2
func.func @copiers() {
  // expected-error @+1 {{has 32 threads that copy, which must be a multiple of 128}}
  device.roles copiers = 32 registers = 40, 232 setup {
    nvvm.barrier0
  } copy {
  ^bb0(%turn: index):
  } compute {
  ^bb0(%turn: index):
  }
  return
}
