// Functions that upstream approximates become arithmetic; the rest is left for libm.
// RUN: lathe-opt %s --lower-math | FileCheck %s
// RUN: lathe-opt %s --lower-math=target=cuda:sm_80 | FileCheck %s --check-prefix=GPU
// RUN: lathe-opt %s --lower-math=target=x86_64:v4 | FileCheck %s --check-prefix=SCALE
// RUN: lathe-opt %s --lower-math=target=x86_64:v3 | FileCheck %s --check-prefix=PLAIN
// RUN: not lathe-opt %s --lower-math=target=cuda:sm_70 2>&1 | FileCheck %s --check-prefix=TARGET

// TARGET: unknown GPU 'sm_70'{{.*}} [target-unknown-feature]

// A GPU has no library: nothing is left that would be a call.
// GPU-NOT: {{math\.(exp|expm1|log|log1p|powf|sin|cos|tan|asin|acos|atan|sinh|cosh|tanh|asinh|acosh|atanh|erf) }}

// Where an instruction multiplies by powers of two, exp has it do so; elsewhere it would be a call.
// SCALE-LABEL: func.func @approximated(
// SCALE: llvm.call_intrinsic "llvm.ldexp"(%{{.*}}, %{{.*}}) : (f32, i32) -> f32
// PLAIN-NOT: llvm.ldexp

// CHECK-LABEL: func.func @approximated(
// CHECK-NOT: math.exp
// CHECK-NOT: math.tanh
// CHECK-NOT: math.erf
// CHECK: return
func.func @approximated(%x: f32, %v: vector<8xf32>) -> (f32, f32, vector<8xf32>) {
  %0 = math.exp %x : f32
  %1 = math.tanh %x : f32
  %2 = math.erf %v : vector<8xf32>
  return %0, %1, %2 : f32, f32, vector<8xf32>
}

// Arguments of any size, without branches, so that loops become vectors: a reduction in f64, and for the largest ones
// one in integers.
// CHECK-LABEL: func.func @periodic(
// CHECK-NOT: {{math\.(sin|cos|atan) |scf.if}}
// CHECK: arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: arith.cmpf ogt, %{{.*}}, %{{.*}} : f32
// CHECK-NOT: {{math\.(sin|cos|atan) |scf.if}}
// CHECK: return
func.func @periodic(%x: f32, %v: vector<8xf32>) -> (f32, vector<8xf32>, f32) {
  %0 = math.sin %x : f32
  %1 = math.cos %v : vector<8xf32>
  %2 = math.atan %x : f32
  return %0, %1, %2 : f32, vector<8xf32>, f32
}

// In double precision a library is more exact; a power is its, too.
// CHECK-LABEL: func.func @exact(
// CHECK: math.exp %{{.*}} : f64
// CHECK: math.powf %{{.*}} : f32
func.func @exact(%x: f64, %y: f32) -> (f64, f32) {
  %0 = math.exp %x : f64
  %1 = math.powf %y, %y : f32
  return %0, %1 : f64, f32
}

// CHECK-LABEL: func.func @wide(
func.func @wide(%x: f64, %v: vector<4xf64>, %y: f32) -> (f64, f64, f64, f64, f64, f64, vector<4xf64>, vector<4xf64>, f32, f32) {
  %0 = math.expm1 %x : f64
  %1 = math.sinh %0 : f64
  %2 = math.cosh %1 : f64
  %3 = math.tanh %2 : f64
  %4 = math.log1p %3 : f64
  %5 = math.asinh %4 : f64
  %6 = math.acosh %5 : f64
  %7 = math.atanh %6 : f64
  %8 = math.asin %7 : f64
  %9 = math.acos %8 : f64
  %10 = math.tan %v : vector<4xf64>
  %11 = math.erf %10 : vector<4xf64>
  %12 = math.powf %11, %10 : vector<4xf64>
  %13 = math.sin %12 : vector<4xf64>
  %14 = math.cosh %y : f32
  %15 = math.tan %14 : f32
  return %3, %5, %7, %8, %9, %x, %13, %12, %14, %15 : f64, f64, f64, f64, f64, f64, vector<4xf64>, vector<4xf64>, f32, f32
}

// A processor without such instructions would have a function of libm called for each element.
// CHECK-LABEL: func.func @fused(
// CHECK-NOT: math.fma
// CHECK: vector.fma %{{.*}} : vector<8xf32>
// CHECK: vector.fma %{{.*}} : vector<1xf64>
// CHECK-NOT: math.fma
// CHECK: return
func.func @fused(%v: vector<8xf32>, %x: f64) -> (vector<8xf32>, f64) {
  %0 = math.fma %v, %v, %v : vector<8xf32>
  %1 = math.fma %x, %x, %x : f64
  return %0, %1 : vector<8xf32>, f64
}

// LLVM knows a maximum as one instruction; comparisons and selects would hide it.
// CHECK-LABEL: func.func @maximum(
// CHECK-NEXT: arith.maximumf
// CHECK-NEXT: return
func.func @maximum(%x: f32, %y: f32) -> f32 {
  %0 = arith.maximumf %x, %y : f32
  return %0 : f32
}

// CHECK-LABEL: func.func @quotients(
// CHECK-NOT: arith.ceildivsi
// CHECK-NOT: arith.floordivsi
// CHECK: return
func.func @quotients(%x: index, %y: index) -> (index, index) {
  %0 = arith.ceildivsi %x, %y : index
  %1 = arith.floordivsi %x, %y : index
  return %0, %1 : index, index
}

// In two steps, or a library would have to round.
// CHECK-LABEL: func.func @integer(
// CHECK: arith.sitofp %{{.*}} : i32 to f32
// CHECK-NOT: bf16
// CHECK: arith.bitcast %{{.*}} : i16 to bf16
func.func @integer(%x: i32) -> bf16 {
  %0 = arith.sitofp %x : i32 to bf16
  return %0 : bf16
}
