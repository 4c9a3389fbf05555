// tools/lathe/Inputs.cpp: finds a size for every dim and values for every
// element.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Inputs.h"
#include "Console.h"
#include "Npy.h"
#include "RandomValues.h"

#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <unistd.h>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

InputOptions InputOptions::from(const Arguments &arguments, std::vector<int64_t> indexBounds) {
  return {arguments.sizes("--dim"), arguments.sizes("--shape"), arguments.all("--input").vec(),
          uint64_t(arguments.count("--seed", 0)), std::move(indexBounds)};
}

/// The name of a free dim, or "".
static StringRef symbolName(const lathe_function_desc &function, int64_t dim) {
  uint64_t index = uint64_t(~dim);
  return index < function.symbol_count ? function.symbol_names[index] : "";
}

std::string cli::formatValue(const lathe_function_desc &function, const lathe_value_desc &value) {
  if (value.kind == LATHE_KIND_MAP) {
    std::string text = (llvm::Twine("map(") + lathe_dtype_name(lathe_dtype(value.key_dtype)) + ", " +
                        lathe_dtype_name(lathe_dtype(value.dtype)) + ")")
                           .str();
    return value.flags & LATHE_VALUE_OF_SEQUENCE ? "sequence(" + text + ")" : text;
  }
  std::string text = lathe_dtype_name(lathe_dtype(value.dtype));
  text += value.rank == LATHE_ANY_RANK ? "[..." : "[";
  for (uint32_t i = 0; value.rank != LATHE_ANY_RANK && i < value.rank; ++i) {
    if (i)
      text += ", ";
    int64_t dim = value.dims[i];
    StringRef name = dim < 0 ? symbolName(function, dim) : "";
    text += dim >= 0 ? std::to_string(dim) : name.empty() ? "?" : name.str();
  }
  text += "]";
  if (value.kind == LATHE_KIND_SEQUENCE || (value.flags & LATHE_VALUE_OF_SEQUENCE))
    text = "sequence(" + text + ")";
  return value.kind == LATHE_KIND_OPTIONAL ? "optional(" + text + ")" : text;
}

std::optional<SizeRange> cli::rangeOf(const lathe_function_desc &function, uint32_t symbol) {
  if (!LATHE_HAS(&function, symbol_ranges) || !function.symbol_ranges)
    return std::nullopt;
  const int64_t *limits = function.symbol_ranges + 3 * size_t(symbol);
  SizeRange range{limits[0], limits[1], limits[2]};
  return range.isTrivial() ? std::nullopt : std::optional(range);
}

static uint64_t physicalMemory() {
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? uint64_t(pages) * uint64_t(size) : UINT64_MAX;
}

static std::string listOf(llvm::ArrayRef<StringRef> names) { return names.empty() ? "none" : llvm::join(names, ", "); }

bool cli::checkInputs(llvm::ArrayRef<std::string> names, const InputOptions &options, StringRef place,
                      Diagnostics &diagnostics) {
  llvm::SmallVector<StringRef> known(names.begin(), names.end());
  auto check = [&](StringRef option, StringRef name) {
    if (llvm::is_contained(known, name))
      return true;
    diagnostics
        .error("inputs-unknown-input", place,
               option + ": the model has no input " + quoted(name) + didYouMean(name, known))
        .note("its inputs: " + listOf(known));
    return false;
  };
  for (const NamedSizes &shape : options.shapes)
    if (!check("--shape", shape.name))
      return false;
  for (const std::string &pair : options.files) {
    auto [name, path] = StringRef(pair).split('=');
    if (!check("--input", name))
      return false;
    if (std::error_code error = llvm::sys::fs::access(path, llvm::sys::fs::AccessMode::Exist)) {
      diagnostics.error("npy-unreadable", path, "cannot read the file: " + error.message());
      return false;
    }
  }
  return true;
}

namespace {
/// Makes the inputs of one function.
class Maker {
public:
  Maker(const lathe_function_desc &function, const InputOptions &options, StringRef place, Diagnostics &diagnostics)
      : function(function), options(options), place(place), diagnostics(diagnostics), symbols(function.symbol_count),
        values(function.input_count) {}

