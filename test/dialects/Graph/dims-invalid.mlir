// What an encoding of dimensions and the type of its tensor must agree on.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// dims_c2
// expected-error @+1 {{the encoding has 1 expressions, but the tensor has rank 2}}
func.func private @rank(tensor<?x4xf32, #graph.dims<()[s0] -> (s0)>>)

// -----

// dims_c2
// expected-error @+1 {{the encoding says 5 of dim 1, but the type says 4}}
func.func private @value(tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 5)>>)

// -----

// dims_c2
// expected-error @+1 {{the encoding says s0 of dim 1, but the type says 4}}
func.func private @free(tensor<?x4xf32, #graph.dims<()[s0] -> (s0, s0)>>)

// -----

// dims_c2
// expected-error @+1 {{the encoding says 5 of dim 0, but the type says ?}}
func.func private @fixed(tensor<?x4xf32, #graph.dims<() -> (5, 4)>>)
