// What must not be left at this level.
// RUN: lathe-opt %s --verify-level="level=llvm phase=codegen" --verify-diagnostics

// expected-error @+1 {{internal: 'func.func' is left after phase 'codegen' [level-llvm]}}
func.func private @main()
