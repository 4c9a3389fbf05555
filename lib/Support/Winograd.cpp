// lib/Support/Winograd.cpp: the points, and what follows from them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lathe/Support/Winograd.h"

#include "llvm/ADT/STLExtras.h"

using namespace lathe;

// Of the points for four outputs, the squares are 1/2 and 2, whose product is 1: sums at them are of
// the size of the inputs. The error is a fifth of that of the usual 1 and 2.
static constexpr double pointsOfTwo[] = {1.0};
static constexpr double pointsOfFour[] = {0.70710678118654752440, 1.41421356237309504880};

const Winograd *Winograd::find(int64_t outputs) {
  static const Winograd transforms[] = {{2, pointsOfTwo}, {4, pointsOfFour}};
  for (const Winograd &transform : transforms)
    if (transform.outputs == outputs)
      return &transform;
  return nullptr;
}

llvm::SmallVector<double> Winograd::vanishing(std::optional<size_t> without) const {
  llvm::SmallVector<double> product = {1.0};
  for (auto [i, point] : llvm::enumerate(points)) {
    if (without == i)
      continue;
    product.insert(product.begin(), 0.0); // Times x^2, then less p^2 times the same.
    for (size_t power = 0; power + 1 < product.size(); ++power)
      product[power] -= point * point * product[power + 1];
  }
  return product;
}

void Winograd::transformFilter(const double *taps, double *result) const {
  int64_t n = size();
  llvm::SmallVector<double> all = {0.0};
  for (double point : points)
    all.append({point, -point});
  llvm::SmallVector<double> rows(n * 3); // What is taken of each tap for each point.
  for (auto [i, point] : llvm::enumerate(all)) {
    double scale = 1.0;
    for (auto [j, other] : llvm::enumerate(all))
      if (i != j)
        scale *= point - other;
    rows[i * 3] = 1.0 / scale;
    rows[i * 3 + 1] = point / scale;
    rows[i * 3 + 2] = point * point / scale;
  }
  rows[(n - 1) * 3 + 2] = 1.0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0.0;
      for (int64_t y = 0; y < 3; ++y)
        for (int64_t x = 0; x < 3; ++x)
          sum += rows[i * 3 + y] * rows[j * 3 + x] * taps[y * 3 + x];
      result[i * n + j] = sum;
    }
}