  std::optional<std::vector<Value>> make() {
    std::vector<std::string> names;
    for (uint32_t i = 0; i < function.input_count; ++i)
      names.push_back(input(i).name);
    if (!checkInputs(names, options, place, diagnostics) || !readFiles() || !takeDims())
      return std::nullopt;
    for (uint32_t i = 0; i < function.input_count; ++i)
      if (!takeGivenShape(i))
        return std::nullopt;
    for (uint32_t i = 0; i < function.input_count; ++i)
      if (values[i].parts.empty() && !fill(i))
        return std::nullopt;
    return std::move(values);
  }

private:
  const lathe_value_desc &input(uint32_t i) { return *function.inputs[i]; }

  bool fail(StringRef id, const llvm::Twine &message, StringRef note = "") {
    Diagnostic &error = diagnostics.error(id, place, message);
    if (!note.empty())
      error.note(note);
    return false;
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
      bool isMap = input(i).kind == LATHE_KIND_MAP;
      bool isSequence = input(i).kind == LATHE_KIND_SEQUENCE || (input(i).flags & LATHE_VALUE_OF_SEQUENCE);
      if (!values[i].parts.empty() && !isSequence && !isMap)
        return fail("inputs-given-twice", "--input gives " + quoted(name) + " twice; leave one out");
      std::optional<Tensor> tensor = readNpy(
          path, lathe_dtype(isMap && values[i].parts.empty() ? input(i).key_dtype : input(i).dtype), diagnostics);
      if (!tensor)
        return false;
      values[i].kind = isMap ? LATHE_KIND_MAP : isSequence ? LATHE_KIND_SEQUENCE : LATHE_KIND_TENSOR;
      values[i].parts.push_back(std::move(*tensor));
      if (input(i).kind != LATHE_KIND_TENSOR)
        continue; // The dims of its tensors are nobody else's.
      // What does not fit the signature is the runtime's to report. The other
      // inputs take the sizes that fit.
      const lathe_tensor &view = values[i].parts.front().view;
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
                    "--dim: the model has no free dim " + quoted(dim.name) + didYouMean(dim.name, names),
                    "its free dims with names: " + listOf(names));
    }
    return true;
  }

  bool setSymbol(uint32_t symbol, int64_t size, StringRef option) {
    if (symbols[symbol] && *symbols[symbol] != size)
      return fail("inputs-dim-conflict", option + " makes dim " + quoted(function.symbol_names[symbol]) + " " +
                                             llvm::Twine(size) + ", but it is " + llvm::Twine(*symbols[symbol]) +
                                             " already; all dims of one name are equal");
    symbols[symbol] = size;
    return true;
  }

  bool takeGivenShape(uint32_t i) {
    for (const NamedSizes &shape : options.shapes) {
      if (shape.name != input(i).name)
        continue;
      if (input(i).kind != LATHE_KIND_TENSOR)
        return fail("inputs-shape-kind",
                    "--shape gives a shape for input " + quoted(shape.name) + ", which is " +
                        formatValue(function, input(i)),
                    "give files with --input " + shape.name + "=FILE.npy, one for each tensor");
      size_t rank = shape.sizes.size();
      if (rank != input(i).rank)
        return fail("inputs-shape-rank",
                    "--shape gives input " + quoted(shape.name) + " " + llvm::Twine(rank) + " dims, but it has " +
                        llvm::Twine(input(i).rank),
                    "such as " + exampleShape(i));
      for (uint32_t d = 0; d < rank; ++d) {
        int64_t dim = input(i).dims[d];
        if (dim >= 0 && dim != shape.sizes[d])
          return fail("inputs-shape-fixed", "--shape gives input " + quoted(shape.name) + " a dim " + llvm::Twine(d) +
                                                " of " + llvm::Twine(shape.sizes[d]) + ", but the model fixes it to " +
                                                llvm::Twine(dim));
        if (dim < 0 && !setSymbol(~dim, shape.sizes[d], "--shape"))
          return false;
      }
    }
    return true;
  }

  bool fill(uint32_t i) {
    values[i].kind = lathe_kind(input(i).kind);
    if (input(i).kind == LATHE_KIND_MAP)
      return fail(
          "inputs-map", "input " + quoted(input(i).name) + " is a map, of which no file is given",
          ("give one of keys and one of values with --input " + llvm::Twine(input(i).name) + "=FILE.npy").str());
    if (input(i).kind != LATHE_KIND_TENSOR)
      return true; // No tensors.
    lathe_tensor &view = values[i].parts.emplace_back().view;
    view.dtype = lathe_dtype(input(i).dtype);
    view.rank = input(i).rank;
    for (uint32_t d = 0; d < view.rank; ++d) {
      int64_t dim = input(i).dims[d];
      if (dim < 0 && !symbols[~dim])
        symbols[~dim] = usualSize(~dim, d);
      if (dim < 0 && !symbols[~dim])
        return noSize(i, d, symbolName(function, dim));
      view.dims[d] = dim < 0 ? *symbols[~dim] : dim;
    }
    std::string where = (place + ": input " + quoted(input(i).name)).str();
    size_t bytes = 0;
    if (lathe_tensor_bytes(&view, &bytes) != LATHE_OK) {
      addRuntimeError(diagnostics, where);
      return false;
    }
    // Systems hand out memory that they do not have, and end whoever uses it.
    if (uint64_t memory = physicalMemory(); bytes > memory) {
      diagnostics
          .error("inputs-too-large", where,
                 "takes " + formatBytes(bytes) + " with sizes " + formatShape(view) + ", but this machine has " +
                     formatBytes(memory) + " of memory")
          .note("give smaller sizes with --dim or --shape");
      return false;
    }
    if (lathe_tensor_alloc(&view) != LATHE_OK) {
      addRuntimeError(diagnostics, where);
      return false;
    }
    int64_t rows = i < options.indexBounds.size() ? options.indexBounds[i] : 0;
    fillRandomly(view, input(i).name, options.seed, rows);
    return true;
  }

  /// The size of a dim of which nobody says one: of a first dim, and of one that has a range, the least.
  std::optional<int64_t> usualSize(uint32_t symbol, uint32_t d) {
    std::optional<SizeRange> range = rangeOf(function, symbol);
    if (!range)
      return d == 0 ? std::optional<int64_t>(1) : std::nullopt;
    return range->least ? range->least : range->divisor;
  }

  bool noSize(uint32_t i, uint32_t d, StringRef name) {
    std::string way = name.empty() ? "" : ("--dim " + name + "=SIZE or ").str();
    return fail("inputs-free-dim",
                "dim " + llvm::Twine(d) + " of input " + quoted(input(i).name) + ", " +
                    formatValue(function, input(i)) + ", is free, and no size is given",
                "give one with " + way + exampleShape(i));
  }

  /// The option for input `i` with its own rank and sizes; free ones are such as models may have.
  std::string exampleShape(uint32_t i) {
    std::string sizes;
    for (uint32_t d = 0; d < input(i).rank; ++d) {
      int64_t dim = input(i).dims[d], known = dim < 0 ? symbols[~dim].value_or(d == 0 ? 1 : 32) : dim;
      sizes += (d ? "x" : "") + std::to_string(known);
    }
    return "--shape " + std::string(input(i).name) + "=" + sizes;
  }

  const lathe_function_desc &function;
  const InputOptions &options;
  StringRef place;
  Diagnostics &diagnostics;
  std::vector<std::optional<int64_t>> symbols;
  std::vector<Value> values;
};
} // namespace

std::optional<std::vector<Value>> cli::makeInputs(const lathe_function_desc &function, const InputOptions &options,
                                                  StringRef place, Diagnostics &diagnostics) {
  return Maker(function, options, place, diagnostics).make();
}

bool cli::hasAllSizes(const lathe_function_desc &function, const InputOptions &options) {
  for (uint32_t i = 0; i < function.input_count; ++i) {
    const lathe_value_desc &input = *function.inputs[i];
    auto named = [](StringRef name) { return [name](const NamedSizes &sizes) { return name == sizes.name; }; };
    if (input.kind != LATHE_KIND_TENSOR || llvm::any_of(options.shapes, named(input.name)))
      continue;
    for (uint32_t d = 1; d < input.rank; ++d)
      if (input.dims[d] < 0 && !rangeOf(function, ~input.dims[d]) &&
          llvm::none_of(options.dims, named(symbolName(function, input.dims[d]))))
        return false;
  }
  return true;
}
