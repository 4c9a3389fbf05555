/* lib/Runtime/Core/Sequences.h: values that generated code asks for.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CORE_SEQUENCES_H
#define LATHE_RUNTIME_CORE_SEQUENCES_H

#include "Internal.h"

/* lathe_imports.make_value, with memory of `imports`. */
lathe_value *lathe_impl_make_value(const lathe_imports *imports, lathe_call *call, int32_t action,
                                   const lathe_value *value, const lathe_value *other, int64_t a, int64_t b);

#endif /* LATHE_RUNTIME_CORE_SEQUENCES_H */
