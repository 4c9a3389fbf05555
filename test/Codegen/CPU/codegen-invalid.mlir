// A constant whose elements are missing or too few is an error, not a crash.
// RUN: not lathe compile %s --start-at bufferize -o %t.o 2>&1 | FileCheck %s
// RUN: not ls %t.o

// CHECK: codegen-invalid.mlir:{{.*}}: error: the elements of resource 'weights' are missing [graph-resource-missing]
// CHECK-NEXT: {{.*}}note: {{.*}}'lathe compile --stop-after PHASE -o FILE.mlir' writes them, too
func.func @main() -> (tensor<100xf32> {graph.name = "y"}) {
  %w = graph.constant dense_resource<weights> : tensor<100xf32>
  return %w : tensor<100xf32>
}
