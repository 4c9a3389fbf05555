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

/// A value of any kind, which owns its tensors: one, those of a sequence, or none.
struct Value {
  lathe_kind kind = LATHE_KIND_TENSOR;
  std::vector<Tensor> parts;

  /// Takes over what a call made; `result` is none then.
  static Value take(lathe_value &result);
};

/// The values as a call takes them; they live as long as this.
class ValueViews {
public:
  explicit ValueViews(const std::vector<Value> &values);
  const lathe_value *data() const { return views.data(); }
  size_t size() const { return views.size(); }

private:
  std::vector<std::vector<lathe_tensor>> elements;
  std::vector<lathe_value> views;
};

/// "[1, 3, 224, 224]"; of a sequence, those of its tensors in parentheses, and
/// "none".
std::string formatShape(const lathe_tensor &tensor);
std::string formatShape(const Value &value);

/// How many elements there are. The dims must be checked: their product fits.
int64_t elementCount(const lathe_tensor &tensor);

/// Element `index` in row-major order: rounded to double, and as text.
double elementValue(const lathe_tensor &tensor, int64_t index);
std::string elementText(const lathe_tensor &tensor, int64_t index);

/// Whether the elements have codes: integers of less than 8 bits, and floats of at
/// most 8.
bool isNarrow(lathe_dtype dtype);

/// The bits of element `index` of a tensor of such a type.
uint8_t elementCode(const lathe_tensor &tensor, int64_t index);
void setElementCode(lathe_tensor &tensor, int64_t index, uint8_t code);

/// Sets element `index` to `value`, rounded to the dtype. `value` must be in
/// the range of an integer dtype. Not for dtypes with codes, complex ones and strings.
void setElement(lathe_tensor &tensor, int64_t index, double value);

/// "min -1.5, max 2, mean 0.25; first 0.5, -1.5, 2, ...", and how many elements
/// are NaN or infinite, which min, max and mean leave out. One element is just
/// itself.
std::string summarize(const lathe_tensor &tensor);

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_TENSOR_H
