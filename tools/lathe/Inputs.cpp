// tools/lathe/Inputs.cpp: finds a size for every dim and values for every
// element.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Inputs.h"
#include "Console.h"
#include "Npy.h"

#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

#include <cmath>
#include <numbers>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

InputOptions InputOptions::from(const Arguments &arguments) {
  return {arguments.sizes("--dim"), arguments.sizes("--shape"),
          arguments.all("--input").vec(),
          uint64_t(arguments.count("--seed", 0))};
}

std::vector<lathe_tensor> cli::viewsOf(const std::vector<Tensor> &tensors) {
  std::vector<lathe_tensor> views;
  for (const Tensor &tensor : tensors)
    views.push_back(tensor.view);
  return views;
}

/// The name of a free dim, or "".
static StringRef symbolName(const lathe_function_desc &function, int64_t dim) {
  uint64_t index = uint64_t(~dim);
  return index < function.symbol_count ? function.symbol_names[index] : "";
}

std::string cli::formatValue(const lathe_function_desc &function,
                             const lathe_value_desc &value) {
  std::string text = lathe_dtype_name(lathe_dtype(value.dtype));
  text += "[";
  for (uint32_t i = 0; i < value.rank; ++i) {
    if (i)
      text += ", ";
    int64_t dim = value.dims[i];
    StringRef name = dim < 0 ? symbolName(function, dim) : "";
    text += dim >= 0 ? std::to_string(dim) : name.empty() ? "?" : name.str();
  }
  return text + "]";
}

namespace {
/// splitmix64: small, and good enough for inputs.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    state += 0x9e3779b97f4a7c15;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// From 0 up to and without `end`.
  uint64_t below(uint64_t end) { return next() % end; }
  /// From the standard normal distribution (Box-Muller).
  double normal() {
    double u = (double(next() >> 11) + 1) * 0x1p-53;
    double v = double(next() >> 11) * 0x1p-53;
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }

private:
  uint64_t state;
};

/// Makes the inputs of one function.
class Maker {
public:
  Maker(const lathe_function_desc &function, const InputOptions &options,
        StringRef place, Diagnostics &diagnostics)
      : function(function), options(options), place(place),
        diagnostics(diagnostics), symbols(function.symbol_count),
        tensors(function.input_count) {}

  std::optional<std::vector<Tensor>> make() {
    if (!checkNames() || !readFiles() || !takeDims())
      return std::nullopt;
    for (uint32_t i = 0; i < function.input_count; ++i)
      if (!takeGivenShape(i))
        return std::nullopt;
    for (uint32_t i = 0; i < function.input_count; ++i)
      if (!tensors[i].view.data && !fill(i))
        return std::nullopt;
    return std::move(tensors);
  }

private:
  const lathe_value_desc &input(uint32_t i) { return function.inputs[i]; }

  bool fail(StringRef id, const llvm::Twine &message, StringRef note = "") {
    Diagnostic &error = diagnostics.error(id, place, message);
    if (!note.empty())
      error.note(note);
    return false;
  }

  /// Names of --input and --shape must be those of inputs.
  bool checkNames() {
    llvm::SmallVector<StringRef> names;
    for (uint32_t i = 0; i < function.input_count; ++i)
      names.push_back(input(i).name);
    auto check = [&](StringRef option, StringRef name) {
      if (llvm::is_contained(names, name))
        return true;
      return fail("inputs-unknown-input",
                  option + ": the model has no input " + quoted(name) +
                      didYouMean(name, names),
                  "its inputs: " + listOf(names));
    };
    for (const std::string &pair : options.files)
      if (!check("--input", StringRef(pair).split('=').first))
        return false;
    for (const NamedSizes &shape : options.shapes)
      if (!check("--shape", shape.name))
        return false;
    return true;
  }

  static std::string listOf(llvm::ArrayRef<StringRef> names) {
    return names.empty() ? "none" : llvm::join(names, ", ");
  }

  uint32_t inputIndex(StringRef name) {
    uint32_t i = 0;
    while (name != input(i).name)
      ++i;
    return i;
  }

  bool readFiles() {
    for (const std::string &pair : options.files) {
      auto [name, path] = StringRef(pair).split('=');
      uint32_t i = inputIndex(name);
      if (tensors[i].view.data)
        return fail("inputs-given-twice",
                    "--input gives " + quoted(name) + " twice; leave one out");
      std::optional<Tensor> tensor = readNpy(path, diagnostics);
      if (!tensor)
        return false;
      tensors[i] = std::move(*tensor);
      // What does not fit the signature is the runtime's to report. The other
      // inputs take the sizes that fit.
      const lathe_tensor &view = tensors[i].view;
      for (uint32_t d = 0; d < std::min(view.rank, input(i).rank); ++d)
        if (int64_t dim = input(i).dims[d]; dim < 0 && !symbols[~dim])
          symbols[~dim] = view.dims[d];
    }
    return true;
  }

  bool takeDims() {
    llvm::SmallVector<StringRef> names;
    for (uint32_t s = 0; s < function.symbol_count; ++s)
      if (*function.symbol_names[s])
        names.push_back(function.symbol_names[s]);
    for (const NamedSizes &dim : options.dims) {
      bool found = false;
      for (uint32_t s = 0; s < function.symbol_count; ++s) {
        if (dim.name != function.symbol_names[s])
          continue;
        found = true;
        if (!setSymbol(s, dim.sizes.front(), "--dim"))
          return false;
      }
      if (!found)
        return fail("inputs-unknown-dim",
                    "--dim: the model has no free dim " + quoted(dim.name) +
                        didYouMean(dim.name, names),
                    "its free dims with names: " + listOf(names));
    }
    return true;
  }

