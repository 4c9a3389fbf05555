// What must not be left at this level.
// RUN: lathe-opt %s --verify-level="level=llvm phase=codegen" --verify-diagnostics --split-input-file

// expected-error @+1 {{internal: 'func.func' is left after phase 'codegen' [level-llvm]}}
func.func private @main()

// -----

// expected-error @+1 {{internal: 'host.program' is not converted after phase 'codegen' [level-llvm]}}
host.program plan of "main" {
}

// -----

// expected-error @+1 {{internal: 'host.signature' has no code of 'main' after phase 'codegen' [level-llvm]}}
host.signature "main" {inputs = [], outputs = [], symbols = [], checks = [], plan = @p, run = @r}
