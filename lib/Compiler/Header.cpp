// lib/Compiler/Header.cpp: a plain C header for a compiled model.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "dialects/Graph/ElementTypes.h"
#include "lathe/Support/PartialFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace llvm;

namespace lathe {

/// What the table calls an element in C.
static StringRef nameInC(uint32_t dtype) {
  for (const graph::ElementType &row : graph::elementTypes())
    if (row.dtype == static_cast<lathe_dtype>(dtype))
      return row.c;
  return "invalid";
}

/// Comments must not end early, whatever a model calls its tensors.
static std::string commentText(StringRef text) {
  std::string result;
  for (char c : text)
    result += isPrint(c) && c != '*' ? c : '_';
  return result;
}

static std::string identifier(StringRef text) {
  std::string result = symbolName("", text);
  return result.empty() || isDigit(result[0]) ? "m" + result : result;
}

static void describe(raw_ostream &out, StringRef kind, const lathe_value_desc &value, unsigned index,
                     const lathe_function_desc &function) {
  bool isSequence = value.kind == LATHE_KIND_SEQUENCE || (value.flags & LATHE_VALUE_OF_SEQUENCE);
  out << " *   " << kind << " " << index << ": " << commentText(value.name) << ", "
      << (value.kind == LATHE_KIND_OPTIONAL ? "none, or " : "") << (isSequence ? "a sequence of " : "")
      << (value.kind == LATHE_KIND_MAP ? "a map from " + nameInC(value.key_dtype).str() + " to " : "")
      << nameInC(value.dtype) << "[" << (value.rank == LATHE_ANY_RANK ? "of any rank" : "");
  for (uint32_t i = 0; value.rank != LATHE_ANY_RANK && i < value.rank; ++i) {
    int64_t dim = value.dims[i];
    out << (i ? ", " : "");
    if (dim >= 0)
      out << dim;
    else if (dim == INT64_MIN || !*function.symbol_names[~dim])
      out << "any";
    else
      out << commentText(function.symbol_names[~dim]);
  }
  if (value.alias >= 0)
    out << "], which may be the memory of input " << value.alias << "\n";
  else
    out << "]\n";
}

/// The functions of kernels without a model.
static void describeKernels(raw_ostream &out, ArrayRef<KernelInfo> kernels) {
  out << "\n"
      << "/* Each function computes on memory in row-major order that does not overlap, and\n"
      << " * returns 0, or a status as a task does. The call must have its struct_size, the\n"
      << " * number of workers, imports such as lathe_default_imports() and, where the\n"
      << " * function beside it says that it is not 0, so many bytes of workspace. */\n\n";
  out << "/* Where an index in the operands of a kernel is outside of the dim that it selects\n"
      << " * from, the kernel returns a number above 0, call->error_values has the index and\n"
      << " * the size, and what was computed does not count. Statuses below 0 are\n"
      << " * LATHE_TASK_... Set call->error_code to 0 before the next kernel. */\n\n";
  for (const KernelInfo &kernel : kernels) {
    std::string sizes;
    for (StringRef part : split(StringRef(kernel.parameters).drop_front(2), ", "))
      if (part.starts_with("int64_t s"))
        sizes += ", " + part.str();
    out << "/* " << kernel.name << ", key " << kernel.key << "\n"
        << kernel.description << " */\n"
        << "int32_t lathe_kernel_" << kernel.name << "(lathe_call *call" << kernel.parameters << ");\n"
        << "uint64_t lathe_kernel_" << kernel.name << "_workspace(const lathe_call *call" << sizes << ");\n\n";
  }
}

/// Constants for arrays of arguments: of the model where it is one function, else of each.
static std::string counts(StringRef model, ArrayRef<const lathe_function_desc *> functions) {
  std::string text;
  raw_string_ostream out(text);
  for (const lathe_function_desc *function : functions) {
    std::string prefix = model.upper();
    if (functions.size() > 1) {
      prefix += "_" + StringRef(function->name).upper();
      out << "#define " << prefix << "_FUNCTION \"" << function->name << "\"\n";
    }
    out << "#define " << prefix << "_INPUT_COUNT " << function->input_count << "\n"
        << "#define " << prefix << "_OUTPUT_COUNT " << function->output_count << "\n";
  }
  return text;
}

static bool write(const std::string &path, StringRef text, Diagnostics &diagnostics) {
  if (std::error_code error = replaceFile(path, {text}))
    return reportWriteError(path, error, diagnostics);
  return true;
}

bool Artifact::saveHeader(const std::string &path, Diagnostics &diagnostics) const {
  const lathe_module_desc *desc = const_cast<Artifact *>(this)->module(diagnostics);
  if (!desc)
    return false;
  const lathe_variant_desc &variant = *desc->variants[0];
  bool isLibrary = variant.function_count == 0;
  std::string name = identifier(impl->model.name), guard = "LATHE_MODEL_" + StringRef(name).upper() + "_H", text;
  raw_string_ostream out(text);
  out << "/* " << commentText(impl->model.name) << ": " << (isLibrary ? "kernels" : "a model") << " compiled by Lathe "
      << desc->compiler << " for " << impl->model.target << ".\n";
  if (isLibrary) {
    out << " */\n#ifndef " << guard << "\n#define " << guard << "\n\n#include \"lathe-runtime/runtime.h\"\n\n"
        << "#ifdef __cplusplus\nextern \"C\" {\n#else\n#include <stdbool.h>\n#endif\n";
    describeKernels(out, kernels());
    out << "#ifdef __cplusplus\n}\n#endif\n\n#endif /* " << guard << " */\n";
    return write(path, text, diagnostics);
  }
  llvm::StringMap<StringRef> macros;
  for (const lathe_function_desc *function : ArrayRef(variant.functions, variant.function_count)) {
    auto [known, isNew] = macros.try_emplace(StringRef(function->name).upper(), function->name);
    if (isNew)
      continue;
    diagnostics
        .error("header-names", path,
               "the constants of the functions '" + known->second + "' and '" + function->name +
                   "' would have the same names, which are in capital letters")
        .note("give one of them another name: NAME=MODEL");
    return false;
  }
  out << " *\n * Tensors are contiguous, in row-major order. Load the model with\n"
      << " * lathe_module_from_query(" << querySymbol(impl->model.name) << ", &module) and call its function"
      << (variant.function_count == 1 ? "" : "s") << "\n";
  for (const lathe_function_desc *function : ArrayRef(variant.functions, variant.function_count)) {
    out << " * \"" << function->name << "\" with lathe_module_call of lathe-runtime/runtime.h:\n *\n";
    for (uint32_t i = 0; i < function->input_count; ++i)
      describe(out, "input", *function->inputs[i], i, *function);
    for (uint32_t i = 0; i < function->output_count; ++i)
      describe(out, "output", *function->outputs[i], i, *function);
    if (function != variant.functions[variant.function_count - 1])
      out << " *\n";
  }
  std::string query = querySymbol(impl->model.name), own = querySymbol(impl->model.name, impl->model.fingerprint);
  std::string mark = guard + "_" + StringRef(own).take_back(16).str();
  out << " */\n#if defined(" << guard << ") && !defined(" << mark << ")\n"
      << "#error \"two models are called " << name << ": compile one of them with another --name\"\n#endif\n"
      << "#ifndef " << guard << "\n#define " << guard << "\n#define " << mark
      << "\n\n#include \"lathe-runtime/module_abi.h\"\n\n"
      << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
      << "/* The number stands for this model: to link another one of the same name is an error. */\n"
      << "#define " << query << " " << own << "\n"
      << "const lathe_module_desc *" << query << "(uint32_t runtime_abi_version);\n\n"
      << counts(name, ArrayRef(variant.functions, variant.function_count))
      << "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* " << guard << " */\n";
  return write(path, text, diagnostics);
}

} // namespace lathe