  bool setSymbol(uint32_t symbol, int64_t size, StringRef option) {
    if (symbols[symbol] && *symbols[symbol] != size)
      return fail("inputs-dim-conflict",
                  option + " makes dim " +
                      quoted(function.symbol_names[symbol]) + " " +
                      llvm::Twine(size) + ", but it is " +
                      llvm::Twine(*symbols[symbol]) +
                      " already; all dims of one name are equal");
    symbols[symbol] = size;
    return true;
  }

  bool takeGivenShape(uint32_t i) {
    for (const NamedSizes &shape : options.shapes) {
      if (shape.name != input(i).name)
        continue;
      size_t rank = shape.sizes.size();
      if (rank != input(i).rank)
        return fail("inputs-shape-rank",
                    "--shape gives input " + quoted(shape.name) + " " +
                        llvm::Twine(rank) + " dims, but it has " +
                        llvm::Twine(input(i).rank));
      for (uint32_t d = 0; d < rank; ++d) {
        int64_t dim = input(i).dims[d];
        if (dim >= 0 && dim != shape.sizes[d])
          return fail("inputs-shape-fixed",
                      "--shape gives input " + quoted(shape.name) + " a dim " +
                          llvm::Twine(d) + " of " +
                          llvm::Twine(shape.sizes[d]) +
                          ", but the model fixes it to " + llvm::Twine(dim));
        if (dim < 0 && !setSymbol(~dim, shape.sizes[d], "--shape"))
          return false;
      }
    }
    return true;
  }

  bool fill(uint32_t i) {
    lathe_tensor &view = tensors[i].view;
    view.dtype = lathe_dtype(input(i).dtype);
    view.rank = input(i).rank;
    for (uint32_t d = 0; d < view.rank; ++d) {
      int64_t dim = input(i).dims[d];
      if (dim < 0 && !symbols[~dim] && d == 0)
        symbols[~dim] = 1;
      if (dim < 0 && !symbols[~dim])
        return noSize(i, d, symbolName(function, dim));
      view.dims[d] = dim < 0 ? *symbols[~dim] : dim;
    }
    if (lathe_tensor_alloc(&view) != LATHE_OK) {
      addRuntimeError(diagnostics, place + ": input " + quoted(input(i).name));
      return false;
    }
    fillRandomly(view, input(i).name);
    return true;
  }

  bool noSize(uint32_t i, uint32_t d, StringRef name) {
    std::string way = name.empty() ? "" : ("--dim " + name + "=SIZE or ").str();
    return fail("inputs-free-dim",
                "dim " + llvm::Twine(d) + " of input " + quoted(input(i).name) +
                    ", " + formatValue(function, input(i)) +
                    ", is free, and no size is given",
                "give one with " + way + "--shape " + input(i).name + "=1x2x3");
  }

  void fillRandomly(lathe_tensor &view, StringRef name) {
    Random random(llvm::xxh3_64bits(name) ^
                  (options.seed * 0xd1342543de82ef95));
    std::string lower = name.lower();
    bool isMask = StringRef(lower).contains("mask");
    bool isFlag = isMask || StringRef(lower).contains("type") ||
                  view.dtype == LATHE_DTYPE_BOOL;
    bool isFloat =
        view.dtype >= LATHE_DTYPE_F32 && view.dtype <= LATHE_DTYPE_BF16;
    int64_t count = elementCount(view);
    int64_t row = view.rank ? view.dims[view.rank - 1] : 1;
    for (int64_t e = 0; e < count; ++e) {
      if (isFloat)
        setElement(view, e, random.normal());
      else if (isFlag) // A row that is masked out whole makes NaN of models.
        setElement(view, e,
                   isMask && e % row == 0 ? 1 : double(random.below(2)));
      else
        setElement(view, e, double(random.below(100)));
    }
  }

  const lathe_function_desc &function;
  const InputOptions &options;
  StringRef place;
  Diagnostics &diagnostics;
  std::vector<std::optional<int64_t>> symbols;
  std::vector<Tensor> tensors;
};
} // namespace

std::optional<std::vector<Tensor>>
cli::makeInputs(const lathe_function_desc &function,
                const InputOptions &options, StringRef place,
                Diagnostics &diagnostics) {
  return Maker(function, options, place, diagnostics).make();
}

bool cli::hasAllSizes(const lathe_function_desc &function,
                      const InputOptions &options) {
  for (uint32_t i = 0; i < function.input_count; ++i) {
    const lathe_value_desc &input = function.inputs[i];
    auto named = [](StringRef name) {
      return [name](const NamedSizes &sizes) { return name == sizes.name; };
    };
    if (llvm::any_of(options.shapes, named(input.name)))
      continue;
    for (uint32_t d = 1; d < input.rank; ++d)
      if (input.dims[d] < 0 &&
          llvm::none_of(options.dims,
                        named(symbolName(function, input.dims[d]))))
        return false;
  }
  return true;
}
