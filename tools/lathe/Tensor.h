// tools/lathe/Tensor.h: a tensor that frees itself, with words for what it
// holds.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_TENSOR_H
#define LATHE_TOOLS_LATHE_TENSOR_H

#include "lathe-runtime/runtime.h"

#include <string>
#include <utility>
#include <vector>

namespace lathe::cli {

/// Owns the data of `view`, which the runtime allocated.
class Tensor {
public:
  Tensor() = default;
  Tensor(Tensor &&other) noexcept : view(std::exchange(other.view, {})) {}
  Tensor &operator=(Tensor &&other) noexcept {
    std::swap(view, other.view);
    return *this;
  }
  ~Tensor() { lathe_tensor_free(&view); }

  lathe_tensor view = {};
};

/// "[1, 3, 224, 224]".
std::string formatShape(const lathe_tensor &tensor);

/// How many elements there are. The dims must be checked: their product fits.
int64_t elementCount(const lathe_tensor &tensor);

/// Element `index` in row-major order: rounded to double, and as text.
double elementValue(const lathe_tensor &tensor, int64_t index);
std::string elementText(const lathe_tensor &tensor, int64_t index);

/// Sets element `index` to `value`, rounded to the dtype. `value` must be in
/// the range of an integer dtype.
void setElement(lathe_tensor &tensor, int64_t index, double value);

/// "min -1.5, max 2, mean 0.25; first 0.5, -1.5, 2, ...", and how many elements
/// are NaN or infinite, which min, max and mean leave out. One element is just
/// itself.
std::string summarize(const lathe_tensor &tensor);

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_TENSOR_H
